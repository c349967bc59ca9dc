"""What is done with many workflows by batches of `app.lists`."""

from __future__ import annotations

from app.workflows import bulk_verbs

BULK = [bulk_verbs.BULK]
"""Offered by every process that does or asks for them."""
