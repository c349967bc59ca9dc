"""`/api/v1/contacts`: create or update, read, list, change, erase."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.accounts.deps import AppRequest
from app.contacts.actions import ContactActions
from app.contacts.imports import api as imports
from app.contacts.imports.service import ImportService
from app.contacts.list_repository import ContactFilter
from app.contacts.repository import ContactRepository
from app.contacts.schemas import ContactIn, ContactOut, Erased, ResubscribeRequest
from app.contacts.service import ContactService
from app.models.contact import Contact
from app.models.scope import Scope
from app.models.status import Role
from app.subscriptions.service import SuppressionService
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

TAGS = ["Contacts"]
ONE = "/api/v1/contacts/{contact_id:uuid}"


@post(
    "/api/v1/contacts",
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    tags=TAGS,
    summary="Create a contact, or update the one with this externalId or email",
    responses={200: ResponseSpec(Envelope[ContactOut], description="The contact was there and has been updated")},
)
async def upsert_contact(
    request: AppRequest, contacts: NamedDependency[ContactService], data: JSONBody[ContactIn]
) -> Response[Envelope[ContactOut]]:
    """201 for a new contact, 200 for one that was there; 409 when externalId and email belong to two contacts."""
    contact, created = await contacts.upsert(data)
    return Response(
        ok(await _out(contacts, contact), created=created),
        status_code=201 if created else 200,
        headers={"Location": f"/api/v1/contacts/{contact.id}"},
    )


@get("/api/v1/contacts", role=Role.VIEWER, scope=Scope.CONTACTS_READ, tags=TAGS, summary="List contacts, newest first")
async def list_contacts(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    search: FromQuery[str] = "",
    tag: FromQuery[list[str] | None] = None,
    source: FromQuery[str | None] = None,
    email: FromQuery[str | None] = None,
    external_id: Annotated[str | None, QueryParameter(name="externalId")] = None,
    permission: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[ContactOut]]:
    """`search` looks in name, email, externalId and phone; `tag` may come several times and all must be there.

    `permission` is `reachable`, or the reason why not: `unsubscribed`, `no_consent`, `complained`, `bounced`, `invalid`,
    `manual`, `no_address`.
    """
    wanted = ContactFilter(search, tag or (), source, email, external_id, permission)
    page = await contacts.list(wanted, limit=limit, cursor=cursor)
    email_of = await contacts.permissions(page.items)
    rows = [ContactOut.of(row, email_of[row.id]) for row in page.items]
    return ok(rows, nextCursor=page.next_cursor, limit=clamp_limit(limit))


@get(ONE, role=Role.VIEWER, scope=Scope.CONTACTS_READ, tags=TAGS, summary="One contact")
async def get_contact(
    request: AppRequest, contacts: NamedDependency[ContactService], contact_id: FromPath[UUID]
) -> Envelope[ContactOut]:
    return ok(await _out(contacts, await contacts.get(contact_id)))


@patch(ONE, role=Role.MARKETER, scope=Scope.CONTACTS_WRITE, tags=TAGS, summary="Change some fields of a contact")
async def patch_contact(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    contact_id: FromPath[UUID],
    data: JSONBody[ContactIn],
) -> Envelope[ContactOut]:
    """Attributes and consent are merged; `null` removes a key or empties a field.

    Consent does not lift an entry of the suppression list: `permissions` says what holds, `resubscribe` changes it.
    """
    return ok(await _out(contacts, await contacts.patch(contact_id, data)))


@delete(ONE, role=Role.MARKETER, scope=Scope.CONTACTS_DELETE, status_code=200, tags=TAGS, summary="Erase a contact")
async def erase_contact(
    request: AppRequest, contacts: NamedDependency[ContactService], contact_id: FromPath[UUID]
) -> Envelope[Erased]:
    """Deletes the contact and its events; its runs end as cancelled."""
    await contacts.erase(contact_id)
    return ok(Erased(contact_id))


@post(
    ONE + "/resubscribe",
    role=Role.ADMIN,
    scope=Scope.SUPPRESSIONS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Write to a contact again, with a reason",
)
async def resubscribe_contact(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    suppressions: NamedDependency[SuppressionService],
    contact_id: FromPath[UUID],
    data: JSONBody[ResubscribeRequest],
) -> Envelope[ContactOut]:
    """Lifts what the suppression list has against its email, gives consent, and records `contact.resubscribed`."""
    await suppressions.resubscribe(contact_id, data.reason, data.topic)
    return ok(await _out(contacts, await contacts.get(contact_id)))


async def _out(service: ContactService, contact: Contact) -> ContactOut:
    return ContactOut.of(contact, (await service.permissions([contact]))[contact.id])


API_TAGS = [
    Tag(name="Contacts", description="The people that workflows write to: attributes, tags, consent."),
    Tag(name="Contact imports", description="CSV files of contacts: preview, mapping, progress, refused rows."),
]
ROUTES: list[Any] = [
    upsert_contact,
    list_contacts,
    get_contact,
    patch_contact,
    erase_contact,
    resubscribe_contact,
    *imports.ROUTES,
]
SERVICES = {
    "contacts": ContactService,
    "contact_rows": ContactRepository,
    "contact_actions": ContactActions,
    "imports": ImportService,
}
