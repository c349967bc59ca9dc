"""Limits of a workflow hold at every door, each taken as its user takes it: what is in, what waits, and what was refused, there or later.

`test_limits_at_every_door` has the same for types of triggers at the engine, with starts that are put into its inbox.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from app.engine import integrity
from app.flow.trigger_registry import types
from app.models.status import Role
from tests.engine.doors import DOORS, V1, Door, Town
from tests.engine.limited import NOON, long, short
from tests.fixtures.clock import Clock
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World
from tests.runs.test_cancel import as_role

PEOPLE = 2
YESTERDAY, TOMORROW = (f"{NOON + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (-1, 1))
HOURS = {"reentry": "cooldown", "cooldownSeconds": 3_600}


class Rule(NamedTuple):
    """What is so once everybody has come twice. All others were refused, each time for one of `reasons`."""

    settings: dict[str, Any]
    inside: int
    wait: int
    reasons: Collection[str] = ()
    lasting: bool = True
    """Runs are not over when the second time comes."""


RULES = {
    "no rule": Rule({"reentry": "always"}, 4, 0),
    "rate": Rule({"rateLimitPerMinute": 1}, 1, 1, ("already_active", "already_waiting")),
    "at once": Rule({"rateLimitMaxConcurrent": 1}, 1, 1, ("already_active", "already_waiting")),
    "altogether": Rule({"maxEntries": 1}, 1, 0, ("entries_used_up", "already_active")),
    "not yet": Rule({"activeFrom": TOMORROW}, 0, 0, ("not_open_yet",)),
    "no more": Rule({"activeUntil": YESTERDAY}, 0, 0, ("closed",)),
    "after exit": Rule({"reentry": "after_exit"}, 2, 0, ("already_active",)),
    "once": Rule({"reentry": "once"}, 2, 0, ("entered_before",), lasting=False),
    "cool-down": Rule(HOURS, 2, 0, ("cooling_down",), lasting=False),
    "same key": Rule(
        {"reentry": "once", "entryKey": "contact.attributes.household"}, 2, 0, ("entered_before",), lasting=False
    ),
    "another key": Rule({"reentry": "once", "entryKey": "contact.attributes.visit"}, 4, 0, lasting=False),
}


@pytest.fixture
async def town(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient, clock: Clock
) -> AsyncIterator[Town]:
    world = World(committed_database.url)
    clock.set(NOON)
    world.travel(NOON)
    built = Town(world, await as_role(committed_client, world, Role.ADMIN), clock, PEOPLE)
    async with built.stack:
        yield built
    world.close()


def document(door: Door, settings: dict[str, Any], *, lasting: bool, enabled: bool = True) -> dict[str, Any]:
    graph = (long if lasting else short)(settings)
    del graph["trigger"]
    trigger = {"id": "trigger", "type": door.type, "enabled": enabled, "data": door.data()}
    return {**graph, "triggers": [trigger]}


def standing(town: Town, name: str) -> tuple[int, int]:
    """How many runs of a workflow there are, and how many wait to enter."""
    workflow = town.flows[name]
    runs = town.world.one("select count(*) from runs where workflow_id = %s", workflow)
    return runs, town.world.one("select count(*) from waiting_starts where workflow_id = %s", workflow)


def recorded(town: Town) -> dict[str, Counter[str]]:
    """Refusals that the engine has recorded, by workflow."""
    rows = town.world.db.execute("select workflow_id, reason, sum(times)::int from entry_refusals group by 1, 2")
    names, found = {workflow: name for name, workflow in town.flows.items()}, {name: Counter() for name in town.flows}
    for workflow, reason, times in rows.fetchall():
        if workflow in names:
            found[names[workflow]][reason] += times
    return found


def test_every_type_of_trigger_has_a_door() -> None:
    assert {door.type for door in DOORS.values()} == set(types())


@pytest.mark.parametrize("way", DOORS)
async def test_each_limit_holds(town: Town, way: str) -> None:
    door = DOORS[way](town)
    await door.open()
    for name, rule in RULES.items():
        town.flows[name] = town.world.workflow(document(door, rule.settings, lasting=rule.lasting))
    await door.live()
    said: dict[str, Counter[str]] = {name: Counter() for name in RULES}
    for visit in (1, 2):
        town.world.db.execute("update contacts set attributes = attributes || jsonb_build_object('visit', %s)", [visit])
        for name, reasons in (await door.come()).items():
            said[name] += reasons
        town.world.engine.advance()
    later = recorded(town)
    found = {name: (standing(town, name), (said[name] + later[name]).total()) for name in RULES}
    expected = {}
    for name, rule in RULES.items():
        entered = door.minutes if name == "rate" else 0  # whose turn has come meanwhile
        inside, wait = rule.inside + entered, rule.wait - entered
        expected[name] = ((inside, wait), 2 * PEOPLE - inside - wait)
    assert found == expected, (said, later)
    assert all(set(said[name] + later[name]) <= set(rule.reasons) for name, rule in RULES.items()), (said, later)
    assert integrity.check(town.world.db) == []


@pytest.mark.parametrize("way", DOORS)
async def test_a_closed_workflow_lets_nobody_in(town: Town, way: str) -> None:
    door = DOORS[way](town)
    await door.open()
    town.flows = {
        "paused": town.world.workflow(document(door, {}, lasting=True)),
        "off": town.world.workflow(document(door, {}, lasting=True, enabled=False)),
    }
    await door.live()
    town.world.set_status(town.flows["paused"], "paused")
    said = await door.come()
    town.world.engine.advance()
    later = recorded(town)
    for name, reason in zip(("paused", "off"), door.closed, strict=True):
        assert standing(town, name) == (0, 0), name
        assert {**said.get(name, {}), **later[name]} == ({reason: PEOPLE} if reason else {}), name
    assert integrity.check(town.world.db) == []


@pytest.mark.parametrize("way", DOORS)
async def test_what_changes_before_the_engine_looks_counts(town: Town, way: str) -> None:
    """A pause, a switch, an erasure: whoever was asked for, or waits for his turn, does not enter."""
    door, world = DOORS[way](town), town.world
    await door.open()
    rules: dict[str, dict[str, Any]] = {"paused": {}, "off": {}, "open": {"reentry": "always"}}
    for name, settings in {**rules, "in line": {"rateLimitPerMinute": 1}}.items():
        town.flows[name] = world.workflow(document(door, settings, lasting=True))
    await door.live()
    assert not any((await door.come()).values())
    world.set_status(town.flows["paused"], "paused")
    world.publish(town.flows["off"], document(door, {}, lasting=True, enabled=False), 2)
    world.engine.advance()
    first = {"paused": (0, 0), "off": (0, 0), "open": (PEOPLE, 0), "in line": (1, 1)}
    assert {name: standing(town, name) for name in town.flows} == first
    assert recorded(town)["paused"] == {"workflow_paused": PEOPLE}
    everywhere, town.flows = town.flows, {name: town.flows[name] for name in ("open", "in line")}
    await door.come()
    town.flows = everywhere
    for person in town.people:
        await town.ask("DELETE", f"{V1}/contacts/{person}", 200)
    world.engine.advance()
    assert {name: standing(town, name) for name in town.flows} == {**first, "in line": (1, 0)}, "runs that began stay"
    assert world.one("select count(*) from runs where status < 4") == 0, "none of them goes on"
    assert integrity.check(world.db) == []
