"""Rules that count the same events share what is counted, however often and within whatever time they want them."""

from __future__ import annotations

from tests.engine.dynamic import Dynamic, did, did_not, rule
from tests.fixtures.world import World

DEFINED = "select count(*) from segment_fact_definitions"
ROWS = "select count(*) from segment_facts"


async def test_one_row_serves_rules_of_different_numbers(world: World) -> None:
    (person,), segments = world.contacts(1), Dynamic(world)
    ids = await segments.add(
        rule(did("paid")), rule(did("paid", 3, 9)), rule(did("paid", 9, 30)), rule(did_not("paid", 5)),
        rule(did("paid", 2, 1, op="at_most"), did("paid", 4, 9)),
    )  # fmt: skip
    for _ in range(4):
        world.happen("paid", person)
    world.engine.advance()
    assert [person in segments.members(one) for one in ids] == [True, True, False, False, False]
    assert (world.one(DEFINED), world.one(ROWS)) == (1, 1)
    assert segments.faults() == [] and segments.recounted() == []


async def test_who_needs_more_gets_a_row_that_later_rules_share_when_the_first_is_gone(world: World) -> None:
    (person,), segments = world.contacts(1), Dynamic(world)
    (few,) = await segments.add(rule(did("paid", 2, 9)))
    for _ in range(14):
        world.happen("paid", person)
    world.engine.advance()
    (many,) = await segments.add(rule(did("paid", 12, 9)))
    assert segments.members(many) == {person}, "counted from what is stored"
    assert (world.one(DEFINED), world.one(ROWS)) == (2, 2)
    number = await segments.edit(few, rule(did("paid", 14, 9)))
    segments.build()
    await segments.swap(few)
    segments.build()
    assert segments.of_number(number) == segments.members(few) == {person}
    assert (world.one(DEFINED), world.one(ROWS)) == (1, 1), "what nobody needs any more is gone"
    (late,) = await segments.add(rule(did("paid", 1, 9)))
    world.happen("paid", person)
    world.engine.advance()
    assert segments.members(late) == {person} and world.one(DEFINED) == 1
    assert segments.faults() == [] and segments.recounted() == []
