"""What the forms of the builder offer: templates, connectors, and names that were met before. The store of that noun.

Names are looked for in the newest rows only, so that a form opens as fast in a workspace of a million contacts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Contact, Event
from app.values.reading import CONTACT_KINDS, kind_of
from app.workflows.repository import REFERENCED

NEWEST = 500
OWN_EVENTS = ("contact.created", "contact.updated", "contact.attribute_changed")
CONTACT_FIELDS = ("email", "phone", "external_id", "source", "tags", "timezone", "locale", "created_at")
SHOWN = ("name", "subject", "channel")
"""Columns of a row that forms show, of those that it has."""
_KINDS = {f"contact.{name}": kind for name, kind in CONTACT_KINDS.items()}


@dataclass(frozen=True)
class Choices:
    """What a form can offer. `events`, `fields`, `attributes` and `tags` are suggestions."""

    references: dict[str, dict[str, dict[str, str]]]
    """Rows that a config can name: kind (`template`, `connector`) → id → `{"name": …}`, templates with their subject and channel."""
    events: list[str]
    attributes: list[str]
    tags: list[str]
    properties: list[str]
    kinds: dict[str, str] = field(default_factory=lambda: dict(_KINDS))
    """What each field holds (`text`, `number` …), by its path; a field whose values do not agree is not in it."""

    @property
    def fields(self) -> list[str]:
        """What a condition can be about."""
        return [
            *(f"contact.{name}" for name in CONTACT_FIELDS),
            *(f"contact.attributes.{name}" for name in self.attributes),
            *(f"event.{name}" for name in self.properties),
        ]


async def titles(session: AsyncSession, tenant_id: int) -> Choices:
    """Only what cards need: how the rows are called that steps can name; one query a kind."""
    references = {}
    for kind, model in REFERENCED.items():
        shown = [column for column in model.__table__.columns if column.name in SHOWN]
        query = select(model.id, *shown).where(model.tenant_id == tenant_id).order_by(func.lower(model.name))
        rows = (await session.execute(query)).mappings().all()
        references[kind] = {str(row["id"]): {name: row[name] for name in SHOWN if name in row} for row in rows}
    return Choices(references, [], [], [], [])


async def all_of(session: AsyncSession, tenant_id: int) -> Choices:
    """Everything the forms offer."""
    people = (
        select(Contact.attributes, Contact.tags)
        .where(Contact.tenant_id == tenant_id)
        .order_by(Contact.created_at.desc(), Contact.id.desc())
        .limit(NEWEST)
    )
    attributes: dict[str, list[Any]] = {}
    tags: set[str] = set()
    for person in await session.execute(people):
        for name, value in person.attributes.items():
            attributes.setdefault(name, []).append(value)
        tags.update(person.tags)
    happened = (
        select(Event.name, Event.properties).where(Event.tenant_id == tenant_id).order_by(Event.id.desc()).limit(NEWEST)
    )
    events: dict[str, Any] = dict.fromkeys(OWN_EVENTS)
    properties: dict[str, list[Any]] = {}
    for event in await session.execute(happened):
        events.setdefault(event.name)
        if event.name not in OWN_EVENTS:
            for name, value in (event.properties or {}).items():
                properties.setdefault(name, []).append(value)
    met = {f"contact.attributes.{name}": kind_of(values) for name, values in attributes.items()}
    met |= {f"event.{name}": kind_of(values) for name, values in properties.items()}
    return Choices(
        references=(await titles(session, tenant_id)).references,
        events=list(events),
        attributes=sorted(attributes),
        tags=sorted(tags),
        properties=sorted(properties),
        kinds=_KINDS | {path: kind for path, kind in met.items() if kind},
    )
