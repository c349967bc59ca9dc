"""Steps that do the same for everybody stay shared, and who has no room for them is still asked: limits hold in every mixture."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from app.values.contact_fields import MAX_ATTRIBUTES_BYTES, MAX_TAGS, attributes_size
from tests.fixtures.world import World, flow, node

FULL = [f"t{number}" for number in range(MAX_TAGS)]
BIG = {"big": "x" * (MAX_ATTRIBUTES_BYTES - 40)}


def tagging(*tags: str, **more: Any) -> dict[str, Any]:
    """A flow of `add_tag` steps in a row."""
    names = [f"a{number}" for number in range(len(tags))]
    edges = zip(["trigger", *names], names, strict=False)
    return flow("e", [node(name, "add_tag", tag=tag) for name, tag in zip(names, tags, strict=True)], *edges, **more)


def tags(world: World, contact: UUID) -> list[str]:
    found: list[str] = world.one("select tags from contacts where id = %s", contact)
    return found


def test_the_full_fail_beside_those_with_room(any_way: World) -> None:
    world = any_way
    has_room = world.contacts(3, tags=["vip"])
    nearly, full, had = (world.contacts(1, tags=some)[0] for some in (FULL[:-1], FULL, [*FULL[:-1], "one"]))
    flow_id = world.workflow(tagging("one", "two"))
    world.emit("e", [full, *has_room, nearly, had])
    assert world.runs(flow_id) == {"completed": 3, "failed": 3}
    assert all(tags(world, contact) == ["vip", "one", "two"] for contact in has_room)
    assert tags(world, full) == FULL
    assert tags(world, nearly) == [*FULL[:-1], "one"] == tags(world, had)
    world.balanced()


@pytest.mark.parametrize("steps", [2, 5])
def test_runs_of_one_contact_in_one_batch_know_of_each_other(any_way: World, steps: int) -> None:
    """The first run takes the last room, in the same batch in which the others look for it."""
    world = any_way
    (contact,) = world.contacts(1, tags=FULL[: MAX_TAGS - steps])
    flows = [
        world.workflow(tagging(*[f"{name}{number}" for number in range(steps)], settings={"reentry": "always"}))
        for name in ("x", "y")
    ]
    world.emit("e", [contact])
    ended = [world.runs(flow_id) for flow_id in flows]
    assert sorted(map(str, ended)) == ["{'completed': 1}", "{'failed': 1}"]
    assert len(tags(world, contact)) == MAX_TAGS
    world.balanced()


def test_what_a_step_of_ones_own_took_is_reckoned_with(any_way: World) -> None:
    """A value of this person fills the contact before a step that is the same for everybody."""
    world = any_way
    small, large = world.contacts(2)
    flow_id = world.workflow(
        flow(
            "e",
            [
                node("own", "update_contact", set={"big": "{{ event.big }}"}),
                node("same", "update_contact", set={"a": "y" * 60}),
            ],
            ("trigger", "own"),
            ("own", "same"),
        )
    )
    world.put("e", [small], {"big": "x"})
    world.put("e", [large], BIG)
    world.engine.advance()
    assert world.runs(flow_id) == {"completed": 1, "failed": 1}
    assert world.one("select attributes ? 'a' from contacts where id = %s", small)
    assert attributes_size(world.one("select attributes from contacts where id = %s", large)) <= MAX_ATTRIBUTES_BYTES


def test_who_waited_is_asked_again(any_way: World) -> None:
    """Room at the entry is no room after a wait."""
    world = any_way
    kept, filled = world.contacts(2)
    flow_id = world.workflow(
        flow(
            "e",
            [node("w", "delay", duration=1, unit="seconds"), node("t", "add_tag", tag="late")],
            ("trigger", "w"),
            ("w", "t"),
        )
    )
    world.emit("e", [kept, filled])
    world.db.execute("update contacts set tags = %s where id = %s", (FULL, filled))
    world.hurry()
    world.engine.advance()
    assert world.runs(flow_id) == {"completed": 1, "failed": 1}
    assert tags(world, kept) == ["late"] and tags(world, filled) == FULL


def test_steps_that_are_the_same_for_all_stay_shared(world: World) -> None:
    """However many people come, a stretch of such steps is walked and encoded once."""
    flow_id = world.workflow(tagging("one", "two", "three"))
    world.emit("e", world.contacts(1))
    compiled = world.engine.matcher.flows[flow_id.bytes, 1]
    assert compiled.room == (3, 0, {"one", "two", "three"})
    assert all(step.constant_outcome is not None for step in compiled.nodes.values())
