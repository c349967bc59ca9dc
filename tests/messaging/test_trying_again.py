"""How often and how long a message is tried: a server that says "not now", and one that is not there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.flow.retry import ONCE, Retry
from tests.fixtures.sink import Sink
from tests.messaging.world import World


def tries(world: World, run_id: UUID, answer: str = "451 4.7.1 Greylisted") -> list[float]:
    """Let every try be deferred until the message is over; the waits between them in seconds."""
    waits = []
    while True:
        world.sink.script["RCPT"] = [answer]
        world.deliver()
        row = world.row(run_id)
        if row["word"] != "queued":
            return waits
        assert row["attempt"] == len(waits) + 1 and row["reason"] == "deferred"
        waits.append(
            float(
                world.value("select extract(epoch from due_at - clock_now()) from messages where run_id = %s", run_id)
            )
        )
        world.db.execute("update messages set first_tried_at = first_tried_at - %s * interval '1 second'", (waits[-1],))
        world.make_due()


def test_4xx_is_tried_for_24_hours_with_growing_waits(world: World) -> None:
    run_id = world.message()
    waits = tries(world, run_id)
    row = world.row(run_id)
    assert (row["word"], row["reason"]) == ("failed", "deferred") and "Greylisted" in row["error_message"]
    assert waits[0] < 61 and max(waits) <= 3601 and 20 < sum(waits) / 3600 < 28
    assert all(30 * 2**n - 1 < wait <= 60 * 2**n for n, wait in enumerate(waits[:6]))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"attempts": 1}, []),
        ({"attempts": 4, "backoff": {"type": "fixed", "delay": 120_000, "jitter": False}}, [120] * 3),
        ({"attempts": 5, "backoff": {"type": "exponential", "delay": 10_000, "maxDelay": 35_000, "jitter": False}}, [10, 20, 35, 35]),
        ({"maxAttempts": 3, "backoff": "exponential", "delaySeconds": 600, "jitter": False}, [600, 1200]),
    ],
)  # fmt: skip
def test_4xx_is_tried_as_the_step_says(world: World, rule: dict[str, Any], expected: list[float]) -> None:
    run_id = world.message(payload={"retry": msgspec.convert(rule, Retry).packed()})
    assert tries(world, run_id, "452 4.2.2 Mailbox full") == pytest.approx(expected, abs=1)
    assert world.row(run_id)["attempt"] == len(expected) + 1


def test_a_server_that_is_away_costs_no_try(world: World) -> None:
    world.db.execute("""update connectors set config = config || '{"port": 9}'""")
    run_id = world.message(payload={"retry": ONCE.packed()})
    for _ in range(7):
        world.deliver()
        row = world.row(run_id)
        assert (row["word"], row["attempt"], row["reason"]) == ("queued", 0, "server_away")
        assert "No mail server was found" in row["error_message"]
        assert "It is tried until " in row["error_message"] and " UTC and then given up" in row["error_message"]
        world.make_due()
    back = Sink()
    back.start()
    world.db.execute("update connectors set config = config || jsonb_build_object('port', %s::int)", (back.port,))
    world.make_due()
    world.deliver()
    back.stop()
    assert (world.row(run_id)["word"], world.row(run_id)["attempt"]) == ("sent", 1)


def test_a_mail_waits_24_hours_for_its_server_from_when_both_were_there(world: World) -> None:
    """What was held longer than that by a pause is not given up at the first breath of wind."""
    world.db.execute("""update connectors set config = config || '{"port": 9}'""")
    old, new = world.message(hours_old=30), world.message()
    world.deliver()
    assert {world.row(old)["word"], world.row(new)["word"]} == {"queued"}
    world.db.execute("update connectors set state_since = state_since - interval '23 hours'")
    world.make_due()
    world.deliver()
    assert {world.row(old)["word"], world.row(new)["word"]} == {"queued"}
    world.db.execute("update connectors set state_since = state_since - interval '2 hours'")
    world.make_due()
    world.deliver()
    assert [(world.row(run_id)["word"], world.row(run_id)["reason"]) for run_id in (old, new)] == [
        ("failed", "server_away"), ("queued", "server_away"),
    ]  # fmt: skip
