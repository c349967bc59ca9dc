"""Runs that stand still though nobody holds them: why, what is mended, what a person decides, and that healthy ones stay alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.engine import integrity, stale_runs
from app.engine.stale_runs import FULL_S, LOST_WHY, PATIENCE_S, TIMELESS_WHY, Mended, StaleRuns
from app.flow import performers, registry
from tests.engine.calling import Ask, Fake, asking, make_calls, perform_with
from tests.engine.calling_runs import cancel
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=PATIENCE_S + 60)


@pytest.fixture
def fake(tmp_path: Path) -> Any:
    registry._types["ask"] = Ask
    fake = Fake(tmp_path / "ledger")
    perform_with(fake)
    yield fake
    performers.forget_performer("fake")


def look(world: World, times: int = 1) -> Mended:
    """One look, or several by one process: what the first did, and that the others found nothing to do."""
    looks = StaleRuns()
    done = looks.look(world.db, world.tenant)
    assert all(not any(looks.look(world.db, world.tenant)) for _ in range(times - 1))
    return done


def awaiting(world: World, count: int = 2) -> Any:
    """Runs that wait for the outcome of a mail."""
    world.travel(NOON)
    workflow = world.workflow(
        flow(
            "go",
            [node("mail", "send_email", subject="Hello", goOn="sent"), node("end", "end"), node("sorry", "add_tag", tag="sorry")],
            ("trigger", "mail"), ("mail", "end"), ("mail", "sorry", "error"),
        )
    )  # fmt: skip
    world.emit("go", world.contacts(count))
    assert world.one("select array_agg(distinct status) from active_runs") == [2]
    return workflow


@pytest.mark.parametrize(
    ("status", "reason", "tagged"),
    [(2, None, 0), (8, "No such mailbox.", 2), (10, None, 0), (9, "The worker was lost.", 2)],
)
def test_a_message_whose_outcome_was_lost_is_told_once_more(
    world: World, status: int, reason: Any, tagged: int
) -> None:
    workflow = awaiting(world)
    world.db.execute(
        "update messages set status = %s, error_message = %s, due_at = null, settled_at = clock_now()", (status, reason)
    )
    assert not any(look(world)), "the note may be on its way"
    world.db.execute("update virtual_clock set at = %s", (LATER,))
    assert look(world, times=2) == Mended(answered=2)
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from contacts where tags = '{sorry}'") == tagged


def test_a_run_of_which_nothing_is_left_is_held(world: World, fake: Fake) -> None:
    world.travel(NOON)
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(3))
    world.db.execute("delete from calls where run_id = (select id from active_runs order by id limit 1)")
    world.db.execute("update virtual_clock set at = %s", (LATER,))
    assert look(world, times=2) == Mended(held=1)
    assert world.runs(workflow) == {"held": 1, "running": 2}
    assert world.one("select error_message from active_runs where status = 3") == LOST_WHY
    assert integrity.check(world.db) == []


def test_a_run_that_nobody_would_ever_take_goes_on(world: World) -> None:
    world.travel(NOON)
    pause = flow(
        "go", [node("wait", "delay", duration=1, unit="days"), node("end", "end")], ("trigger", "wait"), ("wait", "end")
    )
    workflow = world.workflow(pause)
    world.emit("go", world.contacts(2))
    first, second = [row[0] for row in world.db.execute("select id from active_runs order by id").fetchall()]
    world.db.execute("update active_runs set resume_at = null, status = 0, resume_port = null where id = %s", (first,))
    world.db.execute("update active_runs set resume_at = null where id = %s", (second,))
    assert look(world, times=2) == Mended(woken=1, held=1)
    assert world.one("select error_message from active_runs where id = %s", second) == TIMELESS_WHY
    world.engine.advance()  # it takes its step once more: the wait begins anew
    assert world.runs(workflow) == {"waiting": 1, "held": 1}
    assert world.one("select resume_at from active_runs where id = %s", first) == NOON + timedelta(days=1)
    assert integrity.check(world.db) == []


def test_what_is_not_installed_is_said(world: World, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    world.travel(NOON)
    calling = world.workflow(asking())
    unknown = world.workflow(flow("go", [node("odd", "no_such_type")], ("trigger", "odd")))
    world.emit("go", world.contacts(2))
    performers.forget_performer("fake")
    world.db.execute("update virtual_clock set at = %s", (LATER,))
    assert not any(look(world, times=2)), "nothing of that can be mended"
    stalls = dict(world.db.execute("select workflow_id, reason from stalls").fetchall())
    assert "calls of the kind “fake”" in stalls[calling] and "“no_such_type” is not installed" in stalls[unknown]
    assert world.one("select array_agg(count) from stalls") == [2, 2]
    perform_with(fake)
    world.db.execute("delete from active_runs where workflow_id = %s", (unknown,))
    look(world)
    assert world.one("select count(*) from stalls") == 0, "what goes on again is said no more"


def test_held_runs_that_take_the_places_of_a_workflow_are_named(world: World) -> None:
    """Not before somebody has waited for an hour, not while one comes and goes, and not where the places are in use."""
    world.travel(NOON)
    ask = {**node("ask", "condition", conditions=[rule("contact.attributes.n", "greater_than", 1)]), "onError": "hold"}
    settings = {"rateLimitMaxConcurrent": 2, "reentry": "always"}
    broken = world.workflow(
        flow("go", [ask, node("end", "end")], ("trigger", "ask"), ("ask", "end", "true"), settings=settings)
    )
    pause = [node("wait", "delay", duration=9, unit="days"), node("end", "end")]
    busy = world.workflow(flow("go", pause, ("trigger", "wait"), ("wait", "end"), settings=settings))
    for person in world.contacts(5, attributes={"n": "many"}):
        world.emit("go", [person])
    world.engine.advance()
    assert world.runs(broken) == {"held": 2} and world.runs(busy) == {"waiting": 2}
    assert world.one("select count(*) from waiting_starts where workflow_id = %s", broken) == 3

    def named() -> dict[Any, Any]:
        look(world)
        return dict(world.db.execute("select workflow_id, (reason, count)::text from stalls").fetchall())

    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(seconds=FULL_S - 60),))
    assert not named()
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(seconds=FULL_S + 60),))
    (reason,) = named().items()
    assert reason[0] == broken and "lets 2 runs be under way at a time" in reason[1] and reason[1].endswith(",3)")
    assert "2 of them by held runs" in reason[1]
    cancel(world, [world.one("select id from active_runs where workflow_id = %s limit 1", broken)])
    world.engine.advance()
    assert not named(), "the next one has begun"


def test_a_look_is_bounded_and_the_next_goes_on_there(
    world: World, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale_runs, "RUNS_AT_ONCE", 2)
    monkeypatch.setattr(stale_runs, "RUNS_OF_A_LOOK", 4)
    world.travel(NOON)
    for _ in range(2):
        world.workflow(asking())
    world.emit("go", world.contacts(5))
    world.db.execute("delete from calls")
    world.db.execute("update virtual_clock set at = %s", (LATER,))
    looks = StaleRuns()
    held = [looks.look(world.db, world.tenant).held for _ in range(4)]
    assert sum(held) == 10 and max(held) < 4 + 2, held
    assert look(world) == Mended()


def test_a_healthy_run_is_never_touched(world: World, fake: Fake, committed_database: CommittedDatabase) -> None:
    """Each state in which a run may be for long, at any age: nothing of its row changes."""
    world.travel(NOON)
    mail = node("mail", "send_email", subject="Hello", goOn="sent")
    world.workflow(asking())
    world.workflow(flow("mailed", [mail], ("trigger", "mail")))
    world.workflow(flow("slept", [node("wait", "delay", duration=30, unit="days")], ("trigger", "wait")))
    world.workflow(
        flow(
            "waited",
            [node("for", "wait_for_event", event="paid", timeout={"duration": 30, "unit": "days"})],
            ("trigger", "for"),
        )
    )
    choices = [{"id": "yes", "label": "Yes"}, {"id": "no", "label": "No"}]
    world.workflow(flow("asked", [node("ask", "hold", question="Well?", choices=choices)], ("trigger", "ask")))
    called = world.workflow(flow(None, [node("wait", "delay", duration=30, unit="days")], ("trigger", "wait")))
    world.workflow(
        flow("calls", [node("call", "sub_workflow", workflowId=str(called), mode="wait")], ("trigger", "call"))
    )
    people = world.contacts(4)
    for event in ("go", "mailed", "slept", "waited", "asked", "calls"):
        world.emit(event, people)
    # Of the mails one is on its way, one is uncertain and undecided, one has its note in the inbox.
    mails = [row[0] for row in world.db.execute("select run_id from messages order by run_id").fetchall()]
    world.db.execute("update messages set status = 1, lease_until = now() where run_id = %s", (mails[1],))
    world.db.execute(
        "update messages set status = 9, due_at = clock_now() + interval '9 days' where run_id = %s", (mails[2],)
    )
    world.db.execute("update messages set status = 2, due_at = null where run_id = %s", (mails[3],))
    world.put("message.settled", [people[0]], {"seq": 1, "port": "next"}, kind=2, run_id=mails[3])
    # Of the calls one is under way.
    world.db.execute(
        "update calls set lease_until = now() + interval '1 hour' where run_id = (select run_id from calls limit 1)"
    )
    for age in (timedelta(0), timedelta(minutes=4), timedelta(minutes=6), timedelta(days=20)):
        world.db.execute("update virtual_clock set at = %s", (NOON + age,))
        before = world.db.execute("select r::text from active_runs r order by id").fetchall()
        assert len(before) == 28 and look(world) == Mended()
        assert world.db.execute("select r::text from active_runs r order by id").fetchall() == before
    assert world.one("select count(*) from stalls") == 0 and world.one("select count(*) from inbox") == 1
    world.db.execute("update calls set lease_until = null")
    assert make_calls(committed_database.url) == 4, "and they go on as ever"
