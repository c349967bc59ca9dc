"""SQL of segments: the rows, who reads them, and the contacts that are members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.lib.addresses import comparable
from app.lib.database import execute
from app.models import Contact, Segment, SegmentMember, Workflow
from app.models.enrolment import Enrolment
from app.models.status import EnrolmentStatus
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page, cut, keyset


class ContactInSegment(NamedTuple):
    """A contact in a segment."""

    contact: Contact
    since: datetime


_LIVE = """
select f.id, v.graph from workflows f
join workflow_versions v on v.tenant_id = f.tenant_id and v.workflow_id = f.id and v.version = f.live_version
where f.tenant_id = %(tenant)s and f.deleted_at is null and f.status in ('active', 'paused') and v.graph::text like %(named)s
order by f.id
"""


ORDERS = {"name": "name", "kind": "kind", "changed": "updated_at"}
"""Of lists, by their word: the column. With a minus from the end."""


class SegmentRepository(TenantRepository[Segment]):
    """The segments of a workspace that were not deleted."""

    model = Segment

    @property
    def own(self) -> ColumnElement[bool]:
        return super().own & Segment.deleted_at.is_(None)

    async def live_naming(self, segment_id: UUID) -> list[tuple[UUID, dict[str, Any]]]:
        """Workflows that let contacts in, or are paused, whose live version names a segment anywhere, with its graph."""
        rows = await execute(self.session, _LIVE, tenant=self.tenant_id, named=f"%{segment_id}%")
        return [(row.id, row.graph) for row in rows]

    async def starting(self, segment_id: UUID) -> Sequence[tuple[Enrolment, str]]:
        """Enrolments under way because the rule of a segment has changed, with the names of their workflows."""
        query = (
            select(Enrolment, Workflow.name)
            .join(Workflow, (Workflow.tenant_id == Enrolment.tenant_id) & (Workflow.id == Enrolment.workflow_id))
            .where(
                Enrolment.tenant_id == self.tenant_id,
                Enrolment.next_at.is_not(None),
                Enrolment.status == EnrolmentStatus.RUNNING.value,
                Enrolment.audience["segmentId"].astext == str(segment_id),
                Enrolment.audience.has_key("moved"),
            )
            .order_by(Enrolment.id)
        )
        return [(row, name) for row, name in (await self.session.execute(query)).all()]

    async def get(self, segment_id: UUID, *, lock: bool = False) -> Segment | None:
        """One segment; with `lock` nobody else changes it until this transaction ends."""
        return await self.get_one_or_none(Segment.id == segment_id, lock=lock, fresh=lock)

    async def sorted_by(self, order: str, search: str, cursor: str | None, limit: int) -> Page[Segment]:
        """A page of segments by one of ORDERS; `search` looks in name and description. There are few, so they are all looked at."""
        columns = [getattr(Segment, ORDERS[order.removeprefix("-")]), Segment.id]
        return await self.page(columns, cursor, limit, *self._named(search), newest=order.startswith("-"))

    async def called(self, search: str) -> Sequence[Segment]:
        """All whose name or description has the text."""
        return await self.list(*self._named(search))

    def _named(self, search: str) -> list[ColumnElement[bool]]:
        if not search:
            return []
        return [
            Segment.name.icontains(search, autoescape=True) | Segment.description.icontains(search, autoescape=True)
        ]

    async def find_by_name(self, name: str) -> Segment | None:
        """The one of this name, whatever the case of its letters."""
        return await self.get_one_or_none(func.lower(Segment.name) == func.lower(name))

    async def next_number(self) -> int:
        """A number that no segment of the workspace has had. Whoever else asks waits until this transaction ends."""
        rows = await execute(
            self.session,
            """insert into segment_numbers as n (tenant_id, last) values (%(tenant)s, 1)
               on conflict (tenant_id) do update set last = n.last + 1 returning last""",
            tenant=self.tenant_id,
        )
        return int(rows[0].last)

    async def lock_rules(self) -> None:
        """Let nobody else save a rule of the workspace until this transaction ends: two that are saved at once could ask for each other."""
        await execute(
            self.session, "select from segment_numbers where tenant_id = %(tenant)s for update", tenant=self.tenant_id
        )

    async def reading(self, segment_id: UUID) -> Sequence[Segment]:
        """Segments whose rule names this one."""
        rules = await self.list(Segment.rule.is_not(None), Segment.id != segment_id, order_by=[Segment.name])
        return [row for row in rules if _names(row.rule, str(segment_id)) or _names(row.next_rule, str(segment_id))]

    async def names(self) -> dict[UUID, str]:
        """What the segments and workflows are called that a rule may name."""
        names: dict[UUID, str] = {}
        for model in (Segment, Workflow):
            query = select(model.id, model.name).where(model.tenant_id == self.tenant_id, model.deleted_at.is_(None))
            names |= dict((await self.session.execute(query)).all())
        return names

    async def contacts(self, ids: Sequence[UUID]) -> Sequence[Contact]:
        """These contacts, in the order of their ids."""
        query = select(Contact).where(Contact.tenant_id == self.tenant_id, Contact.id.in_(list(ids)))
        return (await self.session.scalars(query.order_by(Contact.id))).all()

    async def members(self, segment: int, cursor: str | None, limit: int) -> Page[ContactInSegment]:
        """A page of members, the newest contacts first."""
        query = (
            select(Contact, SegmentMember.since)
            .join(
                SegmentMember, (SegmentMember.tenant_id == Contact.tenant_id) & (SegmentMember.contact_id == Contact.id)
            )
            .where(SegmentMember.tenant_id == self.tenant_id, SegmentMember.segment == segment)
        )
        rows = await self.session.execute(
            keyset(query, [SegmentMember.contact_id], cursor, descending=True).limit(limit + 1)
        )
        return cut([ContactInSegment(*row) for row in rows], limit, lambda row: (row.contact.id,))

    async def known(
        self, ids: Sequence[UUID], external_ids: Sequence[str], emails: Sequence[str]
    ) -> Mapping[str, UUID]:
        """Whom each of these names, by the text that was sent; who names nobody is not in it. One look-up each."""
        rows = await execute(
            self.session,
            """
            select w.sent, c.id from unnest(%(ids)s::uuid[]) as w(sent) cross join lateral (
              select id from contacts where tenant_id = %(tenant)s and id = w.sent offset 0) c
            """,
            tenant=self.tenant_id,
            ids=list(ids),
        )
        by_text = {str(row.sent): row.id for row in rows}
        compared = [comparable(email) for email in emails]
        for column, wanted, texts in (("external_id", external_ids, external_ids), ("email", compared, emails)):
            rows = await execute(
                self.session,
                f"""
                select w.place, c.id from unnest(%(wanted)s::text[]) with ordinality as w(value, place) cross join lateral (
                  select id from contacts where tenant_id = %(tenant)s and {column} = w.value offset 0) c
                """,  # noqa: S608  a name of ours
                tenant=self.tenant_id,
                wanted=list(wanted),
            )
            by_text |= {texts[row.place - 1]: row.id for row in rows}
        return by_text


def _names(rule: Any, wanted: str) -> bool:
    """Does a text in a rule say this id?"""
    if isinstance(rule, dict):
        return any(_names(value, wanted) for value in rule.values())
    if isinstance(rule, list):
        return any(_names(value, wanted) for value in rule)
    return isinstance(rule, str) and rule.lower() == wanted
