"""Validation is pure: these tests bring a small set of step types and no database."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.flow import registry
from app.flow.diagnostic import Diagnostic, Diagnostics, incomplete
from app.flow.document import Edge, Flow, Goal, Node, SingleTrigger
from app.flow.edges import cycle
from app.flow.references import Reference, ReferencedRow, ReferencedRows, references_in
from app.flow.settings import FlowSettings
from app.flow.step_types import INSTALLED
from app.flow.validation import references, validate
from app.nodes.send_email import SendEmailConfig

KNOWN = UUID("550e8400-e29b-41d4-a716-446655440001")


class Few:
    """`do` has one way out, `ask` two, `stop` none, `pick` those of its configuration."""

    ways = {"do": ["next", "error"], "ask": ["true", "false", "error"], "stop": [], "pick": []}

    def names(self) -> list[str]:
        return sorted(self.ways)

    def ports(self, type_: str, data: dict[str, Any]) -> list[str]:
        return [*data["cases"], "error"] if type_ == "pick" else list(self.ways[type_])

    def has_own_ports(self, type_: str) -> bool:
        return type_ == "pick"

    def references(self, type_: str, data: dict[str, Any]) -> list[Reference]:
        return list(references_in(SendEmailConfig, data))

    def diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        if data.get("bad"):
            return [Diagnostic("bad", "This is not good.")]
        return [incomplete("todo", "Choose one.")] if data.get("todo") else []

    def row_diagnostics(self, type_: str, data: dict[str, Any], rows: ReferencedRows) -> list[Diagnostic]:
        return [Diagnostic("bad", "No such row.")] if data.get("lost") and not rows else []

    def needs_contact(self, type_: str, data: dict[str, Any]) -> bool:
        return type_ == "pick"

    def is_timed(self, type_: str) -> bool:
        return type_ == "ask"

    def ends_by_itself(self, type_: str) -> bool:
        return type_ == "pick"

    def longest_timeout_s(self, type_: str) -> int:
        return 300

    def sends(self, type_: str) -> int | None:
        return 2 if type_ == "ask" else 1 if type_ == "do" else None

    def condition_diagnostics(self, conditions: list[dict[str, Any]], match: str) -> list[Diagnostic]:
        return [Diagnostic(f"conditions[{index}]", "Odd.") for index, item in enumerate(conditions) if "odd" in item]

    def asks_contact(self, conditions: list[dict[str, Any]]) -> bool:
        return False

    def trigger_names(self) -> list[str]:
        return ["event", "manual"]

    def trigger_diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        unchosen = type_ == "event" and not data.get("event")
        todo = [incomplete("event", "Choose one.")] if unchosen else []
        return self.condition_diagnostics(data.get("conditions", []), "all") + todo


class InstalledAndFew(Few):
    """The same beside the types of the product."""

    def names(self) -> list[str]:
        return [*self.ways, *registry.types()]

    def _is_own(self, type_: str) -> bool:
        return type_ in self.ways

    def ports(self, type_: str, data: dict[str, Any]) -> list[str]:
        return super().ports(type_, data) if self._is_own(type_) else INSTALLED.ports(type_, data)

    def diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        return super().diagnostics(type_, data) if self._is_own(type_) else INSTALLED.diagnostics(type_, data)


INSTALLED_AND_FEW = InstalledAndFew()


def found(graph: Flow) -> Diagnostics:
    return validate(graph.normal(), types=Few(), rows={"template": {KNOWN: ReferencedRow("Welcome", 1, "Email")}})


def graph(*nodes: Node, edges: list[tuple[str, ...]] | None = None, **parts: Any) -> Flow:
    ways = tuple(Edge(source=way[0], target=way[1], handle=way[2] if len(way) > 2 else "next") for way in edges or ())
    return Flow(trigger=parts.pop("trigger", SingleTrigger(event="order.placed")), nodes=nodes, edges=ways, **parts)


def do(node_id: str, **data: Any) -> Node:
    return Node(id=node_id, type="do", data=data)


def test_a_good_graph_has_nothing_wrong() -> None:
    ask, stop = Node(id="ask", type="ask"), Node(id="stop", type="stop")
    good = graph(
        do("a"), ask, stop, edges=[("trigger", "a"), ("a", "ask"), ("ask", "stop", "true"), ("a", "stop", "error")]
    )
    assert found(good) == Diagnostics(())


@pytest.mark.parametrize(
    ("broken", "path", "words"),
    [
        (graph(Node(id="a", type="ask_"), edges=[("trigger", "a")]), "nodes[0].type", "Did you mean `ask`?"),
        (graph(Node(id="a", type="zzz"), edges=[("trigger", "a")]), "nodes[0].type", "ask, do, pick, stop"),
        (graph(do("a", bad=1), edges=[("trigger", "a")]), "nodes[0].data.bad", "not good"),
        (graph(do("a"), edges=[("trigger", "b")]), "edges[0].target", "“b”"),
        (graph(do("a"), edges=[("trigger", "a", "yes")]), "edges[0].sourceHandle", "It has `next`"),
        (graph(do("a"), do("b"), edges=[("a", "b", "true")]), "edges[0].sourceHandle", "`next`, `error`"),
        (graph(do("a"), do("b"), do("c"), edges=[("a", "b"), ("a", "c")]), "edges[1].sourceHandle", "edges[0]"),
        (
            graph(do("a", templateId="550e8400-e29b-41d4-a716-446655440009"), edges=[("trigger", "a")]),
            "nodes[0].data.templateId",
            "no such template",
        ),
        (graph(trigger=SingleTrigger(type="evnt")), "trigger.type", "Did you mean `event`?"),
        (graph(trigger=SingleTrigger(event="x", conditions=[{"odd": 1}])), "trigger.conditions[0]", "Odd"),
        (graph(goals=(Goal(id="g", event="x", conditions=[{"odd": 1}]),)), "goals[0].conditions[0]", "Odd"),
        (graph(do("a", deep={"list": ["a\0b"]})), "nodes[0].data.deep.list[0]", "zero"),
    ],
)
def test_refusals_say_where_and_what(broken: Flow, path: str, words: str) -> None:
    refusals = {refusal.path: refusal.message for refusal in found(broken).blocking_save}
    assert path in refusals and words in refusals[path], refusals


@pytest.mark.parametrize(
    ("unfinished", "path", "severity", "node_id"),
    [
        (graph(trigger=SingleTrigger()), "trigger.event", "error", "trigger"),
        (graph(), "trigger", "error", "trigger"),
        (graph(do("a")), "trigger", "error", "trigger"),
        (graph(do("a"), do("b"), edges=[("trigger", "a")]), "nodes[1]", "warning", "b"),
        (graph(do("a", todo=1), edges=[("trigger", "a")]), "nodes[0].data.todo", "error", "a"),
        (graph(goals=(Goal(id="g"),)), "goals[0].event", "error", None),
        (
            graph(do("a", rules=[{"field": "steps.gone.x", "operator": "exists"}]), edges=[("trigger", "a")]),
            "nodes[0].data.rules[0].field",
            "warning",
            "a",
        ),
        (graph(settings=FlowSettings(reentry="cooldown")), "settings.cooldownSeconds", "error", None),
    ],
)
def test_issues_are_no_refusals(unfinished: Flow, path: str, severity: str, node_id: str | None) -> None:
    result = found(unfinished)
    diagnostics = {diagnostic.path: diagnostic for diagnostic in result.all}
    assert result.blocking_save == []
    assert diagnostics[path].severity == severity and diagnostics[path].node_id == node_id
    assert (diagnostics[path] in result.blocking_activation) is (severity == "error")


def lead(node_id: str, type_: str, **data: Any) -> Node:
    return Node(id=node_id, type=type_, data=data)


WAIT = lead("w", "delay", duration=1)


@pytest.mark.parametrize(
    ("nodes", "edges", "path", "way"),
    [
        ([do("a")], [("a", "a")], "edges[0]", "“do” → “do”"),
        ([do("a"), do("b")], [("a", "b"), ("b", "a")], "edges[1]", "“do” → “do” → “do”"),
        ([do("a"), WAIT], [("a", "w"), ("w", "a")], "", ""),
        ([do("a"), Node(id="w", type="delay", disabled=True)], [("a", "w"), ("w", "a")], "edges[1]", "→"),
        ([do("a"), lead("g", "goto", target="a")], [("a", "g")], "", ""),
        ([do("a"), lead("g", "goto", target="a")], [("a", "g"), ("g", "a", "exceeded")], "edges[1]", "Go to"),
        ([do("a"), lead("l", "loop", items="{{ event.x }}")], [("l", "a", "body"), ("a", "l")], "", ""),
        ([do("a"), lead("l", "loop", items="{{ event.x }}")], [("l", "a", "done"), ("a", "l")], "edges[0]", "For each"),
        (
            [do("a"), do("b"), lead("h", "error_handler")],
            [("trigger", "a"), ("a", "b"), ("h", "a")],
            "edges[2]",
            "Errors",
        ),
        ([do("a"), do("b"), lead("h", "error_handler", scope=["b"])], [("a", "b"), ("h", "a")], "edges[1]", "Errors"),
        ([do("a"), do("b"), lead("h", "error_handler")], [("trigger", "a"), ("h", "b")], "", ""),
        ([do("a"), do("b"), lead("f", "fallback")], [("f", "a", "first"), ("f", "b", "second")], "", ""),
        ([do("a"), lead("f", "fallback")], [("f", "a", "first"), ("a", "f")], "edges[0]", "2 ways"),
        ([do("a"), lead("f", "fallback", alternatives=["a", ""])], [("a", "f")], "nodes[1]", "“do” → "),
    ],
)
def test_a_circle_needs_a_wait_or_a_limit(nodes: list[Node], edges: Any, path: str, way: str) -> None:
    """It is saved, because people build step by step; it cannot be activated."""
    result = validate(graph(*nodes, edges=edges).normal(), types=INSTALLED_AND_FEW, rows={})
    assert result.blocking_save == []
    said = {one.path: one for one in result.blocking_activation if "go round in this circle" in one.message}
    assert list(said) == ([path] if path else [])
    assert not path or way in said[path].message


@pytest.mark.parametrize(
    ("kind", "data", "seconds", "words"),
    [
        ("delay", {"duration": 1, "unit": "days"}, 5, "This step ends at the time that it says itself"),
        ("wait_until", {"at": "2030-01-01T10:00"}, 5, "This step ends at the time that it says itself"),
        ("time_window", {}, 5, "This step ends at the time that it says itself"),
        (
            "http_request",
            {"method": "GET", "url": "https://example.com"},
            301,
            "A timeout here may be 300 seconds at most.",
        ),
        ("http_request", {"method": "GET", "url": "https://example.com"}, 300, ""),
        ("hold", {"question": "In?", "choices": [{"id": "yes", "label": "Yes"}]}, 365 * 86_400, ""),
        ("wait_for_event", {"event": "paid"}, 60, ""),
        ("sub_workflow", {}, 86_400, ""),
        ("send_email", {}, 86_400, ""),
        ("loop", {"items": "{{ event.x }}"}, 86_400, ""),
        ("add_tag", {"tag": "{{ event.x }}"}, 60, ""),
    ],
)
def test_a_timeout_is_refused_in_words_where_it_means_nothing(
    kind: str, data: dict[str, Any], seconds: int, words: str
) -> None:
    flow = graph(Node(id="s", type=kind, data=data, timeout=seconds), edges=[("trigger", "s")])
    result = validate(flow.normal(), types=INSTALLED, rows={})
    messages = [one.message for one in result.blocking_activation if one.path == "nodes[0].timeout"]
    assert (messages == []) if not words else messages[0].startswith(words)


def test_nothing_leads_to_a_step_that_handles_errors() -> None:
    nodes = [do("a"), lead("h", "error_handler")]
    alone = validate(graph(*nodes, edges=[("trigger", "a")]).normal(), types=INSTALLED_AND_FEW, rows={})
    assert not [one for one in alone.all if one.path == "nodes[1]"]
    led = validate(graph(*nodes, edges=[("trigger", "a"), ("a", "h")]).normal(), types=INSTALLED_AND_FEW, rows={})
    assert [one.message for one in led.blocking_activation if one.path == "nodes[1]"] == [
        "Errors lead to this step by themselves. Remove the connection that leads to it."
    ]


def test_a_fault_is_the_same_fault_when_its_index_moves() -> None:
    one = Diagnostic(path="nodes[3].data.x", message="Bad.", node_id="a")
    other = Diagnostic(path="nodes[2].data.x", message="Bad.", node_id="a")
    assert one.identity == other.identity
    assert one.identity != Diagnostic(path="nodes[2].data.x", message="Bad.", node_id="b").identity
    inner = Diagnostic(path="nodes[2].data.c[0].x", message="Bad.", node_id="a")
    assert inner.identity != Diagnostic(path="nodes[2].data.c[1].x", message="Bad.", node_id="a").identity


def test_references_are_ids_only() -> None:
    given: list[dict[str, Any]] = [{"templateId": str(KNOWN)}, {"templateId": "soon"}, {"templateId": 7}, {}]
    nodes = [Node(id=f"n{number}", type="send_email", data=data) for number, data in enumerate(given)]
    assert references(graph(*nodes)) == {"template": {KNOWN}}


@pytest.mark.parametrize(("type_", "refused"), [("do", False), ("ask", True), ("stop", False)])
def test_a_step_that_sends_names_rows_of_its_channel_only(type_: str, refused: bool) -> None:
    node = Node(id="a", type=type_, name="Ring twice", data={"templateId": str(KNOWN)})
    said = [one for one in found(graph(node)).blocking_save if one.path.endswith("templateId")]
    assert bool(said) == refused
    for one in said:
        assert one.node_id == "a" and all(
            f"{word}" in one.message for word in ("“Ring twice”", "template “Welcome”", "Email")
        )


@given(st.integers(2, 12), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_edges_that_only_lead_forward_never_make_a_circle(size: int, chance: random.Random) -> None:
    names = [f"n{number}" for number in range(size)]
    edges = [
        Edge(source=names[first], target=names[second])
        for first in range(size)
        for second in range(first + 1, size)
        if chance.random() < 0.4
    ]
    chance.shuffle(edges)
    assert cycle(names, edges) == []
    if edges:
        back = chance.choice(edges)
        circle = cycle(names, [*edges, Edge(source=back.target, target=back.source)])
        ways = {(edge.source, edge.target) for edge in edges} | {(back.target, back.source)}
        assert circle and all(
            (circle[index], circle[(index + 1) % len(circle)]) in ways for index in range(len(circle))
        )


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_readable_document_is_judged_without_an_error(data: st.DataObject) -> None:
    ids = st.sampled_from(["a", "b", "c", "trigger"])
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    )
    nodes = data.draw(
        st.lists(
            st.builds(
                lambda node_id, kind, config: Node(id=node_id, type=kind, data=config),
                ids,
                st.sampled_from(["do", "ask", "stop", "gone"]),
                st.dictionaries(st.text(max_size=4), values, max_size=3),
            ),
            max_size=5,
        )
    )
    edges = data.draw(
        st.lists(st.builds(lambda a, b, p: (a, b, p), ids, ids, st.sampled_from(["next", "true", "x"])), max_size=6)
    )
    result = found(graph(*nodes, edges=list(edges)))
    assert all(finding.path and finding.message.endswith((".", "?", "`.")) for finding in result.all)


def test_the_hash_ignores_where_things_lie_and_nothing_else() -> None:
    one = graph(do("a"), do("b"), edges=[("trigger", "a"), ("a", "b")]).normal()
    turned = Flow.load({**one.document(), "nodes": one.document()["nodes"][::-1]})
    moved = one.document()
    moved["nodes"][0]["position"] = {"x": 77, "y": 1}
    moved["triggers"][0]["position"] = {"x": 5, "y": 5}
    assert one.content_hash() == Flow.load(moved).content_hash() == turned.content_hash()
    for change in (
        {"settings": {"reentry": "once"}},
        {"edges": one.document()["edges"][:1]},
        {"triggers": [{"type": "manual"}]},
        {"triggers": [*one.document()["triggers"], {"id": "second", "type": "manual"}]},
        {"triggers": [{**one.document()["triggers"][0], "enabled": False}]},
        {"nodes": [{**one.document()["nodes"][0], "data": {"x": 1}}, one.document()["nodes"][1]]},
    ):
        assert Flow.load({**one.document(), **change}).content_hash() != one.content_hash()


def test_an_edge_at_a_way_out_that_the_config_has_no_more_is_kept_and_told() -> None:
    """Not refused: whoever takes a case away in a form can still save, and an undo finds where it led."""
    pick = Node(id="pick", type="pick", data={"cases": ["gold", "rest"]})
    edges = [("trigger", "pick"), ("pick", "a", "gold"), ("pick", "b", "silver")]
    told = found(graph(pick, do("a"), do("b"), edges=edges))
    (lost,) = told.all
    assert (lost.path, lost.node_id, lost.blocks_save) == ("edges[2].sourceHandle", "pick", False)
    assert lost in told.blocking_activation and "“silver” was removed from this step" in lost.message
    assert found(graph(do("a"), do("b"), edges=[("trigger", "a"), ("a", "b", "silver")])).blocking_save


def test_a_type_is_read_by_its_other_names_and_shown_by_its_own() -> None:
    document = {
        "trigger": {"type": "manual"},
        "nodes": [{"id": "a", "type": "conditional", "data": {}}, {"id": "b", "type": "conditionally", "data": {}}],
    }
    flow = Flow.load(document)
    assert [node.type for node in flow.nodes] == ["condition", "conditionally"]
    assert Flow.load(flow.plain()) == flow


def test_a_field_is_read_by_its_other_name_and_shown_by_its_own() -> None:
    alias = Node(id="h", type="error_handler", data={"onError": ["a"]})
    assert alias.data == {"scope": ["a"]}
    changed = msgspec.structs.replace(alias, data={"onError": "all"})
    assert changed.data == {"scope": "all"}
    both = Node(id="h", type="error_handler", data={"onError": "all", "scope": ["a"]})
    assert INSTALLED.diagnostics("error_handler", both.data), "one of the two is refused"
    assert Node(id="t", type="add_tag", data={"onError": "x"}).data == {"onError": "x"}
