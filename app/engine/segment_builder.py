"""Builds versions of rules for all contacts while events go on: piece by piece, under the contacts' locks.

A contact is built by whoever locks it first, this or a batch of the engine, by the same function. What waits in the inbox is not counted:
it is counted when it is handled. A piece and how far it came are one transaction, so stopping, crashing, or a second builder do no harm.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import structlog

from app.engine import claim, failpoints, rows
from app.engine.claim_lock import let_claims_pass
from app.inbox import notify_engine_now
from app.lib import clock, polling, shards
from app.membership.book import Book
from app.membership.piece_repository import PieceBuilder
from app.membership.state_repository import load_book
from app.segment_member_repository import Move, move

log = structlog.get_logger()
PIECE = 1_000
MOST_TRIES = 20
IS_DUE = "exists (select from segment_builds where finished_at is null or dropped_at is not null)"
_OPEN = "select distinct tenant_id from segment_builds where finished_at is null and dropped_at is null order by 1"
_EPOCH = "select n from workflow_epochs where tenant_id = %(tenant)s"
_NEXT = """
select uuid_send(id) from contacts where tenant_id = %(tenant)s and id > coalesce(
  (select case when bool_or(reached is null) then null else min(reached::text)::uuid end from segment_builds
   where tenant_id = %(tenant)s and finished_at is null and dropped_at is null), '00000000-0000-0000-0000-000000000000')
order by id limit %(limit)s
"""
_REACHED = """
update segment_builds set done = done + case when reached is null or reached < %(reached)s then %(count)s else 0 end,
  reached = greatest(reached::text, %(reached)s::text)::uuid
where tenant_id = %(tenant)s and finished_at is null and dropped_at is null and epoch <= %(epoch)s
"""
_FINISHED = """
with finished as (
  update segment_builds set finished_at = clock_now(), ready = true, done = total
  where tenant_id = %(tenant)s and finished_at is null and dropped_at is null and epoch <= %(epoch)s returning tenant_id, number),
ready as (
  update segments s set state = 'ready' from finished f
  where s.tenant_id = f.tenant_id and s.number = f.number and s.state = 'building' and s.next_number is null)
insert into workflow_epochs as e (tenant_id, n) select distinct tenant_id, 1 from finished
on conflict (tenant_id) do update set n = e.n + 1
"""
# Who moved by a change of a rule is asked of the members of both versions until the enrolments that let them in are over.
_DROPPED = """
select tenant_id, number from segment_builds b where dropped_at is not null and not exists (
  select from enrolments e where e.tenant_id = b.tenant_id and e.next_at is not null
    and b.number::text in (e.audience->'moved'->>'before', e.audience->'moved'->>'after'))
order by 1, 2 limit 1
"""
_FORGET = """
delete from segment_members where tenant_id = %(tenant)s and segment = %(number)s and contact_id = any(array(
  select contact_id from segment_members where tenant_id = %(tenant)s and segment = %(number)s limit 5000))
"""
_FORGOTTEN = """
with days as (delete from segment_days where tenant_id = %(tenant)s and segment = %(number)s)
delete from segment_builds where tenant_id = %(tenant)s and number = %(number)s
"""
_UNUSED = """
fact = any(array(select number from segment_fact_definitions d where d.tenant_id = %(tenant)s and not exists (
  select from segment_builds b where b.tenant_id = d.tenant_id and b.dropped_at is null and d.number = any(b.facts))))
