"""Random workflows and random lives: the engine does what some lines of plain Python do."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.engine import integrity
from app.flow import registry
from app.flow.conditions import Condition
from app.flow.effects import SetVars
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import Done, Run, WaitFor
from app.models.status import RunStatus, StepStatus
from tests.engine.reference import MAX_VISITS, Person, Reference, Visit
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 3_600_000, "jitter": False}}


class ListenConfig(msgspec.Struct):
    least: int
    duration: int


class Listen(NodeType):
    """Waits for a `ping` that is large enough, so many hours."""

    type, label, category, description = "listen", "Listen", "timing", "For tests."
    outputs = (Port("next"), Port("timeout"))
    Config = ListenConfig

    @staticmethod
    def compile(config: ListenConfig, scope: Any) -> WaitFor:
        least = Condition(field="event.k", operator="greater_or_equal", value=config.least)
        return WaitFor("ping", scope.conditions([least], "all"), seconds=3600 * config.duration)

    @classmethod
    def events(cls, config: ListenConfig) -> list[str]:
        return ["ping"]


class WhenConfig(msgspec.Struct):
    when: int


class When(NodeType):
    """Fails while the event's `k` is `when`."""

    type, label, category, description = "trouble", "Trouble", "logic", "For tests."
    Config = WhenConfig

    @staticmethod
    def compile(config: WhenConfig, scope: Any) -> Run:
        read, done = scope.field("event.k"), Done()

        def run(step: Any) -> Done:
            if read(step) == config.when:
                raise ValueError("k")
            return done

        return run


class RememberConfig(msgspec.Struct):
    by: int


