"""Reading runs: lists with cursors, and one run with every step told in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.approvals.service import ApprovalService
from app.contacts.repository import ContactRepository
from app.counters.run_counters import MOVED
from app.engine import control
from app.engine.calls import ANSWERED
from app.engine.run_logs import LOGGED
from app.errors import Conflict, Invalid, NotFound
from app.flow.document import Trigger, begun_by, triggers_of
from app.flow.node_words import call_of
from app.flow.trigger_registry import trigger_by_hand, typed
from app.flow.trigger_type import BY_HAND
from app.history_start_repository import HistoryStartRepository
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.messaging.report_repository import reports_by_step
from app.models import Contact, Run, Workflow
from app.models.status import PERSON, MessageStatus, RunOrigin, RunStatus, WorkflowStatus
from app.runs.called import CallViews
from app.runs.held import HeldRuns, ways_on
from app.runs.list_repository import RunFilter
from app.runs.places import PlacesOfWorkflow
from app.runs.repository import (
    AttemptRepository,
    AwaitedCall,
    CallRepository,
    DecisionRepository,
    LoadedRun,
    OutboundCallRepository,
    RunLogRepository,
    RunMessageRepository,
    RunRepository,
    StepRepository,
)
from app.runs.schemas import (
    CallerOut,
    CallWait,
    EventWait,
    GoesOn,
    RunContact,
    RunDetail,
    RunMessages,
    RunOut,
    TriggerEventOut,
)
from app.runs.step_views import StepViews
from app.values.contact_view import name_of
from app.web.pagination import Page, clamp_limit
from app.workflows.repository import VersionRepository, WorkflowRepository

MAX_CONTEXT = 262_144
OTHERS = 5
"""Other runs of the same contact in the same workflow that the page of a run leads to."""
STANDING = {
    MessageStatus.QUEUED: "queued",
    MessageStatus.SENDING: "queued",
    MessageStatus.FAILED: "failed",
    MessageStatus.UNCERTAIN: "uncertain",
    MessageStatus.SUPPRESSED: "suppressed",
}
"""The counter of each message status; every other message counts as sent."""
STATUS_WORDS = sorted({status.word for status in RunStatus})
RUN_STATES = ("running", "waiting", "held", "completed", "goal_reached", "failed", "exited", "cancelled")
"""The same in the order of the filters of pages: the states of a run under way, then its ends."""


class RunNotFound(NotFound):
    """This run does not exist in your workspace."""

    code = "run_not_found"


class RunIsOver(Conflict):
    """This run is over already, so there is nothing to cancel."""

    code = "run_is_over"


class RunIsNotHeld(Conflict):
    """This run is not held, so nobody has to decide how it continues."""

    code = "run_not_held"


def statuses_of(words: str | None) -> Sequence[RunStatus] | None:
    """The statuses of a comma-separated filter. Raises Invalid naming the allowed words.

    `running` finds every run that is not over, as the counter `runningRuns` does; `waiting` and `held` only those that rest.
    """
    if not words:
        return None
    wanted = {word.strip() for word in words.split(",")}
    if unknown := wanted - set(STATUS_WORDS):
        message = gettext(
            "Unknown status %(sorted)s. Use one of %(status_words)s.",
            sorted=", ".join(sorted(unknown)),
            status_words=", ".join(STATUS_WORDS),
        )
        raise Invalid(errors=[{"path": "status", "message": message}])
    active = "running" in wanted
    return [status for status in RunStatus if status.word in wanted or (active and status < RunStatus.COMPLETED)]


def _contact(contact: Contact | None) -> RunContact | None:
    if contact is None:
        return None
    return RunContact(id=contact.id, email=contact.email, external_id=contact.external_id, name=name_of(contact))


def run_messages(statuses: Iterable[int]) -> RunMessages:
    """Counts of the messages of one run by status."""
    counts = RunMessages()
    for status in statuses:
        word = STANDING.get(MessageStatus(status), "sent")
        setattr(counts, word, getattr(counts, word) + 1)
    return counts


def started_by(trigger_id: str | None, triggers: Sequence[Trigger]) -> Trigger:
    """Which of the triggers of its version started a run; rows keep no id of a workflow's only one."""
    return next((trigger for trigger in triggers if trigger.id == begun_by(trigger_id)), triggers[0])


def trigger_event(run: Run, trigger: Trigger) -> TriggerEventOut:
    """What a run began with; `trigger` is the one that started it."""
    kind, config = typed(trigger)
    by_event = run.origin in (RunOrigin.ENROLLED, RunOrigin.RECEIVED) or (
        run.origin not in (RunOrigin.HAND, RunOrigin.CALLED) and kind.subscribes(config)
    )
    return TriggerEventOut(
        name=kind.event_name(config) if by_event else BY_HAND,
        id=run.event_id,
        occurred_at=run.occurred_at or run.started_at,
        properties=run.trigger_event or {},
    )


