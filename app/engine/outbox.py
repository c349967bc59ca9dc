"""What a batch tells other programs: runs that begin and end, their steps, and contacts that runs changed.

One statement a batch, and none where no endpoint of its workspaces wants a type (`Matcher.wanted_types`). Segments and messages are told by
whoever moves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from app.domain_events.outbox_repository import DomainEvent, write_events
from app.domain_events.types import ATTRIBUTES_CHANGED, CONTACT_UPDATED, NODE_EXECUTED, RUN_ENDED, RUN_STARTED
from app.engine import rows
from app.engine.change_events import changes_of, load_compared
from app.engine.claim import Cursor
from app.engine.live_moves import tell_watchers
from app.engine.matcher import Matcher
from app.engine.paths import FinishedStep, SharedPath
from app.engine.state import COMPLETED, RunState
from app.engine.walk import Batch
from app.flow.outcomes import Fail
from app.models.status import StepStatus

_OF_CHANGES = frozenset((CONTACT_UPDATED, ATTRIBUTES_CHANGED))


def tell_programs(cursor: Cursor, batch: Batch, matcher: Matcher) -> None:
    """Write down for endpoints, and for who watches, what a walked batch does. Before it is written: what contacts were is read for it."""
    tell_watchers(cursor, batch, matcher)
    if matcher.wanted_types:
        events = [*_runs(batch, matcher), *_contacts(cursor, batch, matcher)]
        write_events(cursor, events)


def _runs(batch: Batch, matcher: Matcher) -> Iterator[DomainEvent]:
    for path in batch.paths:
        wanted = matcher.wanted_types.get(path.flow.tenant_id)
        if not wanted:
            continue
        ended = RUN_ENDED[path.end.status] if path.end.status >= COMPLETED else None
        workflow_id, at, text = str(UUID(bytes=path.flow.workflow_id)), rows.instant(batch.now), _text(batch.now)
        ended_data = {"completedAt": text, "error": path.end.error, "goalId": path.end.goal}
        steps = _Steps(path, batch.now) if NODE_EXECUTED in wanted and path.runs else None
        for run in path.runs:
            contact_id = UUID(bytes=run.contact.id) if run.contact.id else None
            run_data = {
                "runId": str(UUID(bytes=run.id)),
                "workflowId": workflow_id,
                "workflowVersion": path.flow.version,
                "triggerId": run.start.id or "trigger",
                "startedAt": text if run.fence is None else _text(run.started),
            }
            if run.fence is None and RUN_STARTED in wanted:
                yield DomainEvent(path.flow.tenant_id, RUN_STARTED, contact_id, run_data, at, of_run=True)
            if steps is not None:
                yield from steps.of(run)
            if ended in wanted and ended is not None:
                yield DomainEvent(path.flow.tenant_id, ended, contact_id, run_data | ended_data, at, of_run=True)


class _Steps:
    """The steps of a path: what is the same for all its runs is said once."""

    def __init__(self, path: SharedPath, now: int) -> None:
        stretches = path.from_start()
        self._tenant_id, self._now, self._at = path.flow.tenant_id, now, _text(now)
        flow = {"workflowId": str(UUID(bytes=path.flow.workflow_id)), "workflowVersion": path.flow.version}
        first = next((one for one in stretches if one.steps), None)
        self._own = first is not None and first.has_own_times
        """The first step began before this batch, or was tried before."""
        self._shared = [
            flow | self._data(step) for one in stretches for step in one.steps if step.status != StepStatus.CANCELLED
        ]
        self._own = self._own and first is not None and first.steps[0].status != StepStatus.CANCELLED

    def _data(self, step: FinishedStep) -> dict[str, Any]:
        return {
            "seq": step.seq,
            "nodeId": step.node.id,
            "nodeType": step.node.type,
            "occurrence": step.occurrence,
            "attempt": 1,
            "status": StepStatus(step.status).word,
            "port": step.outcome.port if step.status != StepStatus.SKIPPED else None,
            "error": step.outcome.error if isinstance(step.outcome, Fail) else None,
            "startedAt": self._at,
            "completedAt": self._at,
        }

    def of(self, run: RunState) -> Iterator[DomainEvent]:
        run_id = {"runId": str(UUID(bytes=run.id))}
        contact_id = UUID(bytes=run.contact.id) if run.contact.id else None
        at = rows.instant(self._now)
        for number, shared in enumerate(self._shared):
            data = run_id | shared
            if number == 0 and self._own:
                started = self._now if run.step_started is None else run.step_started
                data |= {"attempt": run.attempt, "startedAt": _text(started)}
            yield DomainEvent(self._tenant_id, NODE_EXECUTED, contact_id, data, at, of_run=True)


def _text(at: int) -> str:
    return rows.instant(at).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _contacts(cursor: Cursor, batch: Batch, matcher: Matcher) -> Iterator[DomainEvent]:
    changed = [
        (contact.changed_by.flow.tenant_id, contact)
        for contact in batch.contacts.values()
        if contact.changed_by is not None
        and contact.id
        and not _OF_CHANGES.isdisjoint(matcher.wanted_types.get(contact.changed_by.flow.tenant_id, ()))
    ]
    load_compared(cursor, batch, [((tenant_id, contact.id), contact) for tenant_id, contact in changed])
    for tenant_id, contact in changed:
        for name, properties in changes_of(contact):
            if name in matcher.wanted_types[tenant_id]:
                yield DomainEvent(tenant_id, name, UUID(bytes=contact.id), properties, rows.instant(batch.now))
