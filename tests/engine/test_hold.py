"""Questions to people: one answer alone counts, also against the end of the time; nobody and nothing else takes the run on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app.engine import integrity
from app.engine.control import _ANSWER
from tests.engine.workers import engine_on
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def hold_flow(**more: Any) -> dict[str, Any]:
    """Enter by `go`, ask whether somebody is let in for a day, and be tagged with the answer."""
    ask = node(
        "ask", "hold", question="Let {{ contact.name }} in?", choices=[{"id": "yes", "label": "Yes"}, {"id": "no", "label": "No"}],
        timeout={"duration": 1, "unit": "days"},
    )  # fmt: skip
    tags = [node(f"t-{port}", "add_tag", tag=port) for port in ("yes", "no", "timeout")]
    edges = [("trigger", "ask"), *[("ask", f"t-{port}", port) for port in ("yes", "no", "timeout")]]
    return flow("go", [ask, *tags], *edges, **more)


def answer(world: World, contact: UUID, port: str, connection: Any = None, *, at: str = "ask") -> bool:
    run_id, seq = world.db.execute("select id, seq from runs where contact_id = %s", (contact,)).fetchone() or (None, 0)
    values = {
        "tenant": world.tenant,
        "id": run_id,
        "seq": seq,
        "node": at,
        "port": port,
        "output": f'{{"choice": "{port}"}}',
    }
    row = (connection or world.db).execute(_ANSWER, values).fetchone()
    return bool(row and row[0])


def tags(world: World, contact: UUID) -> list[str]:
    return list(world.one("select tags from contacts where id = %s", contact))


def test_each_answer_is_a_way_and_silence_another(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    world.workflow(hold_flow())
    yes, no, silent = world.contacts(3, attributes={"name": "Ada"})
    world.emit("go", [yes, no, silent])
    asked = world.db.execute("select waits_for, resume_output->>'question', resume_at from active_runs").fetchall()
    assert asked == [("$person", "Let Ada in?", NOON + timedelta(days=1))] * 3
    world.happen("$person", silent, {"choice": "yes"})  # no event answers for a person
    assert answer(world, yes, "yes") and answer(world, no, "no")
    assert not answer(world, yes, "no"), "a question is answered once"
    world.engine.advance()
    assert (tags(world, yes), tags(world, no), tags(world, silent)) == (["yes"], ["no"], [])
    world.travel(NOON + timedelta(days=1))
    assert tags(world, silent) == ["timeout"] and not answer(world, silent, "yes")
    assert world.one(
        "select output from steps s join runs r on r.id = s.run_id where node_id = 'ask' and contact_id = %s", yes
    ) == {"choice": "yes"}
    assert integrity.check(world.db) == []
    world.balanced()


def test_an_answer_and_the_end_of_the_time_at_once_make_one_way(world: World, committed_database: Any) -> None:
    """The answer waits for the worker that takes the run on, and finds nothing to change; or the worker leaves the locked run alone."""
    world.travel(NOON)
    workflow = world.workflow(hold_flow())
    first, second = world.contacts(2)
    world.emit("go", [first, second])
    with psycopg.connect(committed_database.url) as other:
        assert answer(world, first, "yes", other)  # not committed yet
        world.travel(NOON + timedelta(days=2))  # the time is over for both; the locked run is left to the answer
        assert tags(world, second) == ["timeout"] and tags(world, first) == []
        other.commit()
    world.engine.advance()
    assert tags(world, first) == ["yes"] and world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from steps where node_id = 'ask'") == 2
    assert integrity.check(world.db) == []


def test_an_answer_while_the_workflow_is_paused_is_kept_for_later(world: World) -> None:
    workflow = world.workflow(hold_flow())
    (someone,) = world.contacts(1)
    world.emit("go", [someone])
    world.set_status(workflow, "paused")
    assert answer(world, someone, "no")
    world.engine.advance()
    assert tags(world, someone) == []
    world.set_status(workflow, "active")
    world.engine.advance()
    assert tags(world, someone) == ["no"]


def test_a_run_without_a_contact_may_ask(world: World) -> None:
    graph = hold_flow()
    graph["trigger"] = {"type": "manual", "data": {"contact": "optional"}}
    graph["nodes"] = graph["nodes"][:1]
    graph["edges"] = graph["edges"][:1]
    workflow = world.workflow(graph)
    (run_id,) = world.start_nobody(workflow)
    world.engine.advance()
    assert world.one("select resume_output->>'question' from active_runs where id = %s", run_id) == "Let  in?"


def test_a_question_survives_the_process_that_asked_it(world: World, committed_database: Any) -> None:
    world.workflow(hold_flow())
    (someone,) = world.contacts(1)
    world.emit("go", [someone])
    assert answer(world, someone, "yes")
    engine = engine_on(committed_database.url, 100)
    try:
        engine.advance()
    finally:
        engine.close()
    assert tags(world, someone) == ["yes"]
