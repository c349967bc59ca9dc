"""All HTML routes of subscriptions, gathered for the app: each page has a module of its own."""

from __future__ import annotations

from typing import Any

from app.subscriptions import suppression_pages

ROUTES: list[Any] = [*suppression_pages.ROUTES]
