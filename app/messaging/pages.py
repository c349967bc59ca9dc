"""All HTML routes of messaging, gathered for the app: each page has a module of its own."""

from __future__ import annotations

from typing import Any

from app.messaging import mailbox_pages, message_pages, suppression_pages, template_pages, unsubscribe_pages

HANDLERS: list[Any] = [
    *template_pages.HANDLERS,
    *message_pages.HANDLERS,
    *mailbox_pages.HANDLERS,
    *suppression_pages.HANDLERS,
    *unsubscribe_pages.HANDLERS,
]
