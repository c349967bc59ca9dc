"""Versions of rules are built as sets: equal to what is kept up to date one by one, whatever kills the builder, and beside changes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.engine import failpoints, segment_builder
from app.lib.database import transaction
from app.membership import build_repository
from tests.engine.dynamic import Dynamic, did, did_not, f, rule
from tests.engine.test_dynamic_segments import NAMES, everything
from tests.fixtures.world import World

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Crash(Exception):
    """Stands for a kill."""


async def rebuild(world: World, segments: Dynamic, monkeypatch: pytest.MonkeyPatch, dice: random.Random) -> int:
    """Everything once more from the base tables, in pieces, with crashes; answers how many."""
    world.db.execute("update segment_state set built = 0")
    world.db.execute("update segment_fact_definitions set epoch = 1")
    async with transaction() as session:
        for number, raw in segments.rules.items():
            await build_repository._begin(session, world.tenant, number, build_repository.segment_rule(raw), 1)
        await build_repository.raise_epoch(session, world.tenant)
    crashes = 0

    def crash(name: str) -> None:
        if name.startswith("piece") and dice.random() < 0.3:
            raise Crash(name)

    with monkeypatch.context() as armed:
        armed.setattr(failpoints, "reach", crash)
        for _ in range(300):
            try:
                segments.build(piece=dice.choice([1, 3, 7, 50]))
                break
            except Crash:
                crashes += 1
    return crashes


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_rebuild_equals_what_was_kept_up_to_date(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, now = random.Random(seed), NOON
    world.travel(now)
    people, segments = world.contacts(25), Dynamic(world)
    ids = await segments.add(
        *everything(dice),
        rule(f("birthday", "anniversary_within_next", {"duration": 7, "unit": "days"})),
        rule(f("age", "greater_than", 30), f("plan", "equals", "pro"), match="any"),
    )
    ids += await segments.add(
        rule(f("segment", "in", str(ids[0])), f("age", "exists")),
        rule(f("segment", "not_in", str(ids[2])), did_not("paid", 9)),
    )
    await segments.add(rule(f("segment", "in", [str(ids[-2]), str(ids[-1])])))
    crashes = 0
    for turn in range(6):
        for _ in range(40):
            ago = timedelta(seconds=dice.choice([0, 60, 86400 * 4, 86400 * 15, 86400 * 200]))
            properties = {"kind": dice.choice(["book", "pen", 1])}
            world.happen(dice.choice(NAMES), dice.choice(people), properties, occurred_at=now - ago)
        for contact in dice.sample(people, 8):
            born = f"{1980 + dice.randint(0, 30)}-06-{dice.randint(1, 28):02}"
            values = {
                "plan": dice.choice(["free", "pro", None]),
                "age": dice.choice(["n/a", 50, "31"]),
                "birthday": born,
            }
            name = dice.choice(list(values))
            if dice.random() < 0.4:
                await segments.import_silently((contact, {name: values[name]}))
            else:
                segments.change(contact, **{name: values[name]})
        world.engine.advance()
        now += timedelta(seconds=dice.choice([3600, 86400, 86400 * 3]))
        world.travel(now)
        before = {number: segments.of_number(number) for number in segments.rules}
        facts = world.db.execute("select * from segment_facts order by 1, 2, 3").fetchall()
        told = world.one("select count(*) from events where name like 'segment.%%'")
        crashes += await rebuild(world, segments, monkeypatch, dice)
        assert {number: segments.of_number(number) for number in segments.rules} == before, turn
        assert world.db.execute("select * from segment_facts order by 1, 2, 3").fetchall() == facts
        assert world.one("select count(*) from events where name like 'segment.%%'") == told, "nobody has moved"
        assert segments.faults() == []
        due = world.one("select count(*) from segment_state where next_at is not null and next_at <= clock_now()")
        assert due == 0
    assert sum(map(len, before.values())) > 20 and crashes > 3, "kills between pieces, and within one, were tried"


async def test_changes_go_on_while_a_piece_is_built(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder holds the contacts of one piece only, and what happens to others in between counts once."""
    people, segments = world.contacts(6, attributes={"plan": "pro"}), Dynamic(world)
    people.sort()
    for contact in people:
        world.happen("paid", contact)
    world.engine.advance()
    (often,) = await segments.add(rule(did("paid", 2, 30)), build=False)
    pieces = list[str]()

    def meanwhile(name: str) -> None:
        if name == "piece locked" and not pieces:
            pieces.append(name)
            world.happen("paid", people[5])  # in a later piece
            world.happen("paid", people[0])  # in this one: it waits
            world.engine.advance(patience=1)

    with monkeypatch.context() as armed:
        armed.setattr(failpoints, "reach", meanwhile)
        segments.build(piece=2)
    world.engine.busy.clear()  # it would look again in two seconds
    world.engine.advance()
    assert pieces and segments.members(often) == {people[0], people[5]}
    assert segments.faults() == [] and segments.recounted() == []


