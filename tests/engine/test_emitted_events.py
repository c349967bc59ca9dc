"""Events that steps emit: stored once with the batch, heard like events from outside, and no endless echo."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from app.engine.limits import ECHO, MAX_DEPTH
from tests.fixtures.world import World, flow, node


def emitting(name: str, **data: Any) -> dict[str, Any]:
    return node("emit", "emit_event", name=name, **data)


def stored(world: World, name: str) -> list[tuple[UUID | None, dict[str, Any]]]:
    return world.db.execute("select contact_id, properties from events where name = %s order by id", (name,)).fetchall()


def test_others_start_and_the_event_is_on_record(any_way: World) -> None:
    """Each run's event has its own id, which the step's output names; the run behind it knows the event that it began with."""
    world = any_way
    first = world.workflow(
        flow(
            "go",
            [emitting("sale", properties={"n": "{{ event.n }}", "of": {"list": ["{{ event.n }}", 1]}})],
            ("trigger", "emit"),
        )
    )
    second = world.workflow(
        flow(
            "sale",
            [node("u", "update_contact", set={"n": "{{ event.n }}", "x": "{{ event.of.list[0] }}"})],
            ("trigger", "u"),
        )
    )
    people = world.contacts(30)
    for number, person in enumerate(people):
        world.put("go", [person], {"n": number})
    world.engine.advance()
    assert stored(world, "sale") == [(person, {"n": n, "of": {"list": [n, 1]}}) for n, person in enumerate(people)]
    assert world.runs(first) == world.runs(second) == {"completed": 30}
    linked = world.one(
        "select count(distinct e.id) from events e join runs r on r.event_id = e.id and r.contact_id = e.contact_id and r.workflow_id = %s"
        " join runs f on f.contact_id = e.contact_id and f.workflow_id = %s"
        " join steps s on s.run_id = f.id and s.output->>'eventId' = e.id::text and s.output->>'name' = 'sale'",
        second, first,
    )  # fmt: skip
    assert linked == 30
    assert world.one("select count(*) from contacts where attributes->'n' = attributes->'x'") == 30
    world.balanced()


def test_the_same_step_for_everybody_still_makes_an_event_each(any_way: World) -> None:
    world = any_way
    world.workflow(flow("go", [emitting("sale"), node("t", "add_tag", tag="a")], ("trigger", "emit"), ("emit", "t")))
    world.emit("go", world.contacts(50))
    assert world.one("select count(distinct id) from events where name = 'sale'") == 50
    assert world.one("select count(distinct output->>'eventId') from steps where node_id = 'emit'") == 50
    assert world.one("select count(*) from contacts where tags = '{a}'") == 50
    world.balanced()


def test_later_steps_read_the_id(world: World) -> None:
    nodes = [emitting("sale"), node("u", "update_contact", set={"id": "{{ steps.emit.eventId }}"})]
    world.workflow(flow("go", nodes, ("trigger", "emit"), ("emit", "u")))
    world.emit("go", world.contacts(3))
    assert (
        world.one(
            "select count(*) from contacts c join events e on e.id::text = c.attributes->>'id' and e.contact_id = c.id"
        )
        == 3
    )


def test_a_workflow_is_not_started_by_its_own_event_but_its_runs_hear_it(world: World) -> None:
    """A goal on the event is reached by the run that emitted it while it waits."""
    nodes = [emitting("go"), node("w", "delay", duration=1, unit="days")]
    goals = [{"id": "g", "event": "go", "conditions": [{"field": "event.own", "operator": "is_true"}]}]
    nodes[0]["data"]["properties"] = {"own": True}
    one = world.workflow(flow("go", nodes, ("trigger", "emit"), ("emit", "w"), goals=goals))
    world.emit("go", world.contacts(1))
    assert world.runs(one) == {"goal_reached": 1}
    assert len(stored(world, "go")) == 1
    world.balanced()


@pytest.mark.parametrize("wait", [False, True], ids=["at once", "after a wait"])
def test_workflows_that_answer_each_other_end(world: World, wait: bool) -> None:
    """Also when each waits before it answers: how deep a run stands is remembered while it sleeps."""
    first = [node("w", "delay", duration=1, unit="seconds")] if wait else []
    flows = []
    for heard, sent in (("ping", "pong"), ("pong", "ping")):
        nodes = [*first, emitting(sent)]
        edges = [("trigger", "w"), ("w", "emit")] if wait else [("trigger", "emit")]
        flows.append(world.workflow(flow(heard, nodes, *edges, settings={"reentry": "always"})))
    world.emit("ping", world.contacts(1))
    for _ in range(MAX_DEPTH + 3):
        world.hurry()
        world.engine.advance()
    statuses = [world.runs(one) for one in flows]
    assert sum(one.get("completed", 0) for one in statuses) == MAX_DEPTH
    assert sum(one.get("failed", 0) for one in statuses) == 1
    assert world.one("select error_message from runs where status = 5") == ECHO.error
    assert world.one("select count(*) from events") == MAX_DEPTH and world.one("select count(*) from inbox") == 0
    world.balanced()


def test_the_end_of_an_echo_leaves_by_the_error_port(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.emitted.MAX_DEPTH", 0)
    nodes = [emitting("sale"), node("t", "add_tag", tag="refused")]
    one = world.workflow(flow("go", nodes, ("trigger", "emit"), ("emit", "t", "error")))
    world.emit("go", world.contacts(2))
    assert world.runs(one) == {"completed": 2}
    assert stored(world, "sale") == [] and world.one("select count(*) from contact_tags") == 2


def test_an_event_of_nobody_is_kept_and_starts_nothing(world: World) -> None:
    """Of a run with a contact, and of one without, which may only emit such events."""
    trigger = {"type": "manual", "data": {"contact": "optional"}}
    one = world.workflow(
        flow(None, [emitting("report", contact="none", properties={"a": 1})], ("trigger", "emit"), trigger=trigger)
    )
    other = world.workflow(flow("report", [node("e", "end")], ("trigger", "e")))
    world.start_nobody(one, {"k": 1})
    world.engine.advance()
    assert (
        stored(world, "report") == [(None, {"a": 1})]
        and world.runs(one) == {"completed": 1}
        and world.runs(other) == {}
    )
    of_contact = world.workflow(flow(None, [emitting("sale")], ("trigger", "emit"), trigger=trigger))
    world.start_nobody(of_contact)
    world.engine.advance()
    assert world.runs(of_contact) == {"failed": 1} and stored(world, "sale") == []


def test_what_cannot_be_sent_fails_in_words(world: World) -> None:
    one = world.workflow(
        flow("go", [emitting("{{ event.name2 }}", properties={"p": "{{ event.p }}"})], ("trigger", "emit"))
    )
    cases = [
        ({"name2": ""}, "1 to 200 characters"),
        ({"name2": 5}, "is text, not a number"),
        ({"name2": "contact.unsubscribed"}, "tells of a decision"),
        ({"name2": "fine", "p": "x" * 33_000}, "at most 32,768"),
    ]
    for number, (event, words) in enumerate(cases):
        world.put("go", world.contacts(1), event)
        world.engine.advance()
        assert words in world.one("select error_message from runs where status = 5 order by id desc limit 1"), number
    assert world.one("select count(*) from events") == 0 and world.runs(one) == {"failed": len(cases)}


def test_a_crash_before_the_commit_leaves_no_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the batch that is done again makes each event once."""
    world.workflow(flow("go", [emitting("sale")], ("trigger", "emit")))
    crashed = []

    def reach(name: str) -> None:
        if name == "written" and not crashed:
            crashed.append(name)
            raise ConnectionError("the worker dies")

    monkeypatch.setattr("app.engine.failpoints.reach", reach)
    world.put("go", world.contacts(5))
    with pytest.raises(ConnectionError):
        world.engine.advance()
    assert stored(world, "sale") == []
    world.engine.advance()
    assert len(stored(world, "sale")) == 5 and crashed
    world.balanced()
