"""SQL of the list of contacts: by which index each filter is served, and the search.

A page looks at a bounded number of contacts (`app.models.bounded_repository`), whatever is asked for. What few contacts have, a rare
word, a reason not to be written to, is looked up by an index of its own instead when the newest contacts do not fill the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, text
from sqlalchemy.orm import Bundle, aliased

from app.errors import Invalid
from app.lib.addresses import lookup_form
from app.lib.database import execute
from app.models import bounded_repository
from app.models.bounded_repository import bounded_page, escaped, sorted_page
from app.models.contact import NO_ADDRESS, Contact, ContactTag
from app.models.tenant_repository import TenantRepository
from app.subscriptions import permission_filter
from app.web.pagination import Page, decode_cursor, encode_cursor

MOST_TERMS = 5
"""Words of a search that are looked at."""
MOST_TAGS = 20
"""Tags that are asked for at once; a contact has at most 100."""
_WEIGHT_OF_PERMISSION = 4
"""Whether somebody may be written to takes two looks into the suppression list."""
NEWEST = "-created"
ORDERS = frozenset({NEWEST, "created", "email", "-email"})
"""By when they were created, and by address; with a minus the newest, or from Z. Each is served by an index."""
_WITHOUT_ADDRESS = encode_cursor(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""Where those without an address begin, behind the last address."""
_WITH_TAG = "select contact_id from contact_tags where tenant_id = %(tenant)s and tag = %(tag)s limit %(most)s"
_THREE = re.compile(r"[^\W_]{3}")
"""The index of trigrams knows three letters or digits beside each other."""


class ContactFilter(NamedTuple):
    """What the list is narrowed to. Every word of `search` must be in name, email, external id or phone, and all `tags` on the contact.

    `email` and `external_id` are whole, `permission` is a word of `app.subscriptions.permission`. `order` is one of ORDERS.
    """

    search: str = ""
    tags: Sequence[str] = ()
    source: str | None = None
    email: str | None = None
    external_id: str | None = None
    permission: str | None = None
    order: str = NEWEST


class _Path(NamedTuple):
    """The rows of a list in its order, by one index: what leads there, and by which columns they are ordered."""

    rows: Select[Any]
    led_by: list[ColumnElement[bool]]
    order: Sequence[Any] = (Contact.created_at, Contact.id)


class _Lookup(NamedTuple):
    """SQL of the ids of contacts, a row for each look; `weight` says how dear one is."""

    sql: str
    parameters: dict[str, Any] = {}
    weight: int = 1