"""
_PAGE_OF_FACTS = """
select contact_id from segment_facts where tenant_id = %(tenant)s and contact_id > %(after)s order by contact_id offset %(rows)s limit 1
"""
_FORGET_FACTS = f"""
delete from segment_facts where tenant_id = %(tenant)s and contact_id > %(after)s and contact_id <= %(last)s and {_UNUSED}
"""
_FORGET_DEFINITIONS = f"""
delete from segment_fact_definitions where tenant_id = %(tenant)s and {_UNUSED.replace("fact =", "number =", 1)}
"""
FACTS = 20_000
"""Rows of what is counted that one statement looks at for those that nobody reads."""


class SegmentBuilder:
    """One pass over one connection."""

    def __init__(self, connection: psycopg.Connection[Any], *, piece: int = PIECE) -> None:
        self.connection, self.piece = connection, piece
        rows.register(connection)
        self.shard = shards.own(0)

    def run(self) -> int:
        """Build until nothing is left to build, then forget what was dropped. Answers how many contacts were built here."""
        built = 0
        while not polling.stopping.is_set() and (tenants := [row[0] for row in self.connection.execute(_OPEN)]):
            for tenant_id in tenants:
                built += self._workspace(tenant_id)
        while not polling.stopping.is_set() and self._forget():
            pass
        return built

    def _workspace(self, tenant_id: int) -> int:
        """All open builds of a workspace in one go over its contacts."""
        book, known, built, tries = None, -1, 0, 0
        while not polling.stopping.is_set():
            (epoch,) = self.connection.execute(_EPOCH, {"tenant": tenant_id}).fetchone() or (0,)
            if epoch != known:
                book, known = load_book(self.connection, tenant_id), epoch
                if not let_claims_pass(self.connection):
                    return built  # looked at again: built before they have passed, events could count twice
            try:
                with self.connection.transaction():
                    late = self._piece(self.connection.cursor(binary=True), tenant_id, book)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                tries += 1
                if tries == MOST_TRIES:
                    log.warning("segments.build_held_up", tenant_id=tenant_id, error=type(error).__name__)
                    return built
                continue
            tries = 0
            if late is None:
                notify_engine_now()
                return built
            built += late
        return built

    def _piece(self, cursor: psycopg.Cursor[Any], tenant_id: int, book: Book | None) -> int | None:
        """Build the next contacts that are behind; how many were. None: it is finished."""
        arguments = {"tenant": tenant_id, "epoch": book.epoch if book is not None else 2**62}
        ids = [row[0] for row in cursor.execute(_NEXT, {**arguments, "limit": self.piece})] if book is not None else []
        if book is None or not ids:
            cursor.execute(_FINISHED, arguments)
            return None
        locked = list(claim.contacts(cursor, [(tenant_id, contact_id) for contact_id in ids], ()))
        failpoints.reach("piece locked")
        # Asked now, not when the transaction began: who waited for a lock waited until others had moved them.
        (now,) = cursor.execute("select clock_now()").fetchone() or (clock.now(),)
        built = PieceBuilder(cursor, tenant_id, book).build(locked, now, self.shard)
        moves = [(one.enters, Move(tenant_id, one.number, one.contact_id)) for one in built.moves]
        entering, leaving = ([move for enters, move in moves if enters is wanted] for wanted in (True, False))
        move(cursor, entering=entering, leaving=leaving, shard=self.shard)
        cursor.execute(_REACHED, {**arguments, "reached": UUID(bytes=ids[-1]), "count": len(ids)})
        failpoints.reach("piece built")
        return built.late

    def _forget(self) -> bool:
        """Delete a piece of what belongs to a version that was dropped; False: there is none."""
        dropped = self.connection.execute(_DROPPED).fetchone()
        if dropped is None:
            return False
        arguments = {"tenant": dropped[0], "number": dropped[1]}
        if not self.connection.execute(_FORGET, arguments).rowcount:
            if not self._forget_facts(dropped[0]):
                return False
            self.connection.execute(_FORGOTTEN, arguments)
        return True

    def _forget_facts(self, tenant_id: int) -> bool:
        """Delete what no rule of a workspace counts any more; False: the process ends first, and the next one begins anew."""
        after, end = UUID(int=0), UUID(int=2**128 - 1)
        while after != end:
            if polling.stopping.is_set():
                return False
            page = {"tenant": tenant_id, "after": after, "rows": FACTS}
            (last,) = self.connection.execute(_PAGE_OF_FACTS, page).fetchone() or (end,)
            self.connection.execute(_FORGET_FACTS, {**page, "last": last})
            after = last
        with self.connection.transaction():
            # Whoever begins a build raises the epoch first: none begins to use a definition while it goes.
            self.connection.execute(f"{_EPOCH} for update", {"tenant": tenant_id})
            self.connection.execute(_FORGET_DEFINITIONS, {"tenant": tenant_id})
        return True
