"""All HTML routes of callbacks, gathered for the app."""

from __future__ import annotations

from typing import Any

from app.callbacks import unsubscribe_pages

ROUTES: list[Any] = [*unsubscribe_pages.ROUTES]
