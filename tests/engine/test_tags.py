"""Steps that change tags write the rows of `contact_tags` with them, in whatever way a batch writes contacts."""

from __future__ import annotations

import pytest

from app.contacts.tag_repository import UNLIKE
from tests.fixtures.world import World, flow, node


@pytest.mark.parametrize("each", [False, True], ids=["the same for all", "another for each"])
def test_steps_of_workflows(world: World, each: bool) -> None:
    """Both ways in which a batch writes contacts; tags that are there already, and that are not there to be removed."""
    word = "{{ event.word }}" if each else "same"
    nodes = [
        node("one", "add_tag", tag="new"),
        node("two", "remove_tag", tag="old"),
        node("three", "add_tag", tag=word),
        node("four", "update_contact", set={"word": word}),
        node("five", "remove_tag", tag="never"),
        node("six", "add_tag", tag="short"),
        node("seven", "remove_tag", tag="short"),
    ]
    ids = [one["id"] for one in nodes]
    world.workflow(flow("go", nodes, *zip(["trigger", *ids], ids, strict=False)))
    people = [*world.contacts(6, tags=["old", "kept"]), *world.contacts(6, tags=["new"]), *world.contacts(6)]
    for number, person in enumerate(people):
        world.put("go", [person], {"word": f"w{number}"})
    world.engine.advance()
    assert world.db.execute(UNLIKE).fetchall() == []
    tags = world.db.execute("select tag, count(*) from contact_tags group by 1").fetchall()
    words = {f"w{number}": 1 for number in range(18)} if each else {"same": 18}
    assert dict(tags) == {"new": 18, "kept": 6, **words}


def test_only_tags_change_writes_rows_of_tags(world: World) -> None:
    """A step that sets an attribute says nothing to `contact_tags`."""
    world.workflow(flow("go", [node("set", "update_contact", set={"plan": "pro"})], ("trigger", "set")))
    people = world.contacts(3, tags=["vip"])
    world.emit("go", people)
    assert world.db.execute("select count(*), min(tag) from contact_tags").fetchone() == (3, "vip")
    assert world.db.execute("select count(*) from contacts where attributes->>'plan' = 'pro'").fetchone() == (3,)
