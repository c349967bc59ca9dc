"""Enrolments as people and triggers begin, see and stop them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.enrolments import audience_repository, withdrawal_repository
from app.enrolments.audience_repository import SegmentGone
from app.enrolments.repository import EnrolmentRepository
from app.enrolments.withdrawal_repository import WaitingOfNobody
from app.errors import NotFound
from app.flow.audience import Audience
from app.inbox import notify_engine
from app.lib import clock, jobs
from app.lib.ids import uuid7
from app.lib.translation import translatable
from app.models.enrolment import Enrolment
from app.models.status import EnrolmentStatus
from app.web.pagination import Page, clamp_limit

ENROL = "enrol_contacts"
"""The actor that moves enrolments."""
SEGMENT_DELETED = translatable("The segment was deleted.")
PER_MINUTE = 30_000
"""Contacts that enter in a minute unless somebody says otherwise: a million in about half an hour."""


class EnrolmentNotFound(NotFound):
    """There is no such enrolment. What is over is listed for three months."""

    code = "enrolment_not_found"


class NoSuchWorkflow(NotFound):
    """There is no such workflow. It may have been deleted, or belong to another workspace."""

    code = "workflow_not_found"


async def begin(
    session: AsyncSession,
    tenant_id: int,
    *,
    workflow_id: UUID,
    trigger_id: str,
    audience: Audience,
    properties: dict[str, Any],
    reason: str,
    started_by: str,
    most: int | None = None,
    per_minute: int = PER_MINUTE,
    even_if_gone: bool = False,
) -> Enrolment:
    """Let everybody of `audience` into the live version of a workflow, in the caller's transaction; the first piece follows its commit.

    `properties`: the event that the runs begin with. `reason` and `started_by` are for people: `Everybody in VIPs when the workflow was
    activated`, `Ada`. It ends with `most` contacts (None: all), `per_minute` of them at most. The trigger must be switched on in the live
    version when a piece is due, or the enrolment stops and says so. Raises SegmentGone, or with `even_if_gone` begins one that is stopped
    and says so.
    """
    expected, error = None, None
    try:
        expected = await audience_repository.size(session, tenant_id, audience)
    except SegmentGone:
        if not even_if_gone:
            raise
        error = SEGMENT_DELETED
    row = Enrolment(
        id=uuid7(),
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        reason=reason,
        audience=msgspec.to_builtins(audience),
        event=properties,
        status=(EnrolmentStatus.STOPPED if error else EnrolmentStatus.RUNNING).value,
        error=error,
        expected=expected if expected is None or most is None else min(expected, most),
        enrolled=0,
        most=most,
        per_minute=per_minute,
        next_at=None if error else clock.now(),
        ended_at=clock.now() if error else None,
        started_by=started_by,
    )
    await EnrolmentRepository(session, tenant_id).add(row)
    jobs.enqueue(session, ENROL)
    return row


async def audience_size(session: AsyncSession, tenant_id: int, audience: Audience) -> int | None:
    """How many belong to it now; None where nobody counted. Raises SegmentGone."""
    return await audience_repository.size(session, tenant_id, audience)


class EnrolmentService:
    """The enrolments of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._principal = principal
        self._rows = EnrolmentRepository(session, principal.tenant_id)

    async def list(self, workflow_id: UUID, *, cursor: str | None = None, limit: int | None = None) -> Page[Enrolment]:
        """Those of a workflow, the newest first. Raises NoSuchWorkflow."""
        if not await self._rows.has_workflow(workflow_id):
            raise NoSuchWorkflow
        return await self._rows.newest(workflow_id, cursor, clamp_limit(limit))

    async def running(self, workflow_id: UUID) -> Sequence[Enrolment]:
        """Those of a workflow that are under way."""
        return await self._rows.running(workflow_id)

    async def get(self, enrolment_id: UUID) -> Enrolment:
        """One of them. Raises EnrolmentNotFound."""
        return await self._one(enrolment_id)

    async def stop(self, enrolment_id: UUID) -> Enrolment:
        """Let nobody else in. Who is in stays. One that is over already is left as it is. Raises EnrolmentNotFound."""
        row = await self._one(enrolment_id, lock=True)
        if row.status == EnrolmentStatus.RUNNING:
            row.status, row.stopped_by = EnrolmentStatus.STOPPED.value, self._principal.name
            row.ended_at = clock.now()
            # Then the run that waits is told when they are through, and who has entered is counted.
            row.next_at = row.ended_at if row.awaited or row.open_runs else None
            await self._rows.session.flush()
        return row

    async def withdraw(self, workflow_id: UUID, contact_id: UUID) -> int:
        """Take a contact's starts out of the line of a workflow; how many there were, 0 when none waits any more. Raises NoSuchWorkflow."""
        if not await self._rows.has_workflow(workflow_id):
            raise NoSuchWorkflow
        session, tenant_id = self._rows.session, self._principal.tenant_id
        count = await withdrawal_repository.withdraw(session, tenant_id, workflow_id, contact_id, self._principal.name)
        if count:
            notify_engine(session)
        return count

    async def withdraw_run(self, workflow_id: UUID, run_id: UUID) -> int:
        """Take the start that is to become this run out of the line; 0 when it waits no more. Raises NoSuchWorkflow."""
        if not await self._rows.has_workflow(workflow_id):
            raise NoSuchWorkflow
        session, tenant_id = self._rows.session, self._principal.tenant_id
        count = await withdrawal_repository.withdraw_run(session, tenant_id, workflow_id, run_id, self._principal.name)
        if count:
            notify_engine(session)
        return count

    async def waiting_of_nobody(self, workflow_id: UUID, most: int) -> Sequence[WaitingOfNobody]:
        """Starts without a contact that wait, of the first in line."""
        tenant_id = self._principal.tenant_id
        return await withdrawal_repository.waiting_of_nobody(self._rows.session, tenant_id, workflow_id, most)

    async def _one(self, enrolment_id: UUID, *, lock: bool = False) -> Enrolment:
        row = await self._rows.get(enrolment_id, lock=lock)
        if row is None:
            raise EnrolmentNotFound
        return row


__all__ = ["ENROL", "PER_MINUTE", "EnrolmentNotFound", "EnrolmentService", "SegmentGone", "begin"]
