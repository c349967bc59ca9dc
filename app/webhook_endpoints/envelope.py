"""An event as it is sent: a CloudEvent 1.0 in JSON, signed as Standard Webhooks says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from standardwebhooks import Webhook as StandardWebhook

from app.domain_events.types import VERSION
from app.settings import settings
from app.webhook_endpoints.secrets import EndpointSecret

CONTENT_TYPE = "application/cloudevents+json"


def body_of(event_id: UUID, name: str, occurred_at: datetime, data: dict[str, Any], tenant_id: int) -> bytes:
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


def headers_of(event_id: UUID, body: bytes, secrets: Sequence[EndpointSecret], now: datetime) -> dict[str, str]:
    """With a signature by each secret that holds now, so that the receiver may know either."""
    text = body.decode()
    signatures = [StandardWebhook(secret.text).sign(str(event_id), now, text) for secret in secrets]
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "Throughline-Webhooks/1",
        "webhook-id": str(event_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