class ContactLists(TenantRepository[Contact]):
    """The contacts of a workspace as lists show them."""

    model = Contact
    only: Sequence[str] = ()
    """The columns that are read; none: whole rows."""

    @property
    def rows(self) -> Select[Any]:
        """What a page reads of a contact."""
        return select(Bundle("contact", *(getattr(Contact, name) for name in self.only)) if self.only else Contact)

    def query(self, *filters: ColumnElement[bool]) -> Select[Any]:
        return self.rows.where(self.own, *filters)

    async def common_tags(self) -> list[str]:
        """Tags of the newest contacts, the most used first: what a filter offers."""
        rows = await execute(
            self.session,
            """
            select tag from (
              select tags from contacts where tenant_id = %(tenant)s order by created_at desc, id desc limit 2000) c,
              unnest(c.tags) as tag
            group by tag order by count(*) desc, tag limit 50
            """,
            tenant=self.tenant_id,
        )
        return [row.tag for row in rows]

    async def page_of(self, cursor: str | None, limit: int, wanted: ContactFilter) -> Page[Contact]:
        """A page of contacts in the order that is wanted."""
        if wanted.order.removeprefix("-") == "email":
            return await self._by_address(cursor, limit, wanted)
        return await self.newest(cursor, limit, wanted)

    async def newest(self, cursor: str | None, limit: int, wanted: ContactFilter) -> Page[Contact]:
        """A page of contacts, newest first, or oldest first where `order` says so."""
        terms, others = self._asked(wanted)
        ascending = wanted.order == "created"
        if wanted.email is not None or wanted.external_id is not None:
            # One contact at most: no index is better than that of its address.
            return await self.page(
                [Contact.created_at, Contact.id], cursor, limit, *others, *self._rest(wanted), newest=not ascending
            )
        path, passed = await self._path(wanted)
        others += passed
        lookups = self._lookups(wanted.permission, terms)
        for first in (True, False) if lookups else (False,):
            page = await bounded_page(
                self.session,
                path.rows,
                path.order,
                cursor,
                limit,
                led_by=path.led_by,
                others=others,
                key=lambda row: (row[0].created_at, row[0].id),
                first=first,
                weight=_WEIGHT_OF_PERMISSION if wanted.permission is not None else 1,
                ascending=ascending,
            )
            if len(page.items) == limit or page.next_cursor is None or not first:
                break
            for lookup in lookups:
                if (ids := await self._few(lookup)) is not None:
                    return await self.page(
                        [Contact.created_at, Contact.id],
                        cursor,
                        limit,
                        Contact.id.in_(ids),
                        *others,
                        *self._rest(wanted),
                        newest=not ascending,
                    )
        return Page([row[0] for row in page.items], page.next_cursor)

    def _asked(self, wanted: ContactFilter) -> tuple[list[str], list[ColumnElement[bool]]]:
        """The words of the search, and conditions of the search and of whole addresses."""
        terms = wanted.search.split()[:MOST_TERMS]
        equal = ((Contact.email, wanted.email), (Contact.external_id, wanted.external_id))
        return terms, [*(column == value for column, value in equal if value is not None), *map(_has, terms)]

    async def _by_address(self, cursor: str | None, limit: int, wanted: ContactFilter) -> Page[Contact]:
        """A page by address, from A or from Z; those without one follow, newest first. What the filters let through is looked at row by
        row, or is read and sorted where an index knows that it is little."""
        terms, others = self._asked(wanted)
        others += self._rest(wanted)
        lookups = self._lookups(wanted.permission, terms)
        if wanted.tags:
            rarest = (await self._rarest_first(wanted.tags[:MOST_TAGS]))[0]
            lookups.append(_Lookup(_WITH_TAG, {"tag": rarest}))
        for lookup in lookups:
            if (ids := await self._few(lookup)) is not None:
                few = Contact.id.in_(ids)
                break
        else:
            few = None
        items, weight = list[Contact](), _WEIGHT_OF_PERMISSION if wanted.permission is not None else 1
        with_address = _Path(self.rows, [self.own, Contact.email > ""], (Contact.email,))
        without = _Path(self.rows, [self.own, text(NO_ADDRESS)])  # type: ignore[list-item]
        for path in (with_address, without) if _is_address(cursor) else (without,):
            ascending = path is with_address and wanted.order == "email"
            part = await self._part(path, cursor, limit - len(items), others, few, weight, ascending=ascending)
            items += part.items
            if part.next_cursor is not None or path is without:
                return Page(items, part.next_cursor)
            cursor = _WITHOUT_ADDRESS
            if len(items) == limit:
                break
        return Page(items, cursor)

    async def _part(
        self,
        path: _Path,
        cursor: str | None,
        limit: int,
        others: Sequence[ColumnElement[bool]],
        few: ColumnElement[bool] | None,
        weight: int,
        *,
        ascending: bool,
    ) -> Page[Contact]:
        if few is not None:
            filters = [*path.led_by, few, *others]
            return await sorted_page(
                self.session, Contact, path.order, cursor, limit, filters, ascending=ascending, only=self.only
            )
        page = await bounded_page(
            self.session,
            path.rows,
            path.order,
            cursor,
            limit,
            led_by=path.led_by,
            others=others,
            key=lambda row: tuple(getattr(row[0], column.key) for column in path.order),
            weight=weight,
            ascending=ascending,
        )
        return Page([row[0] for row in page.items], page.next_cursor)

    def _rest(self, wanted: ContactFilter) -> list[ColumnElement[bool]]:
        """Every filter but the addresses and the search, as conditions on the row."""
        conditions = [_tagged(tag) for tag in wanted.tags[:MOST_TAGS]]
        if wanted.source is not None:
            conditions.append(Contact.source == wanted.source)
        if wanted.permission is not None:
            conditions.append(permission_filter.matching(wanted.permission))
        return conditions

    async def _path(self, wanted: ContactFilter) -> tuple[_Path, list[ColumnElement[bool]]]:
        """The index that leads to the fewest rows as far as one can tell, and the filters that it leaves over."""
        newest = _Path(self.rows, [self.own])
        permission = [permission_filter.matching(wanted.permission)] if wanted.permission is not None else []
        source = [Contact.source == wanted.source] if wanted.source is not None else []
        if wanted.tags:
            first, *further = await self._rarest_first(wanted.tags[:MOST_TAGS])
            rows = self.rows.join(
                ContactTag, and_(ContactTag.tenant_id == Contact.tenant_id, ContactTag.contact_id == Contact.id)
            )
            led_by = [ContactTag.tenant_id == self.tenant_id, ContactTag.tag == first]
            path = _Path(rows, led_by, (ContactTag.created_at, ContactTag.contact_id))
            return path, [*(_tagged(tag) for tag in further), *source, *permission]
        if source:
            return newest._replace(led_by=[self.own, *source]), permission
        if wanted.permission is not None and (own_rows := permission_filter.own_rows(wanted.permission)):
            return newest._replace(led_by=[self.own, text(own_rows)]), permission  # type: ignore[list-item]
        return newest, permission

    async def _rarest_first(self, tags: Sequence[str]) -> list[str]:
        if len(tags) == 1:
            return list(tags)
        # Ordered as the key is: the planner knows no tag by name, and for an average one would read all rows until enough bear it.
        rows = await execute(
            self.session,
            """
            select tag from unnest(%(tags)b::text[]) as wanted (tag) cross join lateral (
              select count(*) as n from (
                select from contact_tags t where t.tenant_id = %(tenant)s and t.tag = wanted.tag
                order by t.created_at limit %(most)s) few) c
            order by c.n, tag
            """,
            tenant=self.tenant_id,
            tags=sorted(set(tags)),
            most=bounded_repository.LOOKED_AT,
        )
        return [row.tag for row in rows]

    def _lookups(self, permission: str | None, terms: Sequence[str]) -> list[_Lookup]:
        """SQL of ids, up to a limit, by indexes that know what is rare; all that the filters let through are among each.

        Row-level security keeps `like` from an index: `contacts_found` looks there for us.
        """
        lookups = list[_Lookup]()
        patterns = [forms[0] for term in terms if _THREE.search(term) and len(forms := _patterns(term)) == 1]
        if patterns:
            sql = "select contacts_found(%(tenant)s, %(patterns)s::text[], %(most)s) as id"
            lookups.append(_Lookup(sql, {"patterns": patterns}))
        if permission is not None and (listed := permission_filter.listed_contacts(permission)):
            lookups.append(_Lookup(listed, weight=_WEIGHT_OF_PERMISSION))
        return lookups

    async def _few(self, lookup: _Lookup) -> list[UUID] | None:
        """The ids; None when they are more than FEW."""
        few = bounded_repository.FEW // lookup.weight
        rows = await execute(self.session, lookup.sql, tenant=self.tenant_id, most=few + 1, **lookup.parameters)
        return None if len(rows) > few else [row[0] for row in rows if row[0] is not None]


class ContactKeys(ContactLists):
    """The same lists, of which only the ids are wanted: what orders them is read besides, and no attributes."""

    only = ("id", "created_at", "email")


def _is_address(cursor: str | None) -> bool:
    """Does a page begin among those with an address? Raises Invalid for a cursor that is of neither."""
    if cursor is None:
        return True
    try:
        decode_cursor(cursor, str)
    except Invalid:
        decode_cursor(cursor, datetime, UUID)
        return False
    return True


def _patterns(term: str) -> list[str]:
    """For `like` over `search`. Addresses are stored in their form for comparing; what else is there is in small letters as written."""
    forms = dict.fromkeys((term.lower(), lookup_form(term)))
    return [f"%{escaped(form)}%" for form in forms]


def _has(term: str) -> ColumnElement[bool]:
    return or_(*(Contact.search.like(pattern) for pattern in _patterns(term)))


def _tagged(tag: str) -> ColumnElement[bool]:
    other = aliased(ContactTag)
    return exists().where(
        other.tenant_id == Contact.tenant_id,
        other.tag == tag,
        other.created_at == Contact.created_at,
        other.contact_id == Contact.id,
    )
