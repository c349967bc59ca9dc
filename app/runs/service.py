"""Reading runs: lists with cursors, and one run with every step told in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine import control
from app.errors import Conflict, Invalid, NotFound
from app.flow.contact_goals import tells_change
from app.flow.document import TRIGGER, Trigger, triggers_of
from app.flow.node_words import due_at, kind_word
from app.flow.trigger_registry import typed
from app.flow.trigger_type import BY_HAND
from app.messaging import rules
from app.messaging.channels.message_ids import message_id
from app.messaging.service import decision_view
from app.models import Contact, Message, MessageDecision, Run, Step, StepAttempt
from app.models.status import MessageStatus, RunStatus, StepStatus
from app.runs.repository import RunFilter, RunRepository
from app.runs.schemas import (
    AttemptOut,
    RuleOut,
    RunContact,
    RunDetail,
    RunMessages,
    RunOut,
    StepMessageOut,
    StepOut,
    TriggerEventOut,
)
from app.values.contact_view import name_of
from app.web.pagination import Page, clamp_limit

MAX_CONTEXT = 262_144
STANDING = {
    MessageStatus.QUEUED: "queued",
    MessageStatus.SENDING: "queued",
    MessageStatus.FAILED: "failed",
    MessageStatus.UNCERTAIN: "uncertain",
    MessageStatus.SUPPRESSED: "suppressed",
}
"""Where a message stands in the numbers; every other one was sent."""
STATUS_WORDS = sorted({status.word for status in RunStatus})


class RunNotFound(NotFound):
    """This run does not exist in your workspace."""

    code = "run_not_found"


class RunIsOver(Conflict):
    """This run is over already, so there is nothing to cancel."""

    code = "run_is_over"


class RunIsNotHeld(Conflict):
    """This run is not held, so there is nothing to release."""

    code = "run_not_held"


def statuses_of(words: str | None) -> Sequence[RunStatus] | None:
    """The statuses of a comma-separated filter. Raises Invalid naming the allowed words.

    `running` finds every run that is not over, as the counter `runningRuns` does; `waiting` and `held` only those that rest.
    """
    if not words:
        return None
    wanted = {word.strip() for word in words.split(",")}
    if unknown := wanted - set(STATUS_WORDS):
        message = f"Unknown status {', '.join(sorted(unknown))}. Use one of {', '.join(STATUS_WORDS)}."
        raise Invalid(errors=[{"path": "status", "message": message}])
    active = "running" in wanted
    return [status for status in RunStatus if status.word in wanted or (active and status < RunStatus.COMPLETED)]


def _contact(contact: Contact | None) -> RunContact | None:
    if contact is None:
        return None
    return RunContact(id=contact.id, email=contact.email, external_id=contact.external_id, name=name_of(contact))


def run_messages(statuses: Iterable[int]) -> RunMessages:
    """What became of the messages of one run, from a MessageStatus each."""
    found = RunMessages()
    for status in statuses:
        word = STANDING.get(MessageStatus(status), "sent")
        setattr(found, word, getattr(found, word) + 1)
    return found


def started_by(trigger_id: str | None, triggers: Sequence[Trigger]) -> Trigger:
    """Which of the triggers of its version started a run; rows keep no id of a workflow's only one."""
    return next((trigger for trigger in triggers if trigger.id == (trigger_id or TRIGGER)), triggers[0])


def trigger_event(run: Run, trigger: Trigger) -> TriggerEventOut:
    """What a run began with; `trigger` is the one that started it.

    Rows of before runs kept their event have neither its id nor its time, and a change that another run made has no id.
    """
    kind, config = typed(trigger)
    name, properties = kind.event_name(config), run.trigger_event or {}
    by_event = run.event_id is not None or run.occurred_at is None or tells_change(name, properties)
    return TriggerEventOut(
        name=name if by_event and kind.subscribes(config) else BY_HAND,
        id=run.event_id,
        occurred_at=run.occurred_at or run.started_at,
        properties=properties,
    )


