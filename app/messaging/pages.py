"""All HTML routes of messaging, gathered for the app: each page has a module of its own."""

from __future__ import annotations

from typing import Any

from app.messaging import unsubscribe_pages

HANDLERS: list[Any] = [*unsubscribe_pages.HANDLERS]
