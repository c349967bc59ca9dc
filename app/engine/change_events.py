"""What runs change on contacts, told as events to the workflows that listen for it, as `app.contacts` tells other changes.

Only what somebody listens for: a trigger whose conditions the change may meet, a step that waits, a goal of a workflow in which the
contact stands. And only for what really differs afterwards. A workflow is never started by its own change, and an echo of an echo
of an echo ends: two workflows that answer each other would go on for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import structlog

from app.engine import history
from app.engine.claim import Cursor, Place, of_contacts
from app.engine.limits import MAX_DEPTH
from app.engine.matcher import Matcher
from app.engine.records import ContactChangeEvent
from app.engine.state import ContactState
from app.engine.subscriptions import WorkspaceListeners
from app.engine.walk import Batch
from app.flow.contact_goals import ATTRIBUTE_CHANGED, CONTACT_CHANGES, UPDATED
from app.flow.effects import CONTACT_COLUMNS
from app.values import contact_diff
from app.values.contact_diff import Difference

log = structlog.get_logger()
MOST_INBOX = 20_000
# There is no index by contact: a short inbox is read, of a long one everybody is taken to wait there.
IN_INBOX = f"""
with waiting as materialized (select contact_id from inbox where tenant_id = any(%(tenants)s) limit {MOST_INBOX + 1})
select uuid_send(id) from unnest(%(contacts)s::uuid[]) as u(id)
where (select count(*) from waiting) > {MOST_INBOX} or id in (select contact_id from waiting)
"""


class _ForGoals(NamedTuple):
    """An event that goals of these workflows alone may be about."""

    event: ContactChangeEvent
    workflow_ids: tuple[bytes, ...]


def change_events(cursor: Cursor, batch: Batch, matcher: Matcher) -> list[ContactChangeEvent]:
    """The events that a walked batch gives rise to. It asks the database where only goals of stored runs may be reached."""
    events: list[ContactChangeEvent] = []
    for_goals: list[_ForGoals] = []
    for contact in batch.contacts.values():
        run = contact.changed_by
        if run is None:
            continue
        known = matcher.workspace(run.flow.tenant_id)
        names = _heard(known, contact) if known.hears_changes else []
        if not names:
            continue
        if run.depth >= MAX_DEPTH:
            log.warning("engine.echo_ended", workflow_id=run.flow.workflow_id.hex(), depth=run.depth)
            continue
        workflow_id = run.flow.workflow_id
        for name, properties in _events(contact):
            if name not in names:
                continue
            event = ContactChangeEvent(
                run.flow.tenant_id, name, contact.id, workflow_id, run.depth + 1, properties, run.flow.priority
            )
            starting = known.started_by_change(name, properties)
            if name in known.waits or any(live.workflow_id != workflow_id for live in starting):
                events.append(event)
            elif reached := known.reached_by_change(name, properties):
                for_goals.append(_ForGoals(event, reached))
    return events + _of_who_stands(cursor, batch, for_goals)


def _heard(known: WorkspaceListeners, contact: ContactState) -> list[str]:
    """The names of events about what may have changed on this contact that concern somebody."""
    changed = {field for change in contact.changes for field in change.fields()}
    return [name for name in CONTACT_CHANGES if known.may_hear(name, changed)]


def _of_who_stands(cursor: Cursor, batch: Batch, for_goals: list[_ForGoals]) -> list[ContactChangeEvent]:
    """Those of these events whose contact stands in one of the workflows, or may come to stand there by what waits in the inbox."""
    if not for_goals:
        return []
    standing = {(run.contact.id, run.flow.workflow_id) for path in batch.paths for run in path.runs if run.active}
    unsure = [one for one in for_goals if not _stands(one, standing)]
    if unsure:
        contacts = list({(one.event.tenant_id, one.event.contact_id): None for one in unsure})
        workflow_ids = list({workflow_id: None for one in unsure for workflow_id in one.workflow_ids})
        standing |= {place[:2] for place in history.standing(cursor, contacts, workflow_ids)}
        waiting = in_inbox(cursor, contacts)
        standing |= {(contact_id, workflow_id) for contact_id in waiting for workflow_id in workflow_ids}
    return [one.event for one in for_goals if _stands(one, standing)]


def in_inbox(cursor: Cursor, contacts: list[Place]) -> list[bytes]:
    """Those of these contacts for whom something waits in the inbox, or may: where much waits, all of them."""
    return [contact_id for (contact_id,) in of_contacts(cursor, IN_INBOX, contacts)]


def _stands(one: _ForGoals, standing: set[tuple[bytes, bytes]]) -> bool:
    return any((one.event.contact_id, workflow_id) in standing for workflow_id in one.workflow_ids)


def _events(contact: ContactState) -> Iterator[tuple[str, dict[str, Any]]]:
    changed, previous, current = difference_of(contact)
    if changed:
        yield UPDATED, {"changed": changed, "current": current, "previous": previous}
    if "attributes" in current:
        attributes = current["attributes"]
        yield (
            ATTRIBUTE_CHANGED,
            {"changed": sorted(attributes), "attributes": attributes, "previous": previous["attributes"]},
        )


def difference_of(contact: ContactState) -> Difference:
    """What of the contact differs from what is stored."""
    return contact_diff.difference(
        {name: (contact.stored(name), contact.columns.get(name)) for name in CONTACT_COLUMNS},
        {"attributes": (contact.stored_attributes(), contact.attributes)},
        (contact.stored_tags(), contact.tags),
    )
