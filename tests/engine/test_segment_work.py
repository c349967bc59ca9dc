"""What a batch costs beside dynamic segments: a few statements, whatever its size, and nothing is read of whom it cannot move."""

from __future__ import annotations

import random
import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.segment_judge import FOREVER, NOTHING, RuleNames, Sum, judge_of
from app.flow.segment_rules import Fact, segment_rule
from app.lib import database
from app.lib.binary_fields import register
from app.membership.book import Book, CountedFact, RuleVersion
from app.membership.state_repository import StateRepository
from tests.engine.dynamic import Dynamic, did, did_not, f, rule
from tests.engine.test_statements_of_types import count_statements
from tests.fixtures.world import World, flow, node

RULES = [
    rule(did("paid", 3, 30), f("attributes.plan", "equals", "pro")),
    rule(did("paid", 5)),
    rule(f("age", "less_than", 30)),
]


def of_segments(asked: list[str]) -> list[str]:
    """Statements about segments, and those that read fields of contacts; without the look for turns of time, and for new rules."""
    seldom = ("segment_builds", "segment_fact_definitions", "from segment_state s")
    concerning = [sql for sql in asked if "segment_" in sql or "c.attributes" in sql]
    return [sql for sql in concerning if not any(one in sql for one in seldom)]


def pay(world: World, people: list[UUID]) -> None:
    for person in people:
        world.happen("paid", person)
    world.engine.advance()


