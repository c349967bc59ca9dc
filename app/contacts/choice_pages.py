"""`/contacts/choices`: who fits what is typed into a field that asks for one contact."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from app.contacts.list_repository import ContactFilter
from app.contacts.service import ContactService
from app.models.status import Role
from app.values.contact_view import contact_name

CHOICES = 8
"""Contacts that are offered at once."""


@get("/contacts/choices", role=Role.VIEWER)
async def contact_choices(
    contacts: NamedDependency[ContactService], search: FromQuery[str] = ""
) -> list[dict[str, str]]:
    """The newest that fit: `id`, `name`, and as `detail` the address that tells namesakes apart, "" where it is the name."""
    listed = await contacts.list(ContactFilter(search=search), limit=CHOICES)
    choices = []
    for contact in listed.items:
        name, address = contact_name(contact), contact.email or contact.phone or contact.external_id or ""
        choices.append({"id": str(contact.id), "name": name, "detail": address if address != name else ""})
    return choices


ROUTES = [contact_choices]
