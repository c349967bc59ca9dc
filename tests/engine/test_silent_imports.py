"""Imports that tell nobody: dynamic segments follow them, and no workflow hears of who comes in or leaves by one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.contacts.fields import ContactPatch
from app.contacts.upserting import upsert_many
from app.lib.database import transaction
from app.lib.ids import uuid7
from app.segment_member_repository import SegmentMemberRepository
from tests.engine.dynamic import Dynamic, did, f, rule
from tests.fixtures.world import World, flow, node


def _by_segment(kind: str, segment_id: UUID) -> dict[str, Any]:
    graph = flow(None, [node("a", "add_tag", tag="seen")], ("t", "a"))
    del graph["trigger"]
    return {**graph, "triggers": [{"id": "t", "type": kind, "data": {"segmentId": str(segment_id)}}]}


async def test_segments_follow_and_nothing_starts(world: World) -> None:
    people, segments = world.contacts(3, attributes={"plan": "free"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("plan", "equals", "pro")))
    (reader,) = await segments.add(rule(f("segment", "in", str(pro))))
    enters, leaves = (world.workflow(_by_segment(kind, pro)) for kind in ("segment_entry", "segment_exit"))
    await segments.import_silently((people[0], {"plan": "pro"}), (people[1], {"plan": "pro"}))
    world.engine.advance()
    assert segments.members(pro) == segments.members(reader) == set(people[:2])
    await segments.import_silently((people[0], {"plan": "free"}))
    world.engine.advance()
    assert segments.members(pro) == segments.members(reader) == {people[1]}
    assert world.runs(enters) == world.runs(leaves) == {}
    assert segments.told(pro)["added", people[0]] == 1, "their history says it all the same"
    assert segments.faults() == [] and world.one("select count(*) from inbox") == 0
    segments.change(people[1], plan="free")
    world.engine.advance()
    assert world.runs(leaves) == {"completed": 1}, "a change that is no silent import is told as ever"


async def test_somebody_new_comes_in_silently(world: World) -> None:
    segments = Dynamic(world)
    (pro,) = await segments.add(rule(f("plan", "equals", "pro")))
    enters = world.workflow(_by_segment("segment_entry", pro))
    async with transaction() as session:
        patch = ContactPatch(texts={"email": "new@example.test"}, attributes={"plan": "pro"})
        (outcome,) = await upsert_many(session, world.tenant, [patch], via="import", emit=False)
    world.engine.advance()
    assert segments.members(pro) == {outcome.contact_id} and world.runs(enters) == {}
    assert segments.faults() == []


async def test_in_one_batch_only_what_the_import_did_alone_is_silent(world: World) -> None:
    (person,), segments = world.contacts(1, attributes={"plan": "free"}), Dynamic(world)
    quiet, loud, mixed = await segments.add(
        rule(f("plan", "equals", "pro")), rule(did("paid")), rule(f("plan", "equals", "pro"), did("paid"))
    )
    flows = [world.workflow(_by_segment("segment_entry", one)) for one in (quiet, loud, mixed)]
    await segments.import_silently((person, {"plan": "pro"}))
    world.happen("paid", person)
    world.engine.advance()
    assert [segments.members(one) for one in (quiet, loud, mixed)] == [{person}] * 3
    assert [world.runs(one) for one in flows] == [{}, {"completed": 1}, {"completed": 1}]
    assert segments.faults() == []


async def test_a_rule_follows_who_is_put_into_a_static_segment_silently(world: World) -> None:
    (person,), segments, static = world.contacts(1), Dynamic(world), uuid7()
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) values (%s, %s, 900, 'Guests', 'static')",
        (world.tenant, static),
    )
    (reader,) = await segments.add(rule(f("segment", "in", str(static))))
    enters = world.workflow(_by_segment("segment_entry", reader))
    async with transaction() as session:
        await SegmentMemberRepository(session, world.tenant).enter_static(static, [person], silently=True)
    world.engine.advance()
    assert segments.members(reader) == {person} and world.runs(enters) == {}
