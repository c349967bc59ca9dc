"""Bodies and answers of starting runs, and of the triggers of a workflow."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow.document import Id, Position
from app.web.structs import Camel

MOST_CONTACTS = 1_000
"""Contacts that one request starts."""


class StartRun(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whom to start, and with what. Steps read `properties` as `event.…`; `input` is another name for them.

    `contactId` is left out where the workflow has a trigger whose runs need no contact. `contactIds` starts a run of each of them.
    `triggerId`: by which trigger; without it by the first that is made for such a start.
    """

    contact_id: UUID | None = None
    contact_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_CONTACTS)] | UnsetType = UNSET
    properties: dict[str, Any] | UnsetType = UNSET
    input: dict[str, Any] | UnsetType = UNSET
    trigger_id: Id | None = None


class Execute(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a run starts with; steps read `input` as `event.…`. `contactId` where runs of the workflow are about a contact."""

    input: dict[str, Any] = msgspec.field(default_factory=dict)
    contact_id: UUID | None = None
    trigger_id: Id | None = None


class StartedRun(Camel):
    """The run that will start in a moment; `GET /api/v1/runs/{runId}` answers 404 until it has. `contactId` is null without a contact."""

    run_id: UUID
    workflow_id: UUID
    contact_id: UUID | None


class RefusedContact(Camel):
    """A contact that gets no run, and why. `reason` says which rule of entry it was, null for a contact that is not there."""

    contact_id: UUID
    code: str
    reason: str | None
    message: str


class StartedRuns(Camel):
    """The answer for a list of contacts: each is in one of the two lists."""

    workflow_id: UUID
    runs: list[StartedRun]
    refused: list[RefusedContact]


class StartedExecution(Camel):
    """The execution that will begin in a moment; `GET /api/v1/executions/{executionId}` says `pending` until then."""

    execution_id: UUID
    run_id: UUID
    workflow_id: UUID
    contact_id: UUID | None


class NewTrigger(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A trigger to add to the draft. `config` is another name for `data`.

    `target`: the step that its runs begin with; left out, the one that the first trigger leads to.
    """

    type: Annotated[str, Meta(min_length=1, max_length=50)]
    id: Id | UnsetType = UNSET
    enabled: bool = True
    data: dict[str, Any] | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    target: Id | UnsetType | None = UNSET


class TriggerChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to change in the draft; fields left out stay. `data` (or `config`) is replaced whole."""

    type: Annotated[str, Meta(min_length=1, max_length=50)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    position: Position | UnsetType = UNSET


class LiveTrigger(Camel):
    """The same trigger in the version that is live. `published`: the draft says nothing else of it."""

    version: int
    enabled: bool
    published: bool


class TriggerOut(Camel):
    """A trigger of the draft. `title` is what the canvas calls it; `live` null: no version that is live has it."""

    id: str
    type: str
    title: str
    enabled: bool
    data: dict[str, Any]
    position: dict[str, Any]
    target: str | None
    live: LiveTrigger | None
    draft_rev: int
