"""The page of the suppression list: who must not be written to and why; adding by hand, and lifting with a reason."""

from __future__ import annotations

import re
from typing import Any, get_args
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.errors import AppError
from app.lib.translation import gettext, ngettext, translatable, translated_choices
from app.messaging.channels import registry
from app.models.status import Role
from app.subscriptions.permission import LABELS
from app.subscriptions.schemas import LiftRequest, NewSuppression, SuppressionReason
from app.subscriptions.service import SuppressionService
from app.subscriptions.suppression_list_repository import SuppressionRow
from app.web import flash, pagination
from app.web.dialog_form import DialogForm
from app.web.fragments import page
from app.web.wording import for_people

PAGE = 50
WORDS = {reason: LABELS[reason] for reason in get_args(SuppressionReason)}
ADD_WORDS = {
    "manual": translatable("We decided not to write there"),
    "unsubscribed": translatable("The person unsubscribed elsewhere"),
    "complained": translatable("The person reported our messages as spam"),
    "bounced": translatable("What we sent there came back"),
    "invalid": translatable("The address does not exist"),
}


class ListForm(DialogForm):
    """The dialogs `add` and `lift` of the list."""

    addresses: str = ""
    reason: str = ""
    detail: str = ""
    address: str = ""
    channel: str = ""
    """Empty: the first, which most have alone."""


@get("/suppressions", role=Role.VIEWER)
async def list_suppressions(
    request: AppRequest,
    suppressions: NamedDependency[SuppressionService],
    search: FromQuery[str] = "",
    reason: FromQuery[str] = "",
    channel: FromQuery[str] = "",
    show: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The list, the newest first; searching replaces only the rows."""
    lifted = show == "lifted"
    listed = await suppressions.list(PAGE, cursor, search=search, reason=reason, channel=channel, lifted=lifted)
    values = {"search": search, "reason": reason, "channel": channel, "show": show, "cursor": cursor or ""}
    return _list(request, listed, ListForm(), values)


def _list(
    request: AppRequest,
    listed: pagination.Page[SuppressionRow],
    form: ListForm,
    form_values: dict[str, str] | None = None,
) -> Template:
    form_values = form_values or {"search": "", "reason": "", "channel": "", "show": "", "cursor": ""}
    query = {name: value for name, value in {**form_values, "cursor": listed.next_cursor or ""}.items() if value}
    return page(
        request,
        "subscriptions/suppressions.html",
        block="rows" if not form.open else None,
        status_code=form.status,
        rows=listed.items,
        more=f"/suppressions?{urlencode(query)}" if listed.next_cursor else "",
        form_values=form_values,
        words={reason: gettext(label) for reason, label in WORDS.items()},
        add_words=translated_choices(ADD_WORDS.items()),
        channels=[(cls.type, gettext(cls.label)) for cls in registry.channels()],
        channel_of={row.suppression.channel: registry.shown(row.suppression.channel) for row in listed.items},
        form=form,
    )


async def _again(request: AppRequest, suppressions: SuppressionService, form: ListForm) -> Template:
    """The page with the dialog open and its errors shown."""
    return _list(request, await suppressions.list(PAGE), form)


@post("/suppressions", role=Role.MARKETER, status_code=200)
async def add_suppressions(
    request: AppRequest, suppressions: NamedDependency[SuppressionService]
) -> Template | Response[bytes]:
    """Put addresses on the list, one a line or with commas between them."""
    form = ListForm.of(await request.form(), "add")
    wanted = [text for text in re.split(r"[\s,;]+", form.addresses) if text]
    reason: Any = form.reason if form.reason in WORDS else "manual"
    channel = _channel_of(form)
    try:
        added = await suppressions.add(
            [NewSuppression(text[:320], reason, form.detail[:1000], channel) for text in wanted]
        )
    except AppError as error:
        refused = msgspec.structs.replace(form.failed(error), errors={"addresses": _first_bad(wanted, error)})
        return await _again(request, suppressions, refused)
    toast = ngettext("%(number)s address added.", "%(number)s addresses added.", added.new)
    if existing := len(added.rows) - added.new:
        toast += " " + ngettext("%(number)s was there already.", "%(number)s were there already.", existing)
    return flash.go(request, "/suppressions", toast)


def _channel_of(form: ListForm) -> str:
    return form.channel or registry.channels()[0].type


def _first_bad(wanted: list[str], error: AppError) -> str:
    """A sentence that names the first line that is no address, and how many more there are."""
    if not wanted:
        return gettext("Write at least one address.")
    indexed = [(re.match(r"\[(\d+)\]", field_error["path"]), field_error["message"]) for field_error in error.errors]
    bad = [(wanted[int(index[1])], message) for index, message in indexed if index]
    if not bad:
        return for_people(error.for_people)
    more = len(bad) - 1
    others = ngettext(
        "%(number)s more line is no address either.", "%(number)s more lines are no address either.", more
    )
    return f"“{bad[0][0]}”: {bad[0][1]}" + (f" {others}" if more else "")


@post("/suppressions/lift", role=Role.ADMIN, status_code=200)
async def lift_suppression(
    request: AppRequest, suppressions: NamedDependency[SuppressionService]
) -> Template | Response[bytes]:
    """Take an address off the list because of a reason."""
    form = ListForm.of(await request.form(), "lift")
    try:
        lifted = await suppressions.lift(LiftRequest(form.address, form.reason, _channel_of(form)))
    except AppError as error:
        return await _again(request, suppressions, form.failed(error))
    toast = gettext("%(address)s is off the list.", address=lifted.address)
    if (
        lifted.contact_id
        and (now := await suppressions.permission_now(lifted.contact_id, lifted.channel))
        and not now.allowed
    ):
        toast += f" {now.sentence} " + gettext("The contact’s page can re-subscribe.")
    return flash.go(request, "/suppressions", toast)


ROUTES: list[Any] = [list_suppressions, add_suppressions, lift_suppression]