class Remember(NodeType):
    """Counts a variable up."""

    type, label, category, description = "remember", "Remember", "data", "For tests."
    Config = RememberConfig

    @staticmethod
    def compile(config: RememberConfig, scope: Any) -> Run:
        read = scope.field("vars.v")
        return lambda step: Done(effects=(SetVars({"v": (read(step) or 0) + config.by, "unread": "x" * 99_999}),))


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Up to seven nodes in a row whose ports lead to later ones, to nowhere, or are not wired; some lead back."""
    nodes, edges = [], [("trigger", "n0")]
    count = draw(st.integers(1, 7))
    for index in range(count):
        name = f"n{index}"
        kind = draw(
            st.sampled_from(
                ["condition", "remember", "listen", "update", "add_tag", "remove_tag", "delay", "trouble", "end"]
            )
        )
        ports = ["next"]
        if kind == "condition":
            value = draw(st.integers(0, 2))
            asked = draw(st.sampled_from(["contact.n", "vars.v"]))
            nodes.append(node(name, kind, conditions=[rule(asked, "greater_than", value)]))
            ports = ["true", "false"]
        elif kind == "listen":
            nodes.append(node(name, kind, least=draw(st.integers(0, 2)), duration=draw(st.integers(1, 3))))
            ports = ["next", "timeout"]
        elif kind == "remember":
            nodes.append(node(name, kind, by=draw(st.integers(1, 2))))
        elif kind == "update":
            some = draw(
                st.sampled_from(
                    [{"increment": {"n": 1}}, {"set": {"n": 1}}, {"set": {"p": name}, "increment": {"n": 2}}]
                )
            )
            nodes.append(node(name, "update_contact", **some))
        elif kind in ("add_tag", "remove_tag"):
            nodes.append(node(name, kind, tag=draw(st.sampled_from(["a", "b"]))))
        elif kind == "delay":
            nodes.append(node(name, kind, duration=draw(st.integers(1, 3)), unit="hours"))
        elif kind == "trouble":
            retry = draw(st.sampled_from([None, RETRY]))
            nodes.append(node(name, kind, retry, when=draw(st.integers(0, 1))))
            ports = draw(st.sampled_from([["next"], ["next", "error"]]))
        else:
            nodes.append(node(name, kind))
            ports = []
        back = draw(st.integers(0, 4)) == 0
        later = [f"n{target}" for target in range(0 if back else index + 1, count)]
        for port in ports:
            target = draw(st.sampled_from([None, *later]))
            if target or port == "error":  # an `error` port is wired or absent; others may lead nowhere
                edges += [(name, target, port)] if target else []
    triggers = [
        {"id": "trigger", "type": "event", "data": {"event": "go"}},
        {"id": "hand", "type": "manual", "data": {"contact": "optional"}},
    ]
    document = flow(None, nodes, *edges, ("hand", "n0"), goals=[{"id": "g", "event": "bought"}])
    del document["trigger"]
    return {**document, "triggers": triggers}


lives = st.lists(
    st.tuples(st.just("go"), st.integers(0, 3), st.integers(0, 2))
    | st.tuples(st.just("bought"), st.integers(0, 3), st.just(0))
    | st.tuples(st.just("ping"), st.integers(0, 3), st.integers(0, 2))
    | st.tuples(st.just("nobody"), st.just(0), st.integers(0, 2))
    | st.tuples(st.just("travel"), st.integers(1, 4), st.just(0)),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def settled() -> dict[str, int]:
    """Hours that all examples of this module have used up: time never goes back."""
    return {"hours": 0}


@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(graph=graphs(), life=lives, together=st.booleans())
@example(
    graph=flow("go", [node("n0", "trouble", RETRY, when=0)], ("trigger", "n0")),
    life=[("go", 0, 0), ("travel", 1, 0)],
    together=False,
)
def test_a_random_workflow_does_what_plain_python_does(
    world: World,
    settled: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    graph: dict[str, Any],
    life: list[tuple[str, int, int]],
    together: bool,
) -> None:
    registry._types |= {"trouble": When, "remember": Remember, "listen": Listen}
    monkeypatch.setattr("app.engine.walk.MAX_VISITS", MAX_VISITS)
    start = settled["hours"]
    settled["hours"] += 100
    world.travel(NOON + timedelta(hours=start))
    workflow = world.workflow(graph)
    try:
        people = world.contacts(4, attributes={"n": 0})
        expected = live(world, Reference(graph), people, life, start, together, workflow)
        assert seen_of_nobody(world, workflow) == [person.history for person in expected[len(people) :]]
        for contact, person in zip(people, expected, strict=False):
            assert seen(world, workflow, contact) == person.history
            row = world.db.execute("select attributes, tags from contacts where id = %s", (contact,)).fetchone()
            assert row is not None
            assert (row[0], sorted(row[1])) == (person.attributes, sorted(person.tags))
        assert integrity.check(world.db) == []
    finally:
        world.db.execute("update workflows set status = 'archived' where id = %s", (workflow,))


def live(
    world: World,
    reference: Reference,
    people: list[UUID],
    life: list[tuple[str, int, int]],
    start: int,
    together: bool,
    workflow: UUID,
) -> list[Person]:
    """Let it happen to the engine and to the reference; `together`: events pile up until time passes.

    Answers the people, and after them who is nobody: one for each run without a contact.
    """
    persons = [Person({"n": 0}) for _ in people]
    event: list[dict[str, Any]] = [{"k": 9} for _ in people]
    hours = 0
    for number, (what, who, value) in enumerate(life):
        if what == "travel":
            world.engine.advance()
            hours += who
            world.travel(NOON + timedelta(hours=start + hours))
            for index, person in enumerate(persons):
                reference.travel(person, hours, event[index])
            continue
        if what == "nobody":
            world.start_nobody(workflow, {"k": value})
            persons.append(Person({}, nobody=True))
            event.append({"k": value})
            reference.enter(persons[-1], event[-1])
        else:
            world.put(what, [people[who]], {"k": value})
        if not together:
            world.engine.advance()
        if what == "go":
            if persons[who].node is None:
                event[who] = {"k": value}
            pile = itertools.takewhile(lambda happened: happened[0] != "travel", life[number + 1 :] if together else ())
            known = any((later, whose) == ("bought", who) for later, whose, _ in pile)
            reference.enter(persons[who], event[who], goal_known=known)
        elif what == "nobody":
            continue
        elif what == "ping":
            reference.ping(persons[who], value, event[who])
        else:
            reference.reach_goal(persons[who])
    world.engine.advance()
    return persons


def seen(world: World, workflow: UUID, contact: UUID) -> list[tuple[str, list[Visit]]]:
    """What became of a contact, in the words of the reference."""
    return _told(world, "r.contact_id = %(contact)s", workflow, contact=contact)


def seen_of_nobody(world: World, workflow: UUID) -> list[list[tuple[str, list[Visit]]]]:
    """What became of each run without a contact, in the order in which they were asked for."""
    return [[run] for run in _told(world, "r.contact_id is null", workflow)]


def _told(world: World, whose: str, workflow: UUID, **named: UUID) -> list[tuple[str, list[Visit]]]:
    rows = world.db.execute(
        "select r.id, r.status, s.node_id, s.occurrence, s.status, s.port from runs r left join steps s on s.run_id = r.id"
        f" where r.workflow_id = %(workflow)s and {whose} order by r.started_at, r.id, s.seq",
        {"workflow": workflow, **named},
    ).fetchall()
    found: dict[UUID, tuple[str, list[Visit]]] = {}
    for run_id, status, node_id, visit, step, port in rows:
        steps = found.setdefault(run_id, (RunStatus(status).word, []))[1]
        if node_id is not None:
            steps.append((node_id, visit, StepStatus(step).word, port))
    return list(found.values())
