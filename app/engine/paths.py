"""Runs of one batch that took the same way through the same version share a path, and all that is the same for them.

A path is a stretch of steps from one decision to the next; paths form a tree from where runs begin or resume. Steps, counters
and messages of a stretch are noted once, however many runs went along it, and encoded once when they are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from app.engine.loops import KeepLoops
from app.flow.effects import Assign, CallWorkflow, ContactChange, ReachGoal, SegmentChange, SendMessage, SetVars
from app.models.status import RunStatus

if TYPE_CHECKING:
    from app.engine.compiled import CompiledFlow
    from app.engine.compiled_node import CompiledNode, StatCounter
    from app.engine.emitted import EmittedEvent
    from app.engine.state import RunState
    from app.flow.log_lines import LogLine
    from app.flow.outcomes import Call, Outcome


END_KEYS = {
    int(RunStatus.COMPLETED): "completed",
    int(RunStatus.FAILED): "failed",
    int(RunStatus.GOAL_REACHED): "goal_reached",
    int(RunStatus.EXITED): "exited",
    int(RunStatus.CANCELLED): "cancelled",
}
"""The counter of each way that a run ends."""


class PathEnd(NamedTuple):
    """How runs stand at the end of their path. `seq` counts the steps that are over. Instants: microseconds since 2000."""

    status: int
    node: CompiledNode | None
    seq: int
    resume_at: int | None = None
    resume_port: str | None = None
    resume_output: Any = None
    step_started: int | None = None
    attempt: int = 1
    error: str | None = None
    goal: str | None = None
    waits_for: str | None = None
    """The event that takes them on, whichever comes first: it or `resume_at`."""
    call: Call | None = None
    """What they asked of the outside, and wait for."""
    look_back: bool = False
    """It may have happened already, since they began."""


UNDER_WAY = PathEnd(int(RunStatus.RUNNING), None, 0)


class FinishedStep(NamedTuple):
    """A step that is over: its number, and the status it ended with."""

    seq: int
    node: CompiledNode
    outcome: Outcome
    status: int
    occurrence: int = 1
    """Which visit of the run to this node it is."""


class QueuedMessage(NamedTuple):
    """A message that the step `seq` at `node` asks for."""

    seq: int
    node: CompiledNode
    message: SendMessage
    awaited: bool


class QueuedLog(NamedTuple):
    """What the step `seq` at `node` says in the log of its run; `size`: in bytes."""

    seq: int
    node: CompiledNode
    lines: tuple[LogLine, ...]
    size: int


class QueuedStart(NamedTuple):
    """A run of another workflow, or many, that the step `seq` asks for."""

    seq: int
    effect: CallWorkflow


class SharedPath:
    """One stretch. `target` is the node that decides how runs go on; without one `end` says how they stand."""

    __slots__ = (
        "alike",
        "assigned",
        "changes",
        "count",
        "counters",
        "departed",
        "end",
        "ends_early",
        "events",
        "first_seq",
        "flow",
        "has_own_times",
        "has_room",
        "logs",
        "loops",
        "messages",
        "next",
        "outputs",
        "parent",
        "runs",
        "segment_changes",
        "seq",
        "starts",
        "steps",
        "target",
        "unlike",
        "vars",
        "visits",
        "won_after",
    )  # fmt: skip

    def __init__(self, flow: CompiledFlow, parent: SharedPath | None, seq: int) -> None:
        self.flow, self.parent, self.seq = flow, parent, seq
        self.first_seq: int = seq if parent is None else parent.first_seq
        """Steps that were over before this batch."""
        self.target: CompiledNode | None = None
        self.end = UNDER_WAY
        self.ends_early = False
        """Nothing but the end of its parent, at the time of a loop around it."""
        self.has_room: bool = parent is not None and parent.has_room
        """Contacts on it have room for all that steps of the version add to everybody alike."""
        self.next: dict[Outcome, SharedPath] = {}
        self.alike: dict[tuple[Any, ...], SharedPath] = {}
        """The same by what the outcomes say, for those that were made for one person each."""
        self.unlike = 0
        """Outcomes that were compared with others and said something new."""
        self.steps: list[FinishedStep] = []
        self.has_own_times = False
        """The first step began before this batch, or was tried before: each run has its own times and attempt."""
        self.counters: list[StatCounter] = []
        """What each run counts on this stretch: ports it left by, and where it came to stand."""
        self.departed: StatCounter | None = None
        """Where each run stood before it was moved on: counted down."""
        self.messages: list[QueuedMessage] = []
        self.starts: list[QueuedStart] = []
        self.logs: list[QueuedLog] = []
        self.changes: list[ContactChange] = []
        self.events: list[EmittedEvent] = []
        """What the one run that goes along here has emitted: each event has an id of its own, so no two runs share a way behind it."""
        self.segment_changes: list[SegmentChange] = []
        self.outputs: list[tuple[str, Any]] = []
        """Outputs that later steps of the version read, by node."""
        self.vars: dict[str, Any] = {}
        """Variables that the stretch sets, those alone that some step reads."""
        self.loops: dict[str, Any] = {}
        """What loops of the stretch keep from now on."""
        self.visits: dict[str, int] = {} if parent is None else parent.visits
        """How often the runs have been at nodes that they may come to again, up to here. Replaced, never changed."""
        self.assigned: tuple[tuple[str, str], ...] = ()
        """Nodes of the stretch that gave the contact a variant to be kept, each with it."""
        self.won_after: int | None = None
        """How many of `assigned` the contact had when it last reached a goal from which the run went on; None: it reached none."""
        self.runs: list[RunState] = []
        """Runs that came to rest here."""
        self.count = 0
        """Runs that went along here, known when the batch is walked."""

    def take_over(self, before: SharedPath, *, but: StatCounter) -> None:
        """All that `before` did was done here too, `but` its runs stand there no more."""
        self.departed, self.has_own_times, self.steps = before.departed, before.has_own_times, list(before.steps)
        self.counters = [counter for counter in before.counters if counter is not but]
        self.messages, self.changes, self.events = before.messages, before.changes, before.events
        self.outputs, self.visits, self.starts, self.logs = before.outputs, before.visits, before.starts, before.logs
        self.assigned, self.won_after = before.assigned, before.won_after

    def add_step(self, node: CompiledNode, outcome: Outcome, status: int) -> None:
        """Note that the step at `node` is over. Visits of nodes that runs may come back to are counted."""
        self.seq += 1
        occurrence = 1
        if node.repeats:
            occurrence = self.visits.get(node.id, 0) + 1
            self.visits = {**self.visits, node.id: occurrence}
        self.steps.append(FinishedStep(self.seq, node, outcome, status, occurrence))

    def finish_step(self, node: CompiledNode, outcome: Outcome, status: int, counter: StatCounter) -> None:
        """The same for a step that came to `outcome`; its runs leave it by `counter`."""
        self.add_step(node, outcome, status)
        self.counters.append(counter)
        if node.output_is_read:
            self.outputs.append((node.id, outcome.output))

    def note_logs(self, node: CompiledNode, lines: tuple[LogLine, ...]) -> None:
        """Note what the step at `node`, which comes next, says in the log of its run."""
        if lines:
            self.logs.append(QueuedLog(self.seq + 1, node, lines, sum(len(line.json) for line in lines)))

    def note_effects(self, node: CompiledNode, outcome: Outcome, *, answered: bool) -> bool:
        """Note what the step at `node` wishes for. True: it asks for a message, or for a run, that its run waits for."""
        awaited = False
        for effect in outcome.effects:
            if isinstance(effect, ContactChange):
                self.changes.append(effect)
            elif isinstance(effect, SegmentChange):
                self.segment_changes.append(effect)
            elif isinstance(effect, SetVars):
                kept_names = self.flow.kept_vars
                self.vars |= {
                    name: value for name, value in effect.values.items() if name in kept_names or "*" in kept_names
                }
            elif isinstance(effect, Assign):
                self.assigned += ((node.id, effect.variant),)
            elif isinstance(effect, ReachGoal):
                self.won_after = len(self.assigned)
            elif isinstance(effect, KeepLoops):
                self.loops |= effect.states
            elif isinstance(effect, SendMessage):
                awaited = (effect.awaits or node.awaits) and not answered
                self.messages.append(QueuedMessage(self.seq + 1, node, effect, awaited))
            elif isinstance(effect, CallWorkflow):
                awaited = effect.awaits
                self.starts.append(QueuedStart(self.seq + 1, effect))
        return awaited

    def end_runs(
        self, status: int, node: CompiledNode | None, error: str | None = None, goal: str | None = None
    ) -> None:
        """The runs end here, with this status; `node`: where they stood last."""
        self.counters.append(self.flow.end_counters[END_KEYS[status]])
        self.end = PathEnd(status, node, self.seq, error=error, goal=goal)

    def from_start(self) -> list[SharedPath]:
        """The paths from the beginning to here."""
        from_beginning, at = [self], self.parent
        while at is not None:
            from_beginning.append(at)
            at = at.parent
        from_beginning.reverse()
        return from_beginning
