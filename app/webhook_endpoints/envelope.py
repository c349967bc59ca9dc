"""The headers of an event that is sent: signed as Standard Webhooks says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from standardwebhooks import Webhook as StandardWebhook

from app.domain_events.envelope import CONTENT_TYPE
from app.webhook_endpoints.secrets import EndpointSecret


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
