"""What is wrong with the edges of a document: they lead nowhere, leave by no port, lead round for ever, or leave a step aside. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET

from app.flow.diagnostic import Diagnostic, Fix, incomplete, warning
from app.flow.document import NEXT, Edge, Flow, Node
from app.flow.node_words import title_of
from app.flow.step_types import StepTypes
from app.flow.ways import entries, hidden_ways, typed_nodes, unlimited
from app.lib.conversions import quoted
from app.lib.translation import gettext


def check_edges(flow: Flow, types: StepTypes) -> Iterator[Diagnostic]:
    """All of it; `types` knows the ports."""
    nodes = {node.id: node for node in flow.nodes}
    triggers = {trigger.id for trigger in flow.triggers}
    first_edges: dict[tuple[str, str], int] = {}
    for index, edge in enumerate(flow.edges):
        at = edge.source if edge.source in nodes or edge.source in triggers else None
        first = first_edges.setdefault((edge.source, edge.source_handle), index)
        if (lost_port := _lost_port(edge, nodes, types)) is not None:
            yield Diagnostic(f"edges[{index}].sourceHandle", lost_port, at, blocks_save=False)
        for field, message in _faults(edge, nodes, triggers, types, None if first == index else first):
            yield Diagnostic(f"edges[{index}].{field}", message, at)
    ways = hidden_ways(flow)
    if circle := cycle(nodes, unlimited(flow, ways)):
        ends = (circle[-1], circle[0])
        numbers = [number for number, edge in enumerate(flow.edges) if (edge.source, edge.target) == ends]
        path = f"edges[{numbers[0]}]" if numbers else f"nodes[{list(nodes).index(circle[-1])}]"
        yield incomplete(path, _endless([_title(nodes[node_id]) for node_id in circle]), circle[-1])
    yield from _lost_ways(flow)
    reachable, on_their_own = flow.reachable(ways=ways), entries(flow)
    lost = [node.id for node in flow.nodes if node.id not in reachable and node.id not in on_their_own]
    first_lost, paused = _beginnings([*flow.edges, *ways], lost), _paused(flow) if lost else set()
    for index, node in enumerate(flow.nodes):
        if node.id in on_their_own and any(edge.target == node.id for edge in flow.edges):
            message = gettext("Errors lead to this step by themselves. Remove the connection that leads to it.")
            yield incomplete(f"nodes[{index}]", message, node.id)
        elif node.id in first_lost and node.id in paused:
            message = gettext("Only a step that is switched off leads to this one, so nobody comes here.")
            yield warning(f"nodes[{index}]", message, node.id)
        elif node.id in first_lost:
            message = gettext("Nothing leads to this step. Connect it, or remove it.")
            yield warning(f"nodes[{index}]", message, node.id, Fix(gettext("Remove the step"), remove_step=True))


def _beginnings(edges: Iterable[Edge], lost: list[str]) -> set[str]:
    """Of steps that nothing reaches, those with which a way begins: the others are mended with them. Of a circle: the first."""
    following: dict[str, list[str]] = {}
    for edge in edges:
        if edge.target != edge.source:
            following.setdefault(edge.source, []).append(edge.target)
    led_to = {target for node_id in lost for target in following.get(node_id, ())}
    beginnings, behind = set[str](), set[str]()
    for node_id in [*(one for one in lost if one not in led_to), *lost]:
        if node_id in behind:
            continue
        beginnings.add(node_id)
        waiting = [node_id]
        while waiting:
            if (at := waiting.pop()) not in behind:
                behind.add(at)
                waiting += following.get(at, ())
    return beginnings


def _paused(flow: Flow) -> set[str]:
    """Steps that runs would reach if every step were switched on."""
    nodes = tuple(msgspec.structs.replace(node, disabled=UNSET) for node in flow.nodes)
    all_on = msgspec.structs.replace(flow, nodes=nodes)
    return all_on.reachable(ways=hidden_ways(all_on))


def _lost_ways(flow: Flow) -> Iterator[Diagnostic]:
    """Steps that configs name and that are not there."""
    ids = {node.id for node in flow.nodes}
    numbers = {node.id: index for index, node in enumerate(flow.nodes)}
    for one in typed_nodes(flow):
        scope = one.kind.handles(one.config)
        targets = [target for _, target in one.kind.jumps(one.config)] + ([] if scope == "all" else list(scope))
        for target in dict.fromkeys(targets):
            if target not in ids:
                message = gettext("There is no step %(target)s any more. Choose another one.", target=quoted(target))
                yield incomplete(f"nodes[{numbers[one.node.id]}].data", message, one.node.id)


def _title(node: Node) -> str:
    return title_of(node.type, node.name, node.data)


def _endless(titles: list[str]) -> str:
    way = " → ".join(quoted(title) for title in [*titles, titles[0]])
    return gettext(
        "A run would go round in this circle for ever: %(way)s. Put a wait into it, or a "
        "step that limits how often a run comes by, such as Go to or Loop.",
        way=way,
    )


def _faults(
    edge: Edge, nodes: dict[str, Node], triggers: set[str], types: StepTypes, first: int | None
) -> Iterator[tuple[str, str]]:
    """The field of the edge and what is wrong with it. `first`: the index of an earlier edge on the same port."""
    if edge.source not in nodes and edge.source not in triggers:
        yield (
            "source",
            gettext("There is no node %(source)s. Use the id of a node, or `trigger`.", source=quoted(edge.source)),
        )
    if edge.target in triggers:
        yield "target", gettext("Nothing leads into the trigger. Let the edge end at a node.")
    elif edge.target not in nodes:
        yield "target", gettext("There is no node %(target)s. Use the id of a node.", target=quoted(edge.target))
    ports = [NEXT] if edge.source in triggers else _ports(edge.source, nodes, types)
    if ports is not None and edge.source_handle not in ports and _lost_port(edge, nodes, types) is None:
        yield "sourceHandle", _no_port(edge.source, edge.source_handle, ports)
    if first is not None:
        port = f"`{edge.source}` has two edges on its port `{edge.source_handle}`"
        yield "sourceHandle", f"{port} (the other is edges[{first}]). Keep one."


def _lost_port(edge: Edge, nodes: dict[str, Node], types: StepTypes) -> str | None:
    """A sentence when an edge leaves by a port that its step's config no longer has.

    Such an edge is kept: the way may come back, as by an undo, and where it led would be lost. The workflow cannot be activated with it.
    """
    node = nodes.get(edge.source)
    ports = _ports(edge.source, nodes, types)
    if node is None or ports is None or edge.source_handle in ports or not types.has_own_ports(node.type):
        return None
    return gettext(
        "The branch %(source_handle)s was removed from this step, but is still connected. "
        "Remove the connection, or give the step that branch again.",
        source_handle=quoted(edge.source_handle),
    )


def _ports(source: str, nodes: dict[str, Node], types: StepTypes) -> list[str] | None:
    """Names of the ports of `source`; None when they cannot be known (no such node, unknown type)."""
    node = nodes.get(source)
    return types.ports(node.type, node.data) if node and node.type in types.names() else None


def _no_port(source: str, handle: str, ports: list[str]) -> str:
    if not ports:
        return f"`{source}` ends the run: no edge can leave it."
    port_list = ", ".join(f"`{port}`" for port in ports)
    return f"`{source}` has no port `{handle}`. It has {port_list}: send one as `sourceHandle`."


def leading_on(flow: Flow) -> list[Edge]:
    """The edges without those that lead back: what is left has no circle, so that steps can be put into an order."""
    following: dict[str, list[Edge]] = {}
    for edge in flow.edges:
        following.setdefault(edge.source, []).append(edge)
    forward, on_the_way, done = list[Edge](), set[str](), set[str]()
    for start in [card.id for card in flow.cards]:
        if start in done or start in on_the_way:
            continue
        on_the_way.add(start)
        path = [(start, iter(following.get(start, ())))]
        while path:
            at, ways = path[-1]
            edge_on = next(ways, None)
            if edge_on is None:
                path.pop()
                on_the_way.discard(at)
                done.add(at)
                continue
            if edge_on.target in on_the_way:
                continue
            forward.append(edge_on)
            if edge_on.target not in done:
                on_the_way.add(edge_on.target)
                path.append((edge_on.target, iter(following.get(edge_on.target, ()))))
    return forward


def cycle(nodes: Iterable[str], edges: Iterable[Edge]) -> list[str]:
    """The ids of one cycle, in order; empty when there is none. Edges to unknown nodes are ignored."""
    ways: dict[str, list[str]] = {node_id: [] for node_id in nodes}
    for edge in edges:
        if edge.source in ways and edge.target in ways:
            ways[edge.source].append(edge.target)
    done: set[str] = set()
    for start in ways:
        if start in done:
            continue
        path, waiting = [start], [iter(ways[start])]
        on_path = {start}
        while path:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                exhausted = path.pop()
                on_path.discard(exhausted)
                done.add(exhausted)
            elif following in on_path:
                return path[path.index(following) :]
            elif following not in done:
                path.append(following)
                on_path.add(following)
                waiting.append(iter(ways[following]))
    return []
