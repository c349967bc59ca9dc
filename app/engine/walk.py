"""The walk: every run of a batch, one after the other, through the compiled flow in memory until it waits, asks or ends.

Run by run, not node by node: two runs of one contact are in order for free, the second sees what the first changed. What is the
same for many is found once, in `paths`: a run costs one call for each node that decides something about the person, and nodes
that do the same for everybody cost it nothing.
"""

from __future__ import annotations

import random
from typing import Any

from app.engine import rows
from app.engine.actors import actors_of
from app.engine.answers import answer_outcome, vars_fit
from app.engine.calls import ANSWERED
from app.engine.coming import note_coming
from app.engine.compiled import CompiledFlow, CompiledStart
from app.engine.compiled_node import CompiledNode, NotUnderstood, StatCounter
from app.engine.emitted import EmittedEvent, emits, emitted
from app.engine.goals import CompiledGoal, Reached
from app.engine.limits import (
    ASKED_AGAIN,
    MAX_STEPS,
    MAX_VISITS,
    OVERLONG,
    STEPS_AT_ONCE,
    TOO_OFTEN,
    VARS_TOO_LARGE,
    Overdone,
)
from app.engine.loop_times import loop_of, within_loops
from app.engine.newer_release import LEFT_TO_NEWER, NEWER_COMES_WITHIN_S, next_look_after
from app.engine.passing import PassedBy, after_failure
from app.engine.paths import PathEnd, SharedPath
from app.engine.records import Attempt, CalledRuns, ContactChangeEvent, Refusal, Remembered, SegmentWork, TakenStart
from app.engine.state import COMPLETED, ContactState, RunState, carried
from app.engine.step_faults import fault_in_words
from app.engine.step_timeouts import WakeUp, answer_limit, may_wait_again, wait_limit
from app.flow.effects import ContactChange
from app.flow.outcomes import AskPerson, Call, Done, Exit, Fail, Outcome, Succeed, Wait, WaitFor
from app.models.status import PERSON, RunOrigin, RunStatus, StepStatus

RUNNING, WAITING, CALLING = int(RunStatus.RUNNING), int(RunStatus.WAITING), int(RunStatus.CALLING)
HELD = int(RunStatus.HELD)
FAILED, GOAL_REACHED = int(RunStatus.FAILED), int(RunStatus.GOAL_REACHED)
EXITED, CANCELLED, CALLED = int(RunStatus.EXITED), int(RunStatus.CANCELLED), int(RunOrigin.CALLED)
UNLIKE_AT_MOST = 64
"""Different outcomes of one step in a batch after which they are taken for personal, and no longer compared (some 1 us each)."""


