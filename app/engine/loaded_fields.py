"""Other fields of contacts that a batch has locked already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.engine import claim
from app.engine.claim import Cursor, Place
from app.engine.state import ContactState


def load_fields(
    cursor: Cursor, contacts: Mapping[bytes, ContactState], places: Iterable[Place], names: tuple[str, ...]
) -> None:
    """Load these fields of locked contacts, in place of what was loaded of them; what this batch changes on them stays."""
    for contact_id, raw in claim.contacts(cursor, places, names).items():
        if contact_id in contacts:  # one that was made meanwhile is not in this batch
            contacts[contact_id].load(names, raw)
