"""The answers of the list of troubles."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Severity = Literal["danger", "warning", "info"]


class Trouble(msgspec.Struct, kw_only=True):
    """One thing that needs somebody.

    `count` runs, emails or events are concerned, since `since`; `error_message` is what a step or a server said. `kind` is a key of
    `kinds.KINDS`.
    """

    kind: str
    count: int = 0
    at_least: bool = False
    """Counting stopped there: there are as many, or more."""
    since: datetime | None = None
    workflow_id: UUID | None = None
    workflow_name: str = ""
    connector_id: UUID | None = None
    connector_name: str = ""
    endpoint_id: UUID | None = None
    endpoint_host: str = ""
    host: str = ""
    """That steps call by its URL, without a connector."""
    node_id: str | None = None
    error_message: str = ""
    details: list[str] = msgspec.field(default_factory=list)
    """For whoever runs the server: sessions, tables, statements."""


class TroubleSummary(msgspec.Struct, rename="camel"):
    """One entry of the list of the installation: numbers and words for anybody, nothing of a workspace."""

    kind: str
    severity: str
    detail: str
    count: int
    at_least: bool
    """Counting stopped at `count`: there are as many, or more."""
    since: datetime | None


class TroubleOut(msgspec.Struct, rename="camel", kw_only=True):
    """A trouble as programs read it."""

    kind: str
    severity: Severity
    title: str
    message: str
    count: int
    """How many runs, messages or events it is about. They are counted up to 10,000."""
    at_least: bool
    """Counting stopped at `count`: there are as many, or more."""
    since: datetime | None
    workflow_id: UUID | None
    workflow_name: str | None
    connector_id: UUID | None
    connector_name: str | None
    endpoint_id: UUID | None
    endpoint_host: str | None
    host: str | None
    """That steps call by its URL, without a connector."""
    node_id: str | None


class DeadLetterOut(msgspec.Struct, rename="camel", kw_only=True):
    """An event that could not be handled, with what was wrong; the start of a run without a contact has none."""

    id: int
    name: str
    contact_id: UUID | None
    error: str
    at: datetime
