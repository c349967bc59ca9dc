"""The walk of one person through a draft: the engine's own batch over one run in memory.

Nothing is interpreted here: steps are functions of the compiled document, outcomes are handled by `Batch`, and a rest is resumed as a claim
of due runs resumes a stored one. What differs is that a rest is over at once, at the time that it would have been, and that where the
world decides (an event, a person, a service) the walk assumes an answer, or takes the one that somebody chose. Batches are never written,
so there is nothing to undo: no row, no count, no event, no message.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from app.engine import rows
from app.engine.compiled import CompiledFlow, CompiledStart
from app.engine.compiled_node import CompiledNode, StatCounter
from app.engine.entry import Entries
from app.engine.goals import CompiledGoal, reached_by
from app.engine.paths import FinishedStep, PathEnd, SharedPath
from app.engine.state import COMPLETED, RunState
from app.engine.stored_rows import Item
from app.engine.walk import GOAL_REACHED, Batch
from app.flow.effects import Assign, CallWorkflow, SendMessage
from app.flow.node_words import ports_of
from app.flow.outcomes import Exit, Fail, Outcome
from app.flow.retry import ONCE
from app.inbox import InboxKind
from app.models.status import StepStatus
from app.test_runs.fields import contact_state, known_segments
from app.test_runs.real_answers import visit_place
from app.test_runs.rests import CHOSEN, Rest, Resting, rest_of
from app.test_runs.spec import PendingCall, Walk, WalkedAttempt, WalkedMessage, WalkedStep, WalkSpec
from app.values.contact_view import COLUMNS

MOST_STEPS, MOST_RESTS = 500, 500
"""Steps and rests of one walk. A loop over a long list is seen as well after these."""
MOST_CALLS = 20
"""Calls that are made for one test."""
MOST_SECONDS = 5.0
"""Processor time of one walk. Batches are small, so it is asked between them."""
STEPS_OVER, TIME_OVER, UNTIL, STANDS, CALL = "steps", "time", "until", "stands", "call"
"""Why a walk ends before its run does: limits, `until` was reached, the run would stand until a person acts, a call is to be made."""


def walk(spec: WalkSpec) -> Walk:
    """Walk until the run is over, `until` is reached, a limit is, or a call has to be made. Pure, but for the processor time."""
    return _Walker(spec).walk()


class _Walker:
    """One walk. `inputs`: by node the variables and data that its visits found, the earliest first."""

    def __init__(self, spec: WalkSpec) -> None:
        self.spec, self.result = spec, Walk()
        workflow_id = spec.workflow_id.bytes
        self.documents = {node.id: node for node in spec.flow.nodes}
        self.flow = CompiledFlow(workflow_id, 0, spec.tenant_id, spec.flow, spec.timezone, spec.country)
        self.flow.known_segments = known_segments(spec.contact)
        self.now = rows.microseconds(spec.began)
        self.contact = contact_state(spec.contact, workflow_id)
        self.contact.assigned = {
            **(self.contact.assigned or {}),
            **{(workflow_id, node_id): port for node_id, port in spec.ways.items()},
        }
        self.inputs: dict[str, deque[tuple[dict[str, Any], dict[str, Any] | None]]] = {}
        self.again = False
        self.rests: dict[int, Rest] = {}
        """How the last rest at each step ended, by the step's number; with what it had asked for before."""
        self.messages: dict[int, SendMessage] = {}
        self.starts: dict[int, list[CallWorkflow]] = {}
        self.attempts: dict[int, list[WalkedAttempt]] = {}
        self.reached: CompiledGoal | None = None
        """The goal that an event reaches which comes in the walk: the run ends where it stands."""
        self.end_of_test = self._stop_behind(spec.until)
        self.plain_runs = {node.id: node.run for node in self.flow.nodes.values()}
        for node in self.flow.nodes.values():
            node.constant_outcome, node.run = None, self._noted(node, node.run)

    def _noted(self, node: CompiledNode, run: Callable[[Any], Outcome]) -> Callable[[Any], Outcome]:
        """The function of a node, which notes what each visit finds. A further try finds the same."""

        def noted(state: RunState) -> Outcome:
            if self.again:
                self.again = False
            else:
                data = rows.decode(rows.encode(state.data)) if node.sends else None
                self.inputs.setdefault(node.id, deque()).append((dict(state.vars), data))
            return run(state)

        return noted

    def _stop_behind(self, node_id: str) -> CompiledNode:
        """A step at which the walk ends, and to which all ways out of this node lead that lead anywhere."""
        end = CompiledNode("", "", Exit(), ONCE)
        end.exit_counters = {"exited": StatCounter(0, "", "exited")}
        node = self.flow.nodes.get(node_id)
        for port in node.ports.values() if node else ():
            port.target = end if port.target is not None else None
        return end

    # The way ------------------------------------------------------------------------------------------------------------

    def walk(self) -> Walk:
        start = self._start()
        raw_event = rows.encode(dict(self.spec.event))
        run = RunState(
            self.spec.run_id.bytes, self.flow, start, self.contact, raw_event, start.node, self.now, self.now, self.now
        )
        self._admission(run, start)
        batch, began = Batch(self.now), time.thread_time()
        batch.enter(run)
        for _ in range(MOST_RESTS):
            end = self._take(batch, run)
            if end is None or end.status >= COMPLETED:
                break
            if time.thread_time() - began > MOST_SECONDS:
                self.result.stopped = TIME_OVER
                break
            if not self._over(run, end):
                break
            batch = Batch(self.now)
            if self.reached is not None:
                batch.cut_short(run, GOAL_REACHED, "goal", self.reached)
            else:
                batch.resume(run)
        else:
            self.result.stopped = STEPS_OVER
        return self._ended()

    def _start(self) -> CompiledStart:
        start = self.flow.starts.get(self.spec.trigger_id)
        return start if start is not None else next(iter(self.flow.starts.values()))

    def _admission(self, run: RunState, start: CompiledStart) -> None:
        """Would the contact come in now, by the engine's own judgement? The walk goes on all the same: it tests what lies behind."""
        judged, facts, limits = Batch(self.now), self.spec.facts, self.flow.limits
        entries = Entries(judged, on_turn=True)
        entries.learn(facts.standing, facts.started)
        entries.ends |= facts.ended
        entries.waiting |= facts.waiting
        item = _start_of(run, self.spec.tenant_id)
        if entries.admitted(run, [start], item) and entries.admit(run, item):
            if limits.most is not None and facts.entered >= limits.most:
                self.result.refused, self.result.refused_detail = "entries_used_up", {"most": limits.most}
            elif limits.at_once is not None and facts.inside >= limits.at_once:
                self.result.waits = limits.at_once
            return
        for refusal in judged.refusals:
            self.result.refused, self.result.refused_detail = refusal.reason, refusal.detail
            self.result.rules = (refusal.detail or {}).get("rules", [])

    def _take(self, batch: Batch, run: RunState) -> PathEnd | None:
        """Note what the batch did; None: enough was seen."""
        if run.path is None:
            return None
        for attempt in batch.attempts:
            next_at = rows.instant(attempt.due) if attempt.due is not None else None
            tried = WalkedAttempt(attempt.attempt, attempt.error, rows.instant(batch.now), next_at)
            self.attempts.setdefault(attempt.seq, []).append(tried)
        for path in run.path.from_start():
            self.messages |= {one.seq: one.message for one in path.messages}
            for start in path.starts:
                self.starts.setdefault(start.seq, []).append(start.effect)
            for step in path.steps:
                if step.node is self.end_of_test:
                    self.result.stopped = UNTIL
                    return None
                if len(self.result.steps) == MOST_STEPS:
                    self.result.stopped = STEPS_OVER
                    return None
                self.result.steps.append(self._step(batch, path, step, run))
        end = run.path.end
        self.result.status, self.result.error, self.result.goal = end.status, end.error, end.goal
        return end

    def _step(self, batch: Batch, path: SharedPath, step: FinishedStep, run: RunState) -> WalkedStep:
        outcome, is_open = step.outcome, path.has_own_times and path.steps[0] is step
        started = run.step_started if is_open and run.step_started is not None else batch.now
        inputs = self.inputs.get(step.node.id)
        variables, data = inputs.popleft() if inputs else ({}, None)
        queued, ending = self.messages.get(step.seq), self.rests.get(step.seq)
        if ending is not None:
            assumed, ways = ending.assumed, ending.ways
        else:
            assumed, ways = self._drawn(step)
        return WalkedStep(
            seq=step.seq,
            node_id=step.node.id,
            occurrence=step.occurrence,
            status=int(step.status),
            port=outcome.port if int(step.status) != StepStatus.CANCELLED else None,
            output=outcome.output,
            error=outcome.error if isinstance(outcome, Fail) else None,
            attempt=run.attempt if is_open else 1,
            started_at=rows.instant(started),
            completed_at=rows.instant(batch.now),
            vars=variables,
            assumed=assumed,
            ways=ways,
            message=WalkedMessage(queued, data or {}) if queued is not None else None,
            starts=tuple(self.starts.get(step.seq, ())),
            logs=tuple(line for one in path.logs if one.seq == step.seq for line in one.lines),
            attempts=tuple(self.attempts.get(step.seq, ())),
        )

    def _drawn(self, step: FinishedStep) -> tuple[str, tuple[str, ...]]:
        """Of a step that draws a variant for each contact: whether somebody chose it, and all of them."""
        node_id = step.node.id
        assigned = (self.spec.workflow_id.bytes, node_id) in (self.contact.assigned or {})
        if not assigned and not any(isinstance(effect, Assign) for effect in step.outcome.effects):
            return "", ()
        node = self.documents[node_id]
        chosen = self.spec.ways.get(node_id)
        return CHOSEN if chosen == step.outcome.port else "", tuple(port.id for port in ports_of(node.type, node.data))

    # Rests --------------------------------------------------------------------------------------------------------------

    def _over(self, run: RunState, end: PathEnd) -> bool:
        """Let the run stand as it would be stored, with what it rested for. False: it rests for good, or for a call."""
        node, seq = end.node, end.seq + 1
        if node is None:
            return False
        visits = sum(step.node_id == node.id for step in self.result.steps)
        place = visit_place(node.id, visits + 1)
        resting = Resting(self.documents[node.id], self.plain_runs[node.id], seq in self.starts, place)
        ending = rest_of(self.spec, run, end, resting)
        self.result.node_id = node.id
        if ending is None:
            self.result.stopped, self.result.error = STANDS, end.error
            return False
        if ending.is_pending and end.call is not None:
            self.result.stopped, self.result.pending = CALL, PendingCall(seq, node.id, place, end.call)
            return False
        self.rests[seq] = ending
        self.now = max(self.now, ending.at if ending.at is not None else self.now)
        self.again = ending.port is None and end.error is not None
        run.path, run.node, run.seq, run.attempt, run.fence = None, node, end.seq, end.attempt, 1
        run.stored_status, run.step_started, run.waits_for = end.status, end.step_started, end.waits_for
        run.resume_port, run.resume_output = ending.port, _stored(ending.output)
        run.context, run.clock, run.moved_at = _stored(run.context), self.now, self.now
        if end.waits_for is not None and self.contact.id and (event := _came(ending)) is not None:
            self.reached = reached_by(run, end.waits_for, event)
            self.result.goal_event = end.waits_for if self.reached is not None else ""
        return True

    def _ended(self) -> Walk:
        contact = self.contact
        self.result.at = rows.instant(self.now)
        self.result.columns = {name: contact.columns.get(name) for name in COLUMNS} if contact.id else {}
        self.result.attributes, self.result.tags = dict(contact.attributes), list(contact.tags)
        return self.result


def _start_of(run: RunState, tenant_id: int) -> Item:
    """What would begin the run now."""
    at = run.clock
    return Item(
        0, tenant_id, InboxKind.START, run.event_name, run.contact.id or None, None, run.flow.workflow_id, run.id, run.raw_event, 0, at, at,
        at, at, 0,
    )  # fmt: skip


def _came(ending: Rest) -> dict[str, Any] | None:
    """The properties of the event that ends a rest; None when none does."""
    output = ending.output if isinstance(ending.output, dict) else {}
    return output.get("properties", {}) if "occurredAt" in output else None


def _stored(value: Any) -> Any:
    """JSON as it comes back from a row."""
    return None if value is None else rows.decode(rows.encode(value))
