"""The pass that lets waiting starts begin, where a workflow limits how many: by the minute, at the same time, or altogether.

It is the only way into such a workflow, so there is one order and one count: it locks the pace of a workflow, reads what is under way and
what ever began, and commits the runs that there is room for. Workers that find a pace locked go on to the next. Runs are parked before
their first step, so that nobody waits for a pass while steps are walked, and a step that breaks a worker is found out as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
import structlog

from app.engine import rows, waiting_starts
from app.engine.arrivals import Arrivals
from app.engine.claim import Cursor, Place
from app.engine.compiled import CompiledFlow
from app.engine.matcher import Matcher
from app.engine.pace import Pace
from app.engine.state import COMPLETED
from app.engine.time_limit import TimeLimit
from app.engine.waiting_starts import WaitingHead
from app.engine.walk import Batch
from app.flow.entry_limits import NO_LIMITS, EntryLimits, Reason
from app.models.status import Priority
from app.turns import Claimant, RoundRobin

log = structlog.get_logger()
LOOK_AGAIN = 2_000_000
"""Microseconds after which a workflow that is full is looked at again, should nobody say that one of its runs has ended."""
PASSES_APART = 500_000
"""At a limit by the minute: what is due within it begins together."""
NOT_ACTIVE: Reason = ("workflow_not_active", None)


class _Plan(NamedTuple):
    """For how many starts of a workflow there is room, or why all who wait are sent away."""

    head: WaitingHead
    limits: EntryLimits
    pace: Pace
    room: int
    inside: int
    """Runs under way, counted up to the limit."""
    refused: Reason | None = None

    def look_again_at(self, pace: Pace, inside: int, *, ended: bool, begun: int) -> int | None:
        """The instant before which no more of those who wait can begin. None: look."""
        now, instants = self.head.now, list[int]()
        limits = self.limits
        if limits.per_minute and not pace.room(limits.per_minute, self.head.since, now):
            instants.append(max(pace.next_at(limits.per_minute, now), now + PASSES_APART))
        if limits.at_once and inside >= limits.at_once and not ended:
            instants.append(now + LOOK_AGAIN)
        if not instants and not begun:  # somebody holds their contacts
            instants.append(now + PASSES_APART)
        return max(instants, default=None)


class StartPass:
    """The passes of one engine. `turns`: whose turn it is."""

    def __init__(self, connection: psycopg.Connection[Any], matcher: Matcher) -> None:
        self._connection, self._matcher = connection, matcher
        self.turns = RoundRobin()
        self._head: tuple[Place, int] | None = None
        """The first start of the last pass, which is set aside when it cannot be stored even alone."""

    def work(self, cursor: Cursor, limit: int) -> tuple[Batch | None, int]:
        """Let up to `limit` of those who wait begin, or send them away. Answers what is to be written, and how many they were."""
        self._head, matcher = None, self._matcher
        heads = waiting_starts.due(cursor)
        if not heads:
            return None, 0
        matcher.refresh({head.tenant_id: head.epoch for head in heads})
        live = {head.place: _live_version(matcher, head) for head in heads}
        matcher.compile_missing(version for version in live.values() if version is not None)
        by_claimant = {_claimant(head): head for head in heads if live[head.place] not in matcher.unreadable}
        shares = {by_claimant[one].place: share for one, share in self.turns.deal(by_claimant, limit).items()}
        dealt = [head for head in by_claimant.values() if head.place in shares]
        paces = waiting_starts.lock_paces(cursor, dealt) if dealt else {}
        flows = {place: matcher.flow(*version) for place in paces if (version := live[place]) is not None}
        plans = _plans(cursor, [head for head in dealt if head.place in paces], flows, shares, paces)
        batch, taken = self._begin(cursor, plans, TimeLimit(cursor, alone=limit == 1))
        sent_away = {plan.head.place: plan.refused for plan in plans if plan.refused is not None}
        if sent_away:
            batch = batch or Batch(plans[0].head.now)
            refusals = waiting_starts.drop(cursor, {place: shares[place] for place in sent_away}, sent_away)
            batch.refusals += refusals
            for refusal in refusals:
                if refusal.run_id is not None:  # another run may have called it, and waits for it
                    batch.called.ask(refusal.tenant_id, refusal.run_id, in_vain=False)
            taken += len(refusals)
        return batch, taken

    def give_up(self, error: str) -> None:
        """Set the start aside that stood alone."""
        if self._head is not None:
            waiting_starts.set_aside(self._connection, *self._head, error)
            log.error("engine.dead_letter", waiting_id=self._head[1], error=error)

    def _begin(self, cursor: Cursor, plans: Sequence[_Plan], time_limit: TimeLimit) -> tuple[Batch | None, int]:
        """Let begin whom the plans let, and keep the paces."""
        open_plans = [plan for plan in plans if plan.refused is None]
        items, more = waiting_starts.take(cursor, {plan.head.place: plan.room for plan in open_plans if plan.room})
        batch = None
        if items:
            first = min(items, key=lambda item: item.id)
            self._head = (first.tenant_id, first.workflow_id or b""), first.id
            arrivals = Arrivals(cursor, self._matcher, items, put_back=False, limit=time_limit, on_turn=True)
            batch = arrivals.walk(lambda: None)
        begun, ended = _counted(batch) if batch is not None else ({}, {})
        settled = list[tuple[Place, Pace, int | None]]()
        for plan in open_plans:
            place = plan.head.place
            count, ended_count = begun.get(place, 0), ended.get(place, 0)
            pace = plan.pace
            if plan.limits.per_minute:
                now = plan.head.now if batch is None else batch.now
                pace = pace.after(count, plan.limits.per_minute, plan.head.since, now)
            waits = not plan.room or place in more
            at = (
                plan.look_again_at(pace, plan.inside + count - ended_count, ended=ended_count > 0, begun=count)
                if waits
                else None
            )
            settled.append((place, pace, at))
        waiting_starts.settle_paces(cursor, settled)
        return batch, len(items)


def _live_version(matcher: Matcher, head: WaitingHead) -> tuple[bytes, int] | None:
    live = matcher.workspace(head.tenant_id).live.get(head.workflow_id) if head.active else None
    return None if live is None else live[:2]


def _claimant(head: WaitingHead) -> Claimant:
    return Claimant(head.tenant_id, head.workflow_id, Priority(head.priority), head.weight)


def _plans(
    cursor: Cursor,
    heads: Sequence[WaitingHead],
    flows: dict[Place, CompiledFlow],
    shares: dict[Place, int],
    paces: dict[Place, Pace],
) -> list[_Plan]:
    """What becomes of those who wait for each of these workflows, whose paces are locked."""
    counted = [
        (place, flow.limits.at_once, flow.limits.most)
        for place, flow in flows.items()
        if flow.limits.at_once or flow.limits.most
    ]
    standing = waiting_starts.standing(cursor, counted)
    plans = list[_Plan]()
    for head in heads:
        place, flow = head.place, flows.get(head.place)
        inside, entered = standing.get(place, (0, 0))
        limits = NO_LIMITS if flow is None else flow.limits
        refused: Reason | None = NOT_ACTIVE
        if flow is not None:
            refused = flow.opening().closed(rows.instant(head.now))
            if limits.most and entered >= limits.most:
                refused = refused or ("entries_used_up", {"most": limits.most})
        room = [shares[place]]
        if limits.per_minute:
            room.append(paces[place].room(limits.per_minute, head.since, head.now))
        if limits.at_once:
            room.append(limits.at_once - inside)
        if limits.most:
            room.append(limits.most - entered)
        plans.append(_Plan(head, limits, paces[place], max(0, min(room)), inside, refused))
    return plans


def _counted(batch: Batch) -> tuple[dict[Place, int], dict[Place, int]]:
    """How many runs of each workflow the batch has begun, and how many of those are over already."""
    begun, ended = dict[Place, int](), dict[Place, int]()
    for path in batch.paths:
        if path.runs:
            place = path.flow.tenant_id, path.flow.workflow_id
            begun[place] = begun.get(place, 0) + len(path.runs)
            if path.end.status >= COMPLETED:
                ended[place] = ended.get(place, 0) + len(path.runs)
    return begun, ended
