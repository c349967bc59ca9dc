"""`/contacts`: the list, one contact with its past and future, the form, and what a marketer can do from there."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.card_title_repository import card_titles
from app.contacts import choice_pages, export_pages, forms, timeline
from app.contacts.actions import ActionForm, ContactActions
from app.contacts.attribute_kinds import ATTRIBUTE_KINDS, attribute_lines
from app.contacts.fields import json_name
from app.contacts.forms import ContactForm
from app.contacts.history_repository import COUNTED
from app.contacts.imports import pages as import_pages
from app.contacts.list_columns import CONTACTS
from app.contacts.list_repository import ContactFilter
from app.contacts.service import ContactService
from app.errors import AppError, Invalid
from app.history_start_repository import OF_EVENTS, OF_RUNS, HistoryStartRepository
from app.lib import clock
from app.lib.translation import gettext, translated_choices
from app.lib.zones import zone_of
from app.lists.service import ListChoice, ListService
from app.messaging.channels import registry as channels
from app.messaging.channels.email.channel import EmailChannel
from app.models.contact import Contact
from app.models.status import Channel, Role
from app.subscriptions.permission import LABELS
from app.subscriptions.service import SuppressionService
from app.values.contact_view import name_of
from app.values.languages import language_name
from app.values.zone_choices import offered_zones, zone_text
from app.web.flash import go
from app.web.form_errors import errors_by_field
from app.web.fragments import is_partial, page

ONE = "/contacts/{contact_id:uuid}"
FIELDS_OF_PATHS = {"addTags": "tags", "removeTags": "tags"}
"""Members of a change that the form shows in one field."""


@get("/contacts", role=Role.VIEWER)
async def contact_list(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    lists: NamedDependency[ListService],
    search: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    permission: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str] = "",
) -> Template:
    """Contacts, newest first or as they are sorted; the search replaces only the rows."""
    filters = {"search": search, "tag": tag, "permission": permission}
    choice, only_rows = ListChoice(sort, columns, view), is_partial(request)
    attributes = await contacts.attribute_columns(noted=only_rows)
    state = await lists.state(CONTACTS, filters, choice, partial=only_rows, data=attributes)
    wanted = ContactFilter(search=search, tags=[tag] if tag else (), permission=permission, order=state.order)
    listed = await contacts.list(wanted, limit=50, cursor=cursor or None)
    return page(
        request,
        "contacts/list.html",
        block="rows",
        state=state,
        contacts=listed.items,
        more=state.url(cursor=listed.next_cursor) if listed.next_cursor else "",
        search=search,
        tag=tag,
        permission=permission,
        permissions=await contacts.permissions(listed.items),
        permission_labels=translated_choices(LABELS.items()),
        cursor=cursor,
        tags=await contacts.lists.common_tags(),
        segments=[] if only_rows else await contacts.static_segments(),
        name_of=name_of,
    )


@get("/contacts/new", role=Role.MARKETER)
async def new_contact(request: AppRequest) -> Template:
    """The empty form."""
    return _form(request, forms.filled(None))


@post("/contacts/new", role=Role.MARKETER, status_code=200)
async def create_contact(request: AppRequest, contacts: NamedDependency[ContactService]) -> Template | Response[bytes]:
    """Create a contact from the form. An existing one is not changed."""
    form = forms.submitted(await request.form())
    sent, field_errors = forms.change(form)
    try:
        if field_errors:
            raise Invalid(errors=field_errors)
        contact = await contacts.create(sent, via="page")
        await contacts.labels.keep(form.labels)
    except AppError as error:
        return _form(request, form, error=error)
    return go(request, f"/contacts/{contact.id}", gettext("%(contact)s is a contact now.", contact=name_of(contact)))


@get(f"{ONE}/edit", role=Role.MARKETER)
async def edit_contact(
    request: AppRequest, contacts: NamedDependency[ContactService], contact_id: FromPath[UUID]
) -> Template:
    """The form of a contact."""
    contact = await contacts.get(contact_id)
    form = forms.filled(contact, await contacts.labels.by_name())
    return _form(request, form, contact, held_back=await _held_back(contacts, contact))


@post(f"{ONE}/edit", role=Role.MARKETER, status_code=200)
async def save_contact(
    request: AppRequest, contacts: NamedDependency[ContactService], contact_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Change what differs from what the form was filled with."""
    contact = await contacts.get(contact_id)
    form = forms.submitted(await request.form())
    sent, field_errors = forms.change(form)
    try:
        if field_errors:
            raise Invalid(errors=field_errors)
        await contacts.patch(contact_id, sent)
        await contacts.labels.keep(form.labels)
    except AppError as error:
        called = await contacts.labels.by_name()
        for row in form.attributes:
            row.label = called.get(row.name, "")
        return _form(request, form, contact, error, await _held_back(contacts, contact))
    why = await _held_back(contacts, await contacts.get(contact_id))
    if why and sent.consent and sent.consent.get("email"):
        return go(
            request, f"/contacts/{contact_id}", gettext("Saved, but still no mail goes there. %(why)s", why=why), "err"
        )
    return go(request, f"/contacts/{contact_id}", gettext("Saved."))


async def _held_back(service: ContactService, contact: Contact) -> str:
    """What consent cannot change: why the list holds mail back. Empty when it does not."""
    may = (await service.permissions([contact]))[contact.id]
    return may.sentence if may.can_resubscribe and may.reason != "no_consent" else ""


