"""An event as other programs get it, whichever way: a CloudEvent 1.0 in JSON, the same bytes at each try."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domain_events.types import VERSION
from app.settings import settings

CONTENT_TYPE = "application/cloudevents+json"


def event_body(event_id: UUID, name: str, occurred_at: datetime, data: dict[str, Any], tenant_id: int) -> bytes:
    """The same bytes at each try."""
    base = settings().web.base_url
    event = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": f"{base}/workspaces/{tenant_id}",
        "type": name,
        "time": occurred_at,
        "datacontenttype": "application/json",
        "dataschema": f"{base}/api/v1/event-types#{name}.v{VERSION}",
        "data": data,
    }
    if subject := subject_of(data):
        event["subject"] = subject
    return msgspec.json.encode(event)


def subject_of(data: dict[str, Any]) -> str | None:
    """What an event is about: its run, else its contact, else its workflow."""
    contact = data.get("contact") or {}
    for kind, value in (
        ("runs", data.get("runId")),
        ("contacts", contact.get("id") or data.get("contactId")),
        ("workflows", data.get("workflowId")),
    ):
        if value:
            return f"{kind}/{value}"
    return None
