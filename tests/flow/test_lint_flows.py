"""Warnings in flows as people build them: steps that are off, several triggers, jumps, names in other spellings, texts with conditions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.flow.diagnostic import Diagnostic
from app.flow.document import Flow
from app.flow.lint.missing_fallbacks import printed_in
from app.flow.lint.untaken_branches import questions_of
from app.flow.lint.warnings import lint_warnings
from app.flow.step_types import INSTALLED
from app.flow.validation import validate
from tests.flow.test_lint_warnings import KNOWN, flow, rule, said


def step(id_: str, type_: str = "delay", off: bool = False, **data: Any) -> dict[str, Any]:
    if type_ == "delay":
        data = {"duration": 1, "unit": "days"} | data
    return {"id": id_, "type": type_, "data": data, **({"disabled": True} if off else {})}


def document(nodes: list[dict[str, Any]], *edges: tuple[str, str], **parts: Any) -> Flow:
    raw = {
        "trigger": {"type": "event", "event": "cart.left"},
        "nodes": nodes,
        "edges": [{"source": one, "target": other} for one, other in edges],
        **parts,
    }
    return msgspec.convert(raw, Flow)


def lost(one: Flow) -> list[tuple[str | None, bool]]:
    """Steps to which nobody comes, and whether one press takes them out."""
    words = ("Nothing leads to this step", "Only a step that is switched off")
    diagnostics: list[Diagnostic] = list(validate(one, types=INSTALLED, rows={}).all)
    return [(each.node_id, each.fix is not None) for each in diagnostics if each.message.startswith(words)]


def test_of_steps_that_are_cut_off_the_first_one_is_named() -> None:
    nodes = [step(name) for name in "abcd"]
    assert lost(document(nodes, ("trigger", "a"), ("c", "d"), ("b", "c"))) == [("b", True)]
    circle = document([*nodes, step("e")], ("trigger", "a"), ("b", "c"), ("c", "d"), ("d", "b"), ("d", "e"))
    assert lost(circle) == [("b", True)]


def test_behind_a_jump_that_is_switched_off_nothing_is_to_be_removed() -> None:
    jump = {"target": "c", "maxVisits": 3}
    nodes = [step("a"), step("b", "goto", off=True, **jump), step("c"), step("d")]
    assert lost(document(nodes, ("trigger", "a"), ("a", "b"), ("c", "d"))) == [("c", False)]
    nodes[1] = step("b", "goto", **jump)
    assert lost(document(nodes, ("trigger", "a"), ("a", "b"), ("c", "d"))) == []


CITIES = [rule("contact.ctiy", "equals", "Rome")]


def test_a_step_that_is_off_reads_and_writes_nothing() -> None:
    asking = step("ask", "condition", conditions=CITIES)
    writing = step("put", "update_contact", set={"attributes.ctiy": "Rome"})
    assert [path for path, _ in said(document([asking]))] == ["nodes[0].data.conditions[0].field"]
    assert said(document([asking | {"disabled": True}])) == []
    assert said(document([asking, writing])) == []
    assert [path for path, _ in said(document([asking, writing | {"disabled": True}]))] == [
        "nodes[0].data.conditions[0].field"
    ]


@pytest.mark.parametrize(
    ("field", "put"),
    [
        ("contact.firstName", "contact.first_name"),
        ("contact.attributes.First_Name", "contact.attributes.first_name"),
        ("event.Total", "event.total"),
        ("event.totl.amount", "event.total.amount"),
    ],
)
def test_names_in_another_spelling_are_mended_by_one_press(field: str, put: str) -> None:
    (one,) = lint_warnings(flow({"conditions": [rule(field, "exists")]}), {}, KNOWN)
    assert one.fix is not None and (one.fix.find, one.fix.put) == (field, put)


def test_a_property_of_one_of_several_triggers_is_known() -> None:
    data = [{"id": "one", "type": "event", "data": {"event": "cart.left"}}]
    data.append({"id": "two", "type": "event", "data": {"event": "brand.new"}})
    reads = [step("a", "condition", conditions=[rule("event.price", "exists")])]
    raw = {"triggers": data, "nodes": reads, "edges": []}
    assert said(msgspec.convert(raw, Flow)) == [], "nothing is known of the second event"
    data[1]["enabled"] = False  # type: ignore[assignment]
    assert len(said(msgspec.convert(raw, Flow))) == 1


@pytest.mark.parametrize(
    ("reading", "path"),
    [
        (step("b", "condition", conditions=[rule("vars.discont", "exists")]), "nodes[1].data.conditions[0].field"),
        (
            step("b", "update_contact", set={"attributes.plan": "{{ vars.discont }}"}),
            "nodes[1].data.set.attributes.plan",
        ),
    ],
)
def test_a_variable_that_no_step_sets(reading: dict[str, Any], path: str) -> None:
    setting = step("a", "set_variable", set={"discount": 5})
    (one,) = lint_warnings(document([setting, reading]), {}, KNOWN)
    assert one.path == path and one.fix is not None
    assert (one.fix.find, one.fix.put) == ("vars.discont", "vars.discount")
    assert said(document([step("a", "set_variable", set={"discont": 5}), reading])) == []
    assert len(said(document([setting | {"disabled": True}, reading]))) == 1


def test_variables_of_a_loop_and_outputs_of_steps_are_known() -> None:
    each = step("a", "loop", items="{{ event.total }}", **{"as": "item"})
    reads = step("b", "set_variable", set={"x": "{{ vars.item.sku }} {{ vars.index }} {{ steps.a.count }}"})
    assert said(document([each, reads])) == []
    lost_read = step("b", "set_variable", set={"x": "{{ steps.gone.count }}"})
    ((path, message),) = said(document([each, lost_read]))
    assert path == "nodes[1].data.set.x" and "There is no step “gone”" in message


TAGGED = {"id": "g", "name": "Won", "event": "contact.updated", "conditions": [rule("contact.tags", "contains", "won")]}


@pytest.mark.parametrize(("tag", "leaves"), [("Won", True), ("{{ event.total }}", True), ("lost", False)])
def test_a_tag_by_which_contacts_leave_their_own_flow(tag: str, leaves: bool) -> None:
    messages = [message for _, message in said(flow({"tag": tag}, "add_tag", goals=[TAGGED]))]
    assert [message.startswith("This step changes tags") for message in messages] == ([True] if leaves else [])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi {{ contact.first_name | capitalize }}", ["first_name"]),
        ("{{ contact.first_name | strip | default: 'you' | upcase }}", []),
        ("{{ contact.first_name | or_fail }}", []),
        (
            "{%- if contact.first_name != blank -%}Hi {{ contact.first_name }}{% endif %} of {{ contact.city }}",
            ["city"],
        ),
        ("{% unless contact.attributes.city %}?{% else %}{{ contact.city }}{% endunless %}", []),
        ("{{ contact.a | date: '%d' }}{{ contact.a }}", ["a"]),
    ],
)
def test_a_print_without_a_fallback(text: str, names: list[str]) -> None:
    assert printed_in(text) == names


def test_what_a_flow_writes_inside_a_field_is_not_asked_of_the_contacts() -> None:
    asking = step("ask", "condition", conditions=[rule("contact.attributes.address.city", "equals", "Rome")])
    writing = step("put", "update_contact", set={"attributes.address": {"city": "Rome"}})
    assert len(list(questions_of(document([asking])))) == 2
    assert list(questions_of(document([writing, asking], ("trigger", "put"), ("put", "ask")))) == []


@pytest.mark.parametrize("name", ["orderPaid", "Order Paid", "order_paid"])
def test_an_event_in_another_spelling_is_mended_by_one_press(name: str) -> None:
    (one,) = lint_warnings(flow(goals=[{"id": "g", "event": name}]), {}, KNOWN)
    assert one.fix is not None and one.fix.put == "order.paid"
