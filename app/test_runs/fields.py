"""A contact, stored or invented, as the engine reads one."""

from __future__ import annotations

from uuid import UUID

from app.engine import rows
from app.engine.state import NOBODY, ContactState, KnownSegment
from app.test_runs.spec import WalkContact
from app.values.contact_view import COLUMNS

NAMES = (*COLUMNS, "attributes", "tags", "consent")


def contact_state(contact: WalkContact | None, workflow_id: bytes) -> ContactState:
    """The same with all its fields, as they come out of a claim. Segments have the numbers of `known_segments`."""
    if contact is None:
        return ContactState(NOBODY)
    raw = (
        *[contact.columns.get(name) for name in COLUMNS],
        rows.encode(dict(contact.attributes)),
        list(contact.tags),
        rows.encode(dict(contact.consent)),
    )
    state = ContactState(contact.id.bytes, NAMES, raw)
    state.segments = frozenset(number for number, one in enumerate(contact.segments.values()) if one.is_in)
    state.assigned = {(workflow_id, node_id): variant for node_id, variant in contact.assigned.items()}
    return state


def known_segments(contact: WalkContact | None) -> dict[UUID, KnownSegment]:
    """The segments that the contact's standing is known of, by id. Wishes of steps count for all of them."""
    standings = contact.segments if contact is not None else {}
    return {
        id_: KnownSegment(number, one.name, True, one.is_built) for number, (id_, one) in enumerate(standings.items())
    }