@pytest.mark.parametrize("count", [3, 300])
async def test_events_that_turn_nothing_read_and_write_counts_alone(
    world: World, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, segments = world.contacts(count, attributes={"plan": "pro"}), Dynamic(world)
    await segments.add(*RULES)
    pay(world, people)
    asked = count_statements(monkeypatch)
    pay(world, people)
    assert ["update segment_facts" in sql for sql in of_segments(asked)] == [False, True], of_segments(asked)
    assert segments.faults() == [] and segments.recounted() == []


async def test_counts_are_written_where_they_were_read(world: World) -> None:
    """A count that was unused and went meanwhile has left its place to another, which stays as it is."""
    people, segments = world.contacts(2), Dynamic(world)
    await segments.add(rule(did("paid")))
    pay(world, people)
    fact = world.one("select min(fact) from segment_facts")
    there, absent = (people[0].bytes, fact), (people[0].bytes, fact + 1)
    with database.connect("engine") as connection:
        register(connection)
        repository = StateRepository(connection.cursor(binary=True), world.tenant)
        place = repository.pairs([there])[there].place
        repository.put_facts({absent: Sum(5, 1, [3, 2])}, {absent: place})
        assert segments.recounted() == []
        repository.put_facts({there: Sum(5, 1, [3, 2])}, {there: place})
    rows = world.db.execute(
        "select contact_id, n, first_at, recent from segment_facts where fact = %s", (fact,)
    ).fetchall()
    assert [row[1:] for row in rows if row[0] == people[0]] == [(5, 1, [3, 2])]
    assert [row[1] for row in rows if row[0] == people[1]] == [1]


@pytest.mark.parametrize("count", [3, 300])
async def test_those_who_move_cost_a_statement_for_all_of_them(
    world: World, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, segments = world.contacts(count, attributes={"plan": "pro"}), Dynamic(world)
    (often, *_) = await segments.add(*RULES)
    pay(world, people)
    pay(world, people)
    asked = count_statements(monkeypatch)
    pay(world, people)
    # Counts read and written; states, fields of contacts; states and members written. What the rule counts was counted by the batch.
    statements = [" ".join(sql.split())[:40] for sql in of_segments(asked)]
    assert len(statements) == 6, statements
    assert segments.members(often) == set(people)
    assert segments.faults() == []


async def test_what_no_rule_reads_concerns_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves that were made by rules, and changes of other attributes, are not even a reason to lock the contact."""
    people, segments = world.contacts(3, attributes={"plan": "pro"}), Dynamic(world)
    await segments.add(*RULES)
    locked = "for no key update"
    for person in people:
        segments.change(person, city="Bremen")
        world.happen("segment.member.added", person, {"segmentId": str(next(iter(segments.numbers)))})
        world.happen("contact.unsubscribed", person)
    asked = count_statements(monkeypatch)
    world.engine.advance()
    assert [sql for sql in asked if locked in sql and "contacts" in sql] == [] and of_segments(asked) == []
    segments.change(people[0], age=20)
    world.engine.advance()
    assert [sql for sql in asked if locked in sql and "contacts" in sql] != []
    assert segments.faults() == []


async def test_facts_are_read_by_their_keys_however_small_their_table_is(world: World) -> None:
    """The planner would rather read the whole table: 15 ms a batch among 10,000 contacts."""
    from app.membership import state_repository

    people, segments = world.contacts(2_000), Dynamic(world)
    await segments.add(*RULES)
    pay(world, people)
    world.db.execute("analyze segment_facts")
    fact = world.one("select min(fact) from segment_facts")
    plan = world.db.execute(
        f"explain {state_repository.PAIRS}",
        {"tenant": world.tenant, "contacts": people[:500], "facts": [fact] * 500},
    ).fetchall()
    assert not any("Seq Scan" in line for (line,) in plan), plan
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", state_repository.KNOWN_FACTS)))
    statement = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", state_repository.KNOWN_FACTS)
    plan = world.db.execute(f"explain (generic_plan) {statement}").fetchall()  # prepared after a few batches
    assert any("Tid Scan" in line for (line,) in plan), plan


async def test_a_step_that_writes_what_is_there_moves_nobody(world: World) -> None:
    """What steps touch is judged as it is stored afterwards; a sum of theirs counts once."""
    (person, other), segments = world.contacts(2, attributes={"points": 1, "plan": "pro"}), Dynamic(world)
    two, three, pro = await segments.add(
        rule(f("points", "equals", 2)), rule(f("points", "equals", 3)), rule(f("attributes.plan", "equals", "pro"))
    )
    steps = [
        node("a", "update_contact", increment={"points": 1}),
        node("b", "update_contact", set={"plan": "pro"}),
    ]
    world.workflow(flow("go", steps, ("trigger", "a"), ("a", "b")))
    world.emit("go", [person])
    assert segments.members(two) == {person} and segments.members(three) == set()
    assert segments.told(pro) == {} and segments.members(pro) == {person, other}
    world.emit("go", [person])
    assert segments.members(two) == set() and segments.members(three) == {person}
    assert segments.faults() == []


# Counting ------------------------------------------------------------------------------------------------------------

INSTANTS = st.lists(st.integers(0, 40), min_size=1, max_size=8)


@given(st.lists(INSTANTS, min_size=1, max_size=6), st.sampled_from([1, 3, 10]), st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_how_events_come(batches: list[list[int]], keep: int, dice: random.Random) -> None:
    instants = [at for batch in batches for at in batch]
    together, alone = NOTHING, NOTHING
    for batch in batches:
        together = together.plus(batch, keep)
    dice.shuffle(instants)
    for at in instants:
        alone = alone.plus([at], keep)
    assert together == alone
    assert together == (len(instants), min(instants), sorted(instants, reverse=True)[:keep])


class Counted:
    """A contact of whom only sums are known."""

    def __init__(self, counted: Sum, now: int) -> None:
        self.facts, self.moment = {1: counted}, now
        self.segments, self.workflows = set[int](), dict[UUID, set[str]]()


SECOND = 1_000_000
CONDITIONS = [
    did("paid"), did("paid", 3), did("paid", 2, op="at_most"), did("paid", 2, op="exactly"), did_not("paid"),
    *[{"event": "paid", "count": {"operator": op, "value": n}, "within": {"duration": 9, "unit": "seconds"}}
      for op in ("at_least", "at_most", "exactly") for n in (1, 3)],
    *[{"event": "paid", "did": did_, "occurrence": which, "within": {"duration": 9, "unit": "seconds"}}
      for did_ in (True, False) for which in ("first", "last")],
]  # fmt: skip


@given(INSTANTS, st.none() | INSTANTS, st.integers(0, 45))
def test_a_bit_turns_whenever_events_change_a_verdict(new: list[int], old: list[int] | None, now: int) -> None:
    """Whoever is not judged would be judged as before: of a verdict that changes, or ends earlier, something has turned."""
    fact = Fact("paid", "[]", "all", 10)
    rules = [segment_rule(rule(one)) for one in CONDITIONS]
    versions = [RuleVersion(number, UUID(int=number), one, False, 0) for number, one in enumerate(rules, 1)]
    book = Book(versions, [CountedFact(1, fact, 0)], {one.segment_id: one.number for one in versions})
    names = RuleNames({leaf.fact: 1 for one in rules for leaf in one.conditions}, {})
    before = NOTHING if old is None else NOTHING.plus([at * SECOND for at in old], fact.keep)
    after = before.plus([at * SECOND for at in new], fact.keep)
    turned = set(book.turned(1, before, after, now * SECOND))
    for version in versions:
        judge = judge_of(version.rule, names)
        (was, until), (held, ends) = (judge(Counted(one, now * SECOND)) for one in (before, after))  # type: ignore[arg-type]
        if was is not held or ends < until <= FOREVER:
            assert version.number in turned, version.rule