def context_of(run: Run, outputs: dict[str, Any]) -> dict[str, Any]:
    """What a template at the next step reads: the event's properties, outputs by step, variables; at most MAX_CONTEXT bytes.

    An output that is too large is told by its size instead.
    """
    kept = run.context or {}
    steps: dict[str, Any] = {}
    left = MAX_CONTEXT
    for node_id, output in {**(kept.get("steps") or {}), **outputs}.items():
        size = len(msgspec.json.encode(output))
        steps[node_id] = output if size <= left else {"leftOut": f"{size:,} bytes"}
        left -= size if size <= left else 0
    return {"event": run.trigger_event or {}, "steps": steps, "vars": kept.get("vars") or {}}


def run_out(run: Run, contact: Contact | None, triggers: Sequence[Trigger], messages: RunMessages) -> RunOut:
    """A run as lists show it, with the outputs that it carries for later steps; `triggers` are those of its version."""
    status, trigger = RunStatus(run.status), started_by(run.trigger_id, triggers)
    return RunOut(
        id=run.id,
        tenant_id=str(run.tenant_id),
        workflow_id=run.workflow_id,
        workflow_version=run.workflow_version,
        contact_id=run.contact_id,
        status=status.word if status >= RunStatus.COMPLETED else RunStatus.RUNNING.word,
        waiting=status == RunStatus.WAITING,
        held=status == RunStatus.HELD,
        current_node_id=run.current_node_id,
        trigger_id=trigger.id,
        trigger_event=trigger_event(run, trigger),
        context=context_of(run, {}),
        goal_reached_id=run.goal_reached_id,
        error_message=run.error_message,
        started_at=run.started_at,
        completed_at=run.completed_at,
        resume_at=run.resume_at,
        contact=_contact(contact),
        messages=messages,
    )


def _attempts(attempts: list[StepAttempt]) -> list[AttemptOut]:
    return [AttemptOut(attempt=a.attempt, error_message=a.error_message, at=a.at, next_at=a.next_at) for a in attempts]


def _message(message: Message | None, decision: MessageDecision | None) -> StepMessageOut | None:
    if message is None:
        return None
    undecided = message.status == MessageStatus.UNCERTAIN and message.due_at is not None
    return StepMessageOut(
        id=message_id(message.run_id, message.seq),
        status=MessageStatus(message.status).word,
        recipient=message.recipient,
        subject=message.subject,
        error_message=message.error_message,
        reason=message.reason,
        attempt=message.attempt,
        sent_at=message.sent_at,
        settled_at=message.settled_at,
        due_at=message.due_at,
        if_undecided=rules.then_of(message.payload, resent=message.resent_at is not None) if undecided else None,
        decision=decision_view(decision) if decision else None,
    )


class _Teller:
    """Fills in what a step row leaves out, from the pinned graph."""

    def __init__(self, run: Run, graph: dict[str, Any]) -> None:
        self.run = run
        self.nodes = {node["id"]: node for node in graph["nodes"]}
        self.previous: dict[str, Any] = {"event": run.trigger_event or {}}

    def told(self, node_id: str, seq: int) -> dict[str, Any]:
        node = self.nodes.get(node_id, {})
        kind = str(node.get("type", "unknown"))
        return {
            "id": message_id(self.run.id, seq),
            "run_id": self.run.id,
            "seq": seq,
            "node_id": node_id,
            "node_type": kind,
            "name": node.get("name") or kind_word(kind),
            "input": {"config": node.get("data", {}), "previous": self.previous},
        }

    def was_due(self, step: Step) -> datetime | None:
        """When a finished wait was due; the open one has it on the run. None for other steps."""
        node = self.nodes.get(step.node_id, {})
        return due_at(str(node.get("type")), node.get("data") or {}, step)

    def finished(self, step: Step) -> dict[str, Any]:
        told = self.told(step.node_id, step.seq)
        self.previous = {"nodeId": step.node_id, "output": step.output or {}}
        return told


def rules_of(step: Step) -> list[RuleOut]:
    """What a branch was decided by, nested groups flattened."""
    found: list[RuleOut] = []

    def gather(rules: list[dict[str, Any]]) -> None:
        for rule in rules:
            if "rules" in rule:
                gather(rule["rules"])
            else:
                found.append(msgspec.convert(rule, RuleOut))

    gather((step.output or {}).get("rules") or [])
    return found


def open_status(run: Run) -> StepStatus:
    """The status of the step that the run stands on."""
    if run.status == RunStatus.WAITING:
        return StepStatus.WAITING
    if run.status == RunStatus.RUNNING:
        return StepStatus.RETRYING if run.attempt > 1 else StepStatus.PENDING
    return StepStatus.RUNNING


