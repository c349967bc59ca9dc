"""Enrolments as programs read them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from app.models.enrolment import Enrolment


class WithdrawalOut(msgspec.Struct, rename="camel", kw_only=True):
    """How many starts were taken out of the line; 0 when none waited any more."""

    withdrawn: int


class EnrolmentOut(msgspec.Struct, rename="camel", kw_only=True):
    """Many contacts on their way into a workflow. `expected` is null where nobody counted; `enrolled`: for how many a run was asked for,
    of which the workflow's rules may refuse some; where a trigger limits how many enter (`most`), how many have.
    `run_id`: the run whose step called the workflow for them; then `trigger_id` is empty."""

    id: UUID
    workflow_id: UUID
    trigger_id: str
    reason: str
    status: str
    expected: int | None
    enrolled: int
    most: int | None
    per_minute: int
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    stopped_by: str | None
    error: str | None
    run_id: UUID | None = None

    @classmethod
    def of(cls, row: Enrolment) -> EnrolmentOut:
        return cls(
            id=row.id,
            workflow_id=row.workflow_id,
            trigger_id=row.trigger_id,
            reason=row.reason,
            status=row.status,
            expected=row.expected,
            enrolled=row.enrolled,
            most=row.most if row.run_id is None else None,
            per_minute=row.per_minute,
            started_by=row.started_by,
            started_at=row.created_at,
            ended_at=row.ended_at,
            stopped_by=row.stopped_by,
            error=row.error,
            run_id=row.run_id,
        )
