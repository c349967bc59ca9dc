"""Ops on a document, by property: whatever is sent, the document stays in one piece or nothing happens."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.flow.document import TRIGGER, Edge, Flow, Node, Position, Trigger
from app.flow.ops import (
    AddEdge,
    AddNode,
    AnyOp,
    Draft,
    MoveNode,
    Op,
    Refused,
    RemoveNode,
    Rename,
    UpdateNode,
    UpdateTrigger,
    applied,
    changed,
    clash,
)

IDS = st.sampled_from(["a", "b", "c", "d", "trigger"])
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
    _op("set_settings", settings=st.just({"reentry": "once"})),
    _op("add_note", note=st.fixed_dictionaries({"id": NOTES, "text": st.text(max_size=5)})),
    _op("update_note", noteId=NOTES, text=st.text(max_size=5)),
    _op("remove_note", noteId=NOTES),
    _op("rename", name=st.just("Other")),
)
BATCHES = st.lists(OPS, max_size=25).map(lambda ops: msgspec.convert(ops, list[AnyOp]))


def whole(graph: Flow) -> bool:
    """No id twice, no edge to nowhere, every edge with an id, and it can be read back."""
    ids = [node.id for node in graph.nodes]
    edges = [edge.id for edge in graph.edges]
    notes = [note.id for note in graph.notes]
    return (
        len(set(ids)) == len(ids)
        and TRIGGER not in ids
        and len(set(edges)) == len(edges)
        and len(set(notes)) == len(notes)
        and all(isinstance(edge.id, str) for edge in graph.edges)
        and all(edge.source in (*ids, TRIGGER) and edge.target in ids for edge in graph.edges)
        and Flow.load(graph.document()) == graph
    )


@given(BATCHES)
@settings(max_examples=300, deadline=None)
def test_a_document_stays_in_one_piece(ops: list[AnyOp]) -> None:
    draft = Draft(Flow(), "Name")
    for op in ops:
        before = draft
        with contextlib.suppress(Refused):
            draft = applied(draft, [op])
        assert whole(draft.flow)
        assert before.flow == before.flow.normal()  # an op never changes the document it was given


@given(BATCHES)
@settings(max_examples=300, deadline=None)
def test_a_batch_is_all_or_nothing(ops: list[AnyOp]) -> None:
    start = Draft(Flow(), "Name")
    try:
        together = applied(start, ops)
    except Refused as refused:
        assert applied(start, ops[: refused.index]) is not None  # everything before the named op fits
        with pytest.raises(Refused):
            applied(start, ops[: refused.index + 1])
        return
    one_by_one = start
    for op in ops:
        one_by_one = applied(one_by_one, [op])
    assert together == one_by_one
    assert set(changed(ops, together.flow)) <= {node.id for node in together.flow.nodes} | {TRIGGER}


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
    except Refused:
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
        "set_goals",
        "set_settings",
        "add_note",
        "update_note",
        "remove_note",
        "rename",
    }


def test_the_trigger_keeps_its_place_when_its_configuration_changes() -> None:
    draft = applied(Draft(Flow(), "N"), [MoveNode(id="1", node_id="trigger", position=Position(x=40, y=2))])
    draft = applied(draft, [UpdateTrigger(id="2", trigger=Trigger(event="order.placed"))])
    assert draft.flow.trigger.position == Position(x=40, y=2) and draft.flow.trigger.event == "order.placed"


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
