"""What workflows write on contacts obeys the rules of the fields, and memory and PostgreSQL make the same of it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.state import ContactState
from app.flow.effects import Increment
from app.models.status import StepStatus
from app.values.contact_fields import attributes_size
from tests.fixtures.world import World, flow, node, rule

NUMBERS = st.one_of(
    st.integers(-(10**15), 10**15),
    st.decimals(-(10**9), 10**9, places=4).map(float),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15),
)
ODD = st.one_of(
    NUMBERS,
    NUMBERS.map(lambda number: f" {number!r} "),
    st.sampled_from([None, True, False, "x", "", "7", "0.10", "1e3", "\xa07", "٣", [1], {}, {"n": 1}]),
)
ABSENT = object()


def kept(world: World, contact: Any) -> Any:
    return world.one("select attributes->'n' from contacts where id = %s", contact)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ODD | st.just(ABSENT), NUMBERS), min_size=1, max_size=12))
def test_memory_and_postgres_count_alike(world: World, cases: list[tuple[Any, float]]) -> None:
    for before, by in cases:
        attributes = {} if before is ABSENT else {"n": before}
        (one,) = world.contacts(1, attributes=attributes)
        name = f"e{one}"
        # What memory makes of it is written down by the step behind.
        copied = node("c", "update_contact", set={"seen": "{{ contact.n }}"})
        flow_id = world.workflow(
            flow(name, [node("u", "update_contact", increment={"n": by}), copied], ("trigger", "u"), ("u", "c"))
        )
        world.emit(name, [one])
        stored, seen = kept(world, one), world.one("select attributes->'seen' from contacts where id = %s", one)
        if world.runs(flow_id) == {"completed": 1}:
            assert stored == seen and isinstance(stored, int | float) and not isinstance(stored, bool)
        else:
            assert world.runs(flow_id) == {"failed": 1} and stored == attributes.get("n") and seen is None
        world.db.execute("update workflows set status = 'archived' where id = %s", (flow_id,))


def test_numeric_text_counts_on_and_anything_else_fails_in_words(any_way: World) -> None:
    world = any_way
    good = {"seven": "7", "spaced": " 12.5 ", "money": "19.90", "none": None, "four": 4, "tenth": 0.1}
    bad = {"list": [1], "yes": True, "x": "x", "object": {}, "comma": "1,5"}
    people = {name: world.contacts(1, attributes={"n": value})[0] for name, value in (good | bad).items()}
    flow_id = world.workflow(flow("e", [node("u", "update_contact", increment={"n": 0.2})], ("trigger", "u")))
    world.emit("e", list(people.values()))
    found = {name: kept(world, one) for name, one in people.items()}
    assert found == {"seven": 7.2, "spaced": 12.7, "money": 20.1, "none": 0.2, "four": 4.2, "tenth": 0.3} | bad
    assert world.runs(flow_id) == {"completed": len(good), "failed": len(bad)}
    told = world.db.execute(
        "select distinct error_message from steps where status = %s", (int(StepStatus.FAILED),)
    ).fetchall()
    assert told == [("The attribute n was not changed. Nothing can be added to it: its value is not a number.",)]


def test_many_counts_of_one_contact_in_one_batch_are_exact(any_way: World) -> None:
    world = any_way
    (one,) = world.contacts(1, attributes={"n": "0.1", "m": 1})
    always = {"reentry": "always"}
    world.workflow(
        flow("e", [node("u", "update_contact", increment={"n": 0.1, "m": 1})], ("trigger", "u"), settings=always)
    )
    world.emit("e", [one] * 30)
    assert world.one("select attributes from contacts") == {"n": 3.1, "m": 31}


def test_what_does_not_fit_takes_the_error_port_and_keeps_what_was_there(any_way: World) -> None:
    world = any_way
    old = {"phone": "+4915112345678", "timezone": "Europe/Berlin", "locale": "de", "source": "ads"}
    people = world.contacts(12, attributes={"n": 1}, **old)
    given = {"phone": "0151", "timezone": "Mars", "locale": {"a": 1}, "source": "x" * 5_000}
    nodes = [
        node(name, "update_contact", set={"new": True, name: f"{{{{ event.{name} }}}}"}, increment={"n": 1})
        for name in given
    ]
    ways = [(one["id"], other["id"], "error") for one, other in zip(nodes, [*nodes[1:], {"id": "t"}], strict=True)]
    flow_id = world.workflow(flow("e", [*nodes, node("t", "add_tag", tag="told")], ("trigger", "phone"), *ways))
    world.emit("e", people, given)
    assert world.runs(flow_id) == {"completed": 12}
    row = world.db.execute("select distinct phone, timezone, locale, source, attributes, tags from contacts").fetchall()
    assert row == [(*old.values(), {"n": 1}, ["told"])]
    assert {port for _, status, port in world.steps(flow_id) if status == "failed"} == {"error"}
    world.balanced()


def test_the_workspaces_country_is_known_and_followed(world: World) -> None:
    set_country = "update workspaces set settings = jsonb_build_object('country', %s::text)"
    world.db.execute(set_country, ("DE",))
    people = world.contacts(2)
    given = {"phone": "{{ event.p }}", "timezone": "{{ event.z }}"}
    world.workflow(flow("e", [node("u", "update_contact", set=given)], ("trigger", "u")))
    phone = "select phone from contacts where id = %s"
    world.emit("e", people[:1], {"p": "0151 23456789", "z": "Berlin"})
    assert world.one(phone, people[0]) == "+4915123456789"
    world.db.execute(set_country, ("FR",))
    world.emit("e", people[1:], {"p": "06 12 34 56 78", "z": "Europe/Paris"})
    assert world.one(phone, people[1]) == "+33612345678"


def test_nothing_removes_an_attribute_as_it_does_in_the_api(any_way: World) -> None:
    world = any_way
    people = world.contacts(12, attributes={"plan": "pro", "n": 3, "stays": {"a": 1}})
    nodes = [
        node("u", "update_contact", set={"plan": "{{ event.missing }}", "n": None, "who": "{{ contact.email }}"}),
        node("c", "condition", conditions=[rule("contact.plan", "not_exists")]),
        node("i", "update_contact", increment={"n": 2}),
    ]
    world.workflow(flow("e", nodes, ("trigger", "u"), ("u", "c"), ("c", "i", "true")))
    world.emit("e", people)
    assert world.db.execute("select distinct attributes - 'who' from contacts").fetchall() == [
        ({"n": 2, "stays": {"a": 1}},)
    ]


def test_limits_hold_for_workflows_too(any_way: World) -> None:
    world = any_way
    large = {"a": "x" * 20_000}
    full = [str(number) for number in range(99)]
    people = world.contacts(12, attributes=large, tags=full)
    nodes = [
        node("fits", "update_contact", set={"b": "{{ event.text }}"}),
        node("too", "update_contact", set={"c": "{{ event.text }}"}),
        node("one", "add_tag", tag="{{ event.word }}"),
        node("two", "add_tag", tag="one more"),
        node("three", "add_tag", tag="98"),
        node("back", "remove_tag", tag="0"),
        node("again", "add_tag", tag="one more"),
    ]
    ways = [
        ("trigger", "fits"), ("fits", "too"), ("too", "one", "error"), ("one", "two"), ("two", "three", "error"),
        ("three", "back"), ("back", "again"),
    ]  # fmt: skip
    flow_id = world.workflow(flow("e", nodes, *ways))
    world.emit("e", people, {"text": "y" * 12_000, "word": "a hundred"})
    assert world.runs(flow_id) == {"completed": 12}
    attributes, tags = world.db.execute("select attributes, tags from contacts limit 1").fetchone() or ({}, [])
    assert sorted(attributes) == ["a", "b"] and len(tags) == 100
    assert set(tags) == {*full[1:], "a hundred", "one more"}


def test_what_is_stored_is_never_taken_for_less_than_it_is(world: World) -> None:
    odd = {"é\u2028\x01": ["ü", 1e-7, 2.5e-9, 0.1, 123456789012345678, None, True], "n": {"a": {}}, "t": '"\\/\n'}
    (one,) = world.contacts(1, attributes=odd)
    raw = world.one("select convert_to(attributes::text, 'UTF8') from contacts where id = %s", one)
    contact = ContactState(one.bytes, ("attributes",), (raw,))
    assert contact.attributes == odd and attributes_size(odd) <= contact.attributes_size
    contact.changes.append(Increment("m", 0))
    assert contact.attributes_size == attributes_size({**odd, "m": 0})
