"""Who may call how much at a time: each workspace its share of a worker, and each target its share of a workspace.

No network and no database here. In a workspace urgent, normal and bulk workflows take turns (`app.turns`). A slow target fills its own
share and nobody else's; however many workspaces wait for slow services, a worker has places left for another one, and a workspace, or a
target, that has nothing under way gets one call also beyond them. Calls to URLs and calls by connectors have shares of their own: a
connector says how many calls at a time its service takes, and a worker makes as many.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.flow.performers import AT_ONCE, CONNECTOR_TARGET
from app.models.status import Priority
from app.turns import CYCLE

T = TypeVar("T")
PER_WORKSPACE, PER_TARGET = 20, 10
"""Calls of one workspace, and of one workspace to one target, that one worker process makes at a time by no connector, and to a
connector that says nothing of it."""
MOST_PER_WORKSPACE = 2 * PER_WORKSPACE
"""With the one for each target that has nothing under way."""
PER_CONNECTOR, BY_CONNECTORS, MOST_BY_CONNECTORS = 50, 60, 70
"""The same of calls by connectors: at most so many by one, however many it allows, by all, and with the ones for the idle."""
TIMES_FREE = 2
"""A workspace holds at most twice as many places of a worker as are free: one alone all of its shares, two that hang 60 each, three 43,
so some are left for whoever comes next, and those who hold most give way first as their calls end."""


class CallLane(NamedTuple):
    """Calls that wait for the same: one workflow's of one kind to one target."""

    tenant_id: int
    workflow_id: UUID
    kind: str
    target: str
    priority: int = Priority.NORMAL
    """Of the workflow."""

    @property
    def share(self) -> tuple[int, bool]:
        """Whose share of a worker its calls are of: the workspace's for URLs, or for connectors."""
        return self.tenant_id, self.target.startswith(CONNECTOR_TARGET)


_Waiting = tuple[int, int, int, int, CallLane]
"""Calls under way to its target, calls dealt to it, when it was last dealt one, its place among all, and the lane: the smallest is
served next."""


