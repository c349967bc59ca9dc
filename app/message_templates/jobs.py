"""What is done with many templates by batches of `app.lists`."""

from __future__ import annotations

from app.message_templates import bulk_verbs

BULK = [bulk_verbs.BULK]
"""Offered by every process that does or asks for them."""
