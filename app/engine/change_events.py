"""What runs change on contacts, told as events to the workflows that listen for it, as `app.contacts` tells other changes.

Only what somebody listens for: a trigger whose conditions the change may meet, a step that waits, a goal of a workflow in which the
contact stands. And only for what really differs afterwards. A workflow is never started by its own change, and an echo of an echo
of an echo ends: two workflows that answer each other would go on for ever.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import structlog

from app.engine import claim, history
from app.engine.claim import Cursor, Place, of_contacts
from app.engine.emitted import emitted_in
from app.engine.limits import MAX_DEPTH
from app.engine.loaded_fields import load_fields
from app.engine.matcher import Matcher
from app.engine.records import ContactChangeEvent
from app.engine.state import ContactState, RunState
from app.engine.subscriptions import Live, WorkspaceListeners
from app.engine.walk import Batch
from app.flow.contact_goals import ATTRIBUTE_CHANGED, CONTACT_CHANGES, UPDATED
from app.flow.effects import CONTACT_COLUMNS
from app.values import contact_diff
from app.values.contact_diff import Difference
from app.values.contact_view import COLUMNS

log = structlog.get_logger()
_COMPARED = (*CONTACT_COLUMNS, "attributes", "tags")
MOST_INBOX = 20_000
# There is no index by contact: a short inbox is read, of a long one everybody is taken to wait there.
IN_INBOX = f"""
with waiting as materialized (select contact_id from inbox where tenant_id = any(%(tenants)s) limit {MOST_INBOX + 1})
select uuid_send(id) from unnest(%(contacts)s::uuid[]) as u(id)
where (select count(*) from waiting) > {MOST_INBOX} or id in (select contact_id from waiting)
"""


class _Changed:
    """A contact that a batch changed, and the events about it. `at_once`: they concern somebody whatever else changes it."""

    def __init__(self, contact: ContactState, run: RunState, known: WorkspaceListeners, at_once: bool) -> None:
        self.contact, self.run, self.known, self.at_once = contact, run, known, at_once
        self.events: dict[str, ContactChangeEvent] = {}
        """By name; only about what really differs."""
        self.heard: set[str] = set()
        """Names of those that somebody is to hear."""
        self.for_goals: dict[str, Iterable[bytes]] = {}
        """Names of events that only goals of these workflows may be about."""

    @property
    def undecided(self) -> bool:
        """Does it also depend on what the contact is by then?"""
        return self.known.undecided_changes

    @property
    def place(self) -> Place:
        return self.run.flow.tenant_id, self.contact.id

    def find_events(self) -> None:
        """Look what really differs. The fields of the contact are loaded."""
        flow, depth = self.run.flow, self.run.depth + 1
        for name, properties in changes_of(self.contact):
            self.events[name] = ContactChangeEvent(
                flow.tenant_id, name, self.contact.id, flow.workflow_id, depth, properties, flow.priority, self.run.lane
            )

    def tell(self, *, whoever: bool) -> None:
        """Note who starts by the events, and whose goals they may reach: as the contact is now, or `whoever` it is by then."""
        for name, event in self.events.items():
            starts, reaches, properties = self.known.starts(name), self.known.reaches(name), event.properties
            if whoever:
                starting: Iterable[Live] = itertools.chain(starts.whoever, starts.hung(properties))
                reached: Iterable[bytes] = reaches.whoever | reaches.hung(properties)
            else:
                starting, reached = (
                    starts.matching(properties, self.contact),
                    reaches.matching(properties, self.contact),
                )
            if name in self.known.waits or any(live.workflow_id != event.workflow_id for live in starting):
                self.heard.add(name)
            elif reached:
                self.for_goals[name] = reached

    def tell_if_standing(self, standing: set[tuple[bytes, bytes]]) -> bool:
        """Note what may be about goals if the contact stands in one of their workflows. Answers whether all of that is told."""
        for name, workflow_ids in self.for_goals.items():
            if any((self.contact.id, workflow_id) in standing for workflow_id in workflow_ids):
                self.heard.add(name)
        return self.for_goals.keys() <= self.heard


def change_events(cursor: Cursor, batch: Batch, matcher: Matcher) -> list[ContactChangeEvent]:
    """The events that a walked batch gives rise to. It asks the database where only goals of stored runs may be reached, and where
    the contact may be another one by the time at which the event is handled: by what waits for it in the inbox.
    """
    changed = list(_changed(batch, matcher))
    waiting = set(in_inbox(cursor, [one.place for one in changed if one.undecided]))
    moving = {one.run.contact.id for one in emitted_in(batch)}  # what one event changes, the next one finds
    concerned = [one for one in changed if one.at_once or one.contact.id in waiting | moving]
    if not concerned:
        return []
    load_compared(cursor, batch, [(one.place, one.contact) for one in concerned])
    for one in concerned:
        one.find_events()
        one.tell(whoever=one.contact.id in waiting)
        if one.undecided and (one.heard or one.contact.id in moving):
            one.tell(whoever=True)
    for_goals = [one for one in concerned if not one.for_goals.keys() <= one.heard]
    waiting |= set(in_inbox(cursor, [one.place for one in for_goals if not one.undecided]))
    for one in for_goals:
        if one.contact.id in waiting:
            one.heard |= one.for_goals.keys()
    _tell_who_stands(cursor, batch, [one for one in for_goals if one.contact.id not in waiting])
    return [event for one in concerned for name, event in one.events.items() if name in one.heard]


def _changed(batch: Batch, matcher: Matcher) -> Iterator[_Changed]:
    """The contacts whose changes may concern somebody, by the fields that steps touched."""
    for contact in batch.contacts.values():
        run = contact.changed_by
        known = matcher.workspace(run.flow.tenant_id) if run is not None else None
        if run is None or known is None or not known.hears_changes:
            continue
        touched = {field for change in contact.changes for field in change.fields()}
        at_once = any(known.told_of(name, touched, contact) for name in CONTACT_CHANGES)
        if not at_once and not known.undecided_changes:
            continue
        if run.depth >= MAX_DEPTH:
            log.warning("engine.echo_ended", workflow_id=run.flow.workflow_id.hex(), depth=run.depth)
            continue
        yield _Changed(contact, run, known, at_once)


def load_compared(cursor: Cursor, batch: Batch, contacts: Iterable[tuple[Place, ContactState]]) -> None:
    """Load whatever may differ of these contacts, where it was not loaded yet. Before the batch is written."""
    if places := [place for place, contact in contacts if not contact.has(_COMPARED)]:
        load_fields(cursor, batch.contacts, places, claim.fields((*COLUMNS, *_COMPARED, "consent")))


def _tell_who_stands(cursor: Cursor, batch: Batch, for_goals: list[_Changed]) -> None:
    """Tell what goals alone may be about to those who stand in one of their workflows."""
    if not for_goals:
        return
    standing = {(run.contact.id, run.flow.workflow_id) for path in batch.paths for run in path.runs if run.active}
    if unsure := [one for one in for_goals if not one.tell_if_standing(standing)]:
        workflow_ids = list(
            {workflow_id: None for one in unsure for those in one.for_goals.values() for workflow_id in those}
        )
        standing |= {place[:2] for place in history.standing(cursor, [one.place for one in unsure], workflow_ids)}
        for one in unsure:
            one.tell_if_standing(standing)


def in_inbox(cursor: Cursor, contacts: list[Place]) -> list[bytes]:
    """Those of these contacts for whom something waits in the inbox, or may: where much waits, all of them."""
    if not contacts:
        return []
    return [contact_id for (contact_id,) in of_contacts(cursor, IN_INBOX, contacts)]


def changes_of(contact: ContactState) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and properties of the events that tell what really differs of a contact."""
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
