"""A condition that cannot be answered is neither true nor false: it matters only where no other one decides."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow import judging
from app.flow.operators import ConditionError
from app.flow.phrases import decision_in_words
from tests.flow.test_conditions import is_, judge
from tests.nodes.person import person


@given(st.lists(st.sampled_from([True, False, None]), max_size=4), st.sampled_from(["all", "any", "none"]))
def test_what_cannot_be_answered_matters_only_where_nothing_else_decides(
    answers: list[bool | None], match: str
) -> None:
    """Whatever the unanswered ones were, the verdict would be the same; or it is none."""
    wholes = {"all": all, "any": any, "none": lambda values: not any(values)}
    options = [[True, False] if one is None else [one] for one in answers]
    verdicts = {wholes[match if answers else "all"](values) for values in itertools.product(*options)}
    assert judging.joined_answers(answers, match) is (verdicts.pop() if len(verdicts) == 1 else None)
    values: dict[bool | None, Any] = {True: 9, False: 1, None: "n/a"}
    step = person(attributes={f"x{number}": values[one] for number, one in enumerate(answers)})
    rules = [is_(f"contact.x{number}", 5, "greater_than") for number in range(len(answers))]
    wanted = judging.joined_answers(answers, match)
    if wanted is None:
        with pytest.raises(ConditionError, match="which is not a number"):
            judge(step, rules, match)
    else:
        assert judge(step, rules, match).held is wanted


def test_a_decision_says_which_rule_could_not_be_answered() -> None:
    verdict = judge(
        person(attributes={"age": "n/a", "plan": "pro"}), [is_("plan", "pro"), is_("age", 3, "greater_than")], "any"
    )
    assert verdict.held
    assert [(line.held, line.was) for line in decision_in_words(verdict.rules)] == [
        (True, "pro"),
        (False, "n/a, which is not a number"),
    ]
