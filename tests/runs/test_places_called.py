"""Places where a held run may go on are called by the cards of their version."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from app.runs.places import PlacesOfWorkflow

GRAPH: dict[str, Any] = {
    "trigger": {"type": "event", "event": "signed_up"},
    "nodes": [
        {"id": "a", "type": "delay", "data": {"duration": 1, "unit": "days"}},
        {"id": "b", "type": "delay", "data": {"duration": 2, "unit": "days"}},
    ],
    "edges": [{"source": "trigger", "target": "a"}, {"source": "a", "target": "b"}],
}


def test_places_are_called_by_the_cards_of_their_version() -> None:
    workflow = uuid4()
    places = PlacesOfWorkflow(1, workflow, 2, {1: GRAPH, 2: GRAPH})
    assert places.documents == {(workflow, 1): GRAPH, (workflow, 2): GRAPH}
    titles = {(workflow, 1): {"b": "Two days"}, (workflow, 2): {"b": "A weekend"}}
    assert places.choices(1, "a", titles, of_contact=True) == [
        ("1:b", "Two days"),
        ("2:a", "Wait 1 day (version 2)"),
        ("2:b", "A weekend (version 2)"),
    ]