def lines_left_out(context: dict[str, Any] | None) -> int:
    """How many lines its log has no room for, by what a run carries along."""
    logged = (context or {}).get(LOGGED)
    return int(logged[2]) if logged else 0


def context_of(run: Run, outputs: dict[str, Any]) -> dict[str, Any]:
    """What a template at the next step reads: the event's properties, outputs by step, variables; at most MAX_CONTEXT bytes.

    An output that is too large is told by its size instead.
    """
    stored_context = run.context or {}
    steps: dict[str, Any] = {}
    remaining_bytes = MAX_CONTEXT
    for node_id, output in {**(stored_context.get("steps") or {}), **outputs}.items():
        size = len(msgspec.json.encode(output))
        steps[node_id] = output if size <= remaining_bytes else {"leftOut": f"{size:,} bytes"}
        remaining_bytes -= size if size <= remaining_bytes else 0
    return {"event": run.trigger_event or {}, "steps": steps, "vars": stored_context.get("vars") or {}}


def run_out(
    run: Run,
    contact: Contact | None,
    triggers: Sequence[Trigger],
    messages: RunMessages,
    call: AwaitedCall | None = None,
    called_by: CallerOut | None = None,
) -> RunOut:
    """A run as lists show it, with the outputs that it carries for later steps; `triggers` are those of its version.

    `call`: the one whose answer it waits for; `called_by`: the run that called it.
    """
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
        waits_for=_event_wait(run),
        asks_person=run.waits_for == PERSON,
        call=CallWait(target=call.target, asked_at=call.asked_at, under_way=call.under_way) if call else None,
        contact=_contact(contact),
        messages=messages,
        called_by=called_by,
    )


def _event_wait(run: Run) -> EventWait | None:
    """What a run waits for; a step that decides again by itself waits for a time, and listens for what may move it."""
    if run.waits_for in (None, PERSON) or (run.resume_port or "").rpartition(".")[2] == ANSWERED:
        return None
    return EventWait(event=run.waits_for, until=run.resume_at)


def _calls(graph: dict[str, Any]) -> bool:
    """Does a step of a stored document call other workflows?"""
    return any(call_of(str(node.get("type")), node.get("data") or {}) for node in graph["nodes"])


