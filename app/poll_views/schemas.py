"""What the API says of triggers that ask for rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from app.flow.row_poll import FirstPoll
from app.web.structs import Camel


class PollView(Camel):
    """How a trigger stands. `asks` false: it is not live, or its workflow is paused. `cursor`: the greatest value so far; `lastRows`: new
    rows of the last answer, `startedRows` and `refusedRows` of all; `error`: why it cannot read, since `failingSince`."""

    asks: bool
    next_at: datetime | None = None
    polled_at: datetime | None = None
    cursor: str | None = None
    last_rows: int = 0
    started_rows: int = 0
    refused_rows: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    error: str | None = None


class TriedRow(Camel):
    """One row, and what the trigger would do with it. `known`: it starts nothing more."""

    id: str
    row: Any
    known: bool
    starts: bool
    text: str
    identity: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    properties: dict[str, Any] = {}


class TriedPoll(Camel):
    """The newest rows, and how many there are, where that is counted. `error`: why none could be read."""

    rows: list[TriedRow]
    total: int | None = None
    error: str | None = None


class CountedPoll(Camel):
    """How many rows there are before a trigger goes live, None where nobody can say; `first` as of the trigger; `reads_on`: it went live
    before, and goes on where it was."""

    total: int | None
    first: FirstPoll
    reads_on: bool = False
    error: str | None = None


class TryPoll(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`data`: settings to try instead of those of the draft."""

    data: dict[str, Any] | None = None
