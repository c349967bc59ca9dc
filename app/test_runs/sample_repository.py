"""SQL of samples: the row of a workflow, and the contacts and events that it may be tried with. By indexes alone, and bounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.lib.database import execute
from app.models import Contact, Event, SplitExposure, WorkflowSample
from app.models.tenant_repository import TenantRepository
from app.test_runs.real_answers import KeptAnswer, RealAnswer, forgotten

# What they say is up to 1 MB in all, and is read one by one.
_ANSWERS = """
select a.key as place, a.value ->> 'request' as request, a.value ->> 'at' as at, octet_length(a.value::text) as size
from workflow_samples s, jsonb_each(s.answers) a where s.tenant_id = %(tenant)s and s.workflow_id = %(workflow)s
"""
_ANSWER = """
select answers -> %(place)s -> 'answer' from workflow_samples
where tenant_id = %(tenant)s and workflow_id = %(workflow)s and answers -> %(place)s ->> 'request' = %(request)s
"""
_KEEP = """
update workflow_samples set answers = answers || jsonb_build_object(%(place)s::text, %(answer)s::jsonb)
where tenant_id = %(tenant)s and workflow_id = %(workflow)s
"""
_FORGET = """
update workflow_samples set answers = answers - %(places)s::text[] where tenant_id = %(tenant)s and workflow_id = %(workflow)s
"""
_FORGET_ALL = """
update workflow_samples set answers = '{}' where tenant_id = %(tenant)s and workflow_id = %(workflow)s
"""
# Name by name, each by its index: over several at once all their events would be sorted.
# An event may be 256 KB, and one is told from another by a few short values: those come first, longer ones are cut.
_RECEIVED = """
with newest as materialized (
    select of_name.* from unnest(%(names)s::text[]) as heard(name) cross join lateral (
        select id, name, contact_id, occurred_at, properties from events where tenant_id = %(tenant)s and name = heard.name
        order by id desc limit %(most)s) of_name
    order by id desc limit %(most)s)
