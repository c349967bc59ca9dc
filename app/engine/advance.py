"""Claim a batch, walk it, write it, commit: one transaction. A crash anywhere leaves nothing behind; the batch is done again."""

from __future__ import annotations

import contextlib
import random
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import psycopg
import structlog

from app.engine import claim, control, due, failpoints, reports, rows, segment_turns
from app.engine.arrivals import Arrivals
from app.engine.batch_sizes import BatchSizes
from app.engine.change_events import change_events
from app.engine.claim import Cursor, InboxPlace, Place
from app.engine.claim_lock import ClaimLock, TurnTaken
from app.engine.crashes import Crashes, Suspected
from app.engine.date_work import follow_batch
from app.engine.due_runs import due_runs
from app.engine.garbage import sweeper
from app.engine.interest import Behind, epochs_of, require_compiled
from app.engine.matcher import MOST_STEPS, Matcher
from app.engine.missing_month import NO_MONTH, lacks_month, lacks_month_of_now
from app.engine.outbox import tell_programs
from app.engine.progress import progress
from app.engine.rounds import Round
from app.engine.start_pass import StartPass
from app.engine.step_faults import fault_in_words
from app.engine.time_limit import BatchTooLong, TimeLimit
from app.engine.vacuum import Vacuum
from app.engine.waits import look_back
from app.engine.walk import Batch
from app.engine.write import StaleOwner, write
from app.inbox import InboxKind
from app.lib import database, polling, shards
from app.lib.translation import translatable
from app.settings import settings
from app.turns import RoundRobin

log = structlog.get_logger()
SMALL = 20
"""Runs up to which a batch is written through one pipeline; above, COPY is faster (the two meet between 10 and 100)."""
PATIENCE_S = 20.0
_UNSTORABLE = (
    psycopg.DataError, psycopg.IntegrityError, TypeError, ValueError, OverflowError, struct.error, LookupError,
)  # fmt: skip
_AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, StaleOwner)
LOOK_FOR_STARTS_S = 0.5
LOOK_AGAIN_S = 2.0  # after which contacts that were held by somebody else are looked at again
BATCHES_ALIKE = 16
MOST_WAITS = 3
"""Waits in a row, for contacts that are free by the time one looks who holds them, before the events are left to the next round."""
TRIES = 20
"""How often a batch that lost a race is done again before the worker leaves it to the next round."""
Work = Callable[[Cursor, int], tuple[Batch | None, int]]
TOO_LONG = translatable("A step took so long that the database ended its work, each time it was tried.")


