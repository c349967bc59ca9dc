"""Random workflows of all installed step types, random lives, random crashes, small and large batches: as plain Python does it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine import integrity
from app.engine.stale_runs import StaleRuns
from app.flow import registry
from app.models.status import Channel, RunStatus, StepStatus
from tests.engine import all_models
from tests.engine.drawn_configs import CALLEES, IDS, called, configs, timeouts
from tests.engine.interpreter import MAX_VISITS, Interpreter, Somebody
from tests.engine.test_against_reference import RETRY, Listen, When
from tests.fixtures.world import World, flow, node
from tests.nodes.person import Contact

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEFT_OUT: dict[str, str] = {}
"""Installed types that no random workflow has, and why not. Every other type is tried, with its example where nothing else is said."""
OWN = {"trouble": When, "listen": Listen}
"""Types of the tests: one that fails, one that waits for an event."""


def kinds() -> list[str]:
    """All installed types but those left out, and those of the tests."""
    return [*(name for name in registry.types() if name not in LEFT_OUT and name not in OWN), *OWN]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Up to seven steps whose ports lead to later ones, to nowhere, or back; some with a path for failures, some tried twice."""
    nodes, edges = [], [("trigger", "n0"), ("hand", "n0")]
    count = draw(st.integers(1, 7))
    for index in range(count):
        name, kind = f"n{index}", draw(st.sampled_from(kinds()))
        data = draw(configs(kind, [f"n{number}" for number in range(count)]))
        retry = draw(st.sampled_from([None, None, RETRY]))
        nodes.append({**node(name, kind, retry, **data), **draw(timeouts(kind))})
        ports = [port.id for port in registry.ports(registry.get(kind), data) if port.id != "error"]
        ports += draw(st.sampled_from([[], ["error"]])) if ports else []
        back = draw(st.integers(0, 4)) == 0
        later = [f"n{target}" for target in range(0 if back else index + 1, count)]
        for port in ports:
            target = draw(st.sampled_from([None, *later]))
            edges += [(name, target, port)] if target else []
    triggers = [
        {"id": "trigger", "type": "event", "data": {"event": "go"}},
        {"id": "hand", "type": "manual", "data": {"contact": "optional"}},
    ]
    document = flow(None, nodes, *edges, goals=[{"id": "g", "event": "bought"}])
    del document["trigger"]
    return {**document, "triggers": triggers}


who, sizes = st.integers(0, 3), st.integers(0, 2)
lives = st.lists(
    st.tuples(st.just("go"), who, sizes)
    | st.tuples(st.just("bought"), who, st.just(0))
    | st.tuples(st.just("ping"), who, sizes)
    | st.tuples(st.just("nobody"), st.just(0), sizes)
    | st.tuples(st.just("travel"), st.sampled_from([1, 2, 4, 30, 24 * 40]), st.just(0)),
    min_size=2,
    max_size=10,
)  # fmt: skip


class Crashes:
    """A worker that dies at random points of its batches; who calls it begins anew."""

    def __init__(self, seed: int | None) -> None:
        self.random = random.Random(seed) if seed is not None else None
        self.left = 5

    def reach(self, name: str) -> None:
        if self.random is not None and self.left and self.random.random() < 0.3:
            self.left -= 1
            raise ConnectionError(f"dies when {name}")

    def advance(self, world: World) -> None:
        while True:
            try:
                world.engine.advance()
                return
            except ConnectionError:
                continue


@pytest.fixture(scope="module")
def settled() -> dict[str, int]:
    """Hours that all examples of this module have used up: time never goes back."""
    return {"hours": 0}


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(
    graph=graphs(),
    life=lives,
    together=st.booleans(),
    batch=st.sampled_from([1, 7, 1_000]),
    crashes=st.none() | st.integers(0, 1_000),
)
def test_a_random_workflow_of_any_types_does_what_plain_python_does(
    world: World,
    settled: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    graph: dict[str, Any],
    life: list[tuple[str, int, int]],
    together: bool,
    batch: int,
    crashes: int | None,
) -> None:
    """`together`: events pile up until time passes; else each is handled before the next."""
    check_alike(world, settled, monkeypatch, graph, life, together=together, batch=batch, crashes=crashes)


