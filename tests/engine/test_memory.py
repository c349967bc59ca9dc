"""A worker holds what it works on, and nothing of what it has done."""

from __future__ import annotations

import gc
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.lib.ids import uuid7
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
OF_A_BATCH = {
    "Batch",
    "ContactState",
    "DueRun",
    "ContactChangeEvent",
    "Item",
    "RunState",
    "RunRow",
    "QueuedMessage",
    "FinishedStep",
    "SharedPath",
}
DECIDING = flow(
    "go",
    [
        node("c", "condition", conditions=[rule("contact.source", "equals", "web")]),
        node("u", "update_contact", set={"greeting": "Hi {{ contact.email }}"}, increment={"n": 1}),
        node("m", "send_email", templateId=str(uuid7())),
        node("end", "end"),
    ],
    ("trigger", "c"), ("c", "u", "true"), ("c", "end", "false"), ("u", "m"), ("m", "end"),
    goals=[{"id": "g", "event": "go", "checkContact": False}], settings={"reentry": "always"},
)  # fmt: skip
WAITING = flow(
    "go", [node("d", "delay", duration=1, unit="hours"), node("t", "add_tag", tag="late"), node("end", "end")],
    ("trigger", "d"), ("d", "t"), ("t", "end"), settings={"reentry": "always"},
)  # fmt: skip
FAILING = flow(
    "go", [node("x", "trouble", {"attempts": 3}, mode="raise", who="u")], ("trigger", "x"), settings={"reentry": "always"}
)  # fmt: skip


def test_the_names_are_those_of_the_engine() -> None:
    from app.engine import claim, due, paths, records, state, walk

    known = {name for module in (claim, due, paths, records, state, walk) for name in vars(module)}
    assert known >= OF_A_BATCH


def alive() -> Counter[str]:
    """Objects of the engine's batches that somebody still holds, cycles among them."""
    return Counter(
        type(thing).__name__
        for thing in gc.get_objects()
        if type(thing).__name__ in OF_A_BATCH and str(type(thing).__module__).startswith("app.engine")
    )


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("graph", [DECIDING, WAITING, FAILING], ids=["decides", "waits", "fails"])
def test_nothing_of_a_batch_outlives_it(world: World, graph: dict[str, Any]) -> None:
    """Without any help of the collector: it does not run at all here."""
    world.travel(NOON)
    world.workflow(graph)
    people = world.contacts(40, source="web")
    world.emit("go", people)
    gc.collect()
    before = alive()
    gc.disable()
    try:
        for hour in range(1, 6):
            world.emit("go", people)
            world.travel(NOON + timedelta(hours=2 * hour))
        assert alive() == before
    finally:
        gc.enable()
    assert world.one("select count(*) from runs") >= 6 * 40


def test_a_batch_that_is_refused_leaves_nothing_either(world: World) -> None:
    graph = flow("go", [node("x", "trouble", mode="odd")], ("trigger", "x"), settings={"reentry": "always"})
    world.workflow(graph)
    people = world.contacts(30)
    world.emit("go", people)
    gc.collect()
    before = alive()
    gc.disable()
    try:
        world.emit("go", people)
        assert alive() == before
    finally:
        gc.enable()
    assert world.one("select count(*) from dead_letters") == 2


def test_fifty_batches_take_no_more_memory_than_five(world: World) -> None:
    """200 runs a batch: kept, those of 45 would be some 10 MB and 90,000 objects."""
    world.workflow(WAITING)
    people = world.contacts(200)
    world.engine.limit = 200
    for _ in range(5):
        world.emit("go", people)
    gc.collect()
    before, objects = resident(), len(gc.get_objects())
    for _ in range(45):
        world.emit("go", people)
    assert world.one("select count(*) from runs where status = 1") == 50 * 200
    assert len(gc.get_objects()) - objects < 5_000
    assert resident() - before < 8_000_000, "a process that ran many tests before gives and takes some of its own"
