"""Ways that runs go and that no edge draws: jumps to a step that a config names, and errors that another step handles. Pure.

Which step handles an error is said once, here, for the engine, the checks and the drawings: an edge on `error` goes before anything else;
then the step's own `onError`, when it goes on or holds; then the fallback whose alternative begins with the step; then `onError` of the
workflow; then an error handler that names the step; then one for all steps. The latter does not handle errors of its own arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.flow import registry
from app.flow.document import ERROR, Edge, Flow, Node
from app.flow.node_type import NodeType


class TypedNode(NamedTuple):
    """A node that is switched on, with its type and the config that it can be read as."""

    node: Node
    kind: type[NodeType]
    config: Any


def leading_types() -> list[str]:
    """Names of the types whose steps lead on, or are led to, without an edge."""
    methods = ("jumps", "handles", "alternatives")
    return [
        kind.type
        for kind in registry.types().values()
        if any(getattr(kind, name).__func__ is not getattr(NodeType, name).__func__ for name in methods)
    ]


def typed_nodes(flow: Flow) -> Iterator[TypedNode]:
    """Those of installed types whose config can be read."""
    for node in flow.nodes:
        kind = registry.find(node.type)
        if kind is None or node.is_off:
            continue
        config = registry.readable_config(kind, node.data)
        if config is not None:
            yield TypedNode(node, kind, config)


def hidden_ways(flow: Flow) -> list[Edge]:
    """All of them as edges: the port of a step, and where it leads."""
    typed = list(typed_nodes(flow))
    connected = {(edge.source, edge.source_handle) for edge in flow.edges}
    ids = {node.id for node in flow.nodes}
    jumps = [
        Edge(source=one.node.id, target=target, handle=port)
        for one in typed
        for port, target in one.kind.jumps(one.config)
        if target in ids and (one.node.id, port) not in connected
    ]
    return [*jumps, *_handled(flow, typed, connected, jumps)]


def _handled(flow: Flow, typed: list[TypedNode], connected: set[tuple[str, str]], jumps: list[Edge]) -> Iterator[Edge]:
    tried = _tried_in_turn((*flow.edges, *jumps), typed)
    by_name: dict[str, str] = {}
    for_all: list[str] = []
    for one in typed:
        scope = one.kind.handles(one.config)
        if scope == "all":
            for_all.append(one.node.id)
            continue
        for node_id in scope:
            by_name.setdefault(node_id, one.node.id)
    if not (tried or by_name or for_all):
        return
    handlers = {*for_all, *by_name.values()}
    own_arm = _behind((*flow.edges, *jumps), for_all[:1]) - flow.reachable(ways=jumps) if for_all else set()
    for node in flow.nodes:
        if node.is_off or node.id in handlers or (node.id, ERROR) in connected or node.on_error in ("continue", "hold"):
            continue
        target = tried.get(node.id)
        if target is None and not (node.on_error != "fail" and flow.settings.on_error in ("continue", "hold")):
            target = by_name.get(node.id) or (for_all[0] if for_all and node.id not in own_arm else None)
        if target is not None and target != node.id:
            yield Edge(source=node.id, target=target, handle=ERROR)


def _tried_in_turn(edges: Iterable[Edge], typed: list[TypedNode]) -> dict[str, str]:
    """First steps of alternatives, each with the step that tries the next one."""
    ports = {one.node.id: frozenset(one.kind.alternatives(one.config)) for one in typed}
    return {edge.target: edge.source for edge in edges if edge.source_handle in ports.get(edge.source, ())}


def _behind(edges: Iterable[Edge], beginnings: Iterable[str]) -> set[str]:
    """Steps that can be reached from these, themselves included."""
    following: dict[str, list[str]] = {}
    for edge in edges:
        following.setdefault(edge.source, []).append(edge.target)
    reached = set(beginnings)
    open_ids = list(reached)
    while open_ids:
        for target in following.get(open_ids.pop(), ()):
            if target not in reached:
                reached.add(target)
                open_ids.append(target)
    return reached


def entries(flow: Flow) -> set[str]:
    """Steps at which runs come in without an edge, though they may have none: those that handle errors."""
    return {one.node.id for one in typed_nodes(flow) if one.kind.handles(one.config)}


def trying_in_turn(flow: Flow) -> set[str]:
    """Steps that try the next alternative when one fails."""
    return {one.node.id for one in typed_nodes(flow) if tuple(one.kind.alternatives(one.config))}


def inside(flow: Flow, node_id: str, port: str, ways: Iterable[Edge]) -> set[str]:
    """The steps to which a run comes only by `port` of `node_id`: what a loop has in its body, whether or not that leads back."""
    others = [edge for edge in (*flow.edges, *ways) if edge.source != node_id]
    first = [edge.target for edge in flow.edges if (edge.source, edge.source_handle) == (node_id, port)]
    elsewhere = [edge.target for edge in flow.edges if edge.source == node_id and edge.source_handle != port]
    begins = [*(trigger.id for trigger in flow.triggers), *entries(flow), *elsewhere]
    return _behind(others, first) - _behind(others, begins) - {node_id}


def unlimited(flow: Flow, ways: Iterable[Edge]) -> list[Edge]:
    """Edges, and `ways` without one, on which nothing holds up a run that goes round: a circle of these alone is refused."""
    trying = trying_in_turn(flow)  # what comes back to such a step with an error leaves it by the next port
    leading = [edge for edge in ways if edge.source_handle != ERROR or edge.target not in trying]
    limited = {(one.node.id, port) for one in typed_nodes(flow) for port in one.kind.limits_rounds(one.config)}
    return [edge for edge in (*flow.edges, *leading) if (edge.source, edge.source_handle) not in limited]
