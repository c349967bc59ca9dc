"""SQL of what the forms of the builder offer. Only the newest rows are read, so that a form opens as fast beside a million contacts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, select, text

from app.card_title_repository import REFERENCED
from app.messaging.channels import registry as channels
from app.models import Contact, Event, Segment, Workflow
from app.models.tenant_repository import TenantRepository
from app.workflows.repository import not_deleted

SHOWN = ("name", "subject", "channel", "kind", "status", "type")
"""Columns of a row that forms show, of those that it has."""
_TOPICS_OF_DRAFTS = """
select distinct topic from (select draft -> 'nodes' as nodes from workflows where tenant_id = :tenant and deleted_at is null
    order by updated_at desc limit :most) newest,
  jsonb_path_query(nodes, '$[*].data') as data, unnest(cast(:fields as text[])) as field, btrim(data ->> field) as topic
where topic <> '' and topic not like '%{{%'
"""


class OptionRepository(TenantRepository[Contact]):
    """The rows of a workspace that forms take their suggestions from."""

    model = Contact

    async def references(self) -> dict[str, dict[str, dict[str, str]]]:
        """Rows that steps can name: kind → id → what is SHOWN of it, by name, with the word of its channel;
        one query a kind."""
        references = {}
        for kind, model in REFERENCED.items():
            shown = [column for column in model.__table__.columns if column.name in SHOWN]
            query = select(model.id, *shown).where(model.tenant_id == self.tenant_id).order_by(func.lower(model.name))
            rows = (await self.session.execute(query.where(*not_deleted(model)))).mappings().all()
            references[kind] = {str(row["id"]): _shown(row) for row in rows}
        return references

    async def workflows(self) -> dict[str, dict[str, str]]:
        """Workflows by name: id → what is shown of it."""
        query = select(Workflow.id, Workflow.name).where(
            Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None)
        )
        rows = await self.session.execute(query.order_by(func.lower(Workflow.name), Workflow.id))
        return {str(row.id): {"name": row.name} for row in rows}

    async def segment_ids(self, numbers: Collection[int]) -> Sequence[UUID]:
        """The segments with these numbers."""
        query = select(Segment.id).where(Segment.tenant_id == self.tenant_id, Segment.number.in_(numbers))
        return (await self.session.scalars(query)).all()

    async def topics_of_drafts(self, fields: Collection[str], limit: int) -> set[str]:
        """What stands in these fields of steps, of the workflows that were changed last; what is filled in later is left out."""
        query = text(_TOPICS_OF_DRAFTS)
        rows = await self.session.scalars(query, {"tenant": self.tenant_id, "fields": list(fields), "most": limit})
        return set(rows.all())

    async def newest_contacts(self, limit: int) -> Sequence[Any]:
        """The newest contacts, with all that forms offer of them."""
        newest = (Contact.created_at.desc(), Contact.id.desc())
        own = (Contact.email, Contact.phone, Contact.external_id, Contact.created_at)
        shared = (Contact.source, Contact.timezone, Contact.locale)
        columns = (Contact.attributes, Contact.tags, Contact.consent, *own, *shared)
        query = select(*columns).where(self.own).order_by(*newest).limit(limit)
        return (await self.session.execute(query)).all()

    async def newest_contact(self) -> Contact | None:
        query = select(Contact).where(self.own).order_by(Contact.created_at.desc(), Contact.id.desc()).limit(1)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def contact_of(self, address: str) -> Contact | None:
        """The contact with this email address, external id or id."""
        for known in (Contact.email == address.lower(), Contact.external_id == address):
            contact = (await self.session.execute(select(Contact).where(self.own, known).limit(1))).scalar_one_or_none()
            if contact is not None:
                return contact
        try:
            return await self.session.get(Contact, (self.tenant_id, UUID(address)))
        except ValueError:
            return None

    async def newest_event_of(self, names: Sequence[str]) -> Event | None:
        """The newest event of one of these names."""
        if not names:
            return None
        query = select(Event).where(Event.tenant_id == self.tenant_id, Event.name.in_(names))
        return (await self.session.execute(query.order_by(Event.id.desc()).limit(1))).scalar_one_or_none()

    async def newest_events(self, limit: int) -> Sequence[Any]:
        """(name, properties) of the newest events."""
        query = select(Event.name, Event.properties).where(Event.tenant_id == self.tenant_id)
        return (await self.session.execute(query.order_by(Event.id.desc()).limit(limit))).all()


def _shown(row: RowMapping) -> dict[str, str]:
    shown = {name: row[name] for name in SHOWN if name in row}
    if isinstance(number := shown.get("channel"), int):  # connectors hold the number, templates the word
        shown["channel"] = channels.word_of(number)
    return shown
