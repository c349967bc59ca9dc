"""The workflows that are measured, as graph documents, and the variants that show what a feature costs.

W1: 10,000 contacts through condition, update contact, add tag, send email, end. W2: 10,000 delays that are due.
"""

from __future__ import annotations

import copy
from typing import Any

TEMPLATE = "01900000-0000-7000-8000-0000000000aa"
EVENT = "contact.created"

W1: dict[str, Any] = {
    "trigger": {"type": "event", "event": EVENT, "conditions": [], "match": "all"},
    "nodes": [
        {
            "id": "n1",
            "type": "condition",
            "data": {"conditions": [{"field": "contact.source", "operator": "equals", "value": "website"}]},
        },
        {"id": "n2", "type": "update_contact", "data": {"set": {"plan": "trial"}}},
        {"id": "n3", "type": "add_tag", "data": {"tag": "welcomed"}},
        {"id": "n4", "type": "send_email", "data": {"templateId": TEMPLATE}},
        {"id": "n5", "type": "end", "data": {}},
    ],
    "edges": [
        {"source": "trigger", "target": "n1"},
        {"source": "n1", "target": "n2", "sourceHandle": "true"},
        {"source": "n1", "target": "n5", "sourceHandle": "false"},
        {"source": "n2", "target": "n3"},
        {"source": "n3", "target": "n4"},
        {"source": "n4", "target": "n5"},
    ],
    "goals": [{"id": "g1", "event": "order.placed", "conditions": [], "match": "all"}],
    "settings": {"reentry": "after_exit"},
}
STEPS: list[tuple[str, str, Any]] = [
    (
        "n1",
        "true",
        {
            "branch": "true",
            "rules": [
                {
                    "field": "contact.source",
                    "operator": "equals",
                    "wanted": "website",
                    "actual": "website",
                    "held": True,
                }
            ],
        },
    ),
    ("n2", "next", {"set": {"plan": "trial"}}),
    ("n3", "next", {"tag": "welcomed"}),
    ("n4", "next", {"status": "queued"}),
    ("n5", "next", None),
]
"""The steps of a run of W1: node, port, output."""
W2: dict[str, Any] = {
    "trigger": {"type": "event", "event": EVENT},
    "nodes": [
        {"id": "d1", "type": "delay", "data": {"duration": 1, "unit": "days"}},
        {"id": "n5", "type": "end", "data": {}},
    ],
    "edges": [{"source": "trigger", "target": "d1"}, {"source": "d1", "target": "n5"}],
    "goals": [],
    "settings": {},
}

VARIANTS = {
    "all on": "goal not hit, re-entry checked, counters, outputs",
    "no goals": "no goal listens",
    "goal hit": "each event is looked up as a goal too",
    "enter always": "no re-entry query",
    "enter once": "re-entry asks the whole history",
    "no outputs": "steps without what they found",
    "no counters": "node_stats not written",
    "trigger test": "one condition on the trigger",
    "templated": "each person gets a value of their own, `Hi {{ contact.attributes.name }}`",
    "counting": "an attribute is counted up",
}


def variant(name: str) -> dict[str, Any]:
    """The W1 document with one thing changed. Variants of the engine itself are made in `cells`."""
    graph = copy.deepcopy(W1)
    if name == "no goals":
        graph["goals"] = []
    elif name == "goal hit":
        graph["goals"].append({"id": "g2", "event": EVENT, "conditions": [], "match": "all"})
    elif name.startswith("enter "):
        graph["settings"]["reentry"] = name.removeprefix("enter ")
    elif name == "trigger test":
        graph["trigger"]["conditions"] = [{"field": "channel", "operator": "equals", "value": "signup"}]
    elif name == "templated":
        graph["nodes"][1]["data"]["set"]["greeting"] = "Hi {{ contact.attributes.name }}"
    elif name == "counting":
        graph["nodes"][1]["data"]["increment"] = {"visits": 1}
    return graph
