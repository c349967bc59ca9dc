"""What came into the inbox: goals that it reaches, runs that it starts, runs of erased contacts that end.

For each contact in the order in which things happened, whatever the order in which they arrived; what happened at the same instant
in that of its arrival. A goal counts for a run when it happened after what the run began with. So events that arrived before an entry
and happened after it are looked up and take their place among what came now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from app.engine import claim, control, newer_release, reports, rows, waits
from app.engine.claim import Cursor
from app.engine.compiled import CompiledFlow, CompiledStart
from app.engine.date_work import concerning_dates
from app.engine.goals import CompiledGoal, reached_by
from app.engine.interest import HAPPENED, Arrival, Interests
from app.engine.lookups import Entering, EntryLookups, contacts_of
from app.engine.matcher import Matcher
from app.engine.parking import park, stand
from app.engine.records import Refusal
from app.engine.segment_work import concerning
from app.engine.state import NOBODY, ContactState, RunState
from app.engine.stored_rows import PACED, PAST, Item, RunRow
from app.engine.subscriptions import Live
from app.engine.time_limit import TimeLimit
from app.engine.timeline import Timeline, timelines
from app.engine.walk import CANCELLED, GOAL_REACHED, Batch
from app.inbox import InboxKind
from app.lib import ids
from app.models.status import RunOrigin

CALLED = int(RunOrigin.CALLED)
_ASKED_FOR = frozenset((InboxKind.START, InboxKind.AT_TRIGGER, InboxKind.CALLED))
"""Kinds of items that ask for runs of one workflow."""
LOOK_AHEAD = 100
"""Events that are judged before a run begins whether they end it. Later ones still do, but the run has begun by then."""


def stored_run(matcher: Matcher, row: RunRow, contact: ContactState, now: int) -> RunState:
    """A run as it stands in the database."""
    flow = matcher.flow(row.workflow_id, row.version)
    node, start = flow.nodes[row.node_id or ""], flow.start_of(row.trigger_id)
    run = RunState(row.id, flow, start, contact, row.raw_event, node, row.started, row.occurred_at, now)
    run.seq, run.attempt, run.fence, run.stored_status = row.seq, row.attempt, row.fence, row.status
    run.waits_for, run.moved_at = row.waits_for, row.waits_since
    run.entry_key, run.resume_port, run.step_started = row.entry_key, row.resume_port, row.step_started
    run.origin = row.origin
    if row.context:
        run.context = rows.decode(row.context)
        run.depth, run.lane = (run.context or {}).get("depth", 0), (run.context or {}).get("lane", 0)
    if row.resume_output:
        run.resume_output = rows.decode(row.resume_output)
    return run


class Arrivals:
    """One claimed piece of the inbox. `walk` makes a batch of it, None when it concerns nobody.

    `lately`: fields of contacts that the last batches looked at, so that they are loaded at once. `put_back`: the batch may be put back
    by Behind, to compile versions while nobody waits. `limit`: how long it may take. `on_turn`: they are starts that have waited.
    """

    def __init__(
        self,
        cursor: Cursor,
        matcher: Matcher,
        items: list[Item],
        *,
        lately: Iterable[str] = (),
        put_back: bool = True,
        limit: TimeLimit | None = None,
        on_turn: bool = False,
    ) -> None:
        self.cursor, self.matcher = cursor, matcher
        self.lately, self.put_back, self.limit = lately, put_back, limit or TimeLimit(cursor, alone=True)
        self.on_turn = on_turn
        # The transaction began before it had the turn: what came in meanwhile is younger than its clock says.
        self.now = max(items[0].now, *(item.at for item in items))
        self.left: dict[tuple[Item, bytes, bytes | None], None] = {}
        """Events, and workflows or runs of them of which only another process knows what they are for them."""
        self.interests = Interests(matcher)
        arrivals = map(self.interests.arrival, items)
        self.wanted = [arrival for arrival in arrivals if arrival is not None]
        self.left |= {(item, workflow_id, None): None for item, workflow_id in self.interests.left}
        self.concerning_segments = concerning(matcher, items) if matcher.keeps_segments else []
        self.concerning_dates = concerning_dates(matcher, items) if matcher.keeps_dates else []
        self.runs: dict[bytes, list[RunState]] = {}
        """Active runs that goals and erasures may end, by contact."""
        self.fields: frozenset[str] = frozenset()
        """What of the contacts was looked at, once it is walked."""
        self._event_ids = {item.event_id for item in items}
        self._fresh = ids.uuid7s()

    def walk(self, locked: Callable[[], None]) -> Batch | None:
        """Lock the contacts, say so by `locked`, and let everything happen in memory."""
        if not self.wanted and not self.concerning_segments and not self.concerning_dates:
            return None
        batch = Batch(self.now)
        batch.segment_work.events, batch.segment_work.dates = self.concerning_segments, self.concerning_dates
        of_contacts = [*self.concerning_segments, *self.concerning_dates]
        contacts = contacts_of([*(arrival.item for arrival in self.wanted), *of_contacts])
        target_lists = {id(arrival.targets): arrival.targets for arrival in self.wanted}
        flows = _distinct(flow for targets in target_lists.values() for flow in targets)
        names = claim.fields(self.matcher.fields_of(flows).union(self.interests.fields, self.lately))
        stored = claim.contacts(self.cursor, contacts, names)
        locked()
        active = self._active()
        batch.contacts = {contact_id: ContactState(contact_id, names, raw) for contact_id, raw in stored.items()}
        lookups = EntryLookups(self.cursor, self.matcher, batch, contacts, names, self.put_back, self.on_turn)
        lookups.load([*flows, *(self.matcher.flow(row.workflow_id, row.version) for row in active)])
        for row in active:
            # An erased contact is not in the batch: its runs end, and nothing starts for it any more.
            contact_id = row.contact_id or NOBODY
            contact = batch.contacts.get(contact_id) or ContactState(contact_id)
            run = stored_run(self.matcher, row, contact, self.now)
            if row.origin == CALLED:
                batch.called.runs.append(run)
            self.runs.setdefault(contact_id, []).append(run)
            lookups.entries.remember(run)
        reports.load(self.cursor, [run for runs in self.runs.values() for run in runs])
        self._happen_to_all(batch, lookups)
        waits.look_back(self.cursor, batch)
        claim.leave(self.cursor, self.left)
        self.fields = lookups.fields
        return batch

    def _happen_to_all(self, batch: Batch, lookups: EntryLookups) -> None:
        """Each contact by itself. Whom a change of this batch lets in where nothing was looked up waits until it is."""
        waiting = timelines(self.wanted)
        self._look_up(batch, lookups, {timeline: timeline.arrivals for timeline in waiting})
        while waiting := [timeline for timeline in waiting if not self._happen(batch, lookups, timeline)]:
            soon = {timeline: timeline.arrivals[timeline.place : timeline.place + LOOK_AHEAD] for timeline in waiting}
            self._look_up(batch, lookups, soon)

    def _look_up(self, batch: Batch, lookups: EntryLookups, arrivals: Mapping[Timeline, Iterable[Arrival]]) -> None:
        """Look up what the entries need that these arrivals may bring, as the contacts are now."""
        entering, starting = list[Entering](), list[tuple[Item, list[Live]]]()
        for timeline, several in arrivals.items():
            contact = batch.contacts.get(timeline.contact_id)
            for arrival in several:
                if arrival.by_contact is None:
                    if arrival.targets and not timeline.begun:
                        entering.append(Entering(arrival.item, arrival.targets))
                elif contact is not None:
                    those = arrival.starting(contact, len(contact.changes))
                    starting.append((arrival.item, [live for live in those if lookups.flow(contact, live) is None]))
        if starting:
            resolved = lookups.resolve(starting)
            lookups.load({flow: None for _, flows in resolved for flow in flows})
            entering += resolved
        lookups.stand(entering)
        past: dict[bytes | None, list[Arrival]] = {}
        for item in lookups.past(entering):
            if item.event_id not in self._event_ids:
                self._event_ids.add(item.event_id)
                past.setdefault(item.contact_id, []).append(self.interests.past(item))
        if past:
            for timeline in arrivals:
                if timeline.contact_id in past:
                    timeline.put(past[timeline.contact_id])

    def _active(self) -> list[RunRow]:
        """The stored runs that goals and erasures may end; their versions are known afterwards."""
        ending = contacts_of(a.item for a in self.wanted if a.goals or a.item.kind == InboxKind.ERASED)
        active = claim.active_runs(self.cursor, ending) if ending else []
        active_ids = {row.id for row in active}
        active += [row for row in self._waiting() if row.id not in active_ids]
        self.matcher.compile_missing((row.workflow_id, row.version) for row in active)
        unreadable = self.matcher.unreadable
        unreadable_runs = [row for row in active if (row.workflow_id, row.version) in unreadable]
        for row in active:
            if row not in unreadable_runs and row.waits_for and newer_release.why_left(self.matcher, row):
                self._leave(row, goals=False)
        if not unreadable_runs:
            return active
        erased = {a.item.contact_id for a in self.wanted if a.item.kind == InboxKind.ERASED}
        control.cancel_erased(
            self.cursor, [(row.tenant_id, row.id) for row in unreadable_runs if row.contact_id in erased]
        )
        for row in unreadable_runs:
            self._leave(row, goals=True)
        return [row for row in active if row not in unreadable_runs]

    def _leave(self, row: RunRow, *, goals: bool) -> None:
        """Leave the events that a run waits for, or which may be its goals, to a process that understands it."""
        for arrival in self.wanted:
            item = arrival.item
            concerns = row.contact_id and item.contact_id == row.contact_id and _is_for(item, row.id, row.workflow_id)
            waits_for_it = row.waits_for == item.name and arrival.awaited
            if concerns and (waits_for_it or (goals and row.workflow_id in arrival.goals)):
                self.left[item, row.workflow_id, row.id] = None

    def _of_item(self, item: Item) -> list[RunState]:
        """The runs of this batch that the item may wake, or whose goal it may be."""
        runs = self.runs.get(item.contact_id or NOBODY, ())
        return [run for run in runs if _is_for(item, run.id, run.flow.workflow_id)]

    def _waiting(self) -> list[RunRow]:
        """The stored runs that wait for what came in."""
        places = _distinct((a.item.tenant_id, a.item.contact_id, a.item.name) for a in self.wanted if a.awaited)
        return claim.waiting_runs(self.cursor, places) if places else []

    def _happen(self, batch: Batch, lookups: EntryLookups, timeline: Timeline) -> bool:
        """Let happen what is left of a timeline. False: something has to be looked up before it can go on."""
        contact = batch.contacts.get(timeline.contact_id) if timeline.contact_id else ContactState(NOBODY)
        while (arrival := timeline.now) is not None:
            self.limit.check()
            item = arrival.item
            if item.kind == InboxKind.CALLED and item.run_id is not None:
                batch.called.ask(item.tenant_id, item.run_id, in_vain=contact is None)
            if item.kind == InboxKind.ERASED:
                for run in self.runs.get(timeline.contact_id, ()):
                    if run.active:
                        batch.cut_short(run, CANCELLED, "cancelled")
            elif contact is not None:
                if not timeline.begun:
                    self._reach_and_wake(batch, timeline, arrival)
                    timeline.begun = True
                if arrival.by_contact is None:
                    for flow in arrival.targets:
                        self._enter(batch, lookups, timeline, flow, contact)
                elif not self._start_by_contact(batch, lookups, timeline, contact):
                    return False
            timeline.go_on()
        return True

    def _reach_and_wake(self, batch: Batch, timeline: Timeline, arrival: Arrival) -> None:
        """What it does to runs that stand, and a start that finds nothing to start."""
        item = arrival.item
        for run, goal in timeline.leaving.pop(arrival, ()):
            if run.active:
                batch.cut_short(run, GOAL_REACHED, "goal", goal)
        if arrival.goals:
            self._reach_goals(batch, item, arrival.goals)
        if arrival.awaited:
            waits.wake(batch, self._of_item(item), item, paused=self.matcher.workspace(item.tenant_id).paused)
        if item.kind in _ASKED_FOR and not arrival.targets:
            workflow_id = item.workflow_id or bytes(16)
            batch.refusals.append(
                Refusal(item.tenant_id, workflow_id, item.contact_id, None, "workflow_not_active", None, item.run_id)
            )

    def _start_by_contact(self, batch: Batch, lookups: EntryLookups, timeline: Timeline, contact: ContactState) -> bool:
        """Start whom the contact lets in as it is now. What one run changes on it may let further ones in, in the order of all.

        False: something has to be looked up first.
        """
        arrival = timeline.arrivals[timeline.place]
        assert arrival.by_contact is not None
        ranks, unreadable, again = arrival.by_contact.starts.rank, self.matcher.unreadable, True
        while again:
            changes, again = len(contact.changes), False
            for live in arrival.starting(contact, changes):
                rank = ranks[live]
                if rank <= timeline.rank:
                    continue
                if live[:2] in unreadable:
                    self.left[arrival.item, live.workflow_id, None] = None
                else:
                    flow = lookups.flow(contact, live)
                    if flow is None:
                        return False
                    self._enter(batch, lookups, timeline, flow, contact)
                timeline.rank = rank
                if len(contact.changes) != changes:
                    again = True
                    break
        return True

    def _enter(
        self, batch: Batch, lookups: EntryLookups, timeline: Timeline, flow: CompiledFlow, contact: ContactState
    ) -> None:
        """Begin a run of this workflow, if it lets the contact in."""
        self.limit.check()
        arrival = timeline.arrivals[timeline.place]
        item, entries = arrival.item, lookups.entries
        starts = self._starts(batch, flow, item)
        if not starts:
            return
        start, run_id = starts[0], item.run_id or next(self._fresh)
        run = RunState(run_id, flow, start, contact, item.payload, start.node, self.now, item.occurred_at, self.now)
        run.event_id, run.lane = item.event_id, item.lane
        if item.kind == InboxKind.CALLED:
            run.call(item.depth)
            batch.called.runs.append(run)
        elif item.kind in _ASKED_FOR:
            run.origin = start.asked_origin if item.kind == InboxKind.AT_TRIGGER else int(RunOrigin.HAND)
        elif item.depth:
            run.depth = item.depth
            run.origin = int(RunOrigin.CHANGE if item.event_id is None else RunOrigin.EVENT)
        if not entries.admitted(run, starts, item):
            return
        ahead = self._goal_ahead(run, timeline) if flow.goals and contact.id else None
        paused = flow.workflow_id in self.matcher.workspace(flow.tenant_id).paused
        if entries.admit(run, item, paused=paused, reaches=ahead is not None):
            if ahead is None and self.on_turn and run.node is not None:
                park(batch, run)  # whoever lets starts begin has no time for their steps
            elif ahead is None:
                batch.enter(run)
            else:
                stand(batch, run)
                timeline.leaving.setdefault(ahead[0], []).append((run, ahead[1]))
            if run.active and contact.id and (flow.goals or run.awaited is not None):
                self.runs.setdefault(contact.id, []).append(run)

    def _starts(self, batch: Batch, flow: CompiledFlow, item: Item) -> list[CompiledStart]:
        """The triggers of `flow` by which a run may begin with `item`; without any the refusal is kept."""
        if item.kind == PACED and item.name not in flow.listening:
            return self._not_started(batch, flow, item, "trigger_not_there")
        if item.kind not in _ASKED_FOR:
            return flow.listening[item.name]
        if item.kind == InboxKind.AT_TRIGGER:
            start = flow.starts.get(item.name)
            if start is None or not start.enabled:
                return self._not_started(batch, flow, item, "trigger_not_there")
            if (item.contact_id is not None) in start.contact_rule.takes:
                return [start]
            return self._not_started(batch, flow, item, "takes_no_contact" if item.contact_id else "needs_contact")
        by_hand = flow.started_by(of_contact=item.contact_id is not None)
        return self._not_started(batch, flow, item, by_hand) if isinstance(by_hand, str) else [by_hand]

    @staticmethod
    def _not_started(batch: Batch, flow: CompiledFlow, item: Item, reason: str) -> list[CompiledStart]:
        """Nothing starts by this item; the refusal is kept."""
        trigger_id = item.name if item.kind == InboxKind.AT_TRIGGER else None
        batch.refusals.append(
            Refusal(
                item.tenant_id, flow.workflow_id, item.contact_id, item.event_id, reason, None, item.run_id, trigger_id
            )
        )
        return []

    def _goal_ahead(self, run: RunState, timeline: Timeline) -> tuple[Arrival, CompiledGoal] | None:
        """The event that is known to reach a goal after the entry, and which goal."""
        if run.node is None:
            return None
        remaining = LOOK_AHEAD
        for arrival in timeline.ahead():
            item = arrival.item
            if not remaining:
                break
            if item.kind in HAPPENED and item.name in run.flow.goal_events:
                remaining -= 1
                goal = _reached(run, item, _properties(item))
                if goal is not None:
                    return arrival, goal
        return None

    def _reach_goals(self, batch: Batch, item: Item, workflows: Container[bytes]) -> None:
        event = _properties(item)
        for run in self._of_item(item):
            if item.kind == PAST and run.fence is not None:
                continue  # it was judged by this event when that was handled
            if run.flow.workflow_id in workflows and run.active and run.occurred_at <= item.occurred_at:
                goal = _reached(run, item, event)
                if goal is not None:
                    batch.cut_short(run, GOAL_REACHED, "goal", goal)


def _is_for(item: Item, run_id: bytes, workflow_id: bytes) -> bool:
    """May this run be told of the item? What was put back is for one workflow alone, or for one run."""
    if item.kind == InboxKind.FOR_RUN:
        return item.run_id == run_id
    return item.kind != InboxKind.DEFERRED or item.workflow_id == workflow_id


def _properties(item: Item) -> dict[str, Any]:
    properties: dict[str, Any] = rows.decode(item.payload) if item.payload else {}
    return properties


def _reached(run: RunState, item: Item, event: dict[str, Any]) -> CompiledGoal | None:
    """The first of the run's goals that this event reaches."""
    if item.tenant_id != run.flow.tenant_id:
        return None
    return reached_by(run, item.name, event)


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
