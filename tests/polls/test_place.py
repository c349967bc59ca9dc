"""What a trigger that asks for rows knows and where it stands, over long pauses, pauses while it asks, switches and rows alike."""

from __future__ import annotations

import asyncio
import copy
import itertools
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from app.flow.row_poll import RowCursor
from app.polls import jobs, sources, storing
from app.polls.sources import PollSources
from app.polls.upkeep import read_poll
from tests.fixtures.http_server import json_reply
from tests.fixtures.world import World
from tests.polls.conftest import Shop, look, poll_row, polling_flow, started

DAY = 60 * 24


def move(world: World, days: float) -> None:
    world.db.execute("update virtual_clock set at = at + %s", (timedelta(days=days),))


@pytest.mark.parametrize("cursor", ["none", {"path": "$.id", "kind": "number"}], ids=["by-id", "by-cursor"])
@pytest.mark.parametrize("how", ["paused", "weekly"])
async def test_rows_are_known_after_more_than_a_week_without_an_answer(
    world: World, shop: Shop, how: str, cursor: Any
) -> None:
    shop.add(1, 2)
    where = "" if cursor == "none" else "?since={{cursor}}"
    every = 604_800 if how == "weekly" else 60
    data = {"first": "existing", "cursor": cursor, "everySeconds": every}
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders{where}", **data))
    await look(world)
    if how == "paused":
        world.set_status(workflow, "paused")
    move(world, 9)
    await jobs.forget_polled_rows()
    world.set_status(workflow, "active")
    await look(world)
    assert started(world, workflow) == [1, 2] and len(shop.recorder.asked) == 2


async def test_a_pause_while_it_asks_loses_no_row(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add(1, 2)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    real = PollSources.ask

    async def slow(self: PollSources, *args: Any, **more: Any) -> Any:
        answer = await real(self, *args, **more)
        world.set_status(workflow, "paused")
        return answer

    monkeypatch.setattr(PollSources, "ask", slow)
    await look(world)
    assert started(world, workflow) == []
    monkeypatch.setattr(PollSources, "ask", real)
    await look(world)
    assert poll_row(world)["lease"] is None, "whoever resumes it waits for no lease"
    world.set_status(workflow, "active")
    await look(world)
    assert started(world, workflow) == [1, 2]


async def test_a_trigger_that_is_switched_on_again_goes_on(world: World, shop: Shop) -> None:
    shop.add(1, 2)
    document = polling_flow(f"{shop.recorder.url}/orders", first="existing")
    workflow = world.workflow(document)
    await look(world)
    off = copy.deepcopy(document)
    off["triggers"][0]["enabled"] = False
    world.publish(workflow, off, 2)
    asked = len(shop.recorder.asked)
    await look(world, minutes=DAY)
    assert len(shop.recorder.asked) == asked
    shop.add(3)
    world.publish(workflow, document, 3)
    await look(world)
    assert started(world, workflow) == [1, 2, 3]


async def test_a_list_of_ever_new_ids_is_asked_for_once_a_time(world: World, shop: Shop) -> None:
    numbers = itertools.count(1)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders"))

    def answer(asked: Any) -> Any:
        number = next(numbers)
        return json_reply({"orders": [{"id": min(number, 9), "email": "p@example.com"}]})

    shop.recorder.answer = answer
    await look(world)
    assert len(shop.recorder.asked) == 1 and poll_row(world)["primed"]
    await look(world)
    assert len(shop.recorder.asked) == 2 and started(world, workflow) == [2]


async def test_what_breaks_one_poll_ends_no_other(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add(1)
    first, second = (
        world.workflow(polling_flow(f"{shop.recorder.url}/{name}", first="existing")) for name in ("a", "b")
    )
    real_store, broken = storing.store, asyncio.Event()

    async def store(engine: Any, due: Any, *args: Any) -> Any:
        if due.workflow_id == first:
            broken.set()
            raise psycopg.errors.DeadlockDetected("deadlock detected")
        await broken.wait()
        return await real_store(engine, due, *args)

    monkeypatch.setattr(storing, "store", store)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        await look(world)
    world.engine.advance()
    assert started(world, second) == [1]


async def test_long_lists_are_read_beside_the_loop(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add(1)
    threads, real = list[bool](), sources._rows_of

    def noted(*args: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return real(*args)

    monkeypatch.setattr(sources, "_rows_of", noted)
    world.workflow(polling_flow(f"{shop.recorder.url}/orders"))
    await look(world)
    assert threads == [False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x" * 200 + "a", "x" * 200 + "b", False),
        (1732699123.123457, 1732699123.123458, False),
        (10**30, 10**30 + 1, False),
        (1, 1.0, True),
        (7, "7", True),
        (" a", "a ", True),
        ("a", "A", False),
        (0.1, "0.1", True),
    ],
)
def test_which_ids_are_the_same(one: Any, other: Any, same: bool) -> None:
    poll = read_poll("poll", polling_flow("https://shop.example/orders")["triggers"][0])
    assert poll is not None
    assert (storing.row_key(poll, {"id": one}) == storing.row_key(poll, {"id": other})) is same


@pytest.mark.parametrize("value", [None, {}, [1], True, "", "  ", float("inf")], ids=repr)
def test_what_is_no_id(value: Any) -> None:
    poll = read_poll("poll", polling_flow("https://shop.example/orders")["triggers"][0])
    assert poll is not None and poll.key_of({"id": value}) == ""


@pytest.mark.parametrize("value", [1732699123.123457, 1e22, -0.5, 1e-9, 12, Decimal("3.10")], ids=repr)
def test_a_cursor_is_never_rounded(value: Any) -> None:
    text = RowCursor("$.n").text_of({"n": value})
    assert text is not None and Decimal(text) == Decimal(str(value)) and "e" not in text.lower()
