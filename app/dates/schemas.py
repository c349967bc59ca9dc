"""Triggers that watch dates of contacts as programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.web.structs import Camel


class DateToPreview(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A trigger as documents have it: its type, which must be one that watches a date of contacts (`date`), and its data."""

    type: Annotated[str, Meta(min_length=1, max_length=100)]
    data: dict[str, Any]


class ComingContact(Camel):
    """A contact, and when a run starts for it."""

    contact_id: UUID
    at: datetime


class DatePreviewOut(Camel):
    """Numbers of contacts: who has the date, for whom it comes within `days`, for whom a run starts as soon as the workflow goes live,
    whose date has passed and starts nothing, and who has something there that is no date. `exact` false: they are estimates. `coming`: some
    for whom it comes soon, soonest first."""

    dated: int
    soon: int
    days: int
    at_once: int
    passed: int
    unreadable: int
    exact: bool
    coming: list[ComingContact]


class WatchedDateOut(Camel):
    """A trigger of the live version that watches a date. `read` of `contacts` were read since it went live or was changed, all
    when `reading` is false. `unreadable`: how many have something there that is no date, at most 1,000. `nextAt`: when the first is due."""

    trigger_id: str
    title: str
    reading: bool
    read: int
    contacts: int
    unreadable: int
    next_at: datetime | None