class RunService:
    """What one principal may see of runs."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.runs = RunRepository(session, principal.tenant_id)
        self.history = HistoryStartRepository(session, principal.tenant_id)
        self.calls = CallRepository(session, principal.tenant_id)
        self.between = CallViews(session, principal.tenant_id)
        self.messages = RunMessageRepository(session, principal.tenant_id)
        self.decisions = DecisionRepository(session, principal.tenant_id)
        self.versions = VersionRepository(session, principal.tenant_id)
        self.workflows = WorkflowRepository(session, principal.tenant_id)
        self.contacts = ContactRepository(session, principal.tenant_id)

    async def list(self, wanted: RunFilter, limit: int | None = None, cursor: str | None = None) -> Page[RunOut]:
        """Newest first, or oldest. Raises Invalid on a cursor that is not ours."""
        page = await self.runs.newest(wanted, clamp_limit(limit), cursor)
        triggers = await self.versions.triggers({(run.workflow_id, run.workflow_version) for run, _ in page.items})
        statuses = await self.messages.statuses([run.id for run, _ in page.items])
        calls = await self.calls.of_runs([run for run, _ in page.items])
        callers = await self.between.callers(run for run, _ in page.items)
        listed = [
            run_out(
                run,
                who,
                triggers[run.workflow_id, run.workflow_version],
                run_messages(statuses.get(run.id, ())),
                calls.get(run.id),
                callers.get(run.id),
            )
            for run, who in page.items
        ]
        return Page(listed, page.next_cursor)

    async def others_of_contact(self, run: Run) -> Sequence[RunOut]:
        """The newest of the other runs that the contact has in the same workflow: what its page leads on to."""
        if run.contact_id is None:
            return []
        wanted = RunFilter(workflow_id=run.workflow_id, contact_id=run.contact_id)
        return [one for one in (await self.list(wanted, OTHERS + 1)).items if one.id != run.id][:OTHERS]

    async def require_workflow(self, workflow_id: UUID) -> None:
        """Raises NotFound when the workflow is not of this workspace, so that a list is never silently empty."""
        if not await self.workflows.exists(Workflow.id == workflow_id):
            raise NotFound(gettext("This workflow does not exist in your workspace."), code="workflow_not_found")

    async def get(self, run_id: UUID, workflow_id: UUID | None = None) -> LoadedRun:
        """One run. Raises RunNotFound, also when it is not a run of `workflow_id`."""
        loaded = await self.runs.load(run_id)
        if loaded is None:
            raise RunNotFound(await self.history.why_missing(run_id))
        if workflow_id is not None and loaded.run.workflow_id != workflow_id:
            raise RunNotFound
        return loaded

    async def may_start_without_contact(self, workflow_id: UUID) -> bool:
        """Is the workflow active, with a trigger whose runs need no contact?"""
        workflow = await self.workflows.get(workflow_id)
        if workflow is None or workflow.status != WorkflowStatus.ACTIVE or workflow.live_version is None:
            return False
        live = workflow.id, workflow.live_version
        return trigger_by_hand((await self.versions.triggers({live}))[live], of_contact=False) is not None

    async def cancel(self, run_id: UUID, workflow_id: UUID | None = None) -> None:
        """End a run where it stands; nothing of it is sent afterwards. Raises RunNotFound, RunIsOver."""
        run = (await self.get(run_id, workflow_id)).run
        if not await control.cancel_runs(self.session, self.principal.tenant_id, [run_id]):
            raise RunIsOver
        self.session.expire(run)

    async def release(self, run_id: UUID, workflow_id: UUID | None = None) -> None:
        """Let a held run take its step once more; a message that failed is sent again. Raises RunNotFound, RunIsNotHeld."""
        run = (await self.get(run_id, workflow_id)).run
        if not await HeldRuns(self.session, self.principal).retry([(run.id, run.seq + 1)]):
            raise RunIsNotHeld
        self.session.expire(run)

    async def pass_by(self, run_id: UUID, port: str, workflow_id: UUID | None = None) -> None:
        """Let a held run go on by a port of its step without doing it. Raises RunNotFound, RunIsNotHeld, Invalid on another port."""
        loaded = await self.get(run_id, workflow_id)
        ports = ways_on(loaded.run.current_node_id, loaded.version.graph)
        if loaded.run.status != RunStatus.HELD:
            raise RunIsNotHeld
        if port not in {way.id for way in ports}:
            words = ", ".join(f"`{way.id}`" for way in ports)
            message = gettext(
                "This step has no port %(port)s to continue by. Use one of %(words)s.", port=quoted(port), words=words
            )
            raise Invalid(errors=[{"path": "port", "message": message}])
        if not await HeldRuns(self.session, self.principal).pass_by({run_id: port}):
            raise RunIsNotHeld
        self.session.expire(loaded.run)

    async def places(self, loaded: LoadedRun) -> PlacesOfWorkflow:
        """Where a run may be moved: the steps of its version and of the live one."""
        workflow, version = loaded.workflow, loaded.version
        live = workflow.live_version
        pinned = {(workflow.id, version.version)} | ({(workflow.id, live)} if live is not None else set())
        graphs = {number: graph for (_, number), graph in (await self.versions.graphs(pinned)).items()}
        return PlacesOfWorkflow(self.principal.tenant_id, workflow.id, live, graphs)

    async def detail(self, run_id: UUID, workflow_id: UUID | None = None) -> RunDetail:
        """The run and its steps. Raises RunNotFound, also when it is not a run of `workflow_id`."""
        return await self.detail_of(await self.get(run_id, workflow_id))

    async def detail_of(self, loaded: LoadedRun) -> RunDetail:
        """A run that was read, and its steps."""
        run = loaded.run
        finished = await StepRepository(self.session, run.tenant_id).finished(run.id)
        messages = await self.messages.of_run(run.id)
        reported = any(message.reported for message in messages.values())
        steps = StepViews(
            run,
            loaded.version.graph,
            attempts=await AttemptRepository(self.session, run.tenant_id).by_step(run.id),
            calls=await OutboundCallRepository(self.session, run.tenant_id).by_step(run.id),
            logs=await RunLogRepository(self.session, run.tenant_id).by_step(run.id),
            messages=messages,
            stood_in=await self.messages.stood_in(messages.values()),
            reports=await reports_by_step(self.session, run.tenant_id, run.id) if reported else {},
            decisions=await self.decisions.last_by_step(run.id) if messages else {},
            called=await self.between.by_step(run.id) if _calls(loaded.version.graph) else {},
        )
        views = [steps.finished(step) for step in finished]
        if run.status < RunStatus.COMPLETED and run.current_node_id:
            views.append(
                steps.open(run.current_node_id, 1 + sum(step.node_id == run.current_node_id for step in finished))
            )
        counted = run_messages(message.status for message in messages.values())
        call = (await self.calls.of_runs([run])).get(run.id)
        called_by = (await self.between.callers([run])).get(run.id)
        base = run_out(run, loaded.contact, triggers_of(loaded.version.graph), counted, call, called_by)
        base.context = context_of(run, {step.node_id: step.output for step in finished if step.output})
        fields = {name: getattr(base, name) for name in base.__struct_fields__}
        question = ApprovalService(self.session, self.principal).of_run(run, loaded.version.graph)
        return RunDetail(
            **fields,
            workflow_name=loaded.workflow.name,
            steps=views,
            question=question,
            logs_left_out=lines_left_out(run.context),
            goes_on=GoesOn.of_output(finished[-1].output) if finished and run.resume_port == MOVED else None,
        )
