"""All HTML routes of messaging, gathered for the app: each page has a module of its own."""

from __future__ import annotations

from typing import Any

from app.messaging import message_pages, suppression_pages, unsubscribe_pages

HANDLERS: list[Any] = [*message_pages.HANDLERS, *suppression_pages.HANDLERS, *unsubscribe_pages.HANDLERS]
