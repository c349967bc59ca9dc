"""Whose turn it is: parts by weight and priority, all places dealt, and nobody starves, whoever comes and goes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.status import Priority
from app.turns import Claimant, RoundRobin

URGENT, NORMAL, BULK = Priority.URGENT, Priority.NORMAL, Priority.BULK
places = st.integers(1, 40)
claimants = st.builds(
    lambda tenant_id, key, priority: Claimant(tenant_id, key, priority, 1 + tenant_id % 3),
    st.integers(1, 8), st.integers(1, 6), st.sampled_from(Priority),
)  # fmt: skip
crowds = st.sets(claimants, max_size=30)


def of_tenants(dealt: dict[Claimant, int]) -> dict[int, int]:
    counts = Counter[int]()
    for claimant, share in dealt.items():
        counts[claimant.tenant_id] += share
    return dict(counts)


def of_priorities(dealt: dict[Claimant, int]) -> dict[Priority, int]:
    counts = Counter[Priority]()
    for claimant, share in dealt.items():
        counts[claimant.priority] += share
    return dict(counts)


@given(st.lists(st.tuples(crowds, places), max_size=20))
def test_all_places_are_dealt_and_none_twice(deals: list[tuple[set[Claimant], int]]) -> None:
    turns = RoundRobin()
    for crowd, count in deals:
        dealt = turns.deal(crowd, count)
        assert dealt.keys() <= crowd
        assert all(share > 0 for share in dealt.values())
        assert sum(dealt.values()) == (count if crowd else 0)


@given(st.lists(crowds, min_size=1, max_size=400), places, st.sampled_from(Priority))
def test_nobody_starves_whoever_comes_and_goes(crowds: list[set[Claimant]], count: int, priority: Priority) -> None:
    """One that has work all the time, of the heaviest neighbours and of any priority, is served again and again."""
    victim = Claimant(4, 3, priority, 1 + 4 % 3)
    turns, waited = RoundRobin(), 0
    # 8 workspaces: each has a place in every second deal at least; one of ten is its priority's, which has 6 workflows.
    bound = (1 + 8) * 10 * 6
    for crowd in (crowds * (bound // len(crowds) + 2))[: bound + 1]:
        waited = 0 if victim in turns.deal(crowd | {victim}, count) else waited + 1
        assert waited < bound


def test_a_workspace_waits_for_a_round_at_most() -> None:
    crowd = {Claimant(tenant_id, 1) for tenant_id in range(1_000)}
    turns = RoundRobin()
    served = [turns.deal(crowd, 100) for _ in range(10)]
    assert len({claimant for dealt in served for claimant in dealt}) == 1_000
    assert all(set(dealt.values()) == {1} for dealt in served)


def test_a_giant_has_its_part_and_no_more() -> None:
    giant, small = Claimant(1, 1), {Claimant(tenant_id, 1) for tenant_id in range(2, 22)}
    dealt = RoundRobin().deal({giant, *small}, 1_000)
    assert set(of_tenants(dealt).values()) <= {47, 48}


def test_weights_are_kept_whether_places_are_many_or_few() -> None:
    crowd = {Claimant(1, 1, NORMAL, 6), *(Claimant(tenant_id, 1) for tenant_id in range(2, 6))}
    assert of_tenants(RoundRobin().deal(crowd, 1_000)) == {1: 600, 2: 100, 3: 100, 4: 100, 5: 100}
    for count in (1, 3, 7):
        turns, total = RoundRobin(), Counter[int]()
        for _ in range(700):
            total.update(of_tenants(turns.deal(crowd, count)))
        assert total[1] > 0.9 * max(total.values())
        assert min(total.values()) > 0


def test_priorities_have_60_30_and_10_percent_and_what_one_leaves() -> None:
    urgent, normal, bulk = (Claimant(1, priority, priority) for priority in Priority)
    assert of_priorities(RoundRobin().deal({urgent, normal, bulk}, 1_000)) == {URGENT: 600, NORMAL: 300, BULK: 100}
    assert of_priorities(RoundRobin().deal({normal, bulk}, 1_000)) == {NORMAL: 750, BULK: 250}
    assert of_priorities(RoundRobin().deal({bulk}, 1_000)) == {BULK: 1_000}
    turns, total = RoundRobin(), Counter[Priority]()
    for _ in range(100):  # a place each time
        total.update(of_priorities(turns.deal({urgent, normal, bulk}, 1)))
    assert total == {URGENT: 60, NORMAL: 30, BULK: 10}


def test_workflows_take_turns_when_places_are_few() -> None:
    crowd = {Claimant(1, key) for key in range(7)}
    turns, total = RoundRobin(), Counter[int]()
    for _ in range(70):
        total.update({claimant.key: share for claimant, share in turns.deal(crowd, 3).items()})
    assert set(total.values()) == {30}


def test_who_always_has_more_is_not_always_the_last() -> None:
    """What is dealt again says nothing about whose turn it is: else those behind the giant would be first each time."""
    crowd = {Claimant(tenant_id, 1) for tenant_id in range(100)}
    turns, served = RoundRobin(), set[Claimant]()
    for _ in range(10):
        served |= turns.deal(crowd, 10).keys()
        turns.deal({Claimant(0, 1)}, 5, again=True)
    assert served == crowd


def test_bulk_work_is_served_though_its_workspace_comes_seldom() -> None:
    """As in the inbox, where a claim looks at some workspaces at a time, and each has few places."""
    turns, bulk = RoundRobin(), 0
    for _ in range(20):
        for first in range(0, 1_000, 200):
            crowd = {
                Claimant(tenant_id, None, priority) for tenant_id in range(first, first + 200) for priority in Priority
            }
            dealt = turns.deal(crowd, 1_000)
            bulk += dealt.get(Claimant(7, None, BULK), 0)
    assert bulk == 20 * 5 // 10


def test_little_is_remembered_of_who_is_gone() -> None:
    turns = RoundRobin()
    for tenant_id in range(12_000):
        turns.deal({Claimant(tenant_id, key) for key in range(3)}, 2)
    assert len(turns._within) == 10_000


def test_of_a_batch_that_is_given_up_it_is_their_turn_again() -> None:
    crowd = {Claimant(tenant_id, key, priority) for tenant_id in range(4) for key in range(3) for priority in Priority}
    turns = RoundRobin()
    turns.deal(crowd, 7)
    given_up = []
    for count in (9, 4, 2, 1):  # the same, less and less
        with pytest.raises(ZeroDivisionError), turns.batch():
            given_up.append(turns.deal(crowd, count))
            turns.deal({Claimant(9, 9)}, 5, again=True)
            raise ZeroDivisionError
    assert len({next(iter(dealt)) for dealt in given_up}) == 1
    with turns.batch():
        assert turns.deal(crowd, 9) == given_up[0]
    assert turns.deal(crowd, 9) != given_up[0]
