"""Dynamic segments follow what happens: each way in and out, told exactly once, and equal to the rule computed anew."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine import failpoints, integrity, segment_integrity
from tests.engine.dynamic import Dynamic, did, did_not, f, rule
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NAMES = ("paid", "opened", "viewed")


async def test_an_attribute_moves_a_contact_in_and_out_and_each_move_is_told_once(world: World) -> None:
    people, segments = world.contacts(3, attributes={"plan": "free"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("attributes.plan", "equals", "Pro")))
    segments.change(people[0], plan="pro")
    world.engine.advance()
    assert segments.members(pro) == {people[0]}
    segments.change(people[0], plan=" PRO ")
    segments.change(people[1], plan="pro")
    world.engine.advance()
    segments.change(people[1], plan=None)
    world.engine.advance()
    assert segments.members(pro) == {people[0]}
    assert segments.told(pro) == {("added", people[0]): 1, ("added", people[1]): 1, ("removed", people[1]): 1}
    assert segments.faults() == []


async def test_a_step_that_adds_a_tag_moves_and_another_workflow_begins_by_it(world: World) -> None:
    (person,), segments = world.contacts(1), Dynamic(world)
    (vips,) = await segments.add(rule(f("tags", "contains", "vip")))
    adds = world.workflow(flow("paid", [node("a", "add_tag", tag="VIP")], ("trigger", "a")))
    graph = flow(None, [node("a", "add_tag", tag="greeted")], ("t", "a"))
    del graph["trigger"]
    greets = world.workflow(
        {**graph, "triggers": [{"id": "t", "type": "segment_entry", "data": {"segmentId": str(vips)}}]}
    )
    world.emit("paid", [person])
    world.engine.advance()
    assert segments.members(vips) == {person} and segments.told(vips) == {("added", person): 1}
    assert world.runs(adds) == world.runs(greets) == {"completed": 1}
    assert segments.faults() == []


async def test_events_move_when_their_number_turns(world: World) -> None:
    (person, other), segments = world.contacts(2), Dynamic(world)
    often, never, big = await segments.add(
        rule(did("paid", 2, 30)), rule(did_not("paid")), rule(did("paid", conditions=[f("total", "greater_than", 100)]))
    )
    assert segments.members(never) == {person, other}
    world.happen("paid", person, {"total": 7})
    world.engine.advance()
    assert (segments.members(often), segments.members(never), segments.members(big)) == (set(), {other}, set())
    world.happen("paid", person, {"total": "100.01"})
    world.engine.advance()
    assert segments.members(often) == segments.members(big) == {person}
    assert segments.faults() == [] and segments.recounted() == []


async def test_time_alone_moves_and_late_events_find_their_place(world: World) -> None:
    world.travel(NOON)
    (person, other), segments = world.contacts(2), Dynamic(world)
    recent, lapsed = await segments.add(rule(did("paid", 1, 7)), rule(did("paid"), did_not("paid", 7)))
    world.happen("paid", person)
    world.happen("paid", other, occurred_at=NOON - timedelta(days=20))
    world.engine.advance()
    assert segments.members(recent) == {person} and segments.members(lapsed) == {other}
    world.travel(NOON + timedelta(days=7) - timedelta(seconds=1))
    assert segments.members(recent) == {person}
    world.travel(NOON + timedelta(days=7))
    assert segments.members(recent) == set() and segments.members(lapsed) == {person, other}
    assert segments.told(lapsed)["added", person] == 1
    assert segments.faults() == []
    assert world.one("select count(*) from segment_state where next_at is not null") == 0, "nothing turns any more"


async def test_segments_read_segments_and_static_ones(world: World) -> None:
    (person, other), segments = world.contacts(2, attributes={"plan": "pro"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("plan", "equals", "pro")))
    both, outside = await segments.add(
        rule(f("segment", "in", str(pro)), did("paid")), rule(f("segment", "not_in", [str(pro)]))
    )
    assert segments.members(pro) == {person, other} and segments.members(outside) == set()
    world.happen("paid", person)
    world.engine.advance()
    assert segments.members(both) == {person}
    segments.change(person, plan="free")
    world.engine.advance()
    assert segments.members(both) == set() and segments.members(outside) == {person}
    assert segments.faults() == []


async def test_a_workflow_that_a_contact_is_in(world: World) -> None:
    (person, other), segments = world.contacts(2), Dynamic(world)
    waits = world.workflow(flow("paid", [node("d", "delay", duration=1, unit="days")], ("trigger", "d")))
    inside, finished, never = await segments.add(
        *(rule({"workflow": str(waits), "state": state}) for state in ("in", "finished", "never"))
    )
    assert segments.members(never) == {person, other}
    world.emit("paid", [person])
    assert (segments.members(inside), segments.members(finished), segments.members(never)) == ({person}, set(), {other})
    world.hurry()
    world.engine.advance()
    assert (segments.members(inside), segments.members(finished), segments.members(never)) == (set(), {person}, {other})
    assert segments.faults() == []


async def test_an_edit_is_built_beside_compared_and_told_to_nobody(world: World) -> None:
    from app.lib.database import transaction
    from app.membership import build_repository

    people, segments = world.contacts(6), Dynamic(world)
    for number, contact in enumerate(people):
        segments.change(contact, age=20 + number)
    world.engine.advance()
    (old,) = await segments.add(rule(f("age", "greater_or_equal", 23)))
    reader = (await segments.add(rule(f("segment", "in", str(old)))))[0]
    assert segments.members(old) == segments.members(reader) == set(people[3:])
    number = await segments.edit(old, rule(f("age", "between", [22, 24])))
    segments.change(people[0], age=23)
    world.engine.advance()
    segments.build()
    async with transaction() as session:
        compared = await build_repository.compare(session, world.tenant, segments.numbers[old], number)
        progress = (await build_repository.progress(session, world.tenant, [number]))[number]
    assert (compared.enter, compared.leave, compared.stay) == (1, 1, 3)
    assert list(compared.entering) == [people[2]] and list(compared.leaving) == [people[5]]
    assert progress.finished_at is not None and progress.share == 1
    told = segments.told(old)
    assert told == {("added", people[0]): 1}, "only the version that counts is told"
    before = segments.members(reader)
    await segments.swap(old)
    segments.build()
    assert segments.told(old) == told and segments.members(old) == {people[0], *people[2:5]}
    assert segments.members(reader) == segments.members(old), "who reads it follows"
    assert segments.told_twice({reader: before - {people[0]}}) == []
    assert segments.faults() == []
    assert world.one("select count(*) from segment_builds where dropped_at is not null") == 0


def everything(dice: random.Random) -> list[dict[str, Any]]:
    """Rules of all kinds."""
    return [
        rule(f("plan", "in", ["pro", "team"]), did(dice.choice(NAMES), 1, 30)),
        rule(did("opened", 1, 20), did_not("paid", 14)),
        rule(did("viewed", 3, 9)),
        rule(did("paid", 2, 60, op="at_most"), did("paid")),
        rule(did("paid", 1, 5, op="exactly"), f("age", "greater_than", 30), match="any"),
        rule(f("signup", "within_last", {"duration": 7, "unit": "days"})),
        rule(f("age", "less_than", 40), match="none"),
        rule(did("paid", days=10, occurrence="first"), did("opened", days=3, occurrence="last", did=False), match="any"),
        rule(did("viewed", 2, 30, conditions=[f("kind", "equals", "book")])),
        rule(rule(did("opened"), f("vip", "is_true"), match="any"), f("tags", "not_contains", "x")),
        rule(f("plan", "matches", r"^(pro|te.m)\b"), did("viewed", 2, 30, conditions=[f("kind", "matches", "^b.+K$")])),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [3, 4])
async def test_what_is_kept_up_to_date_equals_the_rules_computed_anew(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any history of events (late ones too), changes, turns of the clock, new segments in the middle, and crashes."""
    dice, now = random.Random(seed), NOON
    world.travel(now)
    people, segments = world.contacts(25), Dynamic(world)
    ids = await segments.add(*everything(dice))
    ids += await segments.add(
        rule(f("segment", "in", str(ids[0])), f("age", "exists")), rule(f("segment", "not_in", str(ids[2])))
    )
    before = {segment_id: segments.members(segment_id) for segment_id in ids}

    class Crash(Exception):
        pass

    def crash(name: str) -> None:
        if dice.random() < 0.15:
            raise Crash(name)

    for turn in range(12):
        for _ in range(dice.randint(5, 40)):
            ago = timedelta(seconds=dice.choice([0, 0, 60, 3600, 86400 * 4, 86400 * 15, 86400 * 200]))
            properties = {"kind": dice.choice(["book", "Book", "pen", 1])}
            world.happen(dice.choice(NAMES), dice.choice(people), properties, occurred_at=now - ago)
        for contact in dice.sample(people, 5):
            name, value = dice.choice(
                [
                    ("plan", dice.choice(["free", "pro", None])),
                    ("age", dice.choice(["n/a", 50, "31", None])),
                    ("signup", f"{now - timedelta(days=dice.randint(0, 20)):%Y-%m-%dT%H:%M:%S}Z"),
                    ("vip", dice.choice([True, False, "maybe"])),
                ]
            )
            segments.change(contact, **{name: value})
        if turn == 6:
            ids += await segments.add(rule(did("viewed", 1, 12)), rule(did("paid", 3)), build=False)
            before |= {segment_id: set() for segment_id in ids[-2:]}
        with monkeypatch.context() as crashes:
            crashes.setattr(failpoints, "reach", crash)
            crashes.setattr(world.engine, "limit", dice.choice([1, 7, 1000]))
            for _ in range(200):
                try:
                    if not world.engine.advance():
                        break
                except Crash:
                    continue
        if turn == 6:
            segments.build(piece=4)
            before |= {segment_id: segments.members(segment_id) for segment_id in ids[-2:]}
            for segment_id in ids[-2:]:
                assert not segments.told(segment_id), "who is in when it is built is told to nobody"
        now += timedelta(seconds=dice.choice([1, 3600, 86400, 86400 * 3]))
        world.travel(now)
        assert segments.faults() == [], turn
        assert segments.recounted() == [], turn
    assert segments.told_twice(before) == []
    assert [breach for breach in integrity.check(world.db) if breach.invariant.startswith("S")] == []
    assert world.one("select count(*) from events where name like 'segment.%%'") > 100


