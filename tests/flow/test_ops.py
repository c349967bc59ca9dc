"""Ops on a document, by property: whatever is sent, the document stays in one piece or nothing happens."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.flow.apply_ops import Draft, RefusedOp, applied
from app.flow.document import TRIGGER, Edge, Flow, Node, Position, SingleTrigger, Trigger
from app.flow.ops import (
    AddEdge,
    AddNode,
    AddTrigger,
    AnyOp,
    MoveNode,
    Op,
    RemoveNode,
    RemoveTrigger,
    Rename,
    SetTrigger,
    UpdateNode,
    UpdateTrigger,
    changed,
    clash,
)

IDS = st.sampled_from(["a", "b", "c", "d", "trigger", "second"])
PORTS = st.sampled_from(["next", "true", "error"])
POSITIONS = st.builds(lambda x, y: {"x": x, "y": y}, st.integers(-500, 500), st.integers(-500, 500))
NOTES = st.sampled_from(["n1", "n2"])


def _op(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"id": st.uuids().map(str), "kind": st.just(kind), **fields})


OPS = st.one_of(
    _op(
        "add_node",
        node=st.fixed_dictionaries(
            {"id": IDS, "type": st.just("add_tag"), "position": POSITIONS, "data": st.just({"tag": "x"})}
        ),
    ),
    _op("remove_node", nodeId=IDS),
    _op("move_node", nodeId=IDS, position=POSITIONS),
    _op("update_node", nodeId=IDS, data=st.just({"tag": "y"}), name=st.none() | st.just("Name")),
    _op("add_edge", edge=st.fixed_dictionaries({"source": IDS, "target": IDS, "sourceHandle": PORTS})),
    _op("remove_edge", edgeId=st.builds(lambda source, port: f"e-{source}-{port}", IDS, PORTS)),
    _op("update_trigger", trigger=st.fixed_dictionaries({"type": st.just("event"), "event": st.just("x")})),
    _op("add_trigger", trigger=st.fixed_dictionaries({"id": IDS}, optional={"enabled": st.booleans()})),
    _op("set_trigger", trigger=st.fixed_dictionaries({"id": IDS, "data": st.just({"event": "y"})})),
    _op("remove_trigger", triggerId=IDS),
    _op("set_settings", settings=st.just({"reentry": "once"})),
    _op("add_note", note=st.fixed_dictionaries({"id": NOTES, "text": st.text(max_size=5)})),
    _op("update_note", noteId=NOTES, text=st.text(max_size=5)),
    _op("remove_note", noteId=NOTES),
    _op("rename", name=st.just("Other")),
    _op("set_priority", priority=st.sampled_from(["urgent", "normal", "bulk"])),
)
BATCHES = st.lists(OPS, max_size=25).map(lambda ops: msgspec.convert(ops, list[AnyOp]))


def whole(flow: Flow) -> object:
    """No id twice, no edge to nowhere, every edge with an id, and it can be read back."""
    ids = [node.id for node in flow.nodes]
    triggers = [trigger.id for trigger in flow.triggers]
    edges = [edge.id for edge in flow.edges]
    notes = [note.id for note in flow.notes]
    return (
        len({*ids, *triggers}) == len(ids) + len(triggers)
        and triggers
        and TRIGGER not in ids
        and len(set(edges)) == len(edges)
        and len(set(notes)) == len(notes)
        and all(isinstance(edge.id, str) for edge in flow.edges)
        and all(edge.source in (*ids, *triggers) and edge.target in ids for edge in flow.edges)
        and Flow.load(flow.document()) == flow
    )


@given(BATCHES)
@settings(max_examples=300, deadline=None)
def test_a_document_stays_in_one_piece(ops: list[AnyOp]) -> None:
    draft = Draft(Flow(), "Name")
    for op in ops:
        before = draft
        with contextlib.suppress(RefusedOp):
            draft = applied(draft, [op])
        assert whole(draft.flow)
        assert before.flow == before.flow.normal()  # an op never changes the document it was given


@given(BATCHES)
@settings(max_examples=300, deadline=None)
def test_a_batch_is_all_or_nothing(ops: list[AnyOp]) -> None:
    start = Draft(Flow(), "Name")
    try:
        together = applied(start, ops)
    except RefusedOp as refused:
        assert applied(start, ops[: refused.index]) is not None  # everything before the named op fits
        with pytest.raises(RefusedOp):
            applied(start, ops[: refused.index + 1])
        return
    one_by_one = start
    for op in ops:
        one_by_one = applied(one_by_one, [op])
    assert together == one_by_one
    assert set(changed(ops, together.flow)) <= {card.id for card in together.flow.cards}


@given(BATCHES, BATCHES)
@settings(max_examples=300, deadline=None)
def test_ops_that_do_not_clash_may_go_in_either_order(mine: list[AnyOp], theirs: list[AnyOp]) -> None:
    base = applied(
        Draft(Flow(), "Name"),
        [
            AddNode(id=name, node=Node(id=name, type="add_tag", position=Position(x=number, y=0)))
            for number, name in enumerate("abcd")
        ],
    )
    try:
        applied(base, mine)
        applied(base, theirs)
    except RefusedOp:
        return
    if clash(mine, theirs):
        return
    first = applied(applied(base, mine), theirs)
    second = applied(applied(base, theirs), mine)
    assert first.flow.content_hash() == second.flow.content_hash()
    assert {node.id: node.position for node in first.flow.nodes} == {
        node.id: node.position for node in second.flow.nodes
    }


def test_kinds_are_the_words_of_the_contract() -> None:
    kinds = {kind.__struct_config__.tag for kind in Op.__subclasses__()}
    assert kinds == {
        "add_node",
        "remove_node",
        "move_node",
        "update_node",
        "add_edge",
        "remove_edge",
        "update_trigger",
        "add_trigger",
        "set_trigger",
        "remove_trigger",
        "set_goals",
        "set_settings",
        "add_note",
        "update_note",
        "remove_note",
        "rename",
        "set_priority",
    }


def test_the_trigger_keeps_its_place_when_its_configuration_changes() -> None:
    draft = applied(Draft(Flow(), "N"), [MoveNode(id="1", node_id="trigger", position=Position(x=40, y=2))])
    draft = applied(draft, [UpdateTrigger(id="2", trigger=SingleTrigger(event="order.placed"))])
    (trigger,) = draft.flow.triggers
    assert trigger.position == Position(x=40, y=2) and trigger.data["event"] == "order.placed"


def test_a_trigger_comes_is_set_and_goes_with_its_edges() -> None:
    node, second = Node(id="a", type="x"), Trigger(id="second", data={"event": "paid"})
    draft = applied(
        Draft(Flow(nodes=(node,)), "N"),
        [
            AddTrigger(id="1", trigger=second, index=0),
            AddEdge(id="2", edge=Edge(source="second", target="a")),
            MoveNode(id="3", node_id="second", position=Position(x=8, y=8)),
            SetTrigger(id="4", trigger=Trigger(id="second", enabled=False)),
        ],
    )
    assert [(trigger.id, trigger.enabled) for trigger in draft.flow.triggers] == [("second", False), (TRIGGER, True)]
    assert draft.flow.triggers[0].position == Position(x=8, y=8)
    assert draft.flow.reachable() == {"a"}
    draft = applied(draft, [RemoveTrigger(id="5", trigger_id="second")])
    assert draft.flow.edges == () and [trigger.id for trigger in draft.flow.triggers] == [TRIGGER]
    with pytest.raises(RefusedOp, match="keeps one trigger"):
        applied(draft, [RemoveTrigger(id="6", trigger_id=TRIGGER)])
    with pytest.raises(RefusedOp, match="already"):
        applied(draft, [AddTrigger(id="7", trigger=Trigger(id="a"))])


def test_who_changes_a_trigger_and_who_takes_it_away_clash() -> None:
    change, other = SetTrigger(id="1", trigger=Trigger(id="x")), SetTrigger(id="2", trigger=Trigger(id="y"))
    assert not clash([change], [other])
    assert clash([change], [RemoveTrigger(id="3", trigger_id="x")])
    assert clash([AddEdge(id="4", edge=Edge(source="x", target="a"))], [RemoveTrigger(id="3", trigger_id="x")])
    assert clash([UpdateTrigger(id="5", trigger=SingleTrigger())], [change]), "which one is the first is not known"


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (MoveNode(id="1", node_id="a", position=Position()), MoveNode(id="2", node_id="b", position=Position()), False),
        (UpdateNode(id="1", node_id="a", data={}), MoveNode(id="2", node_id="a", position=Position()), True),
        (AddEdge(id="1", edge=Edge(source="a", target="b")), MoveNode(id="2", node_id="a", position=Position()), False),
        (AddEdge(id="1", edge=Edge(source="a", target="b")), RemoveNode(id="2", node_id="b"), True),
        (RemoveNode(id="1", node_id="b"), AddEdge(id="2", edge=Edge(source="a", target="b")), True),
        (
            AddEdge(id="1", edge=Edge(source="a", target="b", id="x")),
            AddEdge(id="2", edge=Edge(source="a", target="c", id="y")),
            True,
        ),
        (
            AddEdge(id="1", edge=Edge(source="a", target="b")),
            AddEdge(id="2", edge=Edge(source="a", target="c", handle="error")),
            False,
        ),
        (Rename(id="1", name="A"), RemoveNode(id="2", node_id="a"), False),
    ],
)
def test_what_clashes(mine: AnyOp, theirs: AnyOp, expected: bool) -> None:
    assert clash([mine], [theirs]) is expected
