"""The three workflows of the demo workspace, as graph documents. Template ids are filled in by `app.demo.workspace`."""

from __future__ import annotations

from typing import Any

Graph = dict[str, Any]
COLUMN, ROW = 280, 168


def _node(node_id: str, type_: str, name: str, column: float, row: int, **data: Any) -> Graph:
    position = {"x": int(column * COLUMN), "y": row * ROW}
    return {"id": node_id, "type": type_, "name": name, "position": position, "data": data}


def _edge(source: str, target: str, port: str = "next") -> Graph:
    return {"id": f"e-{source}-{port}", "source": source, "target": target, "sourceHandle": port}


def _trigger(event: str, *conditions: Graph) -> Graph:
    return {
        "type": "event",
        "event": event,
        "conditions": list(conditions),
        "match": "all",
        "position": {"x": int(1.5 * COLUMN), "y": 0},
    }


def _is(field: str, value: Any) -> Graph:
    return {"field": field, "operator": "equals", "value": value}


def segmented_welcome(templates: dict[str, str]) -> Graph:
    """A welcome for each product, then the same two follow-ups after two and five days."""
    return {
        "trigger": _trigger("subscription.created"),
        "nodes": [
            _node(
                "is-united",
                "condition",
                "Bought United?",
                1.5,
                1,
                conditions=[_is("event.product", "united")],
                match="all",
            ),
            _node(
                "is-podcast",
                "condition",
                "Bought Podcast?",
                2,
                2,
                conditions=[_is("event.product", "podcast")],
                match="all",
            ),
            _node("united", "send_email", "United welcome", 0.5, 3, templateId=templates["united_welcome"]),
            _node("podcast", "send_email", "Podcast welcome", 1.5, 3, templateId=templates["podcast_welcome"]),
            _node("generic", "send_email", "General welcome", 2.5, 3, templateId=templates["generic_welcome"]),
            _node("two-days", "delay", "", 1.5, 4, duration=2, unit="days"),
            _node("nudge", "send_email", "Engagement nudge", 1.5, 5, templateId=templates["engagement_nudge"]),
            _node("five-days", "delay", "", 1.5, 6, duration=5, unit="days"),
            _node("value", "send_email", "Value highlight", 1.5, 7, templateId=templates["value_highlight"]),
            _node("end", "end", "", 1.5, 8),
        ],
        "edges": [
            _edge("trigger", "is-united"),
            _edge("is-united", "united", "true"),
            _edge("is-united", "is-podcast", "false"),
            _edge("is-podcast", "podcast", "true"),
            _edge("is-podcast", "generic", "false"),
            *(_edge(welcome, "two-days") for welcome in ("united", "podcast", "generic")),
            _edge("two-days", "nudge"),
            _edge("nudge", "five-days"),
            _edge("five-days", "value"),
            _edge("value", "end"),
        ],
        "goals": [],
        "settings": {"reentry": "once"},
        "notes": [],
    }


def newsletter_welcome(templates: dict[str, str]) -> Graph:
    """One mail with the reader's preferences, once in a lifetime."""
    return {
        "trigger": _trigger("newsletter.subscribed"),
        "nodes": [
            _node("welcome", "send_email", "Newsletter welcome", 1.5, 1, templateId=templates["newsletter_welcome"]),
            _node("tag", "add_tag", "", 1.5, 2, tag="newsletter"),
            _node("end", "end", "", 1.5, 3),
        ],
        "edges": [_edge("trigger", "welcome"), _edge("welcome", "tag"), _edge("tag", "end")],
        "goals": [],
        "settings": {"reentry": "once"},
        "notes": [],
    }


def onboarding(templates: dict[str, str]) -> Graph:
    """New sign-ups from the website: welcome, a day later a nudge for those who have not started; a purchase ends it."""
    return {
        "trigger": _trigger("contact.created", _is("source", "website_signup")),
        "nodes": [
            _node("welcome", "send_email", "Welcome", 1.5, 1, templateId=templates["generic_welcome"]),
            _node("a-day", "delay", "", 1.5, 2, duration=86_400, unit="seconds"),
            _node(
                "started",
                "condition",
                "Started a project?",
                1.5,
                3,
                conditions=[_is("contact.attributes.started", True)],
                match="all",
            ),
            _node("active", "add_tag", "", 1, 4, tag="active"),
            _node("nudge", "send_email", "Nudge", 2, 4, templateId=templates["engagement_nudge"]),
            _node("end", "end", "", 1.5, 5),
        ],
        "edges": [
            _edge("trigger", "welcome"),
            _edge("welcome", "a-day"),
            _edge("a-day", "started"),
            _edge("started", "active", "true"),
            _edge("started", "nudge", "false"),
            _edge("active", "end"),
            _edge("nudge", "end"),
        ],
        "goals": [
            {
                "id": "goal-1",
                "name": "Purchased",
                "event": "contact.attribute_changed",
                "conditions": [_is("attributes.has_purchased", True)],
                "match": "all",
                "checkContact": True,
            }
        ],
        "settings": {"reentry": "once"},
        "notes": [
            {
                "id": "note-1",
                "text": "A purchase at any time ends the run as a success.",
                "position": {"x": int(2.5 * COLUMN), "y": 1 * ROW},
                "width": 200,
                "height": 72,
            }
        ],
    }
