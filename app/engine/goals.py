"""Goals: what ends a run early as a success. Reached by an event, or by how the contact is.

A goal on the contact is also asked without an event: of who enters, and before each step that sends. Only the flows that have one
pay for it: their sending steps decide something about the person, those of others do the same for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from app.engine import rows
from app.engine.state import GoalView, RunState
from app.flow.conditions import Evaluation
from app.flow.operators import ConditionError
from app.flow.outcomes import Outcome

log = structlog.get_logger()
Judge = Callable[[Any], Evaluation]
Rules = list[dict[str, Any]]
REMEMBERED = 256


class CompiledGoal:
    """An event and conditions over it and the contact. `on_contact`: the contact is asked without an event too, and when it enters or
    leaves segments, by the events `moves`, if the conditions ask for membership."""

    __slots__ = ("event", "id", "judge", "moves", "name", "on_contact")

    def __init__(
        self, goal_id: str, name: str, event: str, judge: Judge, *, on_contact: bool, moves: Sequence[str] = ()
    ) -> None:
        self.id, self.name, self.event, self.judge, self.on_contact = goal_id, name, event, judge, on_contact
        self.moves = moves

    def met(self, view: GoalView) -> Rules | None:
        """The rules, each with what was there, when they hold. A rule that cannot be answered does not."""
        try:
            verdict = self.judge(view)
        except ConditionError as error:
            log.warning("goal.unanswered", goal=self.id, error=str(error))
            return None
        return verdict.rules if verdict.held else None


class Reached(Outcome):
    """The contact meets a goal before the step: the step is left out, and the run ends as a success."""

    __slots__ = ("goal",)

    def __init__(self, goal: CompiledGoal, rules: Rules) -> None:
        super().__init__(output={"goal": goal.id, "rules": rules})
        self.goal = goal

    def _particulars(self) -> str:
        return self.goal.id


def met_by_contact(goals: Sequence[CompiledGoal], run: RunState) -> tuple[CompiledGoal, Rules] | None:
    """The first of `goals` that the contact of `run` meets as it is now; bare names read the contact."""
    view = GoalView(run, "", {})
    for goal in goals:
        rules = goal.met(view)
        if rules is not None:
            return goal, rules
    return None


def reached_by(run: RunState, name: str, event: dict[str, Any]) -> CompiledGoal | None:
    """The first of the run's goals that an event of this name, with these properties, reaches."""
    view = GoalView(run, name, event)
    for goal in run.flow.goals:
        if goal.event == name and goal.met(view) is not None:
            return goal
        if name in goal.moves and goal.met(GoalView(run, "", {})) is not None:
            return goal
    return None


def unless_met(goals: Sequence[CompiledGoal], step: Callable[[Any], Outcome]) -> Callable[[Any], Outcome]:
    """`step`, but only for who meets none of `goals`."""
    # What was found makes the outcome, so equal findings share one, and with it a path.
    outcomes: dict[tuple[str, bytes], Reached] = {}

    def run(person: Any) -> Outcome:
        met = met_by_contact(goals, person)
        if met is None:
            return step(person)
        goal, rules = met
        key = goal.id, rows.encode(rules)
        outcome = outcomes.get(key)
        if outcome is None:
            outcome = Reached(goal, rules)
            if len(outcomes) < REMEMBERED:
                outcomes[key] = outcome
        return outcome

    return run
