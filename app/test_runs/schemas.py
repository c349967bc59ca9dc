"""What the API says of samples and of tests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.runs.schemas import AttemptOut, LogLineOut, RuleOut
from app.web.structs import Camel

NodeId = Annotated[str, Meta(max_length=100)]
MOST_JSON = 65_536
"""Bytes of an invented event, and of the attributes of an invented contact."""


class InventedContact(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Somebody who is not there, with what a contact may have."""

    email: Annotated[str, Meta(max_length=320)] | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None
    external_id: Annotated[str, Meta(max_length=255)] | None = None
    timezone: Annotated[str, Meta(max_length=60)] | None = None
    locale: Annotated[str, Meta(max_length=40)] | None = None
    attributes: dict[str, Any] = {}
    tags: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=100)] = []


class InventedEvent(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An event that did not happen."""

    name: Annotated[str, Meta(max_length=200)] = ""
    properties: dict[str, Any] = {}


class SampleIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whom and what a workflow is tried with. A contact of the workspace or an invented one, an event that came in or an invented one.

    Where nothing is said of one of them, it is the newest there is; with nothing at all the sample is forgotten.
    """

    contact_id: UUID | None = None
    contact: InventedContact | None = None
    event_id: UUID | None = None
    event: InventedEvent | None = None


class SampleContactOut(Camel):
    """`id` is null of an invented contact."""

    id: UUID | None
    name: str
    email: str | None
    phone: str | None
    external_id: str | None
    timezone: str | None
    locale: str | None
    attributes: dict[str, Any]
    tags: list[str]


class SampleEventOut(Camel):
    """`id` is null of an invented event."""

    id: UUID | None
    name: str
    properties: dict[str, Any]
    occurred_at: datetime | None


class SampleOut(Camel):
    """`pinned`: somebody chose it; else it is what came in last. Without a contact there is none in the workspace.
    Without an event the key may not read events."""

    pinned: bool
    contact: SampleContactOut | None
    event: SampleEventOut | None


class WalkRequest(SampleIn):
    """A test. Contact and event are those of the workflow's sample unless they are named.

    `until`: the step behind which it stops. `ways`: by step, the port that is taken where the world decides: whether an event comes, what
    a person answers, which variant is drawn, whether a service fails.
    """

    until: NodeId = ""
    ways: Annotated[dict[NodeId, Annotated[str, Meta(max_length=100)]], Meta(max_length=200)] = {}


class WayOut(Camel):
    """A way out of a step that may be chosen."""

    port: str
    label: str


class WalkedMessageOut(Camel):
    """A message as it would leave. `allowed` is false with the reason as `text_why`; `error`: why it could not be made."""

    channel: str
    recipient: str | None
    subject: str = ""
    html: str = ""
    text: str = ""
    allowed: bool = True
    why_not: str | None = None
    error: str | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the step says of how it leaves: `connectorId`, `fromName`, `fromEmail`, `topic`, `class`."""


class WalkedStepOut(Camel):
    """One visit of a step. Times are those at which it would happen. `explanation` is the sentence that the page of a run says.

    `assumed`: what the test took for granted (`event`, `no_event`, `person`, `sent`, `called`, `answer`, `chosen`), null where nothing was;
    `real_answer`: somebody had the service called in a test, and this is what it said.
    """

    seq: int
    node_id: str
    node_type: str
    name: str
    status: str
    port: str | None
    port_label: str
    occurrence: int
    input: dict[str, Any]
    output: Any
    error_message: str | None
    explanation: str
    attempt: int
    attempts: list[AttemptOut]
    started_at: datetime
    completed_at: datetime | None
    rules: list[RuleOut]
    assumed: str | None
    ways: list[WayOut]
    message: WalkedMessageOut | None
    logs: list[LogLineOut]


class EntryOut(Camel):
    """Would the contact come in now? Its trigger, re-entry, goals and limits are asked as a start is; the test goes on all the same.

    `refusedBy`: what to look at, `trigger` or `rules` (the workflow's own); `waits`: why it would wait in line before it enters.
    """

    trigger_id: str
    explanation: str
    admitted: bool
    reason: str | None
    refused_by: str | None
    waits: str | None
    rules: list[RuleOut]


class WalkOut(Camel):
    """What a test came to. `status`: how the run would end, `running` where the test stopped before; then `stopped` says why.

    `contact_after`: the contact as the run would leave it. Nothing was stored and nobody was written to.
    """

    contact: SampleContactOut | None
    event: SampleEventOut
    entry: EntryOut
    status: str
    stopped: str | None
    error_message: str | None
    goal: str | None
    goal_explanation: str | None
    """Where the goal ends the run, and why."""
    steps: list[WalkedStepOut]
    started_at: datetime
    ended_at: datetime
    contact_after: dict[str, Any]
