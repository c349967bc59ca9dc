"""What the numbers of a split say: intervals, probabilities, and the sentence that may be drawn from them."""

from __future__ import annotations

import random

import pytest

from app.insights.experiments import chances_of_being_best, wilson_interval
from app.insights.schemas import VariantStats
from app.insights.variants import compared, split_verdict, variant_stats


@pytest.mark.parametrize(
    ("converted", "contacts", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (0, 0, 0, 1)],
)
def test_the_interval_is_wilsons(converted: int, contacts: int, low: float, high: float) -> None:
    assert wilson_interval(converted, contacts) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    "counts",
    [
        [(200, 20), (200, 31)],
        [(10, 0), (12, 0), (9, 1)],
        [(1_000_000, 50_000), (40, 3)],
        [(500, 500), (400, 399)],
        [(300, 30), (300, 33), (300, 36), (300, 39)],
    ],
)
def test_the_chance_of_being_best_is_what_drawing_finds(counts: list[tuple[int, int]]) -> None:
    dice, draws = random.Random(7), 20_000
    wins = [0] * len(counts)
    for _ in range(draws):
        rates = [dice.betavariate(converted + 1, contacts - converted + 1) for contacts, converted in counts]
        wins[rates.index(max(rates))] += 1
    chances = chances_of_being_best(counts)
    assert sum(chances) == pytest.approx(1)
    assert chances == pytest.approx([won / draws for won in wins], abs=0.015)  # 4 standard deviations of so many draws


def test_equal_numbers_have_equal_chances() -> None:
    assert chances_of_being_best([(50, 5)] * 4) == pytest.approx([0.25] * 4)
    assert chances_of_being_best([(50, 5)]) == [1.0]


def of(**counts: tuple[int, int]) -> dict[str, VariantStats]:
    counters = {f"variant.contacts.{name}": contacts for name, (contacts, _) in counts.items()}
    counters |= {f"variant.converted.{name}": converted for name, (_, converted) in counts.items()}
    return variant_stats(counters) or {}


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a": (500, 50)}, "Only one variant"),
        ({"a": (500, 50), "b": (0, 0)}, "Only one variant"),
        ({"a": (500, 0), "b": (400, 0)}, "No contact has reached a goal"),
        ({"a": (99, 10), "b": (500, 200)}, "Too early to tell"),
        ({"a": (500, 4), "b": (500, 5)}, "Too early to tell"),
        ({"a": (500, 50), "b": (500, 52)}, "No clear winner yet: “Long” is the best with a probability of"),
        ({"a": (500, 50), "b": (500, 90)}, "“Long” is the best with a probability of 99.9%."),
    ],
)
def test_the_sentence_promises_no_more_than_the_numbers(counts: dict[str, tuple[int, int]], words: str) -> None:
    assert split_verdict(of(**counts), {"a": "Short", "b": "Long"}).startswith(words)


def test_a_variant_that_was_taken_out_cannot_win_and_is_not_waited_for() -> None:
    stats = of(old=(50, 40), a=(1_000, 200), b=(1_000, 100))
    words = {"old": "Old", "a": "Short", "b": "Long"}
    assert split_verdict(stats, words).startswith("Too early")
    assert split_verdict(compared(stats, {"a", "b", "c"}), words).startswith("“Short” is the best")
    assert split_verdict(compared(stats, {"a"}), words).startswith("Only one variant")
