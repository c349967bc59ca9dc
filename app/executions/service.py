"""Executions: runs, and starts that have no run yet or never got one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Invalid, NotFound
from app.executions.repository import UnbegunRepository
from app.executions.schemas import ExecutionDetail, ExecutionLog, ExecutionOut, ExecutionState, ExecutionStatus
from app.executions.views import STATUSES, execution_detail, execution_out
from app.flow.entry_reasons import reason_text
from app.flow.log_lines import LEVELS, Level, at_least
from app.models import DeadLetter, Inbox, WaitingStart
from app.models.status import RunStatus
from app.runs.list_repository import RunFilter
from app.runs.service import RunNotFound, RunService
from app.web.pagination import Page, clamp_limit, decode_cursor, encode_cursor


class ExecutionNotFound(NotFound):
    """There is no such execution in your workspace."""

    code = "execution_not_found"


def run_statuses(words: str | None) -> list[RunStatus] | None:
    """Which runs a comma-separated filter of executions finds. Raises Invalid naming the allowed words."""
    if not words:
        return None
    names = {word.strip() for word in words.split(",")}
    if unknown := names - set(STATUSES):
        message = f"Unknown status {', '.join(sorted(unknown))}. Use one of {', '.join(STATUSES)}."
        if "pending" in unknown:
            message = "Executions are listed from their beginning on; ask for a pending one by its id."
        raise Invalid(errors=[{"path": "status", "message": message}])
    return [status for name, statuses in STATUSES.items() if name in names for status in statuses]


def log_levels(words: str | None) -> frozenset[Level]:
    """The levels from the lowest one of a filter on; all without one. Raises Invalid naming the allowed words."""
    if not words:
        return frozenset(LEVELS)
    names = {word.strip() for word in words.split(",")}
    if unknown := names - set(LEVELS):
        message = f"Unknown level {', '.join(sorted(unknown))}. Use one of {', '.join(LEVELS)}."
        raise Invalid(errors=[{"path": "level", "message": message}])
    return at_least(next(level for level in LEVELS if level in names))


class ExecutionService:
    """What one principal may see of executions."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.runs = RunService(session, principal)
        self._unbegun = UnbegunRepository(session, principal.tenant_id)

    async def list(self, wanted: RunFilter, limit: int | None, cursor: str | None) -> Page[ExecutionOut]:
        """Those that have begun, newest first."""
        page = await self.runs.list(wanted, limit, cursor)
        return Page([execution_out(run) for run in page.items], page.next_cursor)

    async def detail(self, execution_id: UUID) -> ExecutionDetail:
        """One, with steps and logs. Raises ExecutionNotFound."""
        try:
            return execution_detail(await self.runs.detail(execution_id))
        except RunNotFound as error:
            unbegun = await self._of_start(execution_id)
            if unbegun is None:
                # The engine may have begun it between the two looks.
                try:
                    return execution_detail(await self.runs.detail(execution_id))
                except RunNotFound:
                    raise ExecutionNotFound(error.message if "removed" in error.message else None) from error
            return unbegun

    async def logs(
        self, execution_id: UUID, levels: frozenset[Level], limit: int | None, cursor: str | None
    ) -> Page[ExecutionLog]:
        """The log of one in its order, lines of these levels. Raises ExecutionNotFound, and Invalid for a cursor that is not ours."""
        size = clamp_limit(limit)
        begin = max(decode_cursor(cursor, int)[0], 0) if cursor else 0
        lines = (await self.detail(execution_id)).logs
        # A log only grows at its end, so the place in it is as good as a key, whatever the level.
        end = begin
        page = list[ExecutionLog]()
        for line in lines[begin:]:
            if line.level in levels:
                if len(page) == size:
                    return Page(page, encode_cursor(end))
                page.append(line)
            end += 1
        return Page(page, None)

    async def _of_start(self, execution_id: UUID) -> ExecutionDetail | None:
        if (start := await self._unbegun.start(execution_id)) is not None:
            return _unbegun(execution_id, start, "pending", "idle", None)
        if (refused := await self._unbegun.refused(execution_id)) is not None:
            error, at = reason_text(refused.reason, refused.detail), refused.last_at or refused.at
            log = ExecutionLog(level="warn", message=error, metadata={"reason": refused.reason}, at=at, step_id=None)
            return _unbegun(execution_id, refused, "cancelled", "cancelled", error, log)
        if (letter := await self._unbegun.set_aside(execution_id)) is not None:
            error = "The start could not be handled and was set aside."
            log = ExecutionLog(level="error", message=error, metadata={}, at=letter.at, step_id=None)
            return _unbegun(execution_id, letter, "failed", "failed", error, log)
        return None


def _unbegun(
    execution_id: UUID,
    row: Any,
    status: ExecutionStatus,
    state: ExecutionState,
    error: str | None,
    *logs: ExecutionLog,
) -> ExecutionDetail:
    of_start = isinstance(row, Inbox | WaitingStart | DeadLetter)
    return ExecutionDetail(
        id=execution_id,
        workflow_id=row.workflow_id,
        workflow_version=None,
        trigger_id=None,
        contact_id=row.contact_id,
        status=status,
        state=state,
        waiting=False,
        held=False,
        outcome=None,
        started_at=None,
        completed_at=None,
        duration_ms=None,
        input=(row.payload or {}) if of_start else {},
        error=error,
        retry_count=0,
        output={},
        steps=[],
        logs=list(logs),
    )