def _form(
    request: AppRequest,
    form: ContactForm,
    contact: Contact | None = None,
    error: AppError | None = None,
    held_back: str = "",
) -> Template:
    return page(
        request,
        "contacts/form.html",
        status_code=error.status_code if error else 200,
        form=form,
        contact=contact,
        name=name_of(contact) if contact else gettext("New contact"),
        errors=errors_by_field(error, FIELDS_OF_PATHS),
        failed=error,
        held_back=held_back,
        kinds=[(name, gettext(kind.label)) for name, kind in ATTRIBUTE_KINDS.items()],
        consents=translated_choices(forms.CONSENTS),
        timezones=offered_zones(form.texts.get("timezone")),
        json_name=json_name,
    )


@get(ONE, role=Role.VIEWER)
async def show_contact(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    contact_id: FromPath[UUID],
    show: FromQuery[timeline.Show] = "all",
    before: FromQuery[datetime | None] = None,
) -> Template:
    """One contact: who it is, what happened, what comes next."""
    contact = await contacts.get(contact_id)
    return await contact_page(request, contacts, contact, show=show, before=before)


async def _removed(starts: HistoryStartRepository, show: timeline.Show) -> list[tuple[str, datetime]]:
    """What is not in the timeline any more because it is old: its name and before when."""
    names = {"runs": (OF_RUNS, gettext("Runs and their messages")), "events": (OF_EVENTS, gettext("Events"))}
    of_show = {"all": ("runs", "events"), "messages": ("runs",), "changes": ("events",)}.get(show, (show,))
    removed = [(names[kind][1], await starts.of(names[kind][0])) for kind in of_show]
    return [(name, at) for name, at in removed if at is not None]


async def contact_page(
    request: AppRequest,
    contacts: ContactService,
    contact: Contact,
    *,
    show: timeline.Show = "all",
    before: datetime | None = None,
    action: ActionForm | None = None,
) -> Template:
    """The page of a contact; with an `action` that failed, its dialog stands open and says why."""
    past = contacts.history(contact)
    before = before.replace(tzinfo=UTC) if before is not None and before.tzinfo is None else before
    called = await contacts.labels.by_name()
    shown = await timeline.read_timeline(past, show, before, called)
    counts = await past.counts()
    if shown.before is None and show in ("all", "changes") and not counts["created"]:
        shown.entries.append(timeline.silent_beginning(contact.created_at))
        shown.entries.sort(key=lambda entry: entry.at, reverse=True)
    now = clock.now()
    coming, underway = await timeline.future(past, now, partial(card_titles, request, past.session))
    query = {"show": show, "before": shown.before.isoformat() if shown.before else ""}
    return page(
        request,
        "contacts/contact.html",
        block="entries" if before is not None else "timeline",
        status_code=action.status if action else 200,
        contact=contact,
        name=name_of(contact),
        attributes=attribute_lines(contact.attributes, called, await past.attribute_changes()),
        other_channels={*(channel.word for channel in Channel), *channels.words()} - {EmailChannel.type},
        permission=(await contacts.permissions([contact]))[contact.id],
        local=now.astimezone(zone_of(contact.timezone)) if contact.timezone else None,
        zone_text=zone_text,
        language_name=language_name,
        show=show,
        counts=counts,
        counted_up_to=COUNTED,
        days=timeline.days(shown.entries, zone_of(request.user.reading_timezone)),
        today=now.astimezone(zone_of(request.user.reading_timezone)).date(),
        removed=await _removed(contacts.history_starts, show) if shown.before is None else [],
        earlier=f"/contacts/{contact.id}?{urlencode(query)}" if shown.before else "",
        coming=coming,
        underway=underway,
        workflows=await contacts.workflows.startable() if request.user.may("marketer") else [],
        action=action or ActionForm(),
    )


@post(f"{ONE}/event", role=Role.MARKETER, status_code=200)
async def send_event(
    request: AppRequest,
    contact_actions: NamedDependency[ContactActions],
    contacts: NamedDependency[ContactService],
    contact_id: FromPath[UUID],
) -> Template | Response[bytes]:
    """Record an event of this contact from the form."""
    contact = await contacts.get(contact_id)
    form = ActionForm.of(await request.form(), "event")
    try:
        await contact_actions.send(contact, form)
    except AppError as error:
        return await contact_page(request, contacts, contact, action=form.failed(error))
    return go(request, f"/contacts/{contact_id}", gettext("Event %(strip)s recorded.", strip=form.event.strip()))


@post(f"{ONE}/resubscribe", role=Role.ADMIN, status_code=200)
async def resubscribe_contact_page(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    suppressions: NamedDependency[SuppressionService],
    contact_id: FromPath[UUID],
) -> Template | Response[bytes]:
    """Write to the contact again, because of a reason."""
    contact = await contacts.get(contact_id)
    form = ActionForm.of(await request.form(), "resubscribe")
    try:
        now = await suppressions.resubscribe(contact_id, form.reason)
    except AppError as error:
        return await contact_page(request, contacts, contact, action=form.failed(error))
    toast = gettext("Mail goes to %(contact)s again.", contact=name_of(contact)) if now.allowed else now.sentence
    return go(request, f"/contacts/{contact_id}", toast, "ok" if now.allowed else "err")


@post(f"{ONE}/erase", role=Role.MARKETER, status_code=200)
async def erase_contact_page(
    request: AppRequest, contacts: NamedDependency[ContactService], contact_id: FromPath[UUID]
) -> Response[bytes]:
    """Erase the contact."""
    await contacts.erase(contact_id)
    return go(request, "/contacts", gettext("The contact was erased."))


ROUTES: list[Any] = [
    contact_list,
    new_contact,
    create_contact,
    edit_contact,
    save_contact,
    show_contact,
    send_event,
    resubscribe_contact_page,
    erase_contact_page,
    *choice_pages.ROUTES,
    *import_pages.ROUTES,
    *export_pages.ROUTES,
]