def check_alike(
    world: World,
    settled: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    graph: dict[str, Any],
    life: list[tuple[str, int, int]],
    *,
    together: bool,
    batch: int,
    crashes: int | None,
) -> None:
    """Let a life happen to the engine and to the interpreter, and compare all that is left of it."""
    registry._types |= OWN
    monkeypatch.setattr("app.engine.walk.MAX_VISITS", MAX_VISITS)
    monkeypatch.setattr("app.engine.failpoints.reach", lambda name: None)
    world.engine.limit, world.engine.caps = batch, {}
    start = NOON + timedelta(hours=settled["hours"])
    settled["hours"] += sum(amount for what, amount, _ in life if what == "travel") + 10
    world.travel(start)
    interpreter = Interpreter(graph, start, CALLEES)
    for id_, rule_ in CALLEES.items():
        if not world.one("select count(*) from workflows where id = %s", UUID(id_)):
            world.workflow(called(rule_), id_=UUID(id_))
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) select %s, one, 100 + place, one::text, 'static'"
        " from unnest(%s::uuid[]) with ordinality as known(one, place) on conflict do nothing",
        (world.tenant, IDS),
    )
    workflow = world.workflow(graph)
    interpreter.workflow_id = workflow.bytes
    dying = Crashes(crashes)
    monkeypatch.setattr("app.engine.failpoints.reach", dying.reach)
    try:
        people = world.contacts(4, attributes={"n": 0})
        everybody = [Somebody(Contact(_columns(world, one), {"n": 0}, [], one.bytes)) for one in people]
        everybody = live(
            world, workflow, interpreter, dict(zip(people, everybody, strict=True)), life, dying, together=together
        )
        monkeypatch.setattr("app.engine.failpoints.reach", lambda name: None)
        for contact, somebody in zip(people, everybody[:4], strict=True):
            compare(world, workflow, contact, somebody)
        assert integrity.check(world.db) == []
    finally:
        monkeypatch.setattr("app.engine.failpoints.reach", lambda name: None)
        world.set_status(workflow, "archived")


def live(
    world: World,
    workflow: UUID,
    interpreter: Interpreter,
    people: dict[UUID, Somebody],
    life: list[tuple[str, int, int]],
    dying: Crashes,
    *,
    together: bool,
) -> list[Somebody]:
    """Let it happen to both. Answers all that it happened to."""
    everybody, nobodies, now = list(people.values()), list[Somebody](), interpreter.now
    of_nobody = "select count(*) from events where contact_id is null"
    before: int = world.one(of_nobody)

    def settle() -> None:
        dying.advance(world)
        interpreter.settle()

    for what, number, size in life:
        event = {"k": size, "list": [size, "x"], "at": f"{now + timedelta(hours=13 * size - 5):%Y-%m-%dT%H:%M}"}
        if what == "bought":
            settle()  # who is known to reach a goal takes no step: that depends on what is handled together
        if what == "travel":
            settle()
            now += timedelta(hours=number)
            for moment in interpreter.moments(now, [*everybody, *nobodies]):
                _set_clock(world, moment)
                dying.advance(world)
                interpreter.travel(moment, [*everybody, *nobodies])
            assert not any(StaleRuns().look(world.db, world.tenant)), "runs of no type are taken to stand still"
            continue
        if what == "nobody" and interpreter.is_chancy:
            continue
        if what == "nobody":
            nobodies.append(Somebody(None))
            world.start_nobody(workflow, event)
            interpreter.start(nobodies[-1], event)
        else:
            contact = list(people)[number]
            world.happen(what, contact, event)
            interpreter.happen(people[contact], what, event)
        if not together or what == "bought":
            settle()
    settle()
    expected = sorted(str(_told(one)) for one in nobodies)
    assert sorted(map(str, seen(world, workflow, None))) == expected
    assert world.one(of_nobody) - before == sum(len(one.of_nobody) for one in (*everybody, *nobodies))
    return [*everybody, *nobodies]


def _set_clock(world: World, now: datetime) -> None:
    world.db.execute("update virtual_clock set at = %s", (now,))


