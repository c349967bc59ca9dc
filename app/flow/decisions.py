"""Decisions of steps over what is known of a person: each set of values that is met is judged, made and encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.flow.conditions import Condition, operators_of
from app.flow.operators import TIMED, ZONED, ConditionError
from app.flow.outcomes import Fail, Outcome, Read, Run
from app.flow.scope import CompileScope

REMEMBERED = 256
"""Sets of values of which the outcome is kept."""


def decided(decide: Run, reads: Sequence[Read], conditions: Iterable[Condition], scope: CompileScope) -> Run:
    """`decide` as the function of a step, asked once for each set of values that `reads` and `conditions` look at.

    A condition that cannot be answered fails the step for good, in words.
    """
    rules = list(conditions)
    operators = set(operators_of(rules))
    readers = [*reads, *scope.readers(rules)]

    def answer(step: Any) -> Outcome:
        try:
            return decide(step)
        except ConditionError as error:
            return Fail(str(error), permanent=True)

    if operators & TIMED:  # the answer changes with the time of day
        return answer
    return _remembering(answer, readers, zoned=not operators.isdisjoint(ZONED))


def _remembering(answer: Run, readers: Sequence[Callable[[Any], Any]], *, zoned: bool) -> Run:
    outcomes: dict[Any, Outcome] = {}

    def run(step: Any) -> Outcome:
        values = [read(step) for read in readers]
        # Classes belong to the key: 1, 1.0 and true are the same key otherwise, but not the same value.
        key = (*values, *[value.__class__ for value in values])
        if zoned:
            key = (*key, step.zone)
        try:
            outcome = outcomes.get(key)
        except TypeError:  # a list or an object cannot be a key
            return answer(step)
        if outcome is None:
            outcome = answer(step)
            if len(outcomes) < REMEMBERED:
                outcomes[key] = outcome
        return outcome

    return run
