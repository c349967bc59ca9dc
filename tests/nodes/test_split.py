"""The split: shares as wanted, the same variant for good, independent of other splits."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest

from app.flow import registry
from app.flow.declared import NodeScope
from app.flow.effects import Assign
from app.flow.node_words import explanation_of, ports_of, summary_of
from app.flow.outcomes import Done, Fail, Outcome
from tests.nodes.person import Person, person, run_of

KIND = registry.get("split")


def split(*weights: float, **more: Any) -> dict[str, Any]:
    return {"variants": [{"id": f"v{n}", "label": "", "weight": weight} for n, weight in enumerate(weights)], **more}


def contact(number: int, assigned: str | None = None) -> Person:
    someone = person()
    someone.contact.id = uuid.UUID(int=number * 0x9E3779B97F4A7C15 % 2**128).bytes
    someone.assigned = {"": assigned} if assigned else {}
    return someone


PEOPLE = [contact(number) for number in range(1, 20_001)]


def chosen(data: dict[str, Any], people: list[Person] = PEOPLE, node_id: str = "") -> list[str]:
    scope = NodeScope(node_id)
    run = scope.guard(KIND.compile(registry.config_of(KIND, data), scope))  # type: ignore[arg-type]
    return [run(one).port for one in people]


def chi_squared(counts: list[int], shares: list[float]) -> float:
    total = sum(counts)
    return sum((count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True))


# Critical values of chi-squared at 1 in 10,000 for 1, 2, 3 and 9 degrees of freedom: the draws are fixed, so this never flickers.
CRITICAL = {1: 15.14, 2: 18.42, 3: 21.11, 9: 33.72}


@pytest.mark.parametrize(
    "weights",
    [(1, 1), (50, 50), (90, 10), (1, 1, 1), (0.5, 0.25, 0.125, 0.125), (1,) * 10, (10, 0, 30, 60)],
)
def test_the_shares_are_those_of_the_weights(weights: tuple[float, ...]) -> None:
    counts = Counter(chosen(split(*weights)))
    used = [(counts[f"v{n}"], weight / sum(weights)) for n, weight in enumerate(weights) if weight]
    assert sum(counts.values()) == sum(count for count, _ in used), "nobody new goes to a variant of weight 0"
    assert chi_squared([count for count, _ in used], [share for _, share in used]) < CRITICAL[len(used) - 1]


def test_two_splits_draw_independently_unless_they_share_a_salt() -> None:
    one, two = chosen(split(1, 1), node_id="a"), chosen(split(1, 1), node_id="b")
    pairs = Counter(zip(one, two, strict=True))
    assert len(pairs) == 4 and chi_squared(list(pairs.values()), [0.25] * 4) < CRITICAL[3]
    salted = [chosen(split(1, 1, salt="autumn"), node_id=node_id) for node_id in ("a", "b")]
    assert salted[0] == salted[1] != one
    other = contact(1)
    other.workflow_id = b"w" * 16
    same = [chosen(split(1, 1), [contact(n)])[0] for n in range(1, 200)]
    moved = []
    for number in range(1, 200):
        someone = contact(number)
        someone.workflow_id = b"w" * 16
        moved.append(chosen(split(1, 1), [someone])[0])
    assert same != moved, "a copy of a workflow draws for itself"


def test_who_has_a_variant_keeps_it_whatever_the_weights() -> None:
    for weights in ((1, 1), (0, 1), (1, 0), (1, 1, 1), (1, 99)):
        run = run_of(KIND, split(*weights))
        for number in range(1, 200):
            outcome = run(contact(number, "v0"))
            assert (outcome.port, outcome.effects, outcome.output["assigned"]) == ("v0", (), "before")


def test_a_first_visit_is_kept_and_a_variant_that_is_gone_is_replaced() -> None:
    run = run_of(KIND, split(1, 1))
    for someone in (contact(7), contact(7, "removed")):
        outcome = run(someone)
        (effect,) = outcome.effects
        assert isinstance(effect, Assign) and effect.variant == outcome.port == chosen(split(1, 1), [contact(7)])[0]
        assert outcome.output == {"variant": outcome.port, "assigned": "now"}


def test_all_people_of_a_variant_share_one_outcome() -> None:
    run = run_of(KIND, split(1, 1, 1))
    outcomes = {id(run(one)) for one in PEOPLE[:500]} | {id(run(contact(n, f"v{n % 3}"))) for n in range(1, 100)}
    assert len(outcomes) == 6


def test_a_control_group_is_marked() -> None:
    run = run_of(KIND, split(1, 1, holdout="v1"))
    marks = {(run(one).port, run(one).output.get("holdout")) for one in PEOPLE[:200]}
    assert marks == {("v0", None), ("v1", True)}


def test_a_version_without_open_variants_fails_newcomers_in_words() -> None:
    run = run_of(KIND, split(0, 0))
    newcomer: Outcome = run(contact(1))
    assert isinstance(newcomer, Fail) and newcomer.permanent and "weight above 0" in newcomer.error
    assert isinstance(run(contact(1, "v1")), Done)


@pytest.mark.parametrize(
    ("data", "path", "words", "incomplete"),
    [
        ({}, "variants", "at least 2", True),
        (split(1), "variants", "at least 2", True),
        (split(*[1] * 11), "variants", "at most 10", False),
        (split(1, -1), "variants[1].weight", "from 0", False),
        (split(1, 1e9), "variants[1].weight", "1,000,000", False),
        (split(1, float("nan")), "variants[1].weight", "a number", False),
        (split(0, 0), "variants", "above 0", True),
        (split(1, 1, holdout="v7"), "holdout", "“v7”", True),
        ({"variants": [{"id": "a"}, {"id": "a"}]}, "", "Two branches", False),
        ({"variants": [{"id": "a"}, {"id": "failed"}]}, "", "failed", False),
        ({"variants": [{"id": "a"}, {"id": "b", "weight": "half"}]}, "variants[1].weight", "a number", False),
        ({"variants": [{"id": "a"}, {"id": "b", "wait": 1}]}, "variants[1].wait", "weight", False),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: dict[str, Any], path: str, words: str, incomplete: bool) -> None:
    faults = registry.diagnostics(KIND, data)
    assert [(one.path, one.blocks_save) for one in faults] == [(path, not incomplete)]
    assert words in faults[0].message


def test_what_people_read() -> None:
    data = split(1, 2, holdout="v1")
    assert [port.label for port in ports_of("split", data)] == ["A", "B"]
    assert summary_of("split", data) == "A 33.3%, B 66.7%"

    class Left:
        port, started_at, completed_at = "v1", None, None

        def __init__(self, output: dict[str, Any]) -> None:
            self.output = output

    words = [explanation_of("split", data, Left(output)) for output in ({"holdout": True}, {"assigned": "before"})]  # type: ignore[arg-type]
    assert words == [
        "Went to “B”, the control group, by chance: 66.7% of the contacts do.",
        "Went to “B”, as at the first visit.",
    ]
