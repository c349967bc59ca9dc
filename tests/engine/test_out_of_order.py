"""Random events in random order of arrival, cut into random batches: the outcome is that of their order of occurrence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.engine import integrity
from app.models.status import RunStatus
from tests.engine.reference import Told, visits
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PEOPLE = 2
GOALS = [
    {"id": "order", "event": "order", "conditions": [rule("event.size", "greater_than", 1)]},
    {"id": "trial", "event": "trial", "conditions": []},
]
# Up to an hour early and twelve seconds late by the sender's clock, so that some happen at one instant and some are not believed.
lives = st.lists(
    st.tuples(
        st.sampled_from(["cart", "cart", "order", "trial"]),
        st.integers(0, PEOPLE - 1),
        st.integers(-12, 2) | st.integers(-3600, 3600),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=10,
)
cuts = st.sets(st.integers(1, 9))


@pytest.fixture(scope="module")
def settled() -> dict[str, int]:
    """Hours that all examples of this module have used up: time never goes back."""
    return {"hours": 0}


def play(world: World, settled: dict[str, int], life: list[Any], cuts: set[int], reentry: str) -> None:
    """Let it happen to the engine, and compare."""
    settled["hours"] += 24
    noon = NOON + timedelta(hours=settled["hours"])
    world.travel(noon)
    graph = flow("cart", [node("d", "delay", duration=300, unit="days")], ("trigger", "d"), goals=GOALS)
    graph["settings"] = {"reentry": reentry}
    workflow = world.workflow(graph)
    try:
        people = world.contacts(PEOPLE)
        # Half a second after the full one, so that what is not believed and counts from its arrival meets no other at that instant:
        # in one batch the senders' words would decide between them, in two the order of arrival.
        events = [Told(name, who, at + early, at + 0.5, size) for at, (name, who, early, size) in enumerate(life)]
        for at, event in enumerate(events):
            if at in cuts:
                world.engine.advance()
            world.db.execute("update virtual_clock set at = %s", (noon + timedelta(seconds=event.arrived),))
            stated = noon + timedelta(seconds=event.stated)
            world.happen(event.name, people[event.who], {"size": event.size}, occurred_at=stated)
        world.engine.advance()
        found, wanted = seen(world, workflow, people, noon), visits(events, again=reentry == "always")
        if cuts:  # a run that is over stays over: which of two goals ended it may follow from what was known by then
            found, wanted = ended(found), ended(wanted)
        assert found == wanted
        assert integrity.check(world.db) == []
    finally:
        world.db.execute("update workflows set status = 'archived' where id = %s", (workflow,))


def ended(story: list[tuple[int, float, str]]) -> list[tuple[int, float, str]]:
    """The same without which goal it was."""
    return [(who, occurred, "waiting" if how == "waiting" else "a goal") for who, occurred, how in story]


def seen(world: World, workflow: UUID, people: list[UUID], noon: datetime) -> list[tuple[int, float, str]]:
    """The runs in the words of the reference."""
    rows = world.db.execute(
        "select contact_id, occurred_at, status, goal_reached_id from runs where workflow_id = %s", (workflow,)
    )
    return sorted(
        (people.index(contact), (occurred - noon).total_seconds(), goal or RunStatus(status).word)
        for contact, occurred, status, goal in rows
    )


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(life=lives, cuts=cuts)
@example(life=[("order", 0, -5, 2), ("cart", 0, -10, 0)], cuts={1})
@example(life=[("cart", 0, -5, 0), ("order", 0, -3600, 2)], cuts={1})
@example(life=[("order", 0, 0, 2), ("cart", 0, -1, 0)], cuts={1})
@example(life=[("cart", 0, 0, 0), ("order", 0, 0, 2), ("trial", 0, -2, 0)], cuts={1, 2})
def test_however_they_are_cut_and_mixed(world: World, settled: dict[str, int], life: list[Any], cuts: set[int]) -> None:
    """Visits that do not keep each other out end by the first goal after their beginning."""
    play(world, settled, life, cuts, "always")


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(life=lives)
@example(life=[("order", 0, -5, 2), ("cart", 0, -10, 0), ("cart", 0, -8, 0), ("cart", 0, -9, 0)])
def test_what_is_handled_together_lets_in_by_occurrence_too(
    world: World, settled: dict[str, int], life: list[Any]
) -> None:
    """Who is inside already is a question of that moment, when the whole story is there."""
    play(world, settled, life, set(), "after_exit")