async def test_a_segment_is_built_while_events_go_on(world: World) -> None:
    """Half of history waits in the inbox; contacts are built by whoever meets them first, and everything is counted once."""
    world.travel(NOON)
    dice, people, segments = random.Random(5), world.contacts(30), Dynamic(world)
    for _ in range(200):
        world.happen(dice.choice(NAMES), dice.choice(people), occurred_at=NOON - timedelta(days=dice.randint(0, 40)))
    world.engine.advance()
    for _ in range(200):
        world.happen(dice.choice(NAMES), dice.choice(people), occurred_at=NOON - timedelta(days=dice.randint(0, 40)))
    ids = await segments.add(rule(did("paid", 3, 30)), rule(did("opened", 5, op="at_most")), build=False)
    world.engine.limit = 11
    for _ in range(8):
        world.engine.take_events()
    assert 0 < world.one("select count(*) from segment_state where built > 0") < 30
    segments.build(piece=7)
    world.engine.advance()
    assert segments.faults() == [] and segments.recounted() == []
    assert all(segments.members(segment_id) for segment_id in ids)


DAMAGE = {
    "a member without a state": ("update segment_state set segments = '{}' where contact_id = %s", "S1"),
    "an event that was not counted": ("update segment_facts set n = 0 where contact_id = %s", "S2"),
    "a turn that nobody takes": (
        "update segment_state set next_at = clock_now() - interval '1 day' where contact_id = %s",
        "S4",
    ),
    "a contact that was left out": ("delete from segment_state where contact_id = %s", "S5"),
    "a member that was not counted": ("delete from segment_members where contact_id = %s", "S6"),
    "what is left of somebody": ("delete from contacts where id = %s", "S7"),
}


