"""Claim a batch, walk it, write it, commit: one transaction. A crash anywhere leaves nothing behind; the batch is done again."""

from __future__ import annotations

import gc
import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import UUID

import psycopg
import structlog

from app.engine import claim, control, failpoints, rows
from app.engine.claim import DueRun, Item, RunRow
from app.engine.echoes import echoes
from app.engine.entry import Entries
from app.engine.graph import Graph
from app.engine.matcher import Matcher
from app.engine.walk import CANCELLED, COMPLETED, GOAL_REACHED, Batch, Contact, GoalView, Refusal, Run
from app.engine.write import StaleOwner, write
from app.lib import database, ids
from app.nodes.operators import ConditionError
from app.settings import settings

log = structlog.get_logger()
SMALL = 20
"""Runs up to which a batch is written through one pipeline; above, COPY is faster (the two meet between 10 and 100)."""
SHARDS = 15
PATIENCE_S = 20.0
_UNSTORABLE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    TypeError,
    ValueError,
    OverflowError,
    struct.error,
    LookupError,
)
_AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, StaleOwner)
TRIES = 20
"""How often a batch that lost a race is done again before the worker leaves it to the next round."""


class Engine:
    """One worker's hands on the runs. Not for several threads at once."""

    def __init__(self, connection: psycopg.Connection[Any] | None = None, *, limit: int | None = None) -> None:
        self.connection = connection or database.connect()
        rows.register(self.connection)
        self.matcher = Matcher(self.connection)
        self.limit = limit or settings().engine.batch_size
        # Shard 0 belongs to control: workers and people that cancel never wait for one counter.
        self.shard = 1 + os.getpid() % SHARDS
        self.turn = claim.Turn(self.connection)
        self.caps: dict[str, int] = {}
        self.queued_messages = False
        self._head: Any = None

    def close(self) -> None:
        self.connection.close()

    def advance(self, patience: float = PATIENCE_S) -> int:
        """Take events and due runs until there are none, or `patience` seconds are over. Returns how many were taken.

        Events go first: after a standstill, a purchase that waits in the inbox must end a run before its delay mails it.
        """
        moved, began = 0, time.monotonic()
        while time.monotonic() < began + patience:
            taken = 0
            while time.monotonic() < began + patience / 2 and (events := self.take_events()):
                taken += events
            taken += self.take_due()
            moved += taken
            if not taken:
                break
        return moved

    def take_events(self) -> int:
        """Handle one batch of the inbox; returns its size."""
        return self._guarded("events", self._events, self._set_aside)

    def take_due(self) -> int:
        """Move one batch of runs whose time has come; returns its size."""
        return self._guarded("due", self._due, self._fail_alone)

    def _guarded(
        self, name: str, work: Callable[[Any, int], tuple[Batch | None, int]], give_up: Callable[[str], None]
    ) -> int:
        """What cannot be stored spoils the whole batch: shrink until it stands alone, set it aside, grow again."""
        cap = min(self.caps.get(name, self.limit), self.limit)
        lost = 0
        while True:
            try:
                taken = self._transaction(work, cap)
            except _AGAIN as error:
                lost += 1
                log.info("engine.race_lost", kind=name, size=cap, error=type(error).__name__, times=lost)
                if lost == TRIES:
                    return 0
                time.sleep(random.uniform(0, 0.002 * 2 ** min(lost, 6)))  # noqa: S311
                continue
            except _UNSTORABLE as error:
                log.warning("engine.batch_refused", kind=name, size=cap, error=type(error).__name__)
                if cap > 1:
                    cap = self.caps[name] = max(1, cap // 8)
                    continue
                give_up(f"{type(error).__name__}: {error}")
                return 1
            self.caps[name] = min(cap * 2, self.limit)
            return taken

    def _transaction(self, work: Callable[[Any, int], tuple[Batch | None, int]], limit: int) -> int:
        try:
            with _without_gc(), self.connection.transaction():
                cursor = self.connection.cursor(binary=True)
                batch, taken = work(cursor, limit)
                failpoints.reach("claimed")
                if batch is not None:
                    batch.echoes.extend(echoes(batch, self.matcher.listened))
                    small = len(batch.runs) <= SMALL
                    with self.connection.pipeline() if small else nullcontext():
                        write(cursor, batch, self.shard, pipelined=small)
                    self.queued_messages = self.queued_messages or bool(batch.messages)
                failpoints.reach("written")
        finally:
            self.turn.give()
        failpoints.reach("committed")
        return taken

    # Events -----------------------------------------------------------------------------------------------------

    def _events(self, cursor: Any, limit: int) -> tuple[Batch | None, int]:
        self.turn.take()
        items = claim.inbox(cursor, limit)
        if not items:
            return None, 0
        self._head = items[0].id
        self.matcher.follow(items[0].epoch)
        if settled := [item for item in items if item.kind == claim.SETTLED]:
            claim.settle(cursor, settled)
        wanted = [item for item in items if self._concerns(item)]
        if not wanted:
            return None, len(items)
        batch = Batch(items[0].now)
        stored = claim.contacts(cursor, _distinct(item.contact_id for item in wanted), self.matcher.reads_contact)
        self.turn.give()
        batch.contacts = {contact_id: Contact(contact_id, raw) for contact_id, raw in stored.items()}
        runs, entries = self._standing(cursor, batch, wanted)
        fresh = iter(ids.uuid7_many(sum(self._possible_entries(item) for item in wanted)))
        for item in wanted:
            # Only who still exists may enter; runs of an erased contact stand in the batch to be cancelled.
            contact = batch.contacts[item.contact_id] if item.contact_id in stored else None
            mine = runs.setdefault(item.contact_id, [])
            if item.kind == claim.ERASED:
                for run in mine:
                    if run.status < COMPLETED:
                        batch.cut_short(run, CANCELLED, "cancelled")
            elif contact is not None:
                if item.kind == claim.EVENT:
                    self._reach_goals(batch, item, mine)
                self._enter(batch, entries, item, contact, fresh, mine)
        return batch, len(items)

    def _concerns(self, item: Item) -> bool:
        key = (item.tenant_id, item.name)
        if item.kind == claim.EVENT:
            return key in self.matcher.triggers or key in self.matcher.goals
        return item.kind in (claim.MANUAL, claim.ERASED)

    def _possible_entries(self, item: Item) -> int:
        return len(self.matcher.triggers.get((item.tenant_id, item.name), ())) if item.kind == claim.EVENT else 1

    def _targets(self, item: Item) -> list[Graph]:
        """The workflows that this item may start."""
        if item.kind == claim.EVENT:
            found, since = self.matcher.triggers.get((item.tenant_id, item.name), []), self.matcher.since
            return [g for g in found if item.at >= since[g.workflow_id] and g.workflow_id != item.workflow_id]
        graph = self.matcher.live.get(item.workflow_id or b"")
        return [graph] if graph is not None and graph.tenant_id == item.tenant_id else []

    def _standing(self, cursor: Any, batch: Batch, wanted: list[Item]) -> tuple[dict[bytes, list[Run]], Entries]:
        """The active runs that goals and erasures may end, and what the door must know."""
        goals = self.matcher.goals
        ending = _distinct(
            item.contact_id for item in wanted if item.kind == claim.ERASED or (item.tenant_id, item.name) in goals
        )
        runs: dict[bytes, list[Run]] = {}
        for row in claim.active_runs(cursor, ending, lock=True) if ending else ():
            # An erased contact is not in the batch: its runs end, and nothing starts for it any more.
            run = self._stored_run(row, batch.contacts.get(row.contact_id) or Contact(row.contact_id))
            run.parked = True
            runs.setdefault(row.contact_id, []).append(run)
        entering = [
            (item.contact_id, graph) for item in wanted for graph in self._targets(item) if graph.reentry != "always"
        ]
        standing, history = set[Any](), dict[Any, int]()
        if entering:
            contact_ids = _distinct(contact_id for contact_id, _ in entering)
            standing = claim.standing(cursor, contact_ids, _distinct(graph.workflow_id for _, graph in entering))
            remembering = _distinct(g.workflow_id for _, g in entering if g.reentry in ("once", "cooldown"))
            if remembering:
                history = claim.history(cursor, contact_ids, remembering)
        entries = Entries(batch, standing, history)
        for mine in runs.values():
            for run in mine:
                entries.know(run)
        return runs, entries

    def _reach_goals(self, batch: Batch, item: Item, runs: list[Run]) -> None:
        workflows = self.matcher.goals.get((item.tenant_id, item.name))
        if not workflows:
            return
        event = rows.decode(item.payload) if item.payload else {}
        for run in runs:
            if not run.parked or run.graph.workflow_id not in workflows:
                continue
            for goal in run.graph.goals:
                if goal.event == item.name and _held(goal.judge, GoalView(run, item.name, event)):
                    batch.cut_short(run, GOAL_REACHED, "goal", goal)
                    break

    def _enter(
        self, batch: Batch, entries: Entries, item: Item, contact: Contact, fresh: Iterator[bytes], runs: list[Run]
    ) -> None:
        targets, asked = self._targets(item), item.kind == claim.MANUAL
        if asked and not targets:
            place = item.workflow_id or bytes(16)
            batch.refusals.append(Refusal(item.tenant_id, place, contact.id, None, "workflow_not_active", None))
        for graph in targets:
            run_id = item.run_id or next(fresh)
            run = Run(run_id, graph, contact, item.payload, graph.start, batch.now)
            run.depth = item.depth
            if entries.let_in(run, item.event_id, paused=graph.workflow_id in self.matcher.paused, asked=asked):
                batch.enter(run)
                if run.parked and graph.goals:
                    runs.append(run)

    def _set_aside(self, error: str) -> None:
        self.connection.execute(claim.SET_ASIDE, {"id": self._head, "error": error})
        log.error("engine.dead_letter", inbox_id=self._head, error=error)

    # Due runs ---------------------------------------------------------------------------------------------------

    def _due(self, cursor: Any, limit: int) -> tuple[Batch | None, int]:
        claimed = claim.due(cursor, limit, self.matcher.reads_contact)
        if not claimed:
            return None, 0
        self._head = UUID(bytes=claimed[0].run.id)
        if self._unread(claimed):  # a version seen for the first time reads contacts: claim again with their fields
            claimed = claim.due(cursor, limit, whole=True)
        batch = Batch(claimed[0].now)
        for row, _, _, stored in claimed:
            contact = batch.contacts.get(row.contact_id)
            if contact is None:
                contact = batch.contacts[row.contact_id] = Contact(row.contact_id, stored)
            batch.resume(self._stored_run(row, contact))
        return batch, len(claimed)

    def _unread(self, claimed: list[DueRun]) -> bool:
        known = self.matcher.reads_contact
        self.matcher.follow(claimed[0].epoch)
        for due in claimed:
            self.matcher.graph(due.run.workflow_id, due.run.version)
        return self.matcher.reads_contact and not known

    def _stored_run(self, row: RunRow, contact: Contact) -> Run:
        graph = self.matcher.graph(row.workflow_id, row.version)
        run = Run(row.id, graph, contact, row.raw_event, graph.nodes[row.node_id or ""], row.started)
        run.seq, run.attempt, run.fence, run.status = row.seq, row.attempt, row.fence, row.status
        run.entry_key, run.resume_port, run.step_started = row.entry_key, row.resume_port, row.step_started
        run.context = rows.decode(row.context) if row.context else None
        run.resume_output = rows.decode(row.resume_output) if row.resume_output else None
        return run

    def _fail_alone(self, error: str) -> None:
        control.fail_run(self.connection, self._head, error)
        log.error("engine.run_failed_alone", run_id=str(self._head), error=error)


def _held(judge: Any, view: Any) -> bool:
    try:
        return bool(judge(view).held)
    except ConditionError as error:
        log.warning("goal.unanswered", error=str(error))
        return False


def _distinct(values: Any) -> list[Any]:
    return list(dict.fromkeys(values))


@contextmanager
def _without_gc() -> Iterator[None]:
    """A batch makes some ten tracked objects a run and no cycles; one young sweep after it is enough (measured: -25 % Python)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
            gc.collect(0)
