"""Workflows that ask about the contact: an event costs what those cost that its contact is fit for, and nobody is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine import claim, history, integrity
from app.engine.state import RunState
from tests.engine.test_many_listeners import Work, many, work
from tests.engine.test_newer_release import older
from tests.fixtures.world import World, flow, node, rule

__all__ = ["work"]
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALWAYS = {"reentry": "always"}
DELAY = node("d", "delay", duration=1, unit="days")


def entering(*conditions: dict[str, Any], event: str = "bought", **settings: Any) -> dict[str, Any]:
    """Who meets the conditions comes in and stands."""
    trigger = {"conditions": list(conditions)}
    return flow(event, [DELAY], ("trigger", "d"), trigger=trigger, settings=settings or ALWAYS)


def changing(event: str, *conditions: dict[str, Any], tag: str | None = None, **fields: Any) -> dict[str, Any]:
    change = node("c", "add_tag", tag=tag) if tag else node("c", "update_contact", set=fields)
    return flow(event, [change], ("trigger", "c"), trigger={"conditions": list(conditions)}, settings=ALWAYS)


PRO = rule("contact.plan", "equals", "pro")


@pytest.mark.parametrize(
    ("condition", "contact"),
    [
        (rule("contact.plan", "equals", "SKU"), {"attributes": {"plan": "many-5"}}),
        (rule("plan", "in", ["x", "SKU"]), {"attributes": {"plan": "Many-5 "}}),
        (rule("contact.source", "equals", "SKU"), {"source": "many-5"}),
        (rule("contact.tags", "contains", "SKU"), {"tags": ["a", "many-5"]}),
        (rule("event.plan", "equals", "SKU"), {}),
    ],
    ids=["attribute", "bare name", "column", "tag", "event"],
)
def test_an_event_costs_what_the_workflows_cost_that_its_contact_is_fit_for(
    world: World, work: Work, monkeypatch: pytest.MonkeyPatch, condition: dict[str, Any], contact: dict[str, Any]
) -> None:
    """By what is done: people asked, runs made in memory, statements, versions compiled."""
    init = RunState.__init__

    def made(run: RunState, *more: Any) -> None:
        work["runs made"] += 1
        init(run, *more)

    monkeypatch.setattr(RunState, "__init__", made)
    people, others, counted = world.contacts(20, **contact), world.contacts(20), []
    for count in (10, 1_000):
        world.set_status(None, "archived")
        many(world, count, entering(condition), world.tenant)
        for _ in range(2):  # the versions are compiled at the first
            work.clear()
            world.put("bought", people, {"plan": "many-5"})
            world.put("bought", others)
            world.engine.take_events()
        counted.append(dict(work))
    assert counted[0] == counted[1], counted
    assert counted[0]["asked"] == counted[0]["runs made"] == 20
    assert "compiled" not in counted[0] and not counted[0]["looks at workflows"]
    assert world.one("select count(*) from runs") == 80


def test_versions_are_compiled_while_nobody_waits(world: World, work: Work) -> None:
    many(world, 50, entering(rule("contact.plan", "equals", "SKU")), world.tenant)
    people = [*world.contacts(1, attributes={"plan": "many-1"}), *world.contacts(1, attributes={"plan": "many-2"})]
    world.emit("bought", people)
    assert work["compiled"] == 2, "those that somebody may enter, and no others"
    assert world.one("select count(*) from runs") == 2


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_change_of_the_same_batch_opens_a_workflow(world: World, limit: int) -> None:
    """And whoever stands there, or was in before, does not come in again."""
    world.engine.limit = limit
    world.travel(NOON)
    world.workflow(changing("upgraded", plan="pro"))
    standing = world.workflow(entering(PRO, reentry="after_exit"))
    once = world.workflow(entering(PRO, rule("contact.source", "equals", "web"), reentry="once"))
    fresh, member = world.contacts(1, source="web"), world.contacts(1, attributes={"plan": "pro"}, source="web")
    world.emit("bought", member)
    assert world.runs(standing) == world.runs(once) == {"waiting": 1}
    world.db.execute("update contacts set attributes = '{}'")
    for name in ("bought", "upgraded", "bought", "bought"):
        world.put(name, [*fresh, *member])
    world.engine.advance()
    assert world.runs(standing) == world.runs(once) == {"waiting": 2}
    refusals = world.db.execute("select distinct contact_id, workflow_id, reason from entry_refusals").fetchall()
    assert set(refusals) == {(who, of, "already_active") for who in (*fresh, *member) for of in (standing, once)}
    assert integrity.check(world.db) == []


def test_what_a_workflow_changes_opens_those_behind_it_for_the_same_event(world: World) -> None:
    """In the order of the workflows, as when each of them is asked in turn."""
    before = world.workflow(entering(PRO))
    world.workflow(changing("bought", rule("contact.plan", "equals", "free"), plan="pro", size="large"))
    behind = world.workflow(entering(PRO, rule("contact.size", "equals", "large")))
    tagged = world.workflow(changing("bought", PRO, tag="vip"))
    vip = world.workflow(entering(rule("contact.tags", "contains", "vip")))
    world.emit("bought", world.contacts(1, attributes={"plan": "free"}))
    order = {workflow_id: place for place, (workflow_id,) in enumerate(world.db.execute("select id from workflows"))}
    assert list(order.values()) == sorted(order.values())
    assert world.runs(before) == {}
    assert (world.runs(behind), world.runs(tagged), world.runs(vip)) == (
        {"waiting": 1},
        {"completed": 1},
        {"waiting": 1},
    )


def test_fields_and_past_events_are_looked_up_when_a_change_opens_a_workflow(world: World) -> None:
    """The workflow reads what the others of the batch do not, and its goal has happened since."""
    world.travel(NOON)
    world.workflow(changing("upgraded", plan="pro"))
    reads = flow(
        "bought",
        [node("c", "condition", conditions=[rule("contact.locale", "equals", "fi")]), node("t", "add_tag", tag="finn")],
        ("trigger", "c"), ("c", "t", "true"), trigger={"conditions": [PRO]}, settings=ALWAYS,
    )  # fmt: skip
    reading, goal = world.workflow(reads), {**entering(PRO), "goals": [{"id": "g", "event": "paid"}]}
    reaching = world.workflow(goal)
    (person,) = world.contacts(1, locale="fi", attributes={"city": "Turku"})
    world.happen("paid", person, occurred_at=NOON - timedelta(minutes=1))
    world.engine.advance()
    for minutes, name in ((9, "upgraded"), (5, "bought")):
        world.happen(name, person, occurred_at=NOON - timedelta(minutes=minutes))
    world.engine.advance()
    assert world.runs(reading) == {"completed": 1} and world.runs(reaching) == {"goal_reached": 1}
    row = world.db.execute("select attributes, tags from contacts").fetchone()
    assert row == ({"city": "Turku", "plan": "pro"}, ["finn"])


def test_look_ups_are_made_for_many_contacts_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    standing = history.standing

    def counted(cursor: Any, contacts: Any, workflow_ids: Any) -> Any:
        asked.append(len(workflow_ids))
        return standing(cursor, contacts, workflow_ids)

    monkeypatch.setattr(history, "standing", counted)
    world.workflow(changing("upgraded", rule("event.to", "equals", "pro"), plan="pro"))
    world.workflow(changing("upgraded", rule("event.to", "equals", "vip"), plan="vip"))
    several = [
        world.workflow(entering(rule("contact.plan", "equals", plan), reentry="once")) for plan in ("pro", "vip", "no")
    ]
    people = world.contacts(50)
    for number, person in enumerate(people):
        world.put("upgraded", [person], {"to": ("pro", "vip")[number % 2]})
    world.put("bought", people)
    world.put("bought", people)
    world.engine.advance()
    assert [world.runs(workflow) for workflow in several] == [{"waiting": 25}, {"waiting": 25}, {}]
    assert asked == [2], "once, and only of those that somebody may enter"


def test_what_only_a_newer_process_understands_is_left_to_it_for_those_whom_it_is_about(world: World) -> None:
    workflow = world.workflow(entering(PRO))
    fit, unfit = world.contacts(1, attributes={"plan": "pro"}), world.contacts(1)
    with older(world, workflow) as old:
        world.put("bought", [*fit, *unfit])
        old.advance()
        left = world.db.execute("select contact_id, workflow_id from inbox").fetchall()
        assert left == [(fit[0], workflow)]
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 1}


def test_who_cannot_be_compared_is_kept_as_a_refusal(world: World) -> None:
    workflow = world.workflow(entering(PRO, rule("contact.age", "greater_than", 3)))
    world.emit("bought", world.contacts(1, attributes={"plan": "free", "age": "old"}))
    assert world.one("select count(*) from entry_refusals") == 0, "the other condition decides"
    world.emit("bought", world.contacts(1, attributes={"plan": "pro", "age": "old"}))
    assert world.runs(workflow) == {}
    assert world.one("select reason from entry_refusals") == "condition_error"


BOUGHT = {"id": "g", "event": "contact.attribute_changed", "conditions": [rule("attributes.bought", "is_true")]}


def test_a_change_concerns_a_goal_on_the_contact_when_that_is_how_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is looked at is loaded, nothing is told of others, and who may be another one by then is told of."""
    world.travel(NOON)
    loaded: list[tuple[str, ...]] = []
    contacts = claim.contacts

    def counted(cursor: Any, places: Any, names: tuple[str, ...]) -> Any:
        loaded.append(names)
        return contacts(cursor, places, names)

    monkeypatch.setattr(claim, "contacts", counted)
    waiting = world.workflow({**flow("join", [DELAY], ("trigger", "d"), settings=ALWAYS), "goals": [BOUGHT]})
    world.workflow(changing("go", plan="pro"))
    world.workflow(changing("pay", bought=True))
    other, member, soon = (world.contacts(1) for _ in range(3))
    world.emit("join", [*member, *soon])
    loaded.clear()
    world.emit("go", [*other, *member])
    assert set(loaded) == {("attributes",)}, "what the step and the goal look at"
    assert world.one("select count(*) from inbox") == 0
    world.engine.limit = 1
    world.put("go", soon)
    world.put("pay", soon)
    world.engine.take_events()
    assert world.one("select array_agg(name order by id) from inbox") == ["pay", "contact.attribute_changed"]
    world.engine.advance()
    assert world.runs(waiting) == {"waiting": 1, "goal_reached": 1}
    world.emit("pay", member)
    assert world.runs(waiting) == {"goal_reached": 2}
