"""One node of a compiled version, and what its runs count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.engine import rows
from app.engine.goals import CompiledGoal, unless_met
from app.engine.limits import MAX_DEPTH, TOO_DEEP
from app.engine.rooms import ContactRoom
from app.engine.step_timeouts import in_time
from app.engine.subject import about_contact, unless_nobody
from app.flow.document import NEXT
from app.flow.effects import EmitEvent, SetVars
from app.flow.outcomes import IfRoom, Outcome, Run
from app.flow.policies import OnError
from app.flow.retry import Retry


class NotUnderstood(Outcome):
    """A step that this process cannot do: whoever published it could. Runs stay before it until a process comes that understands it."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def _particulars(self) -> str:
        return self.why


class StatCounter:
    """What a run counts when it leaves a node by a port (`next`, `true`, `error` …), waits there (`waiting`) or ends there (`failed` …).

    `index` is its place among the counters of the flow; `target`: the node that an edge leads to from this port.
    """

    __slots__ = ("index", "key", "node_id", "target")

    def __init__(self, index: int, node_id: str, key: str) -> None:
        self.index, self.node_id, self.key = index, node_id, key
        self.target: CompiledNode | None = None


class CompiledNode:
    """One node of the flow."""

    __slots__ = (
        "answered",
        "asks_how",
        "awaits",
        "concerns",
        "constant_outcome",
        "ends",
        "exit_counters",
        "field",
        "handles",
        "id",
        "is_alternative",
        "not_understood",
        "on_error",
        "output_is_read",
        "passes",
        "ports",
        "queued_counter",
        "repeats",
        "retry",
        "room",
        "run",
        "sends",
        "starts_runs",
        "timed_loops",
        "timeout_s",
        "type",
        "waiting_counter",
    )

    def __init__(self, node_id: str, type_: str, does: Run | Outcome | IfRoom, rule: Retry) -> None:
        self.id, self.type, self.retry = node_id, type_, rule
        self.room = ContactRoom.of(does) if isinstance(does, IfRoom) else None
        """What a contact must have room for, else it is asked by itself."""
        shared = does.outcome if isinstance(does, IfRoom) else does
        alike = isinstance(shared, Outcome) and not isinstance(shared, NotUnderstood) and not _of_each_run(shared)
        self.constant_outcome: Outcome | None = shared if alike and isinstance(shared, Outcome) else None
        """What it does when that is the same for everybody (who has room)."""
        self.run: Run = (
            does.run if isinstance(does, IfRoom) else (lambda _step: does) if isinstance(does, Outcome) else does
        )
        self.answered: Run | None = None
        """What the answer to its call means: a function over the run, which has the answer as `resume_output`."""
        self.concerns: Callable[[dict[str, Any]], bool] | None = None
        """It decides again when its wait is over, and when an event came whose properties make this true; None: it goes on."""
        self.not_understood = does if isinstance(does, NotUnderstood) else None
        """Why this process cannot do it: runs that stand here are left to another, with what they are answered."""
        self.field = rows.text(node_id)
        self.ports: dict[str, StatCounter] = {}
        self.exit_counters: dict[str, StatCounter] = {}
        self.waiting_counter: StatCounter
        self.queued_counter: StatCounter
        """Counts the messages that it asked for; who sends them counts on from there."""
        self.output_is_read = False
        """Its output is kept in the run's context because a later step reads it."""
        self.repeats = False
        """A run may come here more than once, so its visits are counted."""
        self.awaits = False
        """If it asks for a message, that is waited for, because its failure matters: it leads somewhere, or holds the run."""
        self.sends = self.starts_runs = self.ends = False
        """`ends`: a way ends here, so what it puts out is what the run has come to, for whoever called it."""
        self.handles = self.asks_how = False
        """Errors of other steps may lead here; the walk says how a run has come."""
        self.is_alternative = False
        """Another step is tried when this one cannot reach the contact."""
        self.on_error: OnError = "fail"
        """What becomes of a run whose step failed for good and whose `error` port leads nowhere."""
        self.passes = NEXT
        """The port by which a run passes it, when it is switched off or the policy says so."""
        self.timed_loops: tuple[str, ...] = ()
        """Loops with a `timeout` whose body it is in, the outer ones first."""
        self.timeout_s: int | None = None
        """How long a try may wait for its answer, if the step says so."""

    def ask_first(self, goals: list[CompiledGoal]) -> None:
        """A step that sends does so only for who meets none of these goals."""
        if self.sends:
            self.run, self.constant_outcome = unless_met(goals, self.run), None

    def limit_depth(self) -> None:
        """It starts runs of other workflows, but not for a run that has come through too many."""
        self.starts_runs = True
        within, self.constant_outcome = self.run, None
        self.run = lambda run: TOO_DEEP if run.depth >= MAX_DEPTH else within(run)

    def limit_time(self, timeout_s: int, *, of_wait: bool) -> None:
        """A try of the step may take so long. `of_wait`: for an answer; of others, what a worker does for one run."""
        if of_wait:
            self.timeout_s = timeout_s
        elif self.constant_outcome is None and self.not_understood is None:
            self.run = in_time(self.run, timeout_s)

    def spare_nobody(self, *, needs_contact: bool) -> None:
        """A run without a contact may come here: it fails where it would need one."""
        same = self.constant_outcome
        if needs_contact or same is None or about_contact(same):
            self.run, self.constant_outcome = unless_nobody(self.run, needs_contact=needs_contact), None


def _of_each_run(outcome: Outcome) -> bool:
    """Whether variables fit is asked of each run, and each event has an id: such a step is not the same for everybody."""
    return any(isinstance(effect, SetVars | EmitEvent) for effect in outcome.effects)
