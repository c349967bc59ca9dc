"""The walk: every run of a batch, one after the other, through the compiled graph in memory until it waits, asks or ends.

Run by run, not node by node: two runs of one contact are in order for free, the second sees what the first changed. What is the
same for many is found once, in `tracks`: a run costs one call for each node that decides something about the person, and nodes
that do the same for everybody cost it nothing.
"""

from __future__ import annotations

import random
from typing import Any

from app.engine import rows
from app.engine.answers import answer_outcome, count_visit, vars_fit
from app.engine.calls import ANSWERED
from app.engine.compiled import CompiledFlow, CompiledNode, CompiledStart, NotUnderstood, StatCounter
from app.engine.faults import fault_in_words
from app.engine.goals import CompiledGoal, Reached
from app.engine.limits import ASKED_AGAIN, MAX_STEPS, MAX_VISITS, OVERLONG, TOO_OFTEN, VARS_TOO_LARGE, Overdone
from app.engine.newer import LEFT_TO_NEWER, NEWER_COMES_WITHIN_S, next_look_after
from app.engine.paths import END_KEYS, FinishedStep, PathEnd, QueuedMessage, SharedPath
from app.engine.records import Attempt, ContactChangeEvent, Refusal
from app.engine.state import COMPLETED, ContactState, RunState
from app.flow.effects import ContactChange, SendMessage, SetVars
from app.flow.outcomes import Call, Done, Exit, Fail, Outcome, Wait, WaitFor
from app.models.status import RunStatus, StepStatus

DELIVER, PERFORM = "deliver", "perform"
"""The actors that send messages and make calls."""
RUNNING, WAITING, CALLING = int(RunStatus.RUNNING), int(RunStatus.WAITING), int(RunStatus.CALLING)
FAILED, GOAL_REACHED = int(RunStatus.FAILED), int(RunStatus.GOAL_REACHED)
EXITED, CANCELLED = int(RunStatus.EXITED), int(RunStatus.CANCELLED)


UNLIKE_AT_MOST = 64
"""Different outcomes of one step in a batch after which they are taken for personal, and no longer compared (some 1 us each)."""


