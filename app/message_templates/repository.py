"""All SQL of templates, and of what their editor offers."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select

from app.lib.addresses import comparable
from app.messaging.channels import registry
from app.messaging.channels.parts import Parts
from app.models import Contact, Template
from app.models.folder import FolderFilter, tagged, within_folder
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page

TEMPLATE_ORDERS: dict[str, Any] = {
    "name": Template.name, "created": Template.created_at, "updated": Template.updated_at,
}  # fmt: skip
"""By what a list may be sorted; with a minus before it from the greatest. An index serves the first, others sort what a workspace has."""

LONGEST_TEXT = 5_000
"""Characters of a text that is filled in to show its first line."""


class TemplateRepository(TenantRepository[Template]):
    """The templates of a workspace."""

    model = Template

    async def find_by_name(self, name: str) -> Template | None:
        return await self.get_one_or_none(Template.name == name)

    async def by_name(
        self,
        cursor: str | None,
        limit: int,
        search: str = "",
        *,
        folder: FolderFilter | None = None,
        tag: str | None = None,
        order: str = "name",
    ) -> Page[Template]:
        """A page of templates by name or by another of TEMPLATE_ORDERS; `search` looks at name and subject."""
        columns = [TEMPLATE_ORDERS[order.removeprefix("-")], Template.id]
        filters = self._listed(search, folder, tag)
        return await self.page(columns, cursor, limit, *filters, newest=order.startswith("-"))

    async def openings(self, ids: Collection[UUID]) -> dict[UUID, str]:
        """What each of these templates begins with, as Liquid: its subject, else its text, unless that is very long."""
        begins = case(
            (func.btrim(Template.subject) != "", Template.subject),
            (func.length(Template.text) <= LONGEST_TEXT, Template.text),
            else_="",
        )
        query = select(Template.id, Template.channel, Template.content, begins.label("opening"))
        rows = await self.session.execute(query.where(self.own, Template.id.in_(ids))) if ids else ()
        return {row.id: _as_liquid(row.channel, row.opening, row.content) for row in rows}

    async def ids(
        self, search: str, folder: FolderFilter | None, tag: str | None, order: str, limit: int
    ) -> Sequence[UUID]:
        """The ids of the first of those."""
        column, falling = TEMPLATE_ORDERS[order.removeprefix("-")], order.startswith("-")
        places = [one.desc() if falling else one for one in (column, Template.id)]
        query = select(Template.id).where(self.own, *self._listed(search, folder, tag)).order_by(*places).limit(limit)
        return (await self.session.scalars(query)).all()

    def _listed(self, search: str, folder: FolderFilter | None, tag: str | None) -> list[ColumnElement[bool]]:
        matching = Template.name.icontains(search, autoescape=True) | Template.subject.icontains(
            search, autoescape=True
        )
        filters: list[ColumnElement[bool]] = [matching] if search else []
        if folder is not None:
            filters.append(within_folder(Template.folder_id, self.tenant_id, folder))
        if tag:
            filters.append(tagged(Template.tags, tag))
        return filters


class SampleContacts(TenantRepository[Contact]):
    """The contacts of a workspace as a template's editor offers them, to preview with and to insert fields of."""

    model = Contact

    async def known_as(self, known_as: str) -> Contact | None:
        """The contact with this address, external id or id."""
        same = [Contact.email == comparable(known_as), Contact.external_id == known_as]
        with contextlib.suppress(ValueError):
            same.append(Contact.id == UUID(known_as))
        return await self.first(or_(*same), order_by=Contact.id)

    async def some_addresses(self, limit: int = 50) -> Sequence[str]:
        """Addresses of the newest contacts, to choose a preview from."""
        newest = [Contact.created_at.desc(), Contact.id.desc()]
        contacts = await self.list(Contact.email.is_not(None), order_by=newest, limit=limit)
        return [contact.email for contact in contacts if contact.email]

    async def attribute_names(self) -> Sequence[str]:
        """Names of attributes that the newest contacts have, for the insert menu."""
        newest = (
            select(Contact.attributes)
            .where(self.own)
            .order_by(Contact.created_at.desc(), Contact.id.desc())
            .limit(200)
            .subquery()
        )
        names = select(func.jsonb_object_keys(newest.c.attributes).label("name")).subquery()
        query = select(names.c.name).group_by(names.c.name).order_by(func.count().desc(), names.c.name).limit(12)
        return (await self.session.scalars(query)).all()


def _as_liquid(channel: str, wording: str, content: dict[str, Any] | None) -> str:
    kind = registry.find(channel)
    return kind.as_liquid(Parts("", "", wording, content or {})) if kind else wording