class CallShares:
    """What is under way in this process, and what may begin."""

    def __init__(self, kinds: Mapping[str, int | None]) -> None:
        """`kinds`: how many calls of each kind this process makes at a time; None: as many as there is room for."""
        self._limits = dict(kinds)
        self._all = 0
        self._workspaces, self._kinds = Counter[int](), Counter[str]()
        self._in_share = Counter[tuple[int, bool]]()
        self._targets = Counter[tuple[int, str, str]]()
        self._rooms: Mapping[tuple[int, str], int] = {}
        """How many calls may begin by targets that have a limit over all workers, or are away."""
        self._at_a_time: Mapping[tuple[int, str], int] = {}
        """How many calls at a time the connectors of these targets allow."""
        self._places: dict[int, int] = {}
        """How far each workspace is in the cycle of priorities."""
        self._turns: dict[int | CallLane, int] = {}
        """When each workspace and each lane was last dealt a call: of those with equally many, who waits longest is first."""
        self._turn = itertools.count(1)

    def began(self, lane: CallLane, count: int = 1) -> None:
        """So many more are under way; fewer with a negative number."""
        self._all += count
        _add(self._workspaces, lane.tenant_id, count)
        _add(self._in_share, lane.share, count)
        _add(self._kinds, lane.kind, count)
        _add(self._targets, (lane.tenant_id, lane.kind, lane.target), count)

    @property
    def free(self) -> bool:
        """May this process make more calls?"""
        return self._all < AT_ONCE

    def quotas(
        self,
        lanes: Sequence[CallLane],
        rooms: Mapping[tuple[int, str], int] | None = None,
        at_a_time: Mapping[tuple[int, str], int] | None = None,
    ) -> dict[CallLane, int]:
        """How many calls of each lane may begin now, dealt one by one to who has the fewest under way.

        `rooms`: how many more may begin by (workspace, target) where the workers together have a limit. What such a target may not have
        goes to others. `at_a_time`: how many at a time are allowed by (workspace, target) where a connector says so.
        """
        dealt = CallShares(self._limits)
        dealt._at_a_time = at_a_time or {}
        dealt._rooms = {
            (tenant_id, target): room + self._of_target(tenant_id, target)
            for (tenant_id, target), room in (rooms or {}).items()
        }
        dealt._all, dealt._workspaces, dealt._in_share = self._all, self._workspaces.copy(), self._in_share.copy()
        dealt._kinds, dealt._targets = self._kinds.copy(), self._targets.copy()
        dealt._places, dealt._turns, dealt._turn = self._places, self._turns, self._turn
        return dealt._deal(lanes)

    def _deal(self, lanes: Sequence[CallLane]) -> dict[CallLane, int]:
        quotas: dict[CallLane, int] = {}
        waiting: defaultdict[int, dict[int, list[_Waiting]]] = defaultdict(dict)
        for place, lane in enumerate(lanes):
            alike = waiting[lane.tenant_id].setdefault(lane.priority, [])
            heapq.heappush(alike, (self._to_target(lane), 0, self._turns.get(lane, 0), place, lane))
        for tenant_id in self._places.keys() - waiting.keys():
            del self._places[tenant_id]
        for one in self._turns.keys() - waiting.keys() - set(lanes):
            del self._turns[one]
        workspaces = [self._standing(tenant_id) for tenant_id in waiting]
        heapq.heapify(workspaces)
        while workspaces:
            tenant_id = heapq.heappop(workspaces)[-1]
            served = self._next_lane(tenant_id, waiting[tenant_id])
            if served is not None:
                quotas[served] = quotas.get(served, 0) + 1
                self._turns[tenant_id] = self._turns[served] = next(self._turn)
                heapq.heappush(workspaces, self._standing(tenant_id))
        return quotas

    def _standing(self, tenant_id: int) -> tuple[int, int, int]:
        """The smallest is served next."""
        return self._workspaces[tenant_id], self._turns.get(tenant_id, 0), tenant_id

    def _next_lane(self, tenant_id: int, own: dict[int, list[_Waiting]]) -> CallLane | None:
        """Take one call of a workspace, of the priority whose turn it is; None when none may begin."""
        first = self._places.get(tenant_id, 0)
        for place in range(first, first + len(CYCLE)):
            lane = self._next_of(own.get(CYCLE[place % len(CYCLE)], []))
            if lane is not None:
                self._places[tenant_id] = (place + 1) % len(CYCLE)
                return lane
        return None

    def _next_of(self, alike: list[_Waiting]) -> CallLane | None:
        """Take one call of the lane, among those of one workspace and priority, whose target has the fewest."""
        while alike:
            queued_under_way, dealt, turn, place, lane = heapq.heappop(alike)
            under_way = self._to_target(lane)
            if under_way > queued_under_way:  # another lane to the same target was served since
                heapq.heappush(alike, (under_way, dealt, turn, place, lane))
            elif self._has_room(lane):
                self.began(lane)
                heapq.heappush(alike, (under_way + 1, dealt + 1, turn, place, lane))
                return lane
        return None

    def _to_target(self, lane: CallLane) -> int:
        return self._targets[lane.tenant_id, lane.kind, lane.target]

    def _of_target(self, tenant_id: int, target: str) -> int:
        """Calls of all kinds under way to it."""
        return sum(self._targets[tenant_id, kind, target] for kind in self._limits)

    def _has_room(self, lane: CallLane) -> bool:
        place = lane.tenant_id, lane.target
        to_target = self._to_target(lane)
        room = self._rooms.get(place)
        if room is not None and self._of_target(*place) >= room:
            return False
        limit = self._limits.get(lane.kind, 0)
        if to_target >= self._most_to(place) or (limit is not None and self._kinds[lane.kind] >= limit):
            return False
        share, most = (BY_CONNECTORS, MOST_BY_CONNECTORS) if lane.share[1] else (PER_WORKSPACE, MOST_PER_WORKSPACE)
        if self._in_share[lane.share] >= (most if to_target == 0 else share):
            return False
        own = self._workspaces[lane.tenant_id]
        return own == 0 or own < TIMES_FREE * (AT_ONCE - self._all)

    def _most_to(self, place: tuple[int, str]) -> int:
        allowed = self._at_a_time.get(place)
        return PER_TARGET if allowed is None else min(allowed, PER_CONNECTOR)


def _add(counter: Counter[T], key: T, count: int) -> None:
    """Counters keep no zeros: a worker meets ever new targets."""
    counter[key] += count
    if not counter[key]:
        del counter[key]