class Batch:
    """The runs of one transaction and everything they want written. Times are microseconds since 2000."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.contacts: dict[bytes, ContactState] = {}
        self.tracks: list[SharedPath] = []
        """Parents before children."""
        self.looking_back: list[RunState] = []
        """Runs that have fallen asleep and count events from their start on."""
        self.attempts: list[Attempt] = []
        self.refusals: list[Refusal] = []
        self.echoes: list[ContactChangeEvent] = []
        self._beginnings: dict[tuple[CompiledStart, bool], SharedPath] = {}
        self._returns: dict[tuple[CompiledNode, int, bool, frozenset[tuple[str, int]] | None], SharedPath] = {}

    @property
    def size(self) -> int:
        """How many runs it has."""
        return sum(len(track.runs) for track in self.tracks)

    @property
    def asks(self) -> set[str]:
        """The actors that the runs make work for: who sends messages, who makes calls."""
        sends = any(track.sent for track in self.tracks)
        calls = any(track.runs and track.rest.call is not None for track in self.tracks)
        return {actor for actor, has_work in ((DELIVER, sends), (PERFORM, calls)) if has_work}

    def forget(self) -> None:
        """Undo the circles between its objects, so that they go when nobody holds the batch. Nothing may be asked of it after that."""
        for track in self.tracks:
            track.parent = None
            track.next.clear()
            track.alike.clear()
            track.runs.clear()
        for contact in self.contacts.values():
            contact.changed_by = None

    # What callers ask for ------------------------------------------------------------------------------------------

    def enter(self, run: RunState) -> None:
        """A new run takes its first steps."""
        graph = run.graph
        roomy = graph.room is None or run.contact.has_room(graph.room)
        track = self._beginnings.get((run.start, roomy))
        if track is None:
            track = self._beginnings[run.start, roomy] = self._track(graph, None, 0)
            track.roomy = roomy
            track.counters += run.start.entry_counters
            self._along(track, run.start.counter)
        self._walk(run, track)

    def stand(self, run: RunState) -> None:
        """A new run comes in and stands at its first step, which it does not take: `cut_short` ends it in this batch."""
        assert run.node is not None
        track = self._track(run.graph, None, 0)
        track.counters += [*run.start.entry_counters, run.node.waiting_counter]
        track.rest = PathEnd(WAITING, run.node, 0)
        track.runs.append(run)
        run.track = track

    def resume(self, run: RunState) -> None:
        """A parked run goes on: with what it waited for, or once more with the step that failed."""
        node, track = run.node, self._return(run)
        assert node is not None
        if run.resume_port is None:
            self._walk(run, track)
            return
        if run.resume_port == ANSWERED and node.answered is not None:
            self._walk(run, self._answered(track, run, node))
            return
        answer = answer_outcome(run.resume_port, run.resume_output)
        self._walk(run, track.next.get(answer) or self._grow(track, run, node, answer, answered=True))

    def _answered(self, track: SharedPath, run: RunState, node: CompiledNode) -> SharedPath:
        """What the answer to its call means for a run."""
        assert node.answered is not None
        try:
            outcome = node.answered(run)
        except Exception as error:
            outcome = Fail(fault_in_words(error, node.type))
        if isinstance(outcome, Call):
            outcome = ASKED_AGAIN
        return track.next.get(outcome) or self._grow(track, run, node, outcome)

    def go_on(self, run: RunState, port: str, output: Any) -> None:
        """A run that waits has its answer, whether it fell asleep before this batch or in it."""
        answer = answer_outcome(port, output)
        before, node = run.track, run.node
        if before is None:
            assert node is not None
            before = self._return(run)
        else:
            node = before.rest.node
            assert node is not None
            before.runs.remove(run)
        track = before.next.get(answer) or self._grow(before, run, node, answer, answered=True)
        if before.target is None:
            track.left = node.waiting_counter
        self._walk(run, track)

    def keep_answer(self, run: RunState, port: str, output: Any) -> None:
        """A stored run that waits has its answer, but must not go on now: it does as soon as its workflow is active."""
        node = run.node
        assert node is not None and run.track is None
        track = self._track(run.graph, None, run.seq)
        track.left, track.visits = node.waiting_counter, run.visits
        track.counters.append(node.waiting_counter)
        track.rest = PathEnd(WAITING, node, run.seq, run.moved_at, port, output, run.step_started, run.attempt)
        track.runs.append(run)
        run.track = track

    def cut_short(self, run: RunState, status: int, node_key: str, goal: CompiledGoal | None = None) -> None:
        """End a parked run where it stands: by a goal, because the contact is gone, or by a cancel."""
        node = run.node if run.track is None else run.track.rest.node
        assert node is not None
        if run.track is None:
            track = self._track(run.graph, None, run.seq)
            track.left, track.own_marks, track.visits = node.waiting_counter, True, run.visits
        else:  # it was parked earlier in this batch: all it did stays, but it stands there no more
            before = run.track
            before.runs.remove(run)
            track = self._track(run.graph, before.parent, before.rest.seq)
            track.left, track.own_marks, track.steps = before.left, before.own_marks, list(before.steps)
            track.counters = [counter for counter in before.counters if counter is not node.waiting_counter]
            track.sent, track.changes, track.kept, track.visits = (
                before.sent,
                before.changes,
                before.kept,
                before.visits,
            )
        over = StepStatus.SKIPPED if goal else StepStatus.CANCELLED
        left = Exit({"goal": goal.id} if goal else None)
        track.seq += 1
        track.steps.append(FinishedStep(track.seq, node, left, over, count_visit(track, node)))
        track.counters.append(node.exit_counters[node_key])
        self._end(track, status, node, goal=goal.id if goal else None)
        track.runs.append(run)
        run.track = track

    # Walking -------------------------------------------------------------------------------------------------------

    def _track(self, graph: CompiledFlow, parent: SharedPath | None, seq: int) -> SharedPath:
        track = SharedPath(graph, parent, seq)
        self.tracks.append(track)
        return track

    def _return(self, run: RunState) -> SharedPath:
        """Where runs that stood on this node at this step set out again."""
        node = run.node
        assert node is not None
        room = run.graph.room
        roomy = room is None or run.contact.has_room(room)
        visits = run.visits if run.graph.repeating else {}
        place = node, run.seq, roomy, frozenset(visits.items()) if visits else None
        track = self._returns.get(place)
        if track is None:
            track = self._returns[place] = self._track(run.graph, None, run.seq)
            track.visits = visits
            track.left, track.target, track.roomy = node.waiting_counter, node, roomy
        return track

    def _walk(self, run: RunState, track: SharedPath) -> None:
        while True:
            if track.changes:
                run.contact.changes.extend(track.changes)
                run.contact.changed_by = run
            if track.kept:
                self._keep(run, track)
            if track.vars:
                self._set_vars(run, track.vars)
            node = track.target
            if node is None:
                break
            try:
                outcome = node.run(run)
            except Exception as error:  # a step that breaks is that person's failure, not the batch's
                outcome = Fail(fault_in_words(error, node.type))
            known = track.next.get(outcome)
            following = self._grow(track, run, node, outcome) if known is None else known
            if following.vars and not vars_fit(run, following.vars):
                following = track.next.get(VARS_TOO_LARGE) or self._grow(track, run, node, VARS_TOO_LARGE)
            track = following
        if track.visits and track.rest.status < COMPLETED:
            run.context = {**(run.context or {}), "visits": track.visits}
        if track.rest.look_back:
            self.looking_back.append(run)
        track.runs.append(run)
        run.track = track

    def _keep(self, run: RunState, track: SharedPath) -> None:
        run.context = {**(run.context or {}), "steps": {**run.steps, **dict(track.kept)}}

    def _set_vars(self, run: RunState, values: dict[str, Any]) -> None:
        run.context = {**(run.context or {}), "vars": {**run.vars, **values}}

    def _grow(
        self, track: SharedPath, run: RunState, node: CompiledNode, outcome: Outcome, *, answered: bool = False
    ) -> SharedPath:
        """The stretch that begins with `outcome` at `node`. Later runs with the same outcome object, or an equal one, find it."""
        key = None
        if track.unlike < UNLIKE_AT_MOST:
            key = outcome.key()
            if key is not None and (known := track.alike.get(key)) is not None:
                return known
            track.unlike += 1
        new = self._track(track.graph, track, track.seq)
        if key is None:  # one person's own way: there is nobody to compare with further on
            new.unlike = UNLIKE_AT_MOST
        # What a step adds to this contact alone was not reckoned with: later steps ask whether there is room.
        new.roomy = track.roomy and not any(isinstance(effect, ContactChange) for effect in outcome.effects)
        back = track.parent is None and track.left is not None
        new.own_marks = back and run.step_started is not None
        shared, counter = self._leave(new, node, outcome, run if back else None, run, answered=answered)
        if counter is not None:
            self._along(new, counter)
        if shared:
            track.next[outcome] = new
            if key is not None:
                track.alike[key] = new
        return new

    def _leave(
        self,
        track: SharedPath,
        node: CompiledNode,
        outcome: Outcome,
        back: RunState | None,
        run: RunState | None,
        *,
        answered: bool = False,
    ) -> tuple[bool, StatCounter | None]:
        """Note what `outcome` at `node` means: is it the same for all runs of the track, and by which counter do they go on, if they do.

        `back`: the run whose open step this is; `run`: the one that walks, None while a stretch that is the same for all is made.
        """
        counter = None
        if isinstance(outcome, Done):
            if self._take_effects(track, node, outcome, answered=answered):
                return self._park(track, node, back, CALLING), None
            counter = node.ports.get(outcome.port) or node.ports["next"]
            self._over(track, node, outcome, StepStatus.COMPLETED, counter)
        elif isinstance(outcome, Wait):
            until = self.now + int(outcome.seconds * 1e6) if outcome.until is None else rows.microseconds(outcome.until)
            return self._park(track, node, back, WAITING, until, outcome.port, outcome.output), None
        elif isinstance(outcome, WaitFor):
            until = self.now + int(outcome.seconds * 1e6) if outcome.until is None else rows.microseconds(outcome.until)
            shared = self._park(track, node, back, WAITING, until, outcome.timeout_port)
            track.rest = track.rest._replace(waits_for=outcome.event, look_back=outcome.since == "run_start")
            return shared, None
        elif isinstance(outcome, Call):
            shared = self._park(track, node, back, CALLING)
            track.rest = track.rest._replace(call=outcome)
            return shared, None
        elif isinstance(outcome, Reached):
            self._over(track, node, outcome, StepStatus.SKIPPED, node.exit_counters["goal"])
            self._end(track, GOAL_REACHED, node, goal=outcome.goal.id)
        elif isinstance(outcome, Exit):
            self._over(track, node, outcome, StepStatus.COMPLETED, node.exit_counters["exited"])
            self._end(track, EXITED, node)
        elif isinstance(outcome, NotUnderstood):
            return self._postpone(track, node, outcome, back)
        else:
            assert isinstance(outcome, Fail)
            attempt = 1 if back is None else back.attempt
            if run is not None and attempt < node.retry.attempts and not outcome.permanent:
                due = self.now + int(node.retry.pause(attempt, random.random()) * 1e6)  # noqa: S311
                self.attempts.append(Attempt(run, track.seq + 1, attempt, outcome.error, due))
                self._park(track, node, back, RUNNING, due, error=outcome.error, attempt=attempt + 1)
                return False, None
            counter = node.ports["error"]
            if counter.target is None or isinstance(outcome, Overdone):
                counter = None
                self._over(track, node, outcome, StepStatus.FAILED, node.exit_counters["failed"])
                self._end(track, FAILED, node, error=outcome.error)
            else:
                self._over(track, node, outcome, StepStatus.FAILED, counter)
        return True, counter

    def _postpone(
        self, track: SharedPath, node: CompiledNode, outcome: NotUnderstood, back: RunState | None
    ) -> tuple[bool, StatCounter | None]:
        """Leave the step to a process that understands it: look again, the later the longer it has waited. It fails after a week."""
        began = back.step_started if back is not None and back.step_started is not None else self.now
        waited = (self.now - began) / 1e6
        if waited > NEWER_COMES_WITHIN_S:
            return self._leave(track, node, Fail(outcome.why, permanent=True), back, back)
        pause = next_look_after(waited)
        until = self.now + int(pause * 1e6)
        return self._park(track, node, back, RUNNING, until, error=f"{outcome.why} {LEFT_TO_NEWER}"), None

    def _along(self, track: SharedPath, counter: StatCounter) -> None:
        """Go on by `counter` through nodes that do the same for everybody, up to one that decides, waits or ends the run."""
        way: StatCounter | None = counter
        while way is not None:
            node = way.target
            if node is None:
                last = track.steps[-1].node if track.steps else None
                self._end(track, COMPLETED, last)
                return
            outcome: Outcome | None = node.constant_outcome
            if track.seq >= MAX_STEPS:
                outcome = OVERLONG
            elif node.repeats and track.visits.get(node.id, 0) >= MAX_VISITS:
                outcome = TOO_OFTEN
            elif outcome is None or (node.room is not None and not track.roomy):
                track.target = node
                return
            _, way = self._leave(track, node, outcome, None, None)

    def _take_effects(self, track: SharedPath, node: CompiledNode, outcome: Outcome, *, answered: bool) -> bool:
        """Note what the step wishes for. True: it asks for a message that the run waits for."""
        awaited = False
        for effect in outcome.effects:
            if isinstance(effect, ContactChange):
                track.changes.append(effect)
            elif isinstance(effect, SetVars):
                wanted = track.graph.kept_vars
                track.vars |= {name: value for name, value in effect.values.items() if name in wanted or "*" in wanted}
            elif isinstance(effect, SendMessage):
                awaited = (effect.awaits or node.awaits) and not answered
                track.sent.append(QueuedMessage(track.seq + 1, node, effect, awaited))
        return awaited

    def _over(self, track: SharedPath, node: CompiledNode, outcome: Outcome, status: int, counter: StatCounter) -> None:
        track.seq += 1
        track.steps.append(FinishedStep(track.seq, node, outcome, status, count_visit(track, node)))
        track.counters.append(counter)
        if node.output_is_read:
            track.kept.append((node.id, outcome.output))

    def _park(
        self,
        track: SharedPath,
        node: CompiledNode,
        back: RunState | None,
        status: int,
        until: int | None = None,
        port: str | None = None,
        output: Any = None,
        error: str | None = None,
        attempt: int | None = None,
    ) -> bool:
        """The step stays open: its row is written when it is over, until then it lives on the run."""
        own = back is not None and not track.steps and back.step_started is not None
        started = back.step_started if own and back is not None else self.now
        tried = attempt if attempt is not None else back.attempt if own and back is not None else 1
        track.counters.append(node.waiting_counter)
        track.rest = PathEnd(status, node, track.seq, until, port, output, started, tried, error)
        return not own

    def _end(
        self,
        track: SharedPath,
        status: int,
        node: CompiledNode | None,
        error: str | None = None,
        goal: str | None = None,
    ) -> None:
        track.counters.append(track.graph.end_counters[END_KEYS[status]])
        track.rest = PathEnd(status, node, track.seq, error=error, goal=goal)