async def test_damage_is_found_and_named(world: World) -> None:
    world.travel(NOON)
    (person, _), segments = world.contacts(2), Dynamic(world)
    world.db.execute("update contacts set created_at = %s", (NOON - timedelta(days=1),))
    await segments.add(rule(did("paid", 1, 30)), rule(did("paid")))
    world.happen("paid", person)
    world.engine.advance()
    assert integrity.check(world.db) == []
    for name, (sql, invariant) in DAMAGE.items():
        with world.db.transaction(force_rollback=True):
            world.db.execute(sql, (person,))
            checks = [check for check in segment_integrity.CHECKS if check[0] == invariant]
            assert any(world.db.execute(check[2]).fetchall() for check in checks), name


async def test_an_erased_contact_has_no_row_left(world: World) -> None:
    from app.contacts import erasure_repository
    from app.lib import clock
    from app.lib.database import transaction

    (person, other), segments = world.contacts(2, attributes={"plan": "pro"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("plan", "equals", "pro"), did("paid"), match="any"))
    world.happen("paid", person)
    world.engine.advance()
    async with transaction() as session:
        assert await erasure_repository.erase(session, world.tenant, person, clock.now())
    world.happen("paid", person)
    world.engine.advance()
    assert segments.members(pro) == {other} and not segments.told(pro)
    for table in ("segment_state", "segment_facts", "segment_members"):
        assert world.one(f"select count(*) from {table} where contact_id = %s", person) == 0
    assert segments.faults() == []


async def test_a_workspace_without_dynamic_segments_writes_nothing(world: World) -> None:
    (person,) = world.contacts(1)
    world.happen("contact.updated", person, {"changed": ["attributes.plan"]})
    world.emit("paid", [person])
    assert world.one("select count(*) from segment_state") == 0
