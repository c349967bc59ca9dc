"""All HTML routes of messaging, gathered for the app: each page has a module of its own."""

from __future__ import annotations

from typing import Any

from app.messaging import message_pages, suppression_pages, unsubscribe_pages

ROUTES: list[Any] = [*message_pages.ROUTES, *suppression_pages.ROUTES, *unsubscribe_pages.ROUTES]
