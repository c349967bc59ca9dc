"""Claimed runs whose time has come, as the walk takes them: with their contacts, those of one contact with the same."""

from __future__ import annotations

from collections.abc import Sequence

from app.engine import assignments, due, newer_release
from app.engine.arrivals import stored_run
from app.engine.claim import Cursor
from app.engine.compiled import CompiledFlow
from app.engine.due import DueRun
from app.engine.matcher import Matcher
from app.engine.segment_reads import SegmentReads
from app.engine.state import NOBODY, ContactState, RunState
from app.engine.time_limit import TimeLimit
from app.engine.walk import Batch


def due_runs(
    cursor: Cursor,
    matcher: Matcher,
    batch: Batch,
    claimed: Sequence[DueRun],
    names: tuple[str, ...],
    flows: Sequence[CompiledFlow],
    limit: TimeLimit,
) -> list[RunState]:
    """The runs, in order. `names`: the fields that their contacts were claimed with; `flows`: their versions.

    Those that stand where only a newer release knows what to do are left to it.
    """
    places = [(one.run.tenant_id, one.run.contact_id) for one in claimed if one.run.contact_id]
    assigned = assignments.load(cursor, places, flows)
    postponed = {(row.tenant_id, row.id): why for row, *_ in claimed if (why := newer_release.why_left(matcher, row))}
    due.postpone(cursor, postponed)
    runs = []
    for row, _, _, stored in claimed:
        limit.check()
        if (row.tenant_id, row.id) in postponed:
            continue
        if row.contact_id is None:
            contact = ContactState(NOBODY)
        elif (batch_contact := batch.contacts.get(row.contact_id)) is not None:
            contact = batch_contact
        else:
            contact = batch.contacts[row.contact_id] = ContactState(row.contact_id, names, stored)
            contact.assigned = assigned.get(row.contact_id)
        run = stored_run(matcher, row, contact, batch.now)
        run.moved_at = row.resume_at or batch.now
        runs.append(run)
    SegmentReads(cursor, matcher, batch, places).load(flows)
    return runs
