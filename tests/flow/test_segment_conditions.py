"""“Is in segment” in conditions of steps: what is one, what is wrong with one, what it answers, and how it reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.engine.covers import Doubt, Predicate
from app.flow import conditions, contact_goals, judging
from app.flow.conditions import Condition
from app.flow.document import Flow
from app.flow.field_reads import KnownNames, fields_read
from app.flow.phrases import decision_in_words, sentence
from app.flow.segment_membership import SegmentStanding, segments_named
from app.flow.validation import references
from tests.nodes.person import person, run_of

VIP, LAPSED, FRESH = (UUID(int=number) for number in (1, 2, 3))


def inside(*ids: UUID, operator: str = "in") -> dict[str, Any]:
    value: Any = [str(one) for one in ids] if len(ids) != 1 else str(ids[0])
    return {"field": "segment", "operator": operator, "value": value}


def somebody(*, is_built: bool = True) -> Any:
    who = person(attributes={"segment": "gold", "plan": "pro"})
    who.segments = {
        VIP: SegmentStanding("VIPs", is_in=True),
        LAPSED: SegmentStanding("Lapsed", is_in=False),
        FRESH: SegmentStanding("Fresh", is_in=False, is_built=is_built),
    }
    return who


def judge(rules: list[dict[str, Any]], match: str = "all", step: Any = None) -> Any:
    assert conditions.diagnostics_of_json(rules) == []
    return judging.compile_list(msgspec.convert(rules, list[Condition]), match, set())(step or somebody())


@pytest.mark.parametrize(
    ("rule", "held"),
    [
        (inside(VIP), True),
        (inside(LAPSED), False),
        (inside(LAPSED, VIP), True),
        (inside(VIP, operator="not_in"), False),
        (inside(LAPSED, operator="not_in"), True),
        (inside(LAPSED, VIP, operator="not_in"), False),
        (inside(UUID(int=9)), False),
        ({"field": "segment", "operator": "in", "value": ["gold"]}, True),
        ({"field": "segment", "operator": "equals", "value": str(VIP)}, False),
        ({"field": "attributes.segment", "operator": "in", "value": [str(VIP)]}, False),
    ],
)
def test_only_ids_of_segments_ask_for_membership(rule: dict[str, Any], held: bool) -> None:
    assert judge([rule]).held is held


def test_it_stands_in_groups_and_is_kept_by_name() -> None:
    group = {"match": "any", "conditions": [inside(LAPSED), inside(VIP)]}
    verdict = judge([{"field": "plan", "operator": "equals", "value": "pro"}, group])
    assert verdict.held
    lines = decision_in_words(verdict.rules)
    assert [(line.label, line.held, line.was, line.wanted) for line in lines[2:]] == [
        ("segment", False, "not in it", "is in “Lapsed”"),
        ("segment", True, "in “VIPs”", "is in “VIPs”"),
    ]
    (line,) = decision_in_words(judge([inside(FRESH, LAPSED)], step=somebody(is_built=False)).rules)
    assert line.was == "in none of them; “Fresh” was still being built, so nobody was in it"
    (line,) = decision_in_words(judge([inside(UUID(int=9), operator="not_in")]).rules)
    assert (line.held, line.wanted) == (True, "is not in a deleted segment")
    assert sentence([inside(VIP), inside(VIP, LAPSED, operator="not_in")]) == (
        "is in a segment and is not in any of 2 segments"
    )


@pytest.mark.parametrize("value", ["", None, []])
def test_nothing_chosen_is_said(value: Any) -> None:
    (wrong,) = conditions.diagnostics_of_json([{"field": "segment", "operator": "in", "value": value}])
    assert (wrong.path, wrong.message, wrong.blocks_save) == ("conditions[0].value", "Choose a segment.", False)
    (wrong,) = conditions.diagnostics_of_json([inside(*(UUID(int=n) for n in range(51)))])
    assert "at most 50 segments" in wrong.message


def test_a_step_reads_only_what_it_declares_and_remembers_by_standing() -> None:
    run = run_of_condition([inside(VIP)])
    first, again, other = somebody(), somebody(), somebody()
    other.segments = {VIP: SegmentStanding("VIPs", is_in=False)}
    assert run(first) is run(again)
    assert (run(first).port, run(other).port) == ("true", "false")


def run_of_condition(rules: list[dict[str, Any]]) -> Any:
    from app.flow import registry

    return run_of(registry.get("condition"), {"conditions": rules})


def test_documents_name_their_segments() -> None:
    data = {"cases": [{"conditions": [inside(VIP, LAPSED)]}, {"conditions": [{"conditions": [inside(FRESH)]}]}]}
    assert [(one.kind, one.path, one.id) for one in segments_named(data)] == [
        ("segment", "cases[0].conditions[0].value[0]", VIP),
        ("segment", "cases[0].conditions[0].value[1]", LAPSED),
        ("segment", "cases[1].conditions[0].conditions[0].value", FRESH),
    ]
    document = {
        "trigger": {"type": "event", "event": "paid", "conditions": [inside(VIP)]},
        "nodes": [{"id": "w", "type": "wait_for_event", "data": {"event": "x", "conditions": [inside(LAPSED)]}}],
        "edges": [],
        "goals": [{"id": "g", "name": "G", "event": "x", "conditions": [inside(FRESH)]}],
    }
    assert references(Flow.load(document)) == {"segment": {VIP, LAPSED, FRESH}}


def test_no_field_is_doubted_and_no_index_hangs_on_it() -> None:
    known = KnownNames(frozenset({"plan"}), {"paid": frozenset({"total"})})
    (read,) = fields_read([inside(VIP)])
    assert known.doubt(read, "paid") is None and read.names == ["contact", "segments"]
    with pytest.raises(Doubt):
        Predicate([inside(VIP)], "all")
    plan = {"field": "contact.plan", "operator": "equals", "value": "pro"}
    assert len(Predicate([inside(VIP), plan], "all").covers) == 1, "the other condition still says whom it concerns"
    with pytest.raises(Doubt):
        Predicate([inside(VIP), plan], "any")


def test_a_goal_on_the_contact_may_ask_for_membership() -> None:
    rules = msgspec.convert([inside(VIP), {"conditions": [inside(LAPSED, VIP)]}], list[Condition])
    assert contact_goals.on_contact(rules)
    assert contact_goals.awaited_segments(rules) == [VIP, LAPSED]
