"""Goals on the contact: those that the contact alone can answer, without the event that usually reaches them."""

from __future__ import annotations

from app.flow.conditions import Condition, fields
from app.flow.paths import CONDITION_ROOTS, CONSENT, REPORTED

UPDATED, ATTRIBUTE_CHANGED = "contact.updated", "contact.attribute_changed"
CONTACT_CHANGES = (UPDATED, ATTRIBUTE_CHANGED)
"""Events that say that a contact is different now. Conditions on them say how a contact is, so one may meet them before any event."""


def on_contact(conditions: list[Condition]) -> bool:
    """Can these conditions be met without an event? Not if empty, nor if one reads the event, a step or a variable."""
    roots = {path.partition(".")[0] for path in fields(conditions)}
    return bool(roots) and roots.isdisjoint({*CONDITION_ROOTS, *REPORTED} - {"contact", CONSENT})
