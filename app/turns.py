"""Whose turn it is: a batch is dealt out to workspaces by weight, in each to urgent, normal and bulk work, in those to workflows.

No SQL and no clock here. A worker has one `Turns` for each kind of work, which remembers where it stopped, so that nobody starves:
with T workspaces that have work each has at least a place in every `1 + ceil(T / places)` deals; of ten places of a workspace at least
one is of each priority that has work (places of those that have none go to the others); and workflows of a priority take turns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from app.models.status import Priority

_U, _N, _B = Priority.URGENT, Priority.NORMAL, Priority.BULK
CYCLE = (_U, _U, _N, _U, _N, _U, _U, _B, _N, _U)
"""Ten places of a workspace, in this order: 60, 30 and 10 % of them."""


class Claimant(NamedTuple):
    """Something that has work, of a workspace. `key` orders and names it among those of its workspace."""

    tenant_id: int
    key: Any
    priority: Priority = Priority.NORMAL
    weight: int = 1
    """Of its workspace: one of weight 2 gets twice as many places as one of weight 1."""


class Turns:
    """Deals places out. What is not used is dealt again by the caller: to whoever filled its part, and who was not asked yet."""

    def __init__(self) -> None:
        self._tenant = -1
        """The workspace that the next deal begins behind."""
        self._places: dict[int, int] = {}
        """How far each workspace is in its cycle."""
        self._served: dict[tuple[int, Priority], Any] = {}
        """The workflow that the next deal begins behind."""

    def deal(self, claimants: Iterable[Claimant], places: int) -> dict[Claimant, int]:
        """How many places each gets, all of them together; who gets none is not there. In order of turn."""
        by_tenant: dict[int, list[Claimant]] = {}
        for claimant in claimants:
            by_tenant.setdefault(claimant.tenant_id, []).append(claimant)
        self._forget(by_tenant)
        weights = {tenant_id: own[0].weight for tenant_id, own in by_tenant.items()}
        dealt: dict[Claimant, int] = {}
        for tenant_id, part in self._parts(weights, places).items():
            dealt |= self._within(tenant_id, by_tenant[tenant_id], part)
        return dealt

    def _parts(self, weights: dict[int, int], places: int) -> dict[int, int]:
        """The places of each workspace: by weight and at least one, until there are none left for those behind."""
        order, total, left = behind(sorted(weights), self._tenant), sum(weights.values()), places
        parts: dict[int, int] = {}
        for tenant_id in order:
            if left <= 0:
                break
            parts[tenant_id] = part = min(left, max(1, places * weights[tenant_id] // total))
            left -= part
            self._tenant = tenant_id
        for tenant_id in order[: max(left, 0)]:  # all have theirs, and dividing left a few
            parts[tenant_id] += 1
            self._tenant = tenant_id
        return parts

    def _within(self, tenant_id: int, own: Sequence[Claimant], part: int) -> dict[Claimant, int]:
        """The places of each of a workspace."""
        by_priority: dict[Priority, list[Claimant]] = {}
        for claimant in own:
            by_priority.setdefault(claimant.priority, []).append(claimant)
        dealt: dict[Claimant, int] = {}
        for priority, count in self._of_priorities(tenant_id, by_priority, part).items():
            at = tenant_id, priority
            by_key = {claimant.key: claimant for claimant in by_priority[priority]}
            keys = behind(sorted(by_key), self._served.get(at))
            each, more = divmod(count, len(keys))
            for place, key in enumerate(keys if each else keys[:more]):
                dealt[by_key[key]] = each + (place < more)
            if more:
                self._served[at] = keys[more - 1]
        return dealt

    def _of_priorities(self, tenant_id: int, present: Iterable[Priority], part: int) -> dict[Priority, int]:
        """How many of `part` places each priority gets: along the cycle, without those that are absent."""
        counts = dict.fromkeys(sorted(present), 0)
        cycle = [priority for priority in CYCLE if priority in counts]
        rounds, single_places = divmod(part, len(cycle))
        for priority in cycle:
            counts[priority] += rounds
        at = self._places.get(tenant_id, 0)
        while single_places:
            priority = CYCLE[at % len(CYCLE)]
            at += 1
            if priority in counts:
                counts[priority] += 1
                single_places -= 1
        self._places[tenant_id] = at % len(CYCLE)
        return {priority: count for priority, count in counts.items() if count}

    def _forget(self, present: dict[int, list[Claimant]]) -> None:
        """Who has nothing any more has no place to go on from: a worker meets ever new workspaces."""
        for tenant_id in self._places.keys() - present.keys():
            del self._places[tenant_id]
        for at in [at for at in self._served if at[0] not in present]:
            del self._served[at]


def behind(order: list[Any], last: Any) -> list[Any]:
    """The same in a circle, from the first that is greater than `last`; None: from the beginning."""
    at = 0 if last is None else bisect_right(order, last) % max(len(order), 1)
    return order[at:] + order[:at]
