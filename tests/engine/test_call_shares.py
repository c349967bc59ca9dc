"""Who may call how much: pure arithmetic, without a database."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from app.engine.call_shares import (
    BY_CONNECTORS,
    MOST_PER_WORKSPACE,
    PER_CONNECTOR,
    PER_TARGET,
    PER_WORKSPACE,
    CallLane,
    CallShares,
)
from app.flow.performers import AT_ONCE, CONNECTOR_TARGET

KINDS = {"http": None, "code": 2}


def lane(tenant: int, target: str = "api.example", kind: str = "http", workflow: int = 1) -> CallLane:
    return CallLane(tenant, UUID(int=workflow), kind, target)


def by_workspace(quotas: dict[CallLane, int]) -> Counter[int]:
    counts = Counter[int]()
    for one, count in quotas.items():
        counts[one.tenant_id] += count
    return counts


def test_one_target_gets_its_share_and_no_more() -> None:
    shares = CallShares(KINDS)
    assert shares.quotas([lane(1)]) == {lane(1): PER_TARGET}
    assert shares.quotas([lane(1), lane(1, workflow=2)]) == {
        lane(1): PER_TARGET // 2,
        lane(1, workflow=2): PER_TARGET // 2,
    }
    shares.began(lane(1), PER_TARGET - 1)
    assert list(shares.quotas([lane(1), lane(1, workflow=2)]).values()) == [1]


def test_workspaces_share_a_worker_and_a_newcomer_always_gets_one() -> None:
    shares = CallShares(KINDS)
    many = [lane(tenant, target) for tenant in range(8) for target in "abc"]
    quotas = by_workspace(shares.quotas(many))
    assert AT_ONCE * 0.9 < sum(quotas.values()) < AT_ONCE
    assert max(quotas.values()) - min(quotas.values()) <= 1
    for one, count in shares.quotas(many).items():
        shares.began(one, count)
    assert shares.free and not shares.quotas(many), "some are left, for others"
    for tenant in range(90, 100):
        for one, count in shares.quotas([*many, lane(tenant)]).items():
            assert one == lane(tenant) and count >= (2 if tenant == 90 else 1)
            shares.began(one, count)
    assert not shares.free and shares.quotas([*many, lane(100)]) == {lane(100): 1}


def test_a_full_workspace_has_one_for_each_new_target_within_bounds() -> None:
    shares = CallShares(KINDS)
    shares.began(lane(1, "slow"), PER_TARGET)
    shares.began(lane(1, "slower"), PER_WORKSPACE - PER_TARGET)
    fresh = [lane(1, f"t{n}") for n in range(50)]
    quotas = shares.quotas([lane(1, "slow"), lane(1, "slower"), *fresh])
    assert set(quotas.values()) == {1} and len(quotas) == MOST_PER_WORKSPACE - PER_WORKSPACE
    assert not {lane(1, "slow"), lane(1, "slower")} & quotas.keys()


def test_a_kind_has_its_limit_and_unknown_kinds_none() -> None:
    shares = CallShares(KINDS)
    assert shares.quotas([lane(1, kind="code"), lane(2, kind="code"), lane(1, kind="fax")]) == {
        lane(1, kind="code"): 1,
        lane(2, kind="code"): 1,
    }


def test_what_ended_leaves_no_trace() -> None:
    shares = CallShares(KINDS)
    for n in range(100):
        shares.began(lane(n, f"t{n}"))
    for n in range(100):
        shares.began(lane(n, f"t{n}"), -1)
    assert not (shares._workspaces or shares._kinds or shares._targets)
    assert shares.free


def test_workspaces_take_turns_where_a_kind_has_room_for_less_than_one_each() -> None:
    """Of code two pieces run at a time: with a number for a tie the third workspace would wait until the first two have none."""
    shares, served = CallShares(KINDS), Counter[int]()
    waiting = [lane(tenant, kind="code") for tenant in range(1, 8)]
    for _ in range(35):
        quotas = shares.quotas(waiting)
        assert sum(quotas.values()) == 2
        for one, count in quotas.items():
            shares.began(one, count)
            served[one.tenant_id] += count
        for one, count in quotas.items():
            shares.began(one, -count)
    assert set(served.values()) == {10}


def test_one_place_at_a_time_goes_round() -> None:
    shares, order = CallShares({"code": 2}), list[int]()
    first, *others = [lane(tenant, kind="code") for tenant in range(1, 5)]
    shares.began(first)
    for _ in range(6):
        (next_one,) = shares.quotas([first, *others])
        order.append(next_one.tenant_id)
        shares.began(next_one)
        shares.began(next_one, -1)
    assert order == [2, 3, 4, 2, 3, 4]
    shares.quotas([first])
    assert set(shares._turns) <= {1, first}, "of who waits for nothing nothing is remembered"


def test_workflows_of_one_workspace_take_turns_too() -> None:
    shares, order = CallShares({"code": 1}), list[int]()
    waiting = [lane(1, kind="code", workflow=number) for number in range(1, 4)]
    for _ in range(6):
        (next_one,) = shares.quotas(waiting)
        order.append(next_one.workflow_id.int)
        shares.began(next_one)
        shares.began(next_one, -1)
    assert order == [1, 2, 3, 1, 2, 3]


def by_connector(tenant: int, name: str) -> CallLane:
    return lane(tenant, f"{CONNECTOR_TARGET}{name}")


def test_calls_by_connectors_take_nothing_of_the_share_of_urls() -> None:
    shares, slow, quick, url = CallShares(KINDS), by_connector(1, "slow"), by_connector(1, "quick"), lane(1)
    allowed = {(1, slow.target): 1_000, (1, quick.target): 3}
    quotas = shares.quotas([slow, quick, url], at_a_time=allowed)
    assert quotas == {slow: PER_CONNECTOR, quick: 3, url: PER_TARGET}
    shares.began(slow, BY_CONNECTORS)
    assert shares.quotas([slow, quick, url], at_a_time=allowed) == {quick: 1, url: PER_TARGET}
    shares.began(slow, -BY_CONNECTORS)
    assert not shares._in_share


def test_two_workspaces_with_generous_connectors_leave_others_room() -> None:
    shares = CallShares(KINDS)
    greedy = [by_connector(tenant, name) for tenant in (1, 2) for name in "ab"]
    allowed = {(one.tenant_id, one.target): 1_000 for one in greedy}
    quotas = by_workspace(shares.quotas(greedy, at_a_time=allowed))
    assert quotas == {1: BY_CONNECTORS, 2: BY_CONNECTORS}
    for one in (1, 2):
        shares.began(by_connector(one, "a"), BY_CONNECTORS)
    assert shares.quotas([*greedy, lane(3)], at_a_time=allowed)[lane(3)] == PER_TARGET


def test_however_many_workspaces_hang_whoever_comes_next_has_several_places() -> None:
    """Each comes when those before it hold what they may, and none of theirs ends."""
    shares, firsts = CallShares(KINDS), list[int]()
    for tenant in range(5):
        lanes = [by_connector(tenant, name) for name in "ab"]
        quotas = shares.quotas(lanes, at_a_time={(tenant, one.target): 1_000 for one in lanes})
        firsts.append(sum(quotas.values()))
        for one, count in quotas.items():
            shares.began(one, count)
    assert firsts[0] == BY_CONNECTORS and firsts == sorted(firsts, reverse=True) and firsts[3] >= 5, firsts
    assert shares.free


def test_who_holds_most_gives_way_first_as_calls_end() -> None:
    shares, one, two = CallShares(KINDS), by_connector(1, "a"), by_connector(2, "a")
    allowed = {(1, one.target): 1_000, (2, two.target): 1_000}
    shares.began(one, 70)
    shares.began(two, 50)
    shares.began(one, -5)
    assert set(shares.quotas([one, two], at_a_time=allowed)) <= {two}, (
        "what the first lost goes to the second, or stays free"
    )
