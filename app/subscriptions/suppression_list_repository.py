"""SQL of the suppression list as people read it: by which index each filter is served (`app.models.bounded_repository`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, SmallInteger, Text, cast, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.lib.addresses import lookup_form
from app.lib.database import execute
from app.messaging.channels import registry
from app.models import Contact, Suppression, bounded_repository
from app.models.bounded_repository import bounded_page, escaped, sorted_page
from app.models.tenant_repository import TenantRepository
from app.subscriptions.suppression_repository import ADDRESS_COLUMNS
from app.web.pagination import Page

_HOLDS, _LIFTED = text("suppressions.lifted_at is null"), text("suppressions.lifted_at is not null")
"""As the indexes of those say it."""
_ORDER = (Suppression.at, Suppression.channel, Suppression.address)
_THREE = re.compile(r"[^\W_]{3}")
"""The index of trigrams knows three letters or digits beside each other."""


class SuppressionFilter(NamedTuple):
    """What the list is narrowed to: a part of the address, a reason, a channel; those that hold, or those that were lifted."""

    search: str = ""
    reason: str | None = None
    channel: int | None = None
    lifted: bool = False


class SuppressionRow(msgspec.Struct, frozen=True):
    """A row of the list, and the contact that has the address now."""

    suppression: Suppression
    contact_id: UUID | None
    contact_email: str | None


class SuppressionLists(TenantRepository[Suppression]):
    """The suppression list of a workspace."""

    model = Suppression

    async def newest(self, wanted: SuppressionFilter, cursor: str | None, limit: int) -> Page[SuppressionRow]:
        """A page, the newest first."""
        led_by, others = self._path(wanted)
        contains = Suppression.address.contains(lookup_form(wanted.search), autoescape=True)
        if wanted.search:
            others.append(contains)
        known = _THREE.search(wanted.search) is not None
        for first in (True, False) if known else (False,):
            page = await bounded_page(
                self.session,
                select(Suppression).execution_options(populate_existing=True),
                _ORDER,
                cursor,
                limit,
                led_by=led_by,
                others=others,
                key=lambda row: tuple(getattr(row[0], column.key) for column in _ORDER),
                first=first,
            )
            if len(page.items) == limit or page.next_cursor is None or not first:
                break
            if (holding := await self._holding(wanted.search)) is not None:
                filters = [*led_by, holding, *others]
                rare = await sorted_page(self.session, Suppression, _ORDER, cursor, limit, filters)
                return Page(await self._with_contacts(rare.items), rare.next_cursor)
        return Page(await self._with_contacts([row[0] for row in page.items]), page.next_cursor)

    async def _holding(self, search: str) -> ColumnElement[bool] | None:
        """The entries with this in their address, by the index of trigrams; None when they are more than FEW.

        Row-level security keeps `like` from an index: `suppressions_found` looks there for us.
        """
        few = bounded_repository.FEW
        rows = await execute(
            self.session,
            "select channel, address from suppressions_found(%(tenant)s, %(patterns)s::text[], %(most)s)",
            tenant=self.tenant_id,
            patterns=[f"%{escaped(lookup_form(search))}%"],
            most=few + 1,
        )
        if len(rows) > few:
            return None
        channels, addresses = [row.channel for row in rows], [row.address for row in rows]
        keys = func.unnest(cast(channels, ARRAY(SmallInteger)), cast(addresses, ARRAY(Text)))
        listed = keys.table_valued("channel", "address").render_derived()
        return tuple_(Suppression.channel, Suppression.address).in_(select(listed.c.channel, listed.c.address))

    def _path(self, wanted: SuppressionFilter) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
        """The conditions that an index serves in the order of the list, and those that are left over."""
        equal: list[ColumnElement[bool]] = []
        if wanted.reason is not None:
            equal.append(Suppression.reason == wanted.reason)
        if wanted.channel is not None:
            equal.append(Suppression.channel == wanted.channel)
        if wanted.lifted:
            return [self.own, _LIFTED], equal  # type: ignore[list-item]
        return [self.own, _HOLDS, *equal[:1]], equal[1:]  # type: ignore[list-item]

    async def _with_contacts(self, rows: Sequence[Suppression]) -> list[SuppressionRow]:
        """The rows, each with the contact that has the address: one query a column that addresses are in."""
        columns = {cls.number: cls.identifier for cls in registry.channels()}
        contacts: dict[tuple[str, str], tuple[UUID, str | None]] = {}
        for name in dict.fromkeys(columns[row.channel] for row in rows if row.channel in columns):
            column = ADDRESS_COLUMNS[name]
            addresses = [row.address for row in rows if columns.get(row.channel) == name]
            query = select(column, Contact.id, Contact.email).where(
                Contact.tenant_id == self.tenant_id, column.in_(addresses)
            )
            # Two contacts may have one phone number: the older one is shown.
            for address, contact_id, email in await self.session.execute(query.order_by(Contact.id.desc())):
                contacts[name, address] = contact_id, email
        return [
            SuppressionRow(row, *contacts.get((columns.get(row.channel, ""), row.address), (None, None)))
            for row in rows
        ]
