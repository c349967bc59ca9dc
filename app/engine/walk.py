"""The walk: every run of a batch, one after the other, through the compiled graph in memory until it waits, asks or ends.

Run by run, not node by node: two runs of one contact are in order for free, the second sees what the first changed.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.engine import rows
from app.engine.graph import MAX_STEPS, OVERLONG, Edge, Goal, Graph, Node
from app.models.status import RunStatus, StepStatus
from app.nodes.base import ContactChange, Done, Exit, Fail, Message, Outcome, Wait

RUNNING, WAITING, CALLING = int(RunStatus.RUNNING), int(RunStatus.WAITING), int(RunStatus.CALLING)
COMPLETED, FAILED, GOAL_REACHED = int(RunStatus.COMPLETED), int(RunStatus.FAILED), int(RunStatus.GOAL_REACHED)
EXITED, CANCELLED = int(RunStatus.EXITED), int(RunStatus.CANCELLED)
END_KEYS = {
    COMPLETED: "completed",
    FAILED: "failed",
    GOAL_REACHED: "goal_reached",
    EXITED: "exited",
    CANCELLED: "cancelled",
}
COLUMNS = ("email", "phone", "external_id", "source", "timezone", "locale", "created_at")


class Contact:
    """The contact as steps see it: stored values plus the changes of this batch. Decoded only when a step reads it."""

    __slots__ = ("_attributes", "_columns", "_raw", "_seen", "_tags", "changed_by", "changes", "id")

    def __init__(self, contact_id: bytes, raw: tuple[Any, ...] = ()) -> None:
        self.id, self._raw = contact_id, raw
        self.changes: list[ContactChange] = []
        self.changed_by: Run | None = None
        """The last run that changed it."""
        self._columns: dict[str, Any] | None = None
        self._attributes: dict[str, Any] = {}
        self._tags: list[str] = []
        self._seen = 0

    def stored(self) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        """Columns, attributes and tags as they were before this batch."""
        *columns, attributes, tags = self._raw or (*[None] * len(COLUMNS), b"{}", ())
        return dict(zip(COLUMNS, columns, strict=True)), rows.decode(attributes), list(tags)

    def _look(self) -> dict[str, Any]:
        if self._columns is None:
            self._columns, self._attributes, self._tags = self.stored()
        for change in self.changes[self._seen :]:
            change.change(self._columns, self._attributes, self._tags)
        self._seen = len(self.changes)
        return self._columns

    @property
    def columns(self) -> dict[str, Any]:
        return self._look()

    @property
    def attributes(self) -> dict[str, Any]:
        self._look()
        return self._attributes

    @property
    def tags(self) -> list[str]:
        self._look()
        return self._tags


class Run:
    """One run in a batch, and the step that nodes are handed. `fence` None: it is new."""

    # Class defaults keep the creation of a run to the fields that differ.
    status = RUNNING
    seq = 0
    attempt = 1
    fence: int | None = None
    goal: str | None = None
    error: str | None = None
    resume_at: int | None = None
    resume_port: str | None = None
    resume_output: Any = None
    step_started: int | None = None
    entry_key: str | None = None
    context: dict[str, Any] | None = None
    parked = False
    listed = False
    depth = 0
    """How many workflows lie between what happened outside and this run, when it was started by what another one changed."""
    _event: dict[str, Any] | None = None

    def __init__(
        self, run_id: bytes, graph: Graph, contact: Contact, raw_event: bytes | None, node: Node | None, started: int
    ) -> None:
        self.id, self.graph, self.contact, self.raw_event, self.node = run_id, graph, contact, raw_event, node
        self.started = self.clock = started

    @property
    def event(self) -> dict[str, Any]:
        if self._event is None:
            self._event = rows.decode(self.raw_event) if self.raw_event else {}
        return self._event

    @property
    def event_name(self) -> str:
        return self.graph.trigger_event or "manual"

    @property
    def steps(self) -> dict[str, Any]:
        return (self.context or {}).get("steps") or {}

    @property
    def vars(self) -> dict[str, Any]:
        return (self.context or {}).get("vars") or {}

    @property
    def now(self) -> datetime:
        return rows.instant(self.clock)

    @property
    def data(self) -> dict[str, Any]:
        contact = self.contact
        columns = contact.columns
        created = columns.get("created_at")
        return {
            "contact": {
                **contact.attributes,
                **columns,
                "id": str(UUID(bytes=contact.id)),
                "externalId": columns.get("external_id"),
                "created_at": created.isoformat() if created else None,
                "attributes": contact.attributes,
                "tags": contact.tags,
            },
            "event": self.event,
            "steps": self.steps,
            "vars": self.vars,
        }


class GoalView:
    """A run as its goals see it: the same contact, but the event is the one that happened now."""

    def __init__(self, run: Run, event_name: str, event: dict[str, Any]) -> None:
        self._run, self.event_name, self.event = run, event_name, event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)


class OddStep(NamedTuple):
    """A step that is not a plain `Done` in one go: waited, retried, failed or cut short."""

    run: Run
    seq: int
    node: Node
    status: int
    attempt: int
    started: int
    ended: int
    outcome: Outcome


class Refusal(NamedTuple):
    """Somebody who met a trigger and was not let in."""

    tenant_id: int
    workflow_id: bytes
    contact_id: bytes
    event_id: bytes | None
    reason: str
    detail: dict[str, Any] | None


class Echo(NamedTuple):
    """An event for the inbox. `workflow_id` caused it; `depth` counts how many workflows lie before it."""

    tenant_id: int
    name: str
    contact_id: bytes
    workflow_id: bytes
    depth: int
    properties: dict[str, Any]


_OVER: dict[str, Outcome] = {}


def _answer(port: str, output: Any) -> Outcome:
    """What a parked step came to. The plain end of a wait is one object for everybody, so it is encoded once."""
    if output is None:
        return _OVER.setdefault(port, Done(port))
    error = output.get("error") if port == "error" and isinstance(output, dict) else None
    if error is None:
        return Done(port, output)
    failed = Fail(str(error), permanent=True)
    failed.output = output
    return failed


class Batch:
    """The runs of one transaction and everything they want written. Times are microseconds since 2000."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.runs: list[Run] = []
        self.contacts: dict[bytes, Contact] = {}
        self.steps: list[tuple[Run, int, Node, Outcome]] = []
        self.odd_steps: list[OddStep] = []
        self.attempts: list[tuple[Run, int, int, str, int]] = []
        self.messages: list[tuple[Run, int, Message, bool]] = []
        self.refusals: list[Refusal] = []
        self.echoes: list[Echo] = []
        self.tallies: dict[Graph, list[int]] = {}

    def tally(self, graph: Graph) -> list[int]:
        """The counters of one version, by the index of its edges."""
        counts = self.tallies.get(graph)
        if counts is None:
            counts = self.tallies[graph] = [0] * len(graph.edges)
        return counts

    def list(self, run: Run) -> None:
        """This run is to be written."""
        run.listed = True
        self.runs.append(run)

    def enter(self, run: Run) -> None:
        """A new run takes its first steps."""
        self.tally(run.graph)[run.graph.entered.index] += 1
        self.list(run)
        if run.node is None:
            self._end(run, COMPLETED)
        else:
            self._walk(run, None)

    def resume(self, run: Run) -> None:
        """A parked run goes on: with what it waited for, or once more with the step that failed."""
        assert run.node is not None
        self.list(run)
        self.tally(run.graph)[run.node.parked.index] -= 1
        run.parked, port = False, run.resume_port
        answer: Outcome | None = None
        if port is not None:
            answer = _answer(port, run.resume_output)
        run.resume_at = run.resume_port = run.resume_output = run.error = None
        self._walk(run, answer)

    def _walk(self, run: Run, outcome: Outcome | None) -> None:
        graph, node, steps, seq = run.graph, run.node, self.steps, run.seq
        assert node is not None
        tally, now = self.tally(graph), self.now
        run.clock = now
        # Plain: first attempt, began and ended at the batch's time. Those share their encoded marks.
        plain = run.fence is None or run.step_started is None
        while True:
            answered = outcome is not None
            if outcome is None:
                try:
                    outcome = node.run(run) if seq < MAX_STEPS else OVERLONG
                except Exception as error:  # a step that breaks is that person's failure, not the batch's
                    outcome = Fail(f"{type(error).__name__}: {error}")
            seq += 1
            if outcome.__class__ is Done:
                if outcome.effects:
                    self._apply(run, seq, node, outcome)
                    if node.awaits and not answered:
                        self._park(run, node, seq, CALLING, None)
                        return
                edge = node.edges.get(outcome.port) or node.edges["next"]
            else:
                leaving = self._rest(run, node, outcome, seq)
                if leaving is None:
                    return
                edge = leaving
            if node.kept:
                run.context = run.context or {}
                run.context.setdefault("steps", {})[node.id] = outcome.output
            if plain and outcome.__class__ is Done:
                steps.append((run, seq, node, outcome))
            else:
                status = StepStatus.FAILED if isinstance(outcome, Fail) else StepStatus.COMPLETED
                began = run.step_started if run.step_started is not None else now
                self.odd_steps.append(OddStep(run, seq, node, status, run.attempt, began, now, outcome))
                plain, run.step_started, run.attempt = True, None, 1
            tally[edge.index] += 1
            if run.status >= COMPLETED or edge.target is None:
                run.node, run.seq = node, seq
                self._end(run, run.status if run.status >= COMPLETED else COMPLETED)
                return
            node, outcome = edge.target, None

    def _apply(self, run: Run, seq: int, node: Node, outcome: Outcome) -> None:
        for effect in outcome.effects:
            if isinstance(effect, ContactChange):
                run.contact.changes.append(effect)
                run.contact.changed_by = run
            elif isinstance(effect, Message):
                self.messages.append((run, seq, effect, node.awaits))

    def _rest(self, run: Run, node: Node, outcome: Outcome, seq: int) -> Edge | None:
        """Not a plain Done: parks the run (None), or says by which edge the step is over."""
        if isinstance(outcome, Wait):
            until = self.now + int(outcome.seconds * 1e6) if outcome.until is None else rows.microseconds(outcome.until)
            run.resume_port, run.resume_output = outcome.port, outcome.output
            self._park(run, node, seq, WAITING, until)
            return None
        if isinstance(outcome, Exit):
            run.status = EXITED
            return node.over["exited"]
        assert isinstance(outcome, Fail)
        if run.attempt < node.retry.attempts and not outcome.permanent:
            due = self.now + int(node.retry.delay(run.attempt, random.random()) * 1e6)  # noqa: S311
            self.attempts.append((run, seq, run.attempt, outcome.error, due))
            run.error, run.attempt = outcome.error, run.attempt + 1
            self._park(run, node, seq, RUNNING, due)
            return None
        if node.edges["error"].target is not None:
            return node.edges["error"]
        run.status, run.error = FAILED, outcome.error
        return node.over["failed"]

    def _park(self, run: Run, node: Node, seq: int, status: int, until: int | None) -> None:
        """The step stays open: its row is written when it is over, until then it lives on the run."""
        run.node, run.seq, run.status, run.resume_at, run.parked = node, seq - 1, status, until, True
        if run.step_started is None:
            run.step_started = self.now
        self.tally(run.graph)[node.parked.index] += 1

    def _end(self, run: Run, status: int) -> None:
        run.status, run.resume_at, run.resume_port, run.resume_output = status, None, None, None
        tally = self.tally(run.graph)
        tally[run.graph.ended[END_KEYS[status]].index] += 1
        tally[run.graph.seconds.index] += (self.now - run.started) // 1_000_000

    def cut_short(self, run: Run, status: int, node_key: str, goal: Goal | None = None) -> None:
        """End a parked run where it stands: by a goal, because the contact is gone, or by a cancel."""
        assert run.node is not None
        if not run.listed:
            self.list(run)
        tally = self.tally(run.graph)
        tally[run.node.parked.index] -= 1
        tally[run.node.over[node_key].index] += 1
        run.seq, run.parked, run.goal = run.seq + 1, False, goal.id if goal else None
        run.error = None
        began = run.step_started if run.step_started is not None else self.now
        over = StepStatus.SKIPPED if goal else StepStatus.CANCELLED
        self.odd_steps.append(
            OddStep(
                run, run.seq, run.node, over, run.attempt, began, self.now, Exit({"goal": goal.id} if goal else None)
            )
        )
        run.step_started, run.attempt = None, 1
        self._end(run, status)
