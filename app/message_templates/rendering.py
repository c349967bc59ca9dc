"""The contact as templates see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def contact_data(row: Mapping[str, Any]) -> dict[str, Any]:
    """A contact as Liquid sees it. `contact.first_name` is short for `contact.attributes.first_name`; real fields win."""
    attributes = row["attributes"] or {}
    created = row["created_at"]
    return {
        **attributes,
        "id": str(row["id"]),
        "external_id": row["external_id"],
        "externalId": row["external_id"],
        "email": row["email"],
        "phone": row["phone"],
        "source": row["source"],
        "tags": list(row["tags"] or ()),
        "timezone": row["timezone"],
        "locale": row["locale"],
        "created_at": created.isoformat() if isinstance(created, datetime) else created,
        "attributes": attributes,
    }
