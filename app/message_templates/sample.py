"""The made-up contact of previews."""

from __future__ import annotations

from app.lib.translation import translatable
from app.models import Contact

SAMPLE = Contact(
    external_id="sample-1",
    email="ada.sample@example.com",
    phone="+49 30 5550100",
    source="preview",
    attributes={
        "first_name": "Ada",
        "last_name": "Sample",
        "firstName": "Ada",
        "lastName": "Sample",
        "company": translatable("Example Ltd"),
        "plan": "pro",
        "city": "Berlin",
    },
    tags=["sample"],
    timezone="Europe/Berlin",
    locale="en",
    consent={},
)
"""Whom a preview is for until a contact is chosen."""
