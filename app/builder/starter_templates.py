"""Starter flows for an empty canvas. They are inserted by ordinary ops, so they can be undone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec

from app.flow.document import triggers_of
from app.lib.translation import gettext

COLUMN, ROW = 280, 168

Graph = dict[str, Any]


def _node(node_id: str, type_: str, column: float, row: int, name: str = "", **data: Any) -> Graph:
    node = {"id": node_id, "type": type_, "position": {"x": int(column * COLUMN), "y": row * ROW}, "data": data}
    return node | ({"name": name} if name else {})


def _path(*steps: str) -> list[Graph]:
    """Edges along `steps`; a step written `ask:true` is left by that port."""
    edges = []
    for step, next_step in pairwise(steps):
        source, _, port = step.partition(":")
        port = port or "next"
        target = next_step.partition(":")[0]
        edges.append({"id": f"e-{source}-{port}", "source": source, "target": target, "sourceHandle": port})
    return edges


def _flow(name: str, text: str, event: str, nodes: list[Graph], edges: list[Graph], **more: Any) -> Graph:
    position = {"x": COLUMN, "y": 0}
    trigger = {"type": "event", "event": event, "position": position}
    triggers = msgspec.to_builtins(triggers_of({"trigger": trigger}))
    graph = {"triggers": triggers, "nodes": nodes, "edges": edges, "goals": [], "notes": [], **more}
    return {"name": name, "text": text, "kinds": [node["type"] for node in nodes], "graph": graph}


def starting_flows() -> list[Graph]:
    """Name, one sentence, the kinds of steps for a picture, and the graph."""
    return [
        _flow(
            "Welcome",
            gettext("A first email, a day later a look at whether they began, and a nudge for those who did not."),
            "contact.created",
            [
                _node("welcome", "send_email", 1, 1, "Welcome"),
                _node("a-day", "delay", 1, 2, duration=1, unit="days"),
                _node(
                    "began",
                    "condition",
                    1,
                    3,
                    gettext("Did they begin?"),
                    match="all",
                    conditions=[{"field": "contact.attributes.started", "operator": "is_true"}],
                ),
                _node("active", "add_tag", 0.5, 4, tag="active"),
                _node("nudge", "send_email", 1.5, 4, "Nudge"),
            ],
            [*_path("trigger", "welcome", "a-day", "began:true", "active"), *_path("began:false", "nudge")],
        ),
        _flow(
            gettext("Abandoned cart"),
            gettext("A day after something was put into the cart, a reminder, unless they bought."),
            "add_to_cart",
            [
                _node("a-day", "delay", 1, 1, duration=24, unit="hours"),
                _node("reminder", "send_email", 1, 2, gettext("Still interested?")),
                _node("end", "end", 1, 3),
            ],
            _path("trigger", "a-day", "reminder", "end"),
            goals=[{"id": "bought", "name": "Bought", "event": "purchase", "conditions": [], "match": "all"}],
        ),
        _flow(
            "Newsletter",
            gettext("Thank new readers once, and tag them so that segments find them."),
            "newsletter.subscribed",
            [
                _node("thanks", "send_email", 1, 1, gettext("Thank you for reading")),
                _node("tag", "add_tag", 1, 2, tag="newsletter"),
                _node("end", "end", 1, 3),
            ],
            _path("trigger", "thanks", "tag", "end"),
        ),
    ]
