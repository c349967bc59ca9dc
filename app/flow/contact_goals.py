"""Goals on the contact: those that the contact alone can answer, without the event that usually reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.flow.conditions import Condition, fields, single_conditions
from app.flow.paths import CONDITION_ROOTS, CONSENT, REPORTED
from app.flow.segment_membership import wanted_ids

UPDATED, ATTRIBUTE_CHANGED = "contact.updated", "contact.attribute_changed"
CONTACT_CHANGES = (UPDATED, ATTRIBUTE_CHANGED)
"""Events that say that a contact is different now. Conditions on them say how a contact is, so one may meet them before any event."""


def on_contact(conditions: list[Condition]) -> bool:
    """Can these conditions be met without an event? Not if empty, nor if one reads the event, a step or a variable."""
    roots = {path.partition(".")[0] for path in fields(conditions)}
    return bool(roots) and roots.isdisjoint({*CONDITION_ROOTS, *REPORTED} - {"contact", CONSENT})


def awaited_segments(conditions: Sequence[Condition]) -> list[UUID]:
    """The segments that conditions on a contact ask for: who enters or leaves one is asked again, whatever event reaches the goal."""
    ids: dict[UUID, None] = {}
    for one in single_conditions(list(conditions)):
        ids |= dict.fromkeys(wanted_ids(one.field, one.operator, one.value) or ())
    return list(ids)


def waits_for_segments(goal: Mapping[str, Any]) -> list[UUID]:
    """The same of a stored goal; none unless it is asked of the contact alone."""
    try:
        conditions = msgspec.convert(goal.get("conditions") or [], list[Condition])
    except msgspec.ValidationError:  # said by the diagnostics of the conditions
        return []
    return awaited_segments(conditions) if goal.get("checkContact") is True and on_contact(conditions) else []