async def test_more_rules_than_one_statement_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.membership import piece_repository

    monkeypatch.setattr(piece_repository, "MOST_LEAVES", 3)
    monkeypatch.setattr(piece_repository, "MOST_FACTS", 2)
    monkeypatch.setattr(piece_repository, "MOST_PATTERNS", 1)
    people, segments = world.contacts(4, attributes={"age": 31}), Dynamic(world)
    for number, contact in enumerate(people):
        for _ in range(number):
            world.happen("paid", contact)
            world.happen("viewed", contact)
    world.engine.advance()
    ids = await segments.add(
        *(rule(did("paid", times), f("age", "greater_than", 30)) for times in (1, 2, 3)),
        rule(did("viewed", 3, 9), did("paid", 1, 4), did("opened", 1, 3), match="any"),
        *(rule(f("age", "matches", pattern)) for pattern in ("^3", "1$", "4")),
    )
    reader = (await segments.add(rule(f("segment", "in", [str(one) for one in ids]))))[0]
    assert [len(segments.members(one)) for one in (*ids, reader)] == [3, 2, 1, 3, 4, 4, 0, 4]
    assert segments.faults() == [] and segments.recounted() == []


async def test_what_no_rule_counts_any_more_goes_and_is_counted_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_builder, "FACTS", 3)
    people, segments = world.contacts(12), Dynamic(world)
    for contact in people:
        world.happen("paid", contact)
        world.happen("viewed", contact)
    world.engine.advance()
    both, paid = await segments.add(rule(did("paid", 1, 9), did("viewed", 1, 9)), rule(did("paid", 1, 9)))
    counted = "select count(*), count(distinct fact) from segment_facts"
    assert world.db.execute(counted).fetchone() == (24, 2)

    async def drop(segment_id: UUID) -> None:
        number = segments.numbers.pop(segment_id)
        del segments.rules[number]
        world.db.execute("update segments set deleted_at = clock_now() where id = %s", (segment_id,))
        async with transaction() as session:
            await build_repository.drop(session, world.tenant, number)
        segments.build()

    await drop(both)
    assert world.db.execute(counted).fetchone() == (12, 1), "what another rule counts stays"
    assert world.one("select count(*) from segment_fact_definitions") == 1
    world.happen("viewed", people[0])
    world.happen("paid", people[0])
    world.engine.advance()
    (again,) = await segments.add(rule(did("viewed", 2, 9)))
    assert segments.members(again) == {people[0]} and segments.members(paid) == set(people)
    assert segments.faults() == [] and segments.recounted() == []
    await drop(paid)
    await drop(again)
    assert world.db.execute(counted).fetchone() == (0, 0)
    for table in ("segment_fact_definitions", "segment_builds", "segment_members"):
        assert world.one(f"select count(*) from {table}") == 0, table
