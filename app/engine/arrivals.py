"""What came into the inbox: goals that it reaches, runs that it starts, runs of erased contacts that end.

For each contact in the order in which things happened, whatever the order in which they arrived; what happened at the same instant
in that of its arrival. A goal counts for a run when it happened after what the run began with. So events that arrived before an entry
and happened after it are looked up and take their place among what came now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.engine import claim, control, newer_release, rows, waits
from app.engine.claim import Cursor, Item, RunRow
from app.engine.compiled import CompiledFlow, CompiledStart
from app.engine.entry import Entries, Key
from app.engine.goals import CompiledGoal
from app.engine.matcher import Live, Matcher, Version
from app.engine.records import Refusal
from app.engine.state import NOBODY, ContactState, GoalView, RunState
from app.engine.walk import CANCELLED, GOAL_REACHED, Batch
from app.flow.document import TRIGGER
from app.inbox import InboxKind
from app.lib import ids
from app.models.status import RunOrigin

HAPPENED = (InboxKind.EVENT, claim.PAST, InboxKind.DEFERRED)
TOLD_TO_RUNS = (InboxKind.EVENT, InboxKind.DEFERRED, InboxKind.FOR_RUN)
LOOK_AHEAD = 100
"""Events that are judged before a run begins whether they end it. Later ones still do, but the run has begun by then."""


def stored_run(matcher: Matcher, row: RunRow, contact: ContactState, now: int) -> RunState:
    """A run as it stands in the database."""
    flow = matcher.flow(row.workflow_id, row.version)
    node, start = flow.nodes[row.node_id or ""], flow.starts[row.trigger_id or TRIGGER]
    run = RunState(row.id, flow, start, contact, row.raw_event, node, row.started, row.occurred_at, now)
    run.seq, run.attempt, run.fence, run.stored_status = row.seq, row.attempt, row.fence, row.status
    run.waits_for, run.moved_at = row.waits_for, row.waits_since
    run.entry_key, run.resume_port, run.step_started = row.entry_key, row.resume_port, row.step_started
    if row.context:
        run.context = rows.decode(row.context)
    if row.resume_output:
        run.resume_output = rows.decode(row.resume_output)
    return run


class Behind(Exception):
    """The workflows have changed, or versions are needed that are not compiled: to be looked at while nobody waits, then taken anew."""

    def __init__(self, epoch: int, versions: list[Version]) -> None:
        super().__init__("look at the workflows first")
        self.epoch, self.versions = epoch, versions


def listeners(matcher: Matcher, item: Item) -> list[Live]:
    """The workflows that this item may start."""
    if item.kind == InboxKind.EVENT:
        subscribed = matcher.triggers.get((item.tenant_id, item.name), ())
        return [live for live in subscribed if item.at >= live.since and live.workflow_id != item.workflow_id]
    live = matcher.live.get(item.workflow_id or b"") if item.kind in (InboxKind.START, InboxKind.DEFERRED) else None
    if live is None or live.tenant_id != item.tenant_id:
        return []
    if item.kind == InboxKind.DEFERRED:
        listens = live in matcher.triggers.get((item.tenant_id, item.name), ()) and item.at >= live.since
        return [live] if listens else []
    return [live]


def require_compiled(matcher: Matcher, items: list[Item]) -> None:
    """Raises Behind unless this process has compiled all versions that these items may start."""
    epoch = items[0].epoch
    if epoch != matcher.epoch:
        raise Behind(epoch, [])
    flow_versions = (live[:2] for item in items for live in listeners(matcher, item))
    if needed := matcher.needed(flow_versions):
        raise Behind(epoch, needed)


class Arrivals:
    """One claimed piece of the inbox. `walk` makes a batch of it, None when it concerns nobody."""

    def __init__(self, cursor: Cursor, matcher: Matcher, items: list[Item]) -> None:
        self.cursor, self.matcher = cursor, matcher
        # The transaction began before it had the turn: what came in meanwhile is younger than its clock says.
        self.now = max(items[0].now, *(item.at for item in items))
        self.left: dict[tuple[Item, bytes, bytes | None], None] = {}
        """Events, and workflows or runs of them of which only another process knows what they are for them."""
        self.wanted = [(item, self._targets(item)) for item in items if self._concerns(item)]
        self.runs: dict[bytes, list[RunState]] = {}
        """Active runs that goals and erasures may end, by contact."""
        self.leaving: dict[int, list[tuple[RunState, CompiledGoal]]] = {}
        """Runs that stand at their first step until the event comes that is known to end them, by its place in `wanted`."""

    def walk(self, locked: Callable[[], None]) -> Batch | None:
        """Lock the contacts, say so by `locked`, and let everything happen in memory."""
        if not self.wanted:
            return None
        batch = Batch(self.now)
        contact_ids = _distinct(item.contact_id for item, _ in self.wanted if item.contact_id)
        flows = _distinct(flow for _, targets in self.wanted for flow in targets)
        names = claim.fields(self.matcher.fields_of(flows))
        stored = claim.contacts(self.cursor, contact_ids, names)
        locked()
        active = self._active()
        flows += [self.matcher.flow(row.workflow_id, row.version) for row in active]
        if (needed := claim.fields(self.matcher.fields_of(flows))) != names:  # active runs look at more
            names, stored = needed, claim.contacts(self.cursor, contact_ids, needed)
        batch.contacts = {contact_id: ContactState(contact_id, names, raw) for contact_id, raw in stored.items()}
        entries = self._entries(batch)
        for row in active:
            # An erased contact is not in the batch: its runs end, and nothing starts for it any more.
            contact_id = row.contact_id or NOBODY
            contact = batch.contacts.get(contact_id) or ContactState(contact_id)
            run = stored_run(self.matcher, row, contact, self.now)
            self.runs.setdefault(contact_id, []).append(run)
            entries.remember(run)
        self._remember()
        fresh = iter(ids.uuid7_many(sum(len(targets) for _, targets in self.wanted)))
        for place in range(len(self.wanted)):
            self._happen(batch, entries, place, fresh)
        waits.look_back(self.cursor, batch)
        claim.leave(self.cursor, self.left)
        return batch

    def _concerns(self, item: Item) -> bool:
        if item.kind == InboxKind.EVENT:
            key = (item.tenant_id, item.name)
            return self._awaited(item) or key in self.matcher.triggers or key in self.matcher.goals
        return item.kind in (InboxKind.START, InboxKind.ERASED, InboxKind.DEFERRED, InboxKind.FOR_RUN)

    def _targets(self, item: Item) -> list[CompiledFlow]:
        """The workflows that this item may start; it is left for those that are not understood here."""
        targets = []
        for live in listeners(self.matcher, item):
            if live[:2] in self.matcher.unreadable:
                self.left[item, live.workflow_id, None] = None
            else:
                targets.append(self.matcher.flow(*live[:2]))
        return targets

    def _active(self) -> list[RunRow]:
        """The stored runs that goals and erasures may end; their versions are known afterwards."""
        ending = _distinct(
            item.contact_id for item, _ in self.wanted if item.kind == InboxKind.ERASED or self._listened(item)
        )
        active = claim.active_runs(self.cursor, ending, lock=True) if ending else []
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
        erased = {item.contact_id for item, _ in self.wanted if item.kind == InboxKind.ERASED}
        control.cancel_erased(self.cursor, [row.id for row in unreadable_runs if row.contact_id in erased])
        for row in unreadable_runs:
            self._leave(row, goals=True)
        return [row for row in active if row not in unreadable_runs]

    def _leave(self, row: RunRow, *, goals: bool) -> None:
        """Leave the events that a run waits for, or which may be its goals, to a process that understands it."""
        for item, _ in self.wanted:
            concerns = row.contact_id and item.contact_id == row.contact_id and _is_for(item, row.id, row.workflow_id)
            waits_for_it = row.waits_for == item.name and self._awaited(item)
            if concerns and (waits_for_it or (goals and row.workflow_id in self._listened(item))):
                self.left[item, row.workflow_id, row.id] = None

    def _awaited(self, item: Item) -> bool:
        """May some run wait for this item?"""
        listened = (item.tenant_id, item.name) in self.matcher.waits or item.tenant_id in self.matcher.partly
        return item.kind in TOLD_TO_RUNS and listened

    def _of_item(self, item: Item) -> list[RunState]:
        """The runs of this batch that the item may wake, or whose goal it may be."""
        runs = self.runs.get(item.contact_id or NOBODY, ())
        return [run for run in runs if _is_for(item, run.id, run.flow.workflow_id)]

    def _waiting(self) -> list[RunRow]:
        """The stored runs that wait for what came in."""
        places = _distinct(
            (item.tenant_id, item.contact_id, item.name) for item, _ in self.wanted if self._awaited(item)
        )
        return claim.waiting_runs(self.cursor, places) if places else []

    def _listened(self, item: Item) -> set[bytes]:
        """Workflows with a goal that this item may reach."""
        if item.kind not in HAPPENED and item.kind != InboxKind.FOR_RUN:
            return set()
        workflow_ids = self.matcher.goals.get((item.tenant_id, item.name), set())
        put_back = item.kind in (InboxKind.DEFERRED, InboxKind.FOR_RUN)
        return workflow_ids & {item.workflow_id or b""} if put_back else workflow_ids

    def _entries(self, batch: Batch) -> Entries:
        entering: dict[CompiledFlow, list[bytes]] = {}
        for item, targets in self.wanted:
            for flow in targets:
                if flow.reentry != "always" and item.contact_id:
                    entering.setdefault(flow, []).append(item.contact_id)
        standing: set[Key] = set()
        history: dict[Key, int] = {}
        if entering:
            contact_ids = _distinct(contact_id for group in entering.values() for contact_id in group)
            standing = claim.standing(self.cursor, contact_ids, _distinct(flow.workflow_id for flow in entering))
            if remembering := _distinct(g.workflow_id for g in entering if g.reentry in ("once", "cooldown")):
                history = claim.history(self.cursor, contact_ids, remembering)
        return Entries(batch, standing, history)

    def _remember(self) -> None:
        """Put events that were handled before among `wanted`, where they may be goals of the runs that begin now."""
        entering = [(item, flow) for item, targets in self.wanted for flow in targets if flow.goals and item.contact_id]
        if not entering:
            return
        names = frozenset().union(*(flow.goal_events for _, flow in entering))
        batch_event_ids = {item.event_id for item, _ in self.wanted}
        missed = [
            item
            for item in claim.past(self.cursor, [item for item, _ in entering], names)
            if item.event_id not in batch_event_ids
        ]
        if missed:
            self.wanted += [(item, []) for item in missed]
            self.wanted.sort(key=_by_occurrence)

    def _happen(self, batch: Batch, entries: Entries, place: int, fresh: Iterator[bytes]) -> None:
        item, targets = self.wanted[place]
        if item.kind == InboxKind.ERASED:
            for run in self.runs.get(item.contact_id or NOBODY, ()):
                if run.active:
                    batch.cut_short(run, CANCELLED, "cancelled")
            return
        contact = batch.contacts.get(item.contact_id) if item.contact_id else ContactState(NOBODY)
        if contact is None:
            return
        for run, goal in self.leaving.pop(place, ()):
            if run.active:
                batch.cut_short(run, GOAL_REACHED, "goal", goal)
        if listening := self._listened(item):
            self._reach_goals(batch, item, listening)
        if self._awaited(item):
            waits.wake(batch, self._of_item(item), item, paused=self.matcher.paused)
        if item.kind == InboxKind.START and not targets:
            workflow_id = item.workflow_id or bytes(16)
            batch.refusals.append(
                Refusal(item.tenant_id, workflow_id, item.contact_id, None, "workflow_not_active", None)
            )
        for flow in targets:
            run_id = item.run_id or next(fresh)
            starts = self._starts(batch, flow, item)
            if not starts:
                continue
            start = starts[0]
            run = RunState(run_id, flow, start, contact, item.payload, start.node, self.now, item.occurred_at, self.now)
            run.event_id = item.event_id
            if item.kind == InboxKind.START:
                run.origin = int(RunOrigin.HAND)
            elif item.depth:
                run.depth, run.origin = item.depth, int(RunOrigin.CHANGE)
            if not entries.admitted(run, starts, item):
                continue
            ahead = self._goal_ahead(run, place) if flow.goals and contact.id else None
            paused = self.matcher.live[flow.workflow_id].paused
            if entries.admit(run, item, paused=paused, reaches=ahead is not None):
                if ahead is None:
                    batch.enter(run)
                else:
                    batch.stand(run)
                    self.leaving.setdefault(ahead[0], []).append((run, ahead[1]))
                if run.active and contact.id and (flow.goals or run.awaited is not None):
                    self.runs.setdefault(contact.id, []).append(run)

    def _starts(self, batch: Batch, flow: CompiledFlow, item: Item) -> list[CompiledStart]:
        """The triggers of `flow` by which a run may begin with `item`; without any the refusal is kept."""
        if item.kind != InboxKind.START:
            return flow.listening[item.name]
        start = flow.by_hand if item.contact_id else flow.of_nobody
        if start is not None:
            return [start]
        reason = "takes_no_contact" if item.contact_id else "needs_contact"
        batch.refusals.append(Refusal(item.tenant_id, flow.workflow_id, item.contact_id, None, reason, None))
        return []

    def _goal_ahead(self, run: RunState, place: int) -> tuple[int, CompiledGoal] | None:
        """The first goal that is known to be reached after the entry at `place`, and the place of its event."""
        if run.node is None:
            return None
        remaining = LOOK_AHEAD
        for later in range(place + 1, len(self.wanted)):
            item = self.wanted[later][0]
            if item.contact_id != run.contact.id or not remaining:
                break
            if item.kind in HAPPENED and item.name in run.flow.goal_events:
                remaining -= 1
                goal = _reached(run, item, _properties(item))
                if goal is not None:
                    return later, goal
        return None

    def _reach_goals(self, batch: Batch, item: Item, workflows: set[bytes]) -> None:
        event = _properties(item)
        for run in self._of_item(item):
            if item.kind == claim.PAST and run.fence is not None:
                continue  # it was judged by this event when that was handled
            if run.flow.workflow_id in workflows and run.active and run.occurred_at <= item.occurred_at:
                goal = _reached(run, item, event)
                if goal is not None:
                    batch.cut_short(run, GOAL_REACHED, "goal", goal)


def _by_occurrence(targeted: tuple[Item, list[CompiledFlow]]) -> tuple[bytes, int, int, bool]:
    """The order of the inbox; of the same instant what was handled before comes first."""
    item = targeted[0]
    return item.contact_id or NOBODY, item.occurred_at, item.stated_at, item.kind != claim.PAST


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
    view = GoalView(run, item.name, event)
    return next((goal for goal in run.flow.goals if goal.event == item.name and goal.met(view) is not None), None)


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
