"""What the API and the pages say of held runs, and what they may ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.models.held_run_job import HeldRunJob
from app.web.structs import Camel

Act = Literal["retry", "skip", "move", "cancel"]
HeldKind = Literal["failed", "crashed", "interrupted"]
"""Why a run is held: its step failed, it stopped workers, or its call was cut off."""


class HeldRunFilter(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True, kw_only=True, frozen=True
):
    """Which held runs; what is left out fits all. `error`: a part of the error, in any letters. `since` and `until` are about when they
    were held."""

    workflow_id: UUID | None = None
    version: Annotated[int, Meta(ge=1)] | None = None
    node_id: Annotated[str, Meta(max_length=100)] | None = None
    kind: HeldKind | None = None
    error: Annotated[str, Meta(max_length=500)] | None = None
    since: datetime | None = None
    until: datetime | None = None
    contact_id: UUID | None = None
    tag: Annotated[str, Meta(max_length=100)] | None = None


class HeldRunOut(Camel):
    """A held run. `contact_id` is null in a run without a contact."""

    run_id: UUID
    workflow_id: UUID
    workflow_name: str
    version: int
    node_id: str
    step: str
    kind: HeldKind
    error: str
    held_since: datetime
    contact_id: UUID | None
    contact: str


class HeldRunGroup(Camel):
    """Runs that are held at one step for one reason."""

    workflow_id: UUID
    workflow_name: str
    version: int
    node_id: str
    step: str
    kind: HeldKind
    error: str
    count: int
    since: datetime


class HeldRunCount(Camel):
    """How many held runs fit; `at_least` when not all of them were looked at."""

    count: int
    at_least: bool = False


class HeldRunJobIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to do with all held runs that fit `filter`. `port` is for `skip`: the way on; left out, each goes on by the first way of its
    step. `node_id` and `version` are for `move`: the step, and of which version; left out, of the one that each run has."""

    act: Act
    filter: HeldRunFilter = HeldRunFilter()
    port: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    node_id: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    version: Annotated[int, Meta(ge=1)] | None = None


class MoveRun(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Where one run goes: a step, and of which version; left out, of the one that it has."""

    node_id: Annotated[str, Meta(min_length=1, max_length=100)]
    version: Annotated[int, Meta(ge=1)] | None = None


class MovedRun(Camel):
    """The run with which a moved one goes on."""

    run_id: UUID


class HeldRunJobOut(Camel):
    """What is done, or was done, with many held runs, and how far it is. `refused`: it could not be done to them, and `reason` says why;
    they are still held. `no_longer_held`: somebody else had decided before it was their turn; known when it is over."""

    id: UUID
    act: Act
    filter: dict[str, Any]
    port: str | None
    node_id: str | None
    version: int | None
    status: Literal["running", "done", "stopped"]
    matched: int
    done: int
    refused: int
    no_longer_held: int
    reason: str | None
    by: str
    created_at: datetime
    finished_at: datetime | None
    stopped_by: str | None

    @classmethod
    def of(cls, job: HeldRunJob) -> HeldRunJobOut:
        return cls(
            id=job.id,
            act=job.act,  # type: ignore[arg-type]
            filter=job.wanted,
            port=job.port,
            node_id=job.node_id,
            version=job.version,
            status="stopped" if job.stopped_by else "done" if job.finished_at else "running",
            matched=max(job.matched, job.done + job.refused),
            done=job.done,
            refused=job.refused,
            no_longer_held=max(0, job.matched - job.done - job.refused)
            if job.finished_at and not job.stopped_by
            else 0,
            reason=job.reason,
            by=job.by_name,
            created_at=job.created_at,
            finished_at=job.finished_at,
            stopped_by=job.stopped_by,
        )
