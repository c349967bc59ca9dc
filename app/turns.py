"""Whose turn it is: a batch is dealt out to workspaces by weight, in each to urgent, normal and bulk work, in those to workflows
(of the inbox: to lanes).

No SQL and no clock here. A worker has one `RoundRobin` for each kind of work, which remembers where it stopped, so that nobody starves:
with T workspaces that have work each has at least a place in every `1 + ceil(T / places)` deals; of ten places of a workspace at least
one is of each priority that has work (places of those that have none go to the others); and workflows of a priority take turns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from app.models.status import Priority

T = TypeVar("T")
_U, _N, _B = Priority.URGENT, Priority.NORMAL, Priority.BULK
CYCLE = (_U, _U, _N, _U, _N, _U, _U, _B, _N, _U)
"""Ten places of a workspace, in this order: 60, 30 and 10 % of them."""
REMEMBERED = 10_000
"""Workspaces of which a worker remembers where they are in their cycle."""
MOST_DEALS = 4
"""How often one batch is dealt out; the last time, whoever has more may have all that is left."""


class Claimant(NamedTuple):
    """Something that has work, of a workspace. `key` orders and names it among those of its workspace."""

    tenant_id: int
    key: Any
    priority: Priority = Priority.NORMAL
    weight: int = 1
    """Of its workspace: one of weight 2 gets twice as many places as one of weight 1."""


class _Within:
    """Where a workspace is in its cycle, and behind which workflow of a priority the next deal begins."""

    __slots__ = ("place", "served")

    def __init__(self, place: int, served: dict[Priority, Any] | None = None) -> None:
        self.place = place
        self.served: dict[Priority, Any] = served or {}

    def copy(self) -> _Within:
        return _Within(self.place, dict(self.served))


class RoundRobin:
    """Deals places out. What is not used is dealt again by the caller: to whoever filled its part, and who was not asked yet."""

    def __init__(self) -> None:
        self.last_workspace = -1
        """The one that was served last: the next batch begins behind it."""
        self._deals = 0
        self._within: OrderedDict[int, _Within] = OrderedDict()
        """Of the workspaces that were served lately: a worker meets ever new ones."""
        self._before: dict[int, _Within | None] = {}
        """Where workspaces were when this batch began."""

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Around a batch: when it is given up, it is their turn again. So what cannot be stored is found by ever smaller batches."""
        self._before, last, deals = {}, self.last_workspace, self._deals
        try:
            yield
        except BaseException:
            for tenant_id, within in self._before.items():
                self._within.pop(tenant_id, None)
                if within is not None:
                    self._within[tenant_id] = within
            self.last_workspace, self._deals = last, deals
            raise

    def deal(self, claimants: Iterable[Claimant], places: int, *, again: bool = False) -> dict[Claimant, int]:
        """How many places each gets, all of them together; who gets none is not there. In order of turn.

        `again`: for what an earlier deal of the same batch left. Whose turn it is next does not depend on it, or whoever always has
        more would always be the last.
        """
        by_tenant: dict[int, list[Claimant]] = {}
        for claimant in claimants:
            by_tenant.setdefault(claimant.tenant_id, []).append(claimant)
        weights = {tenant_id: own[0].weight for tenant_id, own in by_tenant.items()}
        parts, last = self._parts(weights, places)
        if not again:
            self.last_workspace = last
        dealt: dict[Claimant, int] = {}
        for tenant_id, part in parts.items():
            dealt |= _deal_within(self._known(tenant_id), by_tenant[tenant_id], part)
        while len(self._within) > REMEMBERED:
            self._within.popitem(last=False)
        self._deals += 1
        return dealt

    def served_last(self, tenant_id: int, priority: Priority) -> Any:
        """The key behind which the next deal of this workspace and priority begins; None: at the first."""
        within = self._within.get(tenant_id)
        return within.served.get(priority) if within else None

    def go_on_behind(self, tenant_id: int, priority: Priority, key: Any) -> None:
        """Have the next deal begin behind `key`: of more keys than a deal is about these were looked at."""
        self._known(tenant_id).served[priority] = key

    def share_out(self, supply: Mapping[Claimant, Sequence[T]], places: int) -> list[T]:
        """Up to `places` of what the claimants have, the first of each: what one does not use goes to the others."""
        left, shared = dict(supply), list[T]()
        again = False
        while left and len(shared) < places:
            for claimant, share in self.deal(left, places - len(shared), again=again).items():
                shared += left[claimant][:share]
                left[claimant] = left[claimant][share:]
            left, again = {claimant: more for claimant, more in left.items() if more}, True
        return shared

    def _known(self, tenant_id: int) -> _Within:
        """Where a workspace is, as the last that was served; what it was before the batch is noted."""
        known = self._within.pop(tenant_id, None)
        if tenant_id not in self._before:
            self._before[tenant_id] = known.copy() if known else None
        within = self._within[tenant_id] = known or _Within(self._deals % len(CYCLE))
        return within

    def _parts(self, weights: dict[int, int], places: int) -> tuple[dict[int, int], int]:
        """The places of each workspace: by weight and at least one, until there are none left for those behind. And who was last."""
        order, total, left = behind(sorted(weights), self.last_workspace), sum(weights.values()), places
        parts, last = dict[int, int](), self.last_workspace
        for tenant_id in order:
            if left <= 0:
                break
            parts[tenant_id] = part = min(left, max(1, places * weights[tenant_id] // total))
            left -= part
            last = tenant_id
        for tenant_id in order[: max(left, 0)]:  # all have theirs, and dividing left a few
            parts[tenant_id] += 1
            last = tenant_id
        return parts, last


def _deal_within(within: _Within, own: Sequence[Claimant], part: int) -> dict[Claimant, int]:
    """The places of each of a workspace."""
    by_priority: dict[Priority, list[Claimant]] = {}
    for claimant in own:
        by_priority.setdefault(claimant.priority, []).append(claimant)
    dealt: dict[Claimant, int] = {}
    for priority, count in _of_priorities(within, by_priority, part).items():
        by_key = {claimant.key: claimant for claimant in by_priority[priority]}
        keys = behind(sorted(by_key), within.served.get(priority))
        each, more = divmod(count, len(keys))
        for place, key in enumerate(keys if each else keys[:more]):
            dealt[by_key[key]] = each + (place < more)
        if more:
            within.served[priority] = keys[more - 1]
    return dealt


def _of_priorities(within: _Within, present: Iterable[Priority], part: int) -> dict[Priority, int]:
    """How many of `part` places each priority gets: along the cycle, without those that are absent."""
    counts = dict.fromkeys(sorted(present), 0)
    cycle = [priority for priority in CYCLE if priority in counts]
    rounds, single_places = divmod(part, len(cycle))
    for priority in cycle:
        counts[priority] += rounds
    while single_places:
        priority = CYCLE[within.place]
        within.place = (within.place + 1) % len(CYCLE)
        if priority in counts:
            counts[priority] += 1
            single_places -= 1
    return {priority: count for priority, count in counts.items() if count}


def behind(order: list[Any], last: Any) -> list[Any]:
    """The same in a circle, from the first that is greater than `last`; None: from the beginning."""
    at = 0 if last is None else bisect_right(order, last) % max(len(order), 1)
    return order[at:] + order[:at]
