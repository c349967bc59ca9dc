"""How many starts may begin now: never more than the limit within a minute, evenly spread, and all of them in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.engine.pace import MADE_UP_FOR, MINUTE, TOGETHER, Pace


def begun(per_minute: int, pauses: list[int], waiting: int = 10**9) -> list[tuple[int, int]]:
    """When how many begin, if a pass comes after each of `pauses` and so many wait from the beginning."""
    pace, now, starts = Pace(), 0, list[tuple[int, int]]()
    for pause in pauses:
        now += pause
        count = min(pace.room(per_minute, 0, now), waiting)
        pace = pace.after(count, per_minute, 0, now)
        waiting -= count
        if count:
            starts.append((now, count))
    return starts


@given(
    st.integers(1, 100_000),
    st.lists(st.one_of(st.integers(0, 2_000_000), st.integers(0, 3 * MINUTE)), min_size=1, max_size=120),
)
def test_no_minute_has_more_than_the_limit_wherever_it_begins(per_minute: int, pauses: list[int]) -> None:
    starts = begun(per_minute, pauses)
    for first, _ in starts:
        assert sum(n for at, n in starts if first <= at < first + MINUTE) <= per_minute


@given(st.integers(1, 6_000))
def test_while_some_wait_the_limit_is_used(per_minute: int) -> None:
    """Of ten minutes' worth all begin within ten minutes of passes a second apart, and a moment."""
    starts = begun(per_minute, [1_000_000] * 605, 10 * per_minute)
    assert sum(n for _, n in starts) == 10 * per_minute
    assert starts[-1][0] <= 10 * MINUTE + 2_000_000


@given(st.integers(1, 600), st.integers(0, 10**12))
def test_whoever_comes_alone_begins_at_once(per_minute: int, now: int) -> None:
    assert Pace().room(per_minute, now, now) == 1


def test_they_are_spread() -> None:
    starts = begun(60, [500_000] * 60)
    assert {n for _, n in starts} <= {1, 2, MADE_UP_FOR // 1_000_000 + 1}
    assert sum(n for at, n in starts if at <= 10_000_000) <= 11 + MADE_UP_FOR // 1_000_000


def test_a_pause_is_not_made_up_for() -> None:
    starts = begun(600, [1_000_000] * 5 + [30 * MINUTE])
    assert starts[-1][1] <= 600 * MADE_UP_FOR // MINUTE + 1


@given(st.integers(1, 100_000), st.lists(st.integers(1, 5_000_000), max_size=200))
def test_the_notes_of_a_minute_are_few(per_minute: int, pauses: list[int]) -> None:
    pace, now = Pace(), 0
    for pause in pauses:
        now += pause
        pace = pace.after(pace.room(per_minute, 0, now), per_minute, 0, now)
        assert len(pace.recent) <= MINUTE // TOGETHER + 1
        assert sum(n for _, n in pace.recent) <= per_minute


@given(st.integers(1, 10_000), st.lists(st.integers(0, 20_000_000), min_size=1, max_size=50))
def test_it_says_when_the_next_may_begin(per_minute: int, pauses: list[int]) -> None:
    pace, now = Pace(), 0
    for pause in pauses:
        now += pause
        room = pace.room(per_minute, 0, now)
        if not room:
            at = pace.next_at(per_minute, now)
            assert at > now
            assert pace.room(per_minute, 0, at) >= 1
            if at - 1 > now:
                assert pace.room(per_minute, 0, at - 1) == 0
        pace = pace.after(room, per_minute, 0, now)


def test_a_new_limit_holds_at_once() -> None:
    pace = Pace().after(1, 1, 0, 0)
    assert pace.room(1, 0, 30_000_000) == 0
    assert pace.room(60, 0, 30_000_000) >= 1
