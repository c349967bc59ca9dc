"""What runs change on contacts, told as events to the workflows that listen for it, as `app.contacts` tells other changes.

Only when somebody listens, and only for what really differs afterwards. A workflow is never started by its own change, and an
echo of an echo of an echo ends: two workflows that answer each other would go on for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog

from app.engine.records import ContactChangeEvent
from app.engine.state import ContactState
from app.engine.walk import Batch
from app.flow.contact_goals import ATTRIBUTE_CHANGED, CONTACT_CHANGES, UPDATED
from app.flow.effects import CONTACT_COLUMNS
from app.values import contact_diff
from app.values.contact_diff import Difference

log = structlog.get_logger()
MAX_DEPTH = 5


def change_events(batch: Batch, listened: set[tuple[int, str]]) -> Iterator[ContactChangeEvent]:
    """The events that a walked batch gives rise to; `listened` are the (workspace, name) somebody waits for."""
    for contact in batch.contacts.values():
        run = contact.changed_by
        if run is None:
            continue
        tenant_id = run.flow.tenant_id
        listened_names = [name for name in CONTACT_CHANGES if (tenant_id, name) in listened]
        if not listened_names:
            continue
        if run.depth >= MAX_DEPTH:
            log.warning("engine.echo_ended", workflow_id=run.flow.workflow_id.hex(), depth=run.depth)
            continue
        for name, properties in _events(contact):
            if name in listened_names:
                yield ContactChangeEvent(tenant_id, name, contact.id, run.flow.workflow_id, run.depth + 1, properties)


def _events(contact: ContactState) -> Iterator[tuple[str, dict[str, Any]]]:
    changed, previous, current = difference(contact)
    if changed:
        yield UPDATED, {"changed": changed, "current": current, "previous": previous}
    if "attributes" in current:
        attributes = current["attributes"]
        yield (
            ATTRIBUTE_CHANGED,
            {"changed": sorted(attributes), "attributes": attributes, "previous": previous["attributes"]},
        )


def difference(contact: ContactState) -> Difference:
    """What of the contact differs from what is stored."""
    return contact_diff.difference(
        {name: (contact.stored(name), contact.columns.get(name)) for name in CONTACT_COLUMNS},
        {"attributes": (contact.stored_attributes(), contact.attributes)},
        (contact.stored_tags(), contact.tags),
    )
