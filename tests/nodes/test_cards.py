"""What a card says below its title: never the title once more, and what the title would say when the step has another name."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from app.builder.form_options import Choices
from app.card_title_repository import REFERENCED
from app.flow.node_words import summary_of
from tests.nodes.test_contract import ENGINE, STEPS, example, look_of

REFERENCES: dict[str, Any] = {
    "segment": {"s1": {"name": "Trial people", "kind": "static"}},
    "workflow": {"w1": {"name": "Welcome call"}},
}


def lines(type_: str, data: dict[str, Any], name: str = "") -> tuple[str, str]:
    """The title and the line below it."""
    look = look_of(type_)
    html = ENGINE.get_template(f"{look.folder}/card.html").render(
        node={"id": "step", "type": type_, "name": name, "data": data},
        presentation=look,
        choices=Choices({kind: REFERENCES.get(kind, {}) for kind in REFERENCED}, [], [], []),
        summary=summary_of(type_, data),
    )
    title, below = (re.search(rf'class="{part}"[^>]*>(.*?)</span>', html, re.DOTALL) for part in ("ti", "su"))
    assert title and below
    return " ".join(unescape(title[1]).split()), " ".join(unescape(below[1]).split())


@pytest.mark.parametrize("type_", STEPS)
def test_a_step_called_like_its_title_says_it_once(type_: str) -> None:
    data = example(type_)
    title, below = lines(type_, data)
    for name in (title, title.upper(), f" {title} "):
        assert lines(type_, data, name)[1] == below
    assert title.lower() not in below.lower()


@pytest.mark.parametrize(
    ("type_", "data", "below"),
    [
        ("goal", {"name": "Bought", "ends": True}, "Goal “Bought”, the run ends as a success"),
        ("goal", {"name": "Bought", "ends": False}, "Goal “Bought”, counted, then continue"),
        ("end", {"outcome": "Bought"}, "Outcome “Bought”"),
        ("emit_event", {"name": "trial.ending", "properties": {"plan": "pro"}}, "Send trial.ending with plan"),
        ("emit_event", {"name": "trial.ending", "properties": {}}, "Send trial.ending"),
        (
            "wait_for_event",
            {"event": "order.paid", "timeout": {"duration": 1, "unit": "days"}},
            "For order.paid, up to 1 day",
        ),
        ("add_to_segment", {"segmentId": "s1"}, "Puts the contact into Trial people"),
        ("remove_from_segment", {"segmentId": "s1"}, "Takes the contact out of Trial people"),
        ("sub_workflow", {"workflowId": "w1", "mode": "wait"}, "Calls Welcome call: Waits for it"),
        (
            "sub_workflow",
            {"workflowId": "w1", "mode": "start", "audience": {"segmentId": "s1"}},
            "Calls Welcome call: For Trial people, continues at once",
        ),
        (
            "sub_workflow",
            {"workflowId": "w1", "mode": "wait", "audience": "company"},
            "Calls Welcome call: Without a contact, waits for it",
        ),
    ],
)
def test_a_step_with_a_name_of_its_own_still_says_what_it_does(type_: str, data: dict[str, Any], below: str) -> None:
    assert lines(type_, data, "A name of my own") == ("A name of my own", below)