class Batch:
    """The runs of one transaction and everything they want written. Times are microseconds since 2000."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.contacts: dict[bytes, ContactState] = {}
        self.paths: list[SharedPath] = []
        """Parents before children."""
        self.looking_back: list[RunState] = []
        """Runs that have fallen asleep and count events from their start on."""
        self.attempts: list[Attempt] = []
        self.refusals: list[Refusal] = []
        self.taken_starts: list[TakenStart] = []
        """Starts that are to wait for their turn."""
        self.remembered: list[Remembered] = []
        self.change_events: list[ContactChangeEvent] = []
        self.assigns = False
        """Was a contact given a variant that is to be kept?"""
        self.segment_work = SegmentWork()
        self.called = CalledRuns()
        self._beginnings: dict[tuple[CompiledStart, bool], SharedPath] = {}
        self.parked: dict[CompiledStart, SharedPath] = {}
        """New runs that stand before their first step, by where they began (`parking`)."""
        self.ending_early: dict[tuple[SharedPath, int, str], SharedPath] = {}
        """Where runs rest that a loop ends (`loop_times`), by the path that they came by, when, and which loop."""
        self._returns: dict[tuple[CompiledNode, int, bool, frozenset[tuple[str, int]] | None], SharedPath] = {}

    @property
    def size(self) -> int:
        """How many runs it has."""
        return sum(len(path.runs) for path in self.paths)

    @property
    def actors(self) -> set[str]:
        """The actors that the runs make work for."""
        return actors_of(self)

    def release(self) -> None:
        """Undo the circles between its objects, so that they go when nobody holds the batch. Nothing may be asked of it after that."""
        for path in self.paths:
            path.parent = None
            path.next.clear()
            path.alike.clear()
            path.runs.clear()
        for contact in self.contacts.values():
            contact.changed_by = contact.segment_changes = None

    # What callers ask for ------------------------------------------------------------------------------------------

    def enter(self, run: RunState) -> None:
        """A new run takes its first steps."""
        flow = run.flow
        has_room = flow.room is None or run.contact.has_room(flow.room)
        path = self._beginnings.get((run.start, has_room))
        if path is None:
            path = self._beginnings[run.start, has_room] = self.new_path(flow, None, 0)
            path.has_room = has_room
            path.counters += run.start.entry_counters
            self._follow(path, run.start.counter)
        self._walk(run, path)

    def resume(self, run: RunState) -> None:
        """A suspended run goes on: with what it waited for, or once more with the step that failed."""
        node, path = run.node, self._return(run)
        assert node is not None
        if run.origin == CALLED:
            self.called.runs.append(run)
        if run.resume_port is None:
            self._walk(run, path)
            return
        if run.resume_port == ANSWERED and node.answered is not None:
            self._walk(run, self._answered(path, run, node))
            return
        port, output = run.resume_port, run.resume_output
        run.late = loop_of(port)
        again = may_wait_again(node, output)
        answer = answer_outcome(port, output, is_alternative=node.is_alternative, may_pass=again)
        self._walk(run, path.next.get(answer) or self._extend(path, run, node, answer, answered=True))

    def _answered(self, path: SharedPath, run: RunState, node: CompiledNode) -> SharedPath:
        """What the answer to its call means for a run."""
        assert node.answered is not None
        try:
            outcome = node.answered(run)
        except Exception as error:
            outcome = Fail(fault_in_words(error, node.type))
        if isinstance(outcome, Call):
            outcome = ASKED_AGAIN
        return path.next.get(outcome) or self._extend(path, run, node, outcome)

    def go_on(self, run: RunState, port: str, output: Any) -> None:
        """A run that waits has its answer, whether it fell asleep before this batch or in it."""
        answer = answer_outcome(port, output)
        before, node = run.path, run.node
        if before is None:
            assert node is not None
            before = self._return(run)
        else:
            node = before.end.node
            assert node is not None
            before.runs.remove(run)
        path = before.next.get(answer) or self._extend(before, run, node, answer, answered=True)
        if before.target is None:
            path.departed = node.waiting_counter
        self._walk(run, path)

    def cut_short(self, run: RunState, status: int, node_key: str, goal: CompiledGoal | None = None) -> None:
        """End a suspended run where it stands: by a goal, because the contact is gone, or by a cancel."""
        node = run.node if run.path is None else run.path.end.node
        assert node is not None
        if run.path is None:
            path = self.new_path(run.flow, None, run.seq)
            path.departed, path.has_own_times, path.visits = node.waiting_counter, True, run.visits
        else:  # it was suspended earlier in this batch: all it did stays, but it stands there no more
            run.path.runs.remove(run)
            before = run.path.parent if run.path.ends_early else run.path
            assert before is not None
            path = self.new_path(run.flow, before.parent, before.end.seq)
            path.take_over(before, but=node.waiting_counter)
        outcome = Exit({"goal": goal.id} if goal else None)
        path.add_step(node, outcome, StepStatus.SKIPPED if goal else StepStatus.CANCELLED)
        path.counters.append(node.exit_counters[node_key])
        path.end_runs(status, node, goal=goal.id if goal else None)
        path.runs.append(run)
        run.path = path

    # Walking -------------------------------------------------------------------------------------------------------

    def new_path(self, flow: CompiledFlow, parent: SharedPath | None, seq: int) -> SharedPath:
        """A stretch of the batch, with nothing on it."""
        path = SharedPath(flow, parent, seq)
        self.paths.append(path)
        return path

    def _return(self, run: RunState) -> SharedPath:
        """Where runs that stood on this node at this step set out again."""
        node = run.node
        assert node is not None
        room = run.flow.room
        has_room = room is None or run.contact.has_room(room)
        visits = run.visits if run.flow.repeating else {}
        place = node, run.seq, has_room, frozenset(visits.items()) if visits else None
        path = self._returns.get(place)
        if path is None:
            path = self._returns[place] = self.new_path(run.flow, None, run.seq)
            path.visits = visits
            path.departed, path.target, path.has_room = node.waiting_counter, node, has_room
        return path

    def _walk(self, run: RunState, path: SharedPath) -> None:
        while True:
            if path.changes:
                run.contact.changes.extend(path.changes)
                run.contact.changed_by = run
            if path.segment_changes:
                run.contact.change_segments(path.segment_changes, run)
            if path.outputs or path.vars or path.loops:
                run.keep(path.outputs, path.vars, path.loops)
            if path.messages and run.messages:  # the last one is a new one now, about which nobody has reported
                run.messages += [(message.node.id, 0) for message in path.messages]
            if path.assigned:
                run.contact.assign(path.flow.workflow_id, path.assigned)
                self.assigns = True
            node = path.target
            if node is None:
                break
            if node.asks_how:
                note_coming(run, path, node)
            try:
                outcome = node.run(run)
            except Exception as error:  # a step that breaks is that person's failure, not the batch's
                outcome = Fail(fault_in_words(error, node.type))
            next_path = path.next.get(outcome)
            following = self._extend(path, run, node, outcome) if next_path is None else next_path
            if following.vars and not vars_fit(run, following.vars):
                following = path.next.get(VARS_TOO_LARGE) or self._extend(path, run, node, VARS_TOO_LARGE)
            path = following
        if path.end.status < COMPLETED:
            path = within_loops(self, run, path)
            if path.visits or run.depth or run.lane:
                run.context = carried(run, path.visits)
        if path.end.look_back:
            self.looking_back.append(run)
        path.runs.append(run)
        run.path = path

    def _extend(
        self, path: SharedPath, run: RunState, node: CompiledNode, outcome: Outcome, *, answered: bool = False
    ) -> SharedPath:
        """The stretch that begins with `outcome` at `node`. Later runs with the same outcome object, or an equal one, find it."""
        key, events = None, list[EmittedEvent]()
        if emits(outcome):
            outcome, events = emitted(run, outcome)
        elif path.unlike < UNLIKE_AT_MOST:
            key = outcome.key()
            if key is not None and (alike := path.alike.get(key)) is not None:
                return alike
            path.unlike += 1
        new = self.new_path(path.flow, path, path.seq)
        new.events = events
        if key is None:  # one person's own way: there is nobody to compare with further on
            new.unlike = UNLIKE_AT_MOST
        # What a step adds to this contact alone was not reckoned with: later steps ask whether there is room.
        new.has_room = path.has_room and not any(isinstance(effect, ContactChange) for effect in outcome.effects)
        resumed = path.parent is None and path.departed is not None
        new.has_own_times = resumed and run.step_started is not None
        shared, counter = self._leave(new, node, outcome, run if resumed else None, run, answered=answered)
        if counter is not None:
            self._follow(new, counter)
        if shared and not events:
            path.next[outcome] = new
            if key is not None:
                path.alike[key] = new
        return new

    def _leave(
        self,
        path: SharedPath,
        node: CompiledNode,
        outcome: Outcome,
        resumed: RunState | None,
        run: RunState | None,
        *,
        answered: bool = False,
    ) -> tuple[bool, StatCounter | None]:
        """Note what `outcome` at `node` means: is it the same for all runs of the path, and by which counter do they go on, if they do.

        `resumed`: the run whose open step this is; `run`: the one that walks, None while a stretch that is the same for all is made.
        """
        path.note_logs(node, outcome.logs)
        if isinstance(outcome, Done):
            if path.note_effects(node, outcome, answered=answered):
                return self._suspend(path, node, resumed, CALLING, *answer_limit(node, self.now)), None
            counter = node.ports.get(outcome.port) or node.ports["next"]
            status = StepStatus.SKIPPED if isinstance(outcome, PassedBy) else StepStatus.COMPLETED
            path.finish_step(node, outcome, status, counter)
            return True, counter
        if isinstance(outcome, Wait | WaitFor):
            return self._sleep(path, node, outcome, resumed), None
        if isinstance(outcome, Call):
            shared = self._suspend(path, node, resumed, CALLING)
            path.end = path.end._replace(call=outcome)
            return shared, None
        if isinstance(outcome, Fail):
            return self._fail(path, node, outcome, resumed, run)
        if isinstance(outcome, NotUnderstood):
            return self._postpone(path, node, outcome, resumed)
        if isinstance(outcome, Reached):
            path.finish_step(node, outcome, StepStatus.SKIPPED, node.exit_counters["goal"])
            path.end_runs(GOAL_REACHED, node, goal=outcome.goal.id)
        elif isinstance(outcome, Succeed):
            path.finish_step(node, outcome, StepStatus.COMPLETED, node.ports["next"])
            path.end_runs(GOAL_REACHED, node, goal=node.id)
        else:
            assert isinstance(outcome, Exit)
            path.finish_step(node, outcome, StepStatus.COMPLETED, node.exit_counters["exited"])
            path.end_runs(EXITED, node)
        return True, None

    def _sleep(self, path: SharedPath, node: CompiledNode, outcome: Wait | WaitFor, resumed: RunState | None) -> bool:
        """Wait for a time, or for an event up to a time. True: it is the same for all runs of the path."""
        until = self.now + int(outcome.seconds * 1e6) if outcome.until is None else rows.microseconds(outcome.until)
        own_port = outcome.port if isinstance(outcome, Wait) else outcome.timeout_port
        end = WakeUp(until, own_port if node.concerns is None else ANSWERED, outcome.output)
        shared = self._suspend(path, node, resumed, WAITING, *wait_limit(node, self.now, outcome, end))
        if isinstance(outcome, WaitFor):
            path.end = path.end._replace(waits_for=outcome.event, look_back=outcome.since == "run_start")
        elif isinstance(outcome, AskPerson):
            path.end = path.end._replace(waits_for=PERSON)
        return shared

    def _fail(
        self, path: SharedPath, node: CompiledNode, outcome: Fail, resumed: RunState | None, run: RunState | None
    ) -> tuple[bool, StatCounter | None]:
        """Try again later if the rule allows; else leave by `error`, or where that leads nowhere do as `onError` says."""
        attempt = 1 if resumed is None else resumed.attempt
        if run is not None and attempt < node.retry.attempts and not outcome.permanent:
            due = self.now + int(max(node.retry.pause(attempt, random.random()), outcome.wait_s) * 1e6)  # noqa: S311
            self.attempts.append(Attempt(run, path.seq + 1, attempt, outcome.error, due))
            self._suspend(path, node, resumed, RUNNING, due, error=outcome.error, attempt=attempt + 1)
            return False, None
        path.note_effects(node, outcome, answered=True)
        outcome, counter = after_failure(node, outcome)
        if counter is None and node.on_error == "hold" and not isinstance(outcome, Overdone):
            if run is not None:
                self.attempts.append(Attempt(run, path.seq + 1, attempt, outcome.error, None))
            self._suspend(path, node, resumed, HELD, error=outcome.error, attempt=attempt + 1)
            return run is None, None
        if counter is not None:
            path.finish_step(node, outcome, StepStatus.FAILED, counter)
            return True, counter
        path.finish_step(node, outcome, StepStatus.FAILED, node.exit_counters["failed"])
        path.end_runs(FAILED, node, error=outcome.error)
        return True, None

    def _postpone(
        self, path: SharedPath, node: CompiledNode, outcome: NotUnderstood, resumed: RunState | None
    ) -> tuple[bool, StatCounter | None]:
        """Leave the step to a process that understands it: look again, the later the longer it has waited. It fails after a week."""
        waited = 0.0 if resumed is None or resumed.step_started is None else (self.now - resumed.step_started) / 1e6
        if waited > NEWER_COMES_WITHIN_S:
            return self._leave(path, node, Fail(outcome.why, permanent=True), resumed, resumed)
        pause = next_look_after(waited)
        until = self.now + int(pause * 1e6)
        return self._suspend(path, node, resumed, RUNNING, until, error=f"{outcome.why} {LEFT_TO_NEWER}"), None

    def _follow(self, path: SharedPath, counter: StatCounter) -> None:
        """Continue by `counter` through nodes that do the same for everybody, up to one that decides, waits or ends the run."""
        way: StatCounter | None = counter
        while way is not None:
            node = way.target
            if node is None:
                last = path.steps[-1].node if path.steps else None
                path.end_runs(COMPLETED, last)
                return
            outcome: Outcome | None = node.constant_outcome
            if path.seq >= MAX_STEPS:
                outcome = OVERLONG
            elif node.repeats and path.visits.get(node.id, 0) >= MAX_VISITS:
                outcome = TOO_OFTEN
            elif node.repeats and path.seq - path.first_seq >= STEPS_AT_ONCE and not node.handles:
                self._suspend(path, node, None, RUNNING, self.now)
                return
            elif outcome is None or (node.room is not None and not path.has_room):
                path.target = node
                return
            _, way = self._leave(path, node, outcome, None, None)

    def _suspend(
        self,
        path: SharedPath,
        node: CompiledNode,
        resumed: RunState | None,
        status: int,
        until: int | None = None,
        port: str | None = None,
        output: Any = None,
        error: str | None = None,
        attempt: int | None = None,
    ) -> bool:
        """The step stays open: its row is written when it is over, until then it lives on the run."""
        own = resumed is not None and not path.steps and resumed.step_started is not None
        started = resumed.step_started if own and resumed is not None else self.now
        tried = attempt if attempt is not None else resumed.attempt if own and resumed is not None else 1
        path.counters.append(node.waiting_counter)
        path.end = PathEnd(status, node, path.seq, until, port, output, started, tried, error)
        return not own
