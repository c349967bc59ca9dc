"""`/contacts/export`: the list of contacts as a CSV file, narrowed as the page is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.contacts.known_name_repository import attribute_names
from app.contacts.list_columns import CONTACTS
from app.contacts.list_repository import ContactFilter
from app.contacts.service import ContactService
from app.models import Contact
from app.models.status import Role
from app.web.csv_export import CsvAnswer, CsvList, csv_answer
from app.web.pagination import MAX_LIMIT, Page

COLUMNS = ("id", "email", "phone", "external_id", "tags", "source", "timezone", "locale", "created_at", "updated_at")
OTHERS = "other_attributes"
"""The last column: attributes that none of the contacts had by which the columns were chosen, as JSON."""
MOST_ATTRIBUTES = 200


def row_of(contact: Contact, attributes: Sequence[str]) -> list[Any]:
    """A contact as a row: COLUMNS, then its attributes of these names, then what is left."""
    known = set(attributes)
    fixed = [", ".join(contact.tags) if name == "tags" else getattr(contact, name) for name in COLUMNS]
    others = {name: value for name, value in contact.attributes.items() if name not in known}
    return [
        str(fixed[0]), *fixed[1:], *(contact.attributes.get(name) for name in attributes), others if others else None
    ]  # fmt: skip


@get("/contacts/export", role=Role.VIEWER)
async def export_contacts(
    request: AppRequest,
    db_session: Database,
    search: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    permission: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All contacts that fit, as they are sorted, with all that is known of them whatever `columns` the page shows."""
    principal, order = request.user, CONTACTS.checked_order(sort)
    wanted = ContactFilter(search=search, tags=[tag] if tag else (), permission=permission, order=order)
    attributes = sorted(await attribute_names(db_session, principal.tenant_id) or ())[:MOST_ATTRIBUTES]

    async def read(of_page: AsyncSession, cursor: str | None) -> Page[Sequence[Any]]:
        page = await ContactService(of_page, principal).list(wanted, limit=MAX_LIMIT, cursor=cursor)
        return Page([row_of(contact, attributes) for contact in page.items], page.next_cursor)

    return await csv_answer(request, db_session, CsvList("contacts", [*COLUMNS, *attributes, OTHERS], read))


ROUTES = [export_contacts]