class RunService:
    """What one principal may see of runs."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.runs = RunRepository(session, principal.tenant_id)

    async def list(self, wanted: RunFilter, limit: int | None = None, cursor: str | None = None) -> Page[RunOut]:
        """Newest first. Raises Invalid on a cursor that is not ours."""
        page = await self.runs.page(wanted, clamp_limit(limit), cursor)
        triggers = await self.runs.triggers({(run.workflow_id, run.workflow_version) for run, _ in page.items})
        statuses = await self.runs.message_statuses([run.id for run, _ in page.items])
        told = [
            run_out(run, who, triggers[run.workflow_id, run.workflow_version], run_messages(statuses.get(run.id, ())))
            for run, who in page.items
        ]
        return Page(told, page.next_cursor)

    async def require_workflow(self, workflow_id: UUID) -> None:
        """Raises NotFound when the workflow is not of this workspace, so that a list is never silently empty."""
        if not await self.runs.workflow_exists(workflow_id):
            raise NotFound("This workflow does not exist in your workspace.", code="workflow_not_found")

    async def cancel(self, run_id: UUID, workflow_id: UUID | None = None) -> None:
        """End a run where it stands; nothing of it is sent afterwards. Raises RunNotFound, RunIsOver."""
        found = await self.runs.one(run_id)
        if found is None or (workflow_id is not None and found[0].workflow_id != workflow_id):
            raise RunNotFound
        if not await control.cancel_runs(self.session, self.principal.tenant_id, [run_id]):
            raise RunIsOver
        self.session.expire(found[0])

    async def release(self, run_id: UUID, workflow_id: UUID | None = None) -> None:
        """Let a run go on that is held because it stopped workers. Raises RunNotFound, RunIsNotHeld."""
        found = await self.runs.one(run_id)
        if found is None or (workflow_id is not None and found[0].workflow_id != workflow_id):
            raise RunNotFound
        if not await control.release_runs(self.session, self.principal.tenant_id, [run_id]):
            raise RunIsNotHeld
        self.session.expire(found[0])

    async def detail(self, run_id: UUID, workflow_id: UUID | None = None) -> RunDetail:
        """The run and its steps. Raises RunNotFound, also when it is not a run of `workflow_id`."""
        found = await self.runs.one(run_id)
        if found is None or (workflow_id is not None and found[0].workflow_id != workflow_id):
            raise RunNotFound
        run, contact, workflow, version = found
        attempts, messages = await self.runs.attempts(run_id), await self.runs.messages(run_id)
        decisions = await self.runs.decisions(run_id) if messages else {}
        teller = _Teller(run, version.graph)
        rows = await self.runs.steps(run_id)
        steps = [
            StepOut(
                **teller.finished(step),
                status=StepStatus(step.status).word,
                output=step.output or {},
                port=step.port,
                error_message=step.error_message,
                attempt=step.attempt,
                attempts=_attempts(attempts.get(step.seq, [])),
                occurrence=step.occurrence,
                started_at=step.started_at,
                completed_at=step.completed_at,
                scheduled_at=teller.was_due(step),
                rules=rules_of(step),
                message=_message(messages.get(step.seq), decisions.get(step.seq)),
            )
            for step in rows
        ]
        if run.status < RunStatus.COMPLETED and run.current_node_id:
            seq = run.seq + 1
            steps.append(
                StepOut(
                    **teller.told(run.current_node_id, seq),
                    status=open_status(run).word,
                    output={},
                    port=None,
                    error_message=run.error_message,
                    attempt=run.attempt,
                    attempts=_attempts(attempts.get(seq, [])),
                    occurrence=1 + sum(step.node_id == run.current_node_id for step in rows),
                    started_at=run.step_started_at,
                    completed_at=None,
                    scheduled_at=run.resume_at,
                    message=_message(messages.get(seq), decisions.get(seq)),
                )
            )
        fates = run_messages(message.status for message in messages.values())
        base = run_out(run, contact, triggers_of(version.graph), fates)
        base.context = context_of(run, {step.node_id: step.output for step in rows if step.output})
        fields = {name: getattr(base, name) for name in base.__struct_fields__}
        return RunDetail(**fields, workflow_name=workflow.name, steps=steps)
