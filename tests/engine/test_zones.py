"""Dates without a zone belong to the contact's zone, else to the workspace's, also after the workspace has moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.world import World, flow, node, rule

NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # the 26th in Berlin, still the 25th in New York


def _answers(world: World, flow_id: object) -> list[str]:
    query = "select output->>'branch' from steps join runs on runs.id = run_id where workflow_id = %s order by steps.completed_at"
    return [row[0] for row in world.db.execute(query, (flow_id,)).fetchall()]


@pytest.mark.parametrize("operator", ["on", "within_last"])
def test_the_zone_of_a_date(world: World, operator: str) -> None:
    world.travel(NOW)
    value = "2026-11-26" if operator == "on" else {"duration": 1, "unit": "days"}
    field = "event.at" if operator == "on" else "event.day"
    flow_id = world.workflow(
        flow(
            "e",
            [node("c", "condition", conditions=[rule(field, operator, value)])],
            ("trigger", "c"),
            settings={"reentry": "always"},
        )
    )
    (berlin,) = world.contacts(1, timezone="Europe/Berlin")
    (nowhere,) = world.contacts(1)
    event = {"at": NOW.isoformat(), "day": "2026-11-24"}
    world.emit("e", [berlin], event)
    world.travel(NOW + timedelta(seconds=1))
    world.emit("e", [nowhere], event)
    here = ["true", "false"] if operator == "on" else ["false", "true"]
    assert _answers(world, flow_id) == here
    # The workspace moves to where it is the 26th: compiled versions follow.
    world.db.execute("update workspaces set timezone = 'Pacific/Kiritimati'")
    world.travel(NOW + timedelta(seconds=2))
    world.emit("e", [nowhere], event)
    assert _answers(world, flow_id) == [*here, here[0]]


def test_mail_texts_and_attributes_follow_the_zone_too(world: World) -> None:
    world.travel(NOW)
    texts = {"when": "{{ event.at | date: '%d %b %H:%M' }}", "name": "{{ event.at | date: '%A' }}"}
    flow_id = world.workflow(flow("e", [node("u", "update_contact", set=texts)], ("trigger", "u")))
    world.db.execute("update workspaces set timezone = 'America/New_York'")
    (tokyo,) = world.contacts(1, timezone="Asia/Tokyo", locale="de")
    (nowhere,) = world.contacts(1)
    world.emit("e", [tokyo, nowhere], {"at": NOW.isoformat()})
    assert world.runs(flow_id) == {"completed": 2}
    found = {
        row[0]: (row[1], row[2])
        for row in world.db.execute("select id, attributes->>'when', attributes->>'name' from contacts").fetchall()
    }
    assert found == {tokyo: ("26 Nov. 08:30", "Donnerstag"), nowhere: ("25 Nov 18:30", "Wednesday")}


def test_what_breaks_a_step_is_told_in_words(world: World) -> None:
    texts = {"when": "{{ event.n | divided_by: 0 }}", "sorted": "{{ event.n }}"}
    failing = world.workflow(flow("e", [node("u", "update_contact", set=texts)], ("trigger", "u")))
    (person,) = world.contacts(1)
    world.emit("e", [person], {"n": 7})
    told = world.one("select error_message from runs where workflow_id = %s", failing)
    assert told == "A text of this step cannot be filled in: Line 1: divided_by: nothing can be divided by 0."
