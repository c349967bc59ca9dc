"""What runs change on contacts, told as events to the workflows that listen for it, as `app.contacts` tells other changes.

Only when somebody listens, and only for what really differs afterwards. A workflow is never started by its own change, and an
echo of an echo of an echo ends: two workflows that answer each other would go on for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog

from app.engine.state import Contact
from app.engine.walk import Batch, Echo
from app.flow.contact_goals import ATTRIBUTE_CHANGED, CONTACT_CHANGES, UPDATED
from app.flow.effects import CONTACT_COLUMNS

log = structlog.get_logger()
MAX_DEPTH = 5


def echoes(batch: Batch, listened: set[tuple[int, str]]) -> Iterator[Echo]:
    """The events that a walked batch gives rise to; `listened` are the (workspace, name) somebody waits for."""
    for contact in batch.contacts.values():
        run = contact.changed_by
        if run is None:
            continue
        tenant_id = run.graph.tenant_id
        wanted = [name for name in CONTACT_CHANGES if (tenant_id, name) in listened]
        if not wanted:
            continue
        if run.depth >= MAX_DEPTH:
            log.warning("engine.echo_ended", workflow_id=run.graph.workflow_id.hex(), depth=run.depth)
            continue
        for name, properties in _events(contact):
            if name in wanted:
                yield Echo(tenant_id, name, contact.id, run.graph.workflow_id, run.depth + 1, properties)


def _events(contact: Contact) -> Iterator[tuple[str, dict[str, Any]]]:
    changed, previous, current = difference(contact)
    if changed:
        yield UPDATED, {"changed": changed, "current": current, "previous": previous}
    if "attributes" in current:
        attributes = current["attributes"]
        yield (
            ATTRIBUTE_CHANGED,
            {"changed": sorted(attributes), "attributes": attributes, "previous": previous["attributes"]},
        )


def difference(contact: Contact) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """Paths that differ from what is stored, with old and new values nested alike."""
    changed: list[str] = []
    previous: dict[str, Any] = {}
    current: dict[str, Any] = {}
    for name in CONTACT_COLUMNS:
        old, new = contact.stored(name), contact.columns.get(name)
        if old != new:
            changed.append(name)
            previous[name], current[name] = old, new
    attributes = contact.stored_attributes()
    now = contact.attributes
    keys = [
        name
        for name in {**attributes, **now}
        if name not in attributes or name not in now or not _same(attributes[name], now[name])
    ]
    if keys:
        changed += [f"attributes.{name}" for name in keys]
        previous["attributes"] = {name: attributes.get(name) for name in keys}
        current["attributes"] = {name: now.get(name) for name in keys}
    tags = contact.stored_tags()
    if set(tags) != set(contact.tags):
        changed.append("tags")
        previous["tags"], current["tags"] = tags, list(contact.tags)
    return changed, previous, current


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