def _columns(world: World, contact: UUID) -> dict[str, Any]:
    names = ("email", "phone", "external_id", "source", "timezone", "locale")
    row = world.db.execute(f"select {', '.join(names)} from contacts where id = %s", (contact,)).fetchone()
    assert row is not None
    return dict(zip(names, row, strict=True))


def _told(somebody: Somebody) -> Any:
    """The only run of nobody, as `seen` tells it."""
    (run,) = somebody.runs
    return run.status, [step[:4] for step in run.steps]


def seen(world: World, workflow: UUID, contact: UUID | None) -> list[Any]:
    """What became of the runs of a contact, or of those of nobody: (status, steps) without what they put out."""
    return [(status, [step[:4] for step in steps]) for status, steps in _runs(world, workflow, contact)]


def _runs(world: World, workflow: UUID, contact: UUID | None) -> Iterator[tuple[str, list[Any]]]:
    rows = world.db.execute(
        "select id, status from runs where workflow_id = %s and contact_id is not distinct from %s order by started_at, id",
        (workflow, contact),
    ).fetchall()
    for run_id, status in rows:
        steps = world.db.execute(
            "select node_id, occurrence, status, port, output from steps where run_id = %s order by seq", (run_id,)
        ).fetchall()
        yield RunStatus(status).word, [(one[0], one[1], StepStatus(one[2]).word, *one[3:]) for one in steps]


def compare(world: World, workflow: UUID, contact: UUID, somebody: Somebody) -> None:
    """Everything that is left of a contact: runs, steps and what they put out, fields, tags, events, messages."""
    assert seen(world, workflow, contact) == [(run.status, [step[:4] for step in run.steps]) for run in somebody.runs]
    for (_, steps), run in zip(_runs(world, workflow, contact), somebody.runs, strict=True):
        for step, taken in zip(steps, run.steps, strict=True):
            assert taken.status != "completed" or alike(taken.output, step[4]), (taken, step)
    row = world.db.execute("select attributes, tags from contacts where id = %s", (contact,)).fetchone()
    assert row is not None and somebody.contact is not None
    assert (row[0], sorted(row[1])) == (somebody.contact.attributes, sorted(somebody.contact.tags))
    assert _columns(world, contact) == {name: value or None for name, value in somebody.contact.columns.items()}
    events = world.db.execute("select name, properties from events where contact_id = %s", (contact,)).fetchall()
    assert _counted(events) == _counted([*somebody.heard, *somebody.emitted])
    messages = world.db.execute(
        "select m.channel, m.template_id, m.payload from messages m join runs r on r.tenant_id = m.tenant_id and r.id = m.run_id"
        " where r.workflow_id = %s and r.contact_id = %s order by r.started_at, r.id, m.seq",
        (workflow, contact),
    ).fetchall()
    sent = [
        (
            Channel(one).name.lower(),
            str(template),
            {name: part for name, part in (payload or {}).items() if name != "retry"},
        )
        for one, template, payload in messages
    ]
    members = "select segment - 101 from segment_members where contact_id = %s and segment in (101, 102)"
    assert {IDS[place] for (place,) in world.db.execute(members, (contact,))} == somebody.segments
    assert sent == [message for run in somebody.runs for message in run.messages]


def _counted(events: Sequence[tuple[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def alike(expected: Any, actual: Any) -> bool:
    """Are they equal? `...` stands for what cannot be foreseen, such as an id."""
    if expected is ...:
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(alike(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        return len(expected) == len(actual) and all(map(alike, expected, actual))
    return bool(expected == actual and isinstance(expected, bool) == isinstance(actual, bool))


def test_every_installed_type_takes_part() -> None:
    """A type that lands is in random workflows, or it is said why not; what its steps come to is said by a model of it."""
    assert set(LEFT_OUT) <= set(registry.types()), "gone: take it out of the list"
    assert all(LEFT_OUT.values())
    modelled = [*all_models.LEADING, *all_models.MODELS, *all_models.OF_STEPS]
    assert len(modelled) == len(set(modelled)) and set(all_models.CALLING) <= set(modelled)
    assert set(modelled) == set(kinds()) == set(registry.types()) - set(LEFT_OUT) | set(OWN)
