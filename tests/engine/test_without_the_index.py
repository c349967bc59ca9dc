"""Whole batches with the index over listeners do what they do when everybody is asked about every event."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine import integrity, subscriptions
from app.engine.listeners import Index
from app.flow.conditions import diagnostics_of_json
from app.models.status import RunStatus
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class AskingAll(Index[Any]):
    """No index: everybody is asked about every event."""

    def __init__(self, listeners: Any) -> None:
        super().__init__((listener, [], "all") for listener, _, _ in listeners)


FIELDS = [
    "contact.plan",
    "plan",
    "contact.n",
    "contact.tags",
    "contact.source",
    "event.k",
    "event.plan",
    "attributes.plan",
]


@st.composite
def conditions(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    if depth == 0 and draw(st.integers(0, 4)) == 0:
        inner = draw(st.lists(conditions(1), min_size=1, max_size=2))
        return {"match": draw(st.sampled_from(["all", "any"])), "conditions": inner}
    field = draw(st.sampled_from(FIELDS))
    if field == "contact.tags":
        return rule(field, "contains", draw(st.sampled_from(["a", "b"])))
    name = draw(st.sampled_from(["equals", "equals", "in", "not_equals", "greater_than"]))
    value = 0 if name == "greater_than" else draw(st.sampled_from(["x", "y", 1]))
    return rule(field, name, [value, "z"] if name == "in" else value)


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    steps = [
        node("c", "update_contact", set={"plan": draw(st.sampled_from(["x", "y"]))}),
        node("c", "update_contact", increment={"n": 1}),
        node("c", "update_contact", set={"source": "x", "n": "many"}),
        node("c", "add_tag", tag=draw(st.sampled_from(["a", "b"]))),
        node("c", "delay", duration=1, unit="hours"),
    ]
    first, last = draw(st.sampled_from(steps)), node("d", "delay", duration=2, unit="hours")
    event = draw(st.sampled_from(["e", "e", "f", "contact.updated", "contact.attribute_changed"]))
    rules = draw(st.lists(conditions(), max_size=2))
    settings: dict[str, Any] = {"reentry": draw(st.sampled_from(["always", "after_exit", "once"]))}
    if draw(st.integers(0, 3)) == 0:
        settings["entryKey"] = "event.k"
    goals = []
    if draw(st.integers(0, 2)) == 0:
        about = draw(st.sampled_from(["f", "contact.attribute_changed"]))
        goals = [
            {"id": "g", "event": about, "conditions": draw(st.lists(conditions(), max_size=1)), "checkContact": True}
        ]
    edges = [("trigger", "c"), ("c", "d")]
    return flow(event, [first, last], *edges, trigger={"conditions": rules}, settings=settings, goals=goals)


LIVES = st.lists(
    st.tuples(
        st.sampled_from(["e", "e", "f"]), st.integers(0, 2),
        st.fixed_dictionaries({}, optional={"k": st.integers(0, 1), "plan": st.sampled_from(["x", "y"])}),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(
    graphs=st.lists(workflows(), min_size=2, max_size=5),
    life=LIVES,
    limit=st.sampled_from([1, 7, 1000]),
    plans=st.lists(st.sampled_from([None, "x", "y"]), min_size=3, max_size=3),
)
def test_whole_batches_do_what_they_do_when_everybody_is_asked(
    world: World, graphs: list[dict[str, Any]], life: list[Any], limit: int, plans: list[str | None]
) -> None:
    for graph in graphs:
        for part in ("trigger", *range(len(graph["goals"]))):
            one = graph["trigger"] if part == "trigger" else graph["goals"][part]
            if diagnostics_of_json(one["conditions"]):
                one["conditions"] = []
    results = []
    for index in (Index, AskingAll):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subscriptions, "Index", index)
            results.append(lived(world, graphs, life, limit, plans))
    assert results[0] == results[1]


def lived(world: World, graphs: Any, life: list[Any], limit: int, plans: list[str | None]) -> Any:
    """What became of three contacts: their runs by workflow, the refusals, and how they are."""
    start = world.one("select coalesce(max(at), %s) from virtual_clock", NOON) + timedelta(days=1)
    world.travel(start)
    world.engine.limit = limit
    people = [world.contacts(1, attributes={"plan": plan} if plan else {})[0] for plan in plans]
    flows = [world.workflow(graph) for graph in graphs]
    for hours, part in ((0, life[: len(life) // 2]), (1, life[len(life) // 2 :])):
        for name, who, properties in part:
            world.put(name, [people[who]], properties)
        world.travel(start + timedelta(hours=hours))
    world.travel(start + timedelta(hours=4))
    assert integrity.check(world.db) == []
    places: dict[UUID, int] = {one: place for several in (people, flows) for place, one in enumerate(several)}
    runs = world.db.execute(
        "select workflow_id, contact_id, status, trigger_event::text from runs where workflow_id = any(%s)", (flows,)
    )
    refused = world.db.execute(
        "select workflow_id, contact_id, reason from entry_refusals where workflow_id = any(%s)", (flows,)
    )
    outcome = (
        Counter((places[flow_id], places[who], RunStatus(status).word, event) for flow_id, who, status, event in runs),
        Counter((places[flow_id], places[who], reason) for flow_id, who, reason in refused),
        [
            world.db.execute("select attributes, tags, source from contacts where id = %s", (who,)).fetchone()
            for who in people
        ],
    )
    world.set_status(None, "archived")
    return outcome