select n.id, n.name, n.contact_id, n.occurred_at, coalesce(few.properties, '{}') as properties, few.more
from newest n cross join lateral (
    select jsonb_object_agg(key, case
            when jsonb_typeof(value) = 'string' then to_jsonb(left(value #>> '{}', %(longest)s))
            when pg_column_size(value) <= %(largest)s then value else '"…"' end) filter (where place <= %(fields)s) as properties,
        greatest(count(*) - %(fields)s, 0) as more
    from (select key, value, row_number() over (order by jsonb_typeof(value) in ('object', 'array'), at) as place
        from jsonb_each(case jsonb_typeof(n.properties) when 'object' then n.properties end) with ordinality as one(key, value, at)) ranked
    ) few
order by n.id desc
"""
LATELY = 20
"""Events that one may choose from, and contacts."""
MOST_PROPERTIES, LONGEST_TEXT, LARGEST_VALUE = 24, 100, 2_000
"""Properties of an event that is chosen from several, characters of their texts, and bytes of their lists and objects."""


class BriefEvent(NamedTuple):
    """An event that came in, with as much of its properties as tells it from others. `more`: how many are left out."""

    id: UUID
    name: str
    contact_id: UUID | None
    occurred_at: datetime
    properties: dict[str, Any]
    more: int


class ReceivedEvent(NamedTuple):
    """An event that came in, and whom it happened to."""

    event: BriefEvent
    contact: Contact


class SampleRepository(TenantRepository[WorkflowSample]):
    """The samples of a workspace's workflows."""

    model = WorkflowSample

    async def of(self, workflow_id: UUID) -> WorkflowSample | None:
        return await self.session.get(WorkflowSample, (self.tenant_id, workflow_id))

    async def get_or_add(self, workflow_id: UUID, *, lock: bool = False) -> WorkflowSample:
        """The row of a workflow, made where there is none; two who choose at once write one. `lock`: nobody else changes it meanwhile."""
        row = {"tenant_id": self.tenant_id, "workflow_id": workflow_id}
        await self.session.execute(insert(WorkflowSample).values(row).on_conflict_do_nothing())
        return await self.session.get_one(
            WorkflowSample, (self.tenant_id, workflow_id), populate_existing=True, with_for_update=lock or None
        )

    async def answers(self, workflow_id: UUID) -> dict[str, RealAnswer]:
        """The answers that the sample keeps, by place, without what they say."""
        rows = await execute(self.session, _ANSWERS, tenant=self.tenant_id, workflow=workflow_id)
        return {row.place: RealAnswer(row.request, None, row.at) for row in rows}

    async def answer(self, workflow_id: UUID, place: str, request: str) -> dict[str, Any] | None:
        """What one of them says; None when it is not kept any more, or answers another question."""
        which: dict[str, Any] = {"tenant": self.tenant_id, "workflow": workflow_id, "place": place, "request": request}
        rows = await execute(self.session, _ANSWER, **which)
        answer: dict[str, Any] | None = rows[0][0] if rows else None
        return answer

    async def keep_answer(self, workflow_id: UUID, place: str, answer: RealAnswer) -> None:
        """Keep one more, and let the oldest go beyond the limits. The row is locked by whoever asks."""
        which: dict[str, Any] = {"tenant": self.tenant_id, "workflow": workflow_id}
        text = msgspec.json.encode(answer._asdict()).decode()
        await execute(self.session, _KEEP, **which, place=place, answer=text)
        rows = await execute(self.session, _ANSWERS, **which)
        too_many = forgotten(KeptAnswer(row.place, row.at, row.size) for row in rows)
        if too_many:
            await execute(self.session, _FORGET, **which, places=too_many)

    async def forget_answers(self, workflow_id: UUID) -> None:
        await execute(self.session, _FORGET_ALL, tenant=self.tenant_id, workflow=workflow_id)

    async def contact(self, contact_id: UUID) -> Contact | None:
        return await self.session.get(Contact, (self.tenant_id, contact_id))

    async def newest_contact(self) -> Contact | None:
        newest = (Contact.created_at.desc(), Contact.id.desc())
        query = select(Contact).where(Contact.tenant_id == self.tenant_id).order_by(*newest).limit(1)
        return (await self.session.scalars(query)).first()

    async def received(self, names: Collection[str], limit: int = LATELY) -> list[ReceivedEvent]:
        """The newest events of these names that happened to a contact who is there, the newest first."""
        rows = await execute(
            self.session,
            _RECEIVED,
            tenant=self.tenant_id,
            names=list(dict.fromkeys(names)),
            most=limit,
            fields=MOST_PROPERTIES,
            longest=LONGEST_TEXT,
            largest=LARGEST_VALUE,
        )
        newest = [BriefEvent(*row) for row in rows]
        contacts = await self.contacts({event.contact_id for event in newest if event.contact_id})
        return [
            ReceivedEvent(event, contacts[event.contact_id])
            for event in newest
            if event.contact_id is not None and event.contact_id in contacts
        ]

    async def contacts(self, ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        query = select(Contact).where(Contact.tenant_id == self.tenant_id, Contact.id.in_(ids))
        return {contact.id: contact for contact in (await self.session.scalars(query)).all()} if ids else {}

    async def event(self, event_id: UUID) -> Event | None:
        return await self.session.get(Event, (self.tenant_id, event_id))

    async def last_of(self, name: str, contact_id: UUID | None) -> Event | None:
        """The newest event of this name; of the contact, when one is named."""
        of_name = Event.tenant_id == self.tenant_id, Event.name == name
        if contact_id is None:
            query = select(Event).where(*of_name).order_by(Event.id.desc()).limit(1)
        else:
            query = select(Event).where(*of_name, Event.contact_id == contact_id).order_by(Event.occurred_at.desc())
        return (await self.session.scalars(query.limit(1))).first()

    async def variants(self, contact_id: UUID, workflow_id: UUID) -> dict[str, str]:
        """The variant that each step of the workflow gave the contact before."""
        of_contact = SplitExposure.tenant_id == self.tenant_id, SplitExposure.contact_id == contact_id
        query = select(SplitExposure.node_id, SplitExposure.variant).where(
            *of_contact, SplitExposure.workflow_id == workflow_id
        )
        rows: Sequence[Any] = (await self.session.execute(query)).all()
        return {row.node_id: row.variant for row in rows}