class Engine:
    """What moves runs over one connection. Not for several threads at once; a process may have several (`engines`), each its `number`.

    `on_backlog` is called when a batch was so large that there is likely more.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any] | None = None,
        *,
        limit: int | None = None,
        number: int = 0,
        engines: int = 1,
        on_backlog: Callable[[], None] = lambda: None,
        sizes: BatchSizes | None = None,
    ) -> None:
        self.connection = connection or database.connect("engine")
        rows.register(self.connection)
        self.number, self.on_backlog = number, on_backlog
        self.matcher = Matcher(self.connection, most_steps=MOST_STEPS // engines)
        self.limit = limit or settings().engine.batch_size
        self.shard = shards.own(number)
        self.turn = ClaimLock(self.connection)
        self.crashes = Crashes(self.connection, database.connect("notes"))
        self.vacuum = Vacuum()
        self.progress = progress.of(number)
        self.inbox_turns, self.due_turns = RoundRobin(), RoundRobin()
        self.starts, self._starts_looked = StartPass(self.connection, self.matcher), 0.0
        self.sizes = sizes or BatchSizes()
        self.actors: set[str] = set()
        """Actors that committed batches have made work for."""
        self._head: tuple[int, Any] = (0, None)
        """Workspace and id (of an inbox row: lane and id) of what is set aside when it cannot be stored even alone."""
        self._events_taken: list[InboxPlace] = []
        self._runs_taken: list[Place] = []
        self._wanted: list[Place] = []
        """The contacts of the events that were claimed last."""
        self.busy: set[Place] = set()
        """Contacts that somebody else holds for long: their events stay where they are, in order."""
        self._looked = 0.0
        self._waited_in_vain = 0
        self._fields_lately: deque[frozenset[str]] = deque(maxlen=BATCHES_ALIKE)
        """What the last batches of due runs looked at: the next one is claimed with as much."""
        self._fields_of_events: deque[frozenset[str]] = deque(maxlen=BATCHES_ALIKE)
        self._limit = TimeLimit(self.connection.cursor(), alone=True)
        self._round = Round()
        self._behind = 0
        """How often this batch was put back because the workflows had to be looked at first."""

    def close(self) -> None:
        self.connection.close()
        self.crashes.close()

    def advance(self, patience: float = PATIENCE_S) -> int:
        """Take events and due runs until there are none, or `patience` seconds are over. Returns how many were taken.

        A purchase that waits in the inbox must end a run before its delay mails it: events go first, of each workspace (`Round`).
        """
        moved, began = 0, time.monotonic()
        self._starts_looked, self._round = 0.0, Round()
        while time.monotonic() < began + patience:
            taken = 0
            while (
                time.monotonic() < began + patience / 2
                and not polling.stopping.is_set()
                and (events := self.take_events())
            ):
                taken += events + self._take_beside_events()
            taken += self.take_due()
            taken += self.take_segment_turns()
            taken += self.take_starts(at_once=not taken)
            moved += taken
            if not taken or polling.stopping.is_set():
                break
        self.progress.does("idle")
        self.crashes.clear_note()
        return moved

    def _take_beside_events(self) -> int:
        """Between two batches of events: due runs that need not wait for them, and who waited to enter."""
        taken = 0
        if self._round.runs_due and not self.crashes.runs:
            with self._round.beside_events():
                taken += self.take_due()
        return taken + self.take_starts(at_once=False)

    def take_events(self) -> int:
        """Handle one batch of the inbox; returns its size."""
        self._look_again()
        taken = self._guarded("events", self._events, self._set_aside)
        self.vacuum.taken("inbox", taken)
        return taken

    def take_due(self) -> int:
        """Move one batch of runs whose time has come; returns its size. Does not need the turn, so a lost one stops no timer."""
        taken = self._guarded("due", self._due, self._fail_alone)
        self.vacuum.taken("active_runs", taken)
        return taken

    def take_segment_turns(self) -> int:
        """Judge a batch of contacts whose membership in segments time may change now; returns its size."""
        return self._guarded("segment turns", self._segment_turns, self._skip_segment_turn)

    def take_starts(self, at_once: bool = True) -> int:
        """Let those begin who waited for their turn; returns how many were there. Not `at_once`: each half second, beside other work."""
        if not at_once and time.monotonic() - self._starts_looked < LOOK_FOR_STARTS_S:
            return 0
        taken = self._guarded("starts", self._starts, self.starts.give_up)
        self._starts_looked = 0.0 if taken else time.monotonic()
        return taken

    def _guarded(self, name: str, work: Work, give_up: Callable[[str], None]) -> int:
        """What cannot be stored spoils the whole batch: shrink until it stands alone, set it aside, grow again."""
        self.matcher.trim()
        if self._stands_by():
            self.crashes.examine()
        if (unbearable := self.sizes.unbearable(name)) is not None:
            self._head = unbearable
            give_up(TOO_LONG)
            return 1
        cap = self.sizes.of(name, self.limit)
        lost_races = 0
        while not self._stands_by():
            try:
                with sweeper.kept_out():
                    taken = self._transaction(work, cap)
            except Behind as behind:
                self._behind += 1
                self.matcher.refresh(behind.workspaces)
                self.matcher.compile_missing(behind.versions)
                continue
            except Suspected:
                self.crashes.examine()
                continue
            except (TurnTaken, psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, BatchTooLong) as error:
                cap = self._held_up(name, cap, error)
                if cap == 0:
                    return 0
                continue
            except _AGAIN as error:
                lost_races += 1
                log.info("engine.race_lost", kind=name, size=cap, error=type(error).__name__, times=lost_races)
                if lost_races == TRIES:
                    return 0
                time.sleep(random.uniform(0, 0.002 * 2 ** min(lost_races, 6)))  # noqa: S311
                continue
            except _UNSTORABLE as error:
                cap, taken = self._refused(name, cap, error, give_up)
                if cap == 0:
                    return taken
                continue
            except psycopg.Error:
                if self.connection.closed and self._limit.silent:
                    self.sizes.session_lost(name, cap, self._head)
                    log.warning("engine.silent_too_long", kind=name, size=cap)
                raise
            self._through(name, cap, taken)
            return taken
        return 0

    def _through(self, name: str, cap: int, taken: int) -> None:
        self.progress.through(name, taken)
        self.sizes.through(name, cap, self.limit, larger=not self._limit.nearly_reached)
        self._behind, self._waited_in_vain = 0, 0
        if taken * 2 > self.limit:
            self.on_backlog()

    def _refused(self, name: str, cap: int, error: Exception, give_up: Callable[[str], None]) -> tuple[int, int]:
        """A batch that cannot be stored. Answers the size to try again with; 0: it stood alone, or waits, and so many are over."""
        if lacks_month_of_now(error):  # nothing is wrong with what is to be written: it waits
            self.progress.held_up(name, "month")
            log.error("engine.month_missing", kind=name, error=str(error).splitlines()[0])
            return 0, 0
        log.warning("engine.batch_refused", kind=name, size=cap, error=type(error).__name__)
        if cap > 1:
            return self.sizes.shrink(name, cap), 0
        give_up(NO_MONTH if lacks_month(error) else fault_in_words(error))
        return 0, 1

    def _stands_by(self) -> bool:
        """Is something suspected that the first engine of this process handles alone? What else was walked when it ends the process
        would be blamed for it as well."""
        return self.number > 0 and self.crashes.suspect

    def _held_up(self, name: str, cap: int, error: Exception) -> int:
        """Somebody holds what this batch needs. Answers the size to try again with, 0: leave it to a later round."""
        if isinstance(error, psycopg.errors.QueryCanceled | BatchTooLong):
            self.progress.held_up(name, "time")
            log.warning("engine.too_slow", kind=name, size=cap)
            return self.sizes.shrink(name, cap) if cap > 1 else 0
        by = "turn" if isinstance(error, TurnTaken) else "lock"
        self.progress.held_up(name, by)
        log.warning("engine.held_up", kind=name, by=by)
        return cap if by == "lock" and name == "events" and self._leave_busy() else 0

    def _leave_busy(self) -> bool:
        """Find whose events cannot be handled now, so that those of all others can. False: it is not about single contacts."""
        try:
            busy = set(claim.busy(self.connection, self._wanted)) - self.busy
        except psycopg.errors.LockNotAvailable:
            return False
        self.busy |= busy
        self._looked = time.monotonic()
        self._waited_in_vain = 0 if busy else self._waited_in_vain + 1
        return self._waited_in_vain < MOST_WAITS

    def _look_again(self) -> None:
        """Take contacts back among those whose events are handled when nobody holds them any more."""
        if self.busy and time.monotonic() - self._looked >= LOOK_AGAIN_S:
            self._looked = time.monotonic()
            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                self.busy = set(claim.busy(self.connection, list(self.busy)))

    def _transaction(self, work: Work, limit: int) -> int:
        batch, actors = None, set[str]()
        self.progress.does("claiming")
        try:
            with (
                self.inbox_turns.batch(),
                self.due_turns.batch(),
                self.starts.turns.batch(),
                self.connection.transaction(),
            ):
                cursor = self.connection.cursor(binary=True)
                self._limit = TimeLimit(cursor, alone=limit == 1)
                batch, taken = work(cursor, limit)
                failpoints.reach("claimed")
                if batch is not None:
                    self.progress.does("writing")
                    batch.change_events.extend(change_events(cursor, batch, self.matcher))
                    tell_programs(cursor, batch, self.matcher)
                    small = batch.size <= SMALL
                    with self.connection.pipeline() if small else nullcontext():
                        write(cursor, batch, self.shard, pipelined=small)
                        self.crashes.clear(cursor, self._events_taken, self._runs_taken)
                    follow_batch(cursor, batch, self.matcher, self.shard)
                    actors = batch.actors
                elif taken and self.crashes.events:
                    self.crashes.clear(cursor, self._events_taken)
                failpoints.reach("written")
        finally:
            self.turn.give()
            if batch is not None:
                batch.release()
        failpoints.reach("committed")
        self.actors |= actors
        return taken

    # Events -----------------------------------------------------------------------------------------------------

    def _events(self, cursor: Cursor, limit: int) -> tuple[Batch | None, int]:
        self.turn.take()
        limit = 1 if self.crashes.events else limit  # one by one, in order, until nothing is suspected any more
        busy = [contact_id for _, contact_id in self.busy]
        items = claim.inbox(
            cursor, limit, self.inbox_turns, busy, self.matcher.foreign(), self.matcher.partly_understood()
        )
        if not items:
            return None, 0
        self.progress.does("walking")
        self._head = items[0].tenant_id, (items[0].lane, items[0].id)
        self._round.claimed(items)
        self._wanted = list({(item.tenant_id, item.contact_id): None for item in items if item.contact_id is not None})
        if self._behind < TRIES:
            require_compiled(self.matcher, items)
        else:  # they change all the time: look now, though others wait for the turn
            self.matcher.refresh(epochs_of(items))
        if settled := [item for item in items if item.kind == InboxKind.SETTLED]:
            claim.settle(cursor, settled)
        self._events_taken, self._runs_taken = [(item.tenant_id, item.lane, item.id) for item in items], []
        lately, put_back = frozenset().union(*self._fields_of_events), self._behind < TRIES
        arrivals = Arrivals(cursor, self.matcher, items, lately=lately, put_back=put_back, limit=self._limit)
        batch = arrivals.walk(self._locked)
        self._fields_of_events.append(arrivals.fields)
        return batch, len(items)

    def _locked(self) -> None:
        """The contacts of these events are ours: others may take later ones."""
        self.turn.give()
        self.crashes.note(events=self._events_taken)

    def _set_aside(self, error: str) -> None:
        tenant_id, (lane, inbox_id) = self._head
        claim.set_aside(self.connection, (tenant_id, lane, inbox_id), error)
        log.error("engine.dead_letter", inbox_id=inbox_id, error=error)

    # Due runs ---------------------------------------------------------------------------------------------------

    def _due(self, cursor: Cursor, limit: int) -> tuple[Batch | None, int]:
        names = claim.fields(frozenset().union(*self._fields_lately))
        # Suspected ones go alone and first; when they are in other hands, the others need not wait.
        suspects = self.crashes.runs
        claimed = due.take_one_of(cursor, suspects, names) if suspects else []
        claimed = claimed or due.take(cursor, limit, names, self.due_turns, suspects, self._round.events_before)
        if not claimed:
            return None, 0
        self.progress.does("walking")
        self._head = claimed[0].run.tenant_id, UUID(bytes=claimed[0].run.id)
        self.matcher.refresh({one.run.tenant_id: one.epoch for one in claimed})
        versions = dict.fromkeys((one.run.workflow_id, one.run.version) for one in claimed)
        self.matcher.compile_missing(versions)
        flows = [self.matcher.flow(*version) for version in versions if version not in self.matcher.unreadable]
        self._fields_lately.append(self.matcher.fields_of(flows))
        if not set(needed := claim.fields(self._fields_lately[-1])) <= set(names):  # these look at more: once more
            names, claimed = needed, due.load(cursor, claimed, needed)
        self._events_taken, self._runs_taken = [], [(one.run.tenant_id, one.run.id) for one in claimed]
        self.crashes.note(runs=self._runs_taken)
        batch = Batch(claimed[0].now)
        runs = due_runs(cursor, self.matcher, batch, claimed, names, flows, self._limit)
        reports.load(cursor, runs)
        for run in runs:
            batch.resume(run)
        look_back(cursor, batch)
        return batch, len(claimed)

    # Segments ---------------------------------------------------------------------------------------------------

    def _segment_turns(self, cursor: Cursor, limit: int) -> tuple[Batch | None, int]:
        batch, self._events_taken, self._runs_taken = segment_turns.take(cursor, self.matcher, limit), [], []
        self._head = batch.head if batch is not None else (0, None)
        return batch, 0 if batch is None else batch.taken

    def _skip_segment_turn(self, error: str) -> None:
        tenant_id, contact_id = self._head
        segment_turns.skip(self.connection, tenant_id, contact_id)
        log.error("engine.segment_turn_skipped", contact_id=str(contact_id), error=error)

    def _starts(self, cursor: Cursor, limit: int) -> tuple[Batch | None, int]:
        self._events_taken, self._runs_taken = [], []
        return self.starts.work(cursor, limit)

    def _fail_alone(self, error: str) -> None:
        tenant_id, run_id = self._head
        control.fail_or_hold(self.connection, tenant_id, run_id, error)
        log.error("engine.run_failed_alone", run_id=str(run_id), error=error)
