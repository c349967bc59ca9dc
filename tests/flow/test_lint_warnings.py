"""What is probably not meant in a document: each kind with what is odd beside what is not, and the fix that is offered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.flow.document import Flow
from app.flow.field_reads import KnownNames
from app.flow.lint.missing_fallbacks import printed_in
from app.flow.lint.warnings import lint_warnings, reads_data
from app.flow.references import ReferencedRow, ReferencedRows

KNOWN = KnownNames(
    attributes=frozenset({"plan", "first_name", "city", "age"}),
    properties={"cart.left": frozenset({"total"})},
    everywhere=frozenset({"plan"}),
    events=frozenset({"cart.left", "order.paid"}),
)


def flow(data: dict[str, Any] | None = None, type_: str = "condition", **parts: Any) -> Flow:
    nodes = [{"id": "a", "type": type_, "data": data}] if data is not None else []
    document = {"trigger": {"type": "event", "event": "cart.left"}, "nodes": nodes, "edges": [], **parts}
    return msgspec.convert(document, Flow)


def said(document: Flow, rows: ReferencedRows | None = None) -> list[tuple[str, str]]:
    return [(one.path, one.message) for one in lint_warnings(document, rows or {}, KNOWN)]


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({} if value is None else {"value": value})}


PRO, FREE = rule("contact.plan", "equals", "pro"), rule("contact.plan", "equals", "free")


@pytest.mark.parametrize(
    ("conditions", "match", "path", "words"),
    [
        ([PRO, FREE], "all", "[1]", "Nobody’s plan is both pro and free"),
        ([PRO, {"match": "all", "conditions": [FREE, PRO]}], "any", "[1].conditions[1]", "both free and pro"),
        ([PRO, rule("contact.plan", "not_equals", "Pro")], "all", "[1]", "Nobody can meet both"),
        ([PRO, rule("contact.plan", "not_equals", "pro")], "any", "[1]", "everybody meets"),
        (
            [rule("contact.age", "greater_than", 9), rule("contact.age", "less_than", 9)],
            "all",
            "[1]",
            "so large and so small",
        ),
        ([rule("event.total", "exists"), PRO, rule("event.total", "exists")], "any", "[2]", "twice"),
        ([PRO, FREE], "any", "", ""),
        ([PRO, FREE], "none", "", ""),
        ([PRO, rule("event.total", "equals", "free")], "all", "", ""),
        ([rule("contact.tags", "contains", "a"), rule("contact.tags", "contains", "b")], "all", "", ""),
        ([PRO, rule("contact.plan", "equals", "{{ event.total }}")], "all", "", ""),
        ([rule("contact.age", "greater_or_equal", 9), rule("contact.age", "less_or_equal", 9)], "all", "", ""),
    ],
)
def test_conditions_that_nobody_or_everybody_meets(conditions: list[Any], match: str, path: str, words: str) -> None:
    places = {
        "nodes[0].data.conditions": flow({"conditions": conditions, "match": match}),
        "nodes[0].data.cases[0].conditions": flow(
            {"cases": [{"id": "x", "conditions": conditions, "match": match}]}, "switch"
        ),
        "trigger.conditions": flow(
            trigger={"type": "event", "event": "cart.left", "conditions": conditions, "match": match}
        ),
        "goals[0].conditions": flow(
            goals=[{"id": "g", "event": "cart.left", "conditions": conditions, "match": match}]
        ),
    }
    for place, document in places.items():
        if not words:
            assert said(document) == [], place
        else:
            ((at, message),) = said(document)
            assert at == place + path and words in message, place


@pytest.mark.parametrize(
    ("document", "path", "fix"),
    [
        (flow(goals=[{"id": "g", "event": "order.payed"}]), "goals[0].event", "order.paid"),
        (flow(goals=[{"id": "g", "event": "something.else"}]), "goals[0].event", None),
        (flow(trigger={"type": "event", "event": "cart_left"}), "trigger.event", "cart.left"),
        (flow({"event": "order.pay"}, "wait_for_event"), "nodes[0].data.event", "order.paid"),
    ],
)
def test_events_that_never_came_in(document: Flow, path: str, fix: str | None) -> None:
    (one,) = lint_warnings(document, {}, KNOWN)
    assert one.path == path and "has ever come in" in one.message
    assert (one.fix.put if one.fix else None) == fix


@pytest.mark.parametrize(
    "document",
    [
        flow(goals=[{"id": "g", "event": "order.paid"}]),
        flow(goals=[{"id": "g", "event": "message.opened"}]),
        flow(trigger={"type": "event", "event": "not.yet.sent"}),
        flow({"event": "not.yet.sent"}, "wait_for_event"),
        flow({"event": "order.pending"}, "wait_for_event"),
        flow({"name": "own"}, "emit_event", goals=[]),
    ],
)
def test_events_that_may_well_come(document: Flow) -> None:
    assert said(document) == [] and reads_data(document)


def test_an_event_that_a_step_sends_itself_comes() -> None:
    document = flow({"name": "cart.done"}, "emit_event", goals=[{"id": "g", "name": "Done", "event": "cart.done"}])
    assert said(document) == [
        ("nodes[0]", "This step sends the event that reaches the goal “Done”: contacts may leave here.")
    ]


def test_without_events_none_is_missed() -> None:
    document = flow(goals=[{"id": "g", "event": "order.payed"}])
    assert list(lint_warnings(document, {}, KnownNames())) == []


TEMPLATE = UUID(int=7)


@pytest.mark.parametrize("type_", ["send_email", "send_sms", "send_push"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi {{ contact.first_name }} of {{contact.attributes.city}}", "city, first_name"),
        ("{{- contact.age -}}", "age"),
        ('Hi {{ contact.first_name | default: "you" }}', ""),
        ("Your plan is {{ contact.plan }}", ""),
        ("{{ contact.email }} {{ event.total }} {{ contact.shoe }}", ""),
        ("{% if contact.city %}In {{ contact.city | upcase }}{% endif %}", ""),
    ],
)
def test_a_template_with_a_gap(type_: str, text: str, names: str) -> None:
    row = ReferencedRow("Hello", None, "", prints=frozenset(printed_in(text)))
    messages = said(flow({"templateId": str(TEMPLATE)}, type_), {"template": {TEMPLATE: row}})
    assert [path for path, _ in messages] == (["nodes[0].data.templateId"] if names else [])
    assert all(f"The template “Hello” prints {names}, which not every contact has" in one for _, one in messages)


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"event": "contact.updated", "conditions": [PRO]}, "This step changes plan"),
        (
            {"event": "order.paid", "conditions": [PRO], "checkContact": True},
            "whoever meets the goal by it leaves here",
        ),
        ({"event": "order.paid", "conditions": [PRO], "checkContact": False}, ""),
        ({"event": "contact.updated", "conditions": [rule("contact.age", "exists")]}, ""),
    ],
)
def test_a_step_by_which_contacts_leave(goal: dict[str, Any], words: str) -> None:
    document = flow({"set": {"attributes.plan": "pro"}}, "update_contact", goals=[{"id": "g", "name": "Up", **goal}])
    messages = [message for _, message in said(document)]
    assert [words in message for message in messages] == ([True] if words else [])


def test_a_step_that_starts_its_own_workflow() -> None:
    ((path, message),) = said(flow({"name": "cart.left"}, "emit_event"))
    assert path == "nodes[0]" and "starts this workflow" in message
    assert said(flow({"name": "cart.left", "contact": "none"}, "emit_event")) == []
