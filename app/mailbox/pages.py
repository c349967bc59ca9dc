"""The mailbox of local mode: what the product's own mail server took, to be read like mail."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.errors import NotFound
from app.lib import held_connections, sandbox
from app.lib.translation import gettext
from app.mailbox.opened_mail import ShownMail, opened
from app.mailbox.repository import MailboxRepository
from app.message_templates.mail_view import framed
from app.message_templates.service import share_of
from app.models import MailboxMessage
from app.models.status import Role
from app.settings import settings
from app.web import flash
from app.web.fragments import page

PAGE = 50
View = Literal["mail", "text", "headers"]


class NoMailbox(NotFound):
    """There is no mailbox here: emails leave through real mail servers. What was sent is under Messages."""

    code = "no_mailbox"


def _only_local() -> None:
    if not settings().local:
        raise NoMailbox


async def _mail(mails: MailboxRepository, mail_id: UUID) -> MailboxMessage:
    _only_local()
    mail = await mails.get_one_or_none(MailboxMessage.id == mail_id)
    if mail is None:
        raise NotFound
    return mail


async def _opened(request: AppRequest, mails: MailboxRepository, mail: MailboxMessage) -> ShownMail:
    """The mail taken apart, in a child: it may have come from anywhere."""
    await held_connections.release_connection(mails.session)
    return await sandbox.run(opened, mail.raw, share=share_of(request.user))


async def _page(
    request: AppRequest,
    mails: MailboxRepository,
    block: str,
    *,
    search: str,
    view: View = "mail",
    mail: MailboxMessage | None = None,
    before: UUID | None = None,
) -> Template:
    shown = await _opened(request, mails, mail) if mail else None
    rows = await mails.newest(PAGE + 1, search=search.strip(), before=before)
    return page(
        request,
        "mailbox/show.html",
        block=block,
        rows=rows[:PAGE],
        more=rows[PAGE - 1].id if len(rows) > PAGE else None,
        any_mail=await mails.exists(),
        search=search,
        view=view,
        mail=mail,
        shown=shown,
        first=before is None,
    )


@get("/mailbox", role=Role.VIEWER)
async def mailbox(
    request: AppRequest,
    mails: NamedDependency[MailboxRepository],
    search: FromQuery[str] = "",
    before: FromQuery[UUID | None] = None,
) -> Template:
    """The newest mails."""
    _only_local()
    return await _page(request, mails, "list", search=search, before=before)


@get("/mailbox/{mail_id:uuid}", role=Role.VIEWER)
async def show_mail(
    request: AppRequest,
    mails: NamedDependency[MailboxRepository],
    mail_id: FromPath[UUID],
    search: FromQuery[str] = "",
    view: FromQuery[View] = "mail",
) -> Template:
    """One mail beside the list: as it looks, as text, or its headers."""
    mail = await _mail(mails, mail_id)
    return await _page(request, mails, "reader", search=search, view=view, mail=mail)


@get("/mailbox/{mail_id:uuid}/frame", role=Role.VIEWER)
async def mail_frame(
    request: AppRequest, mails: NamedDependency[MailboxRepository], mail_id: FromPath[UUID]
) -> Response[str]:
    """The HTML of a mail, as the document of a sandboxed frame."""
    return framed((await _opened(request, mails, await _mail(mails, mail_id))).html)


@get("/mailbox/{mail_id:uuid}/raw", role=Role.VIEWER)
async def mail_source(
    request: AppRequest, mails: NamedDependency[MailboxRepository], mail_id: FromPath[UUID]
) -> Response[bytes]:
    """The mail as it came, to save as a file."""
    mail = await _mail(mails, mail_id)
    return Response(
        mail.raw,
        media_type="message/rfc822",
        headers={"Content-Disposition": f'attachment; filename="{mail_id}.eml"', "Content-Security-Policy": "sandbox"},
    )


@post("/mailbox/clear", role=Role.MARKETER)
async def clear_mailbox(request: AppRequest, mails: NamedDependency[MailboxRepository]) -> Response[bytes]:
    """Empty the mailbox of this workspace. The ledger keeps its rows."""
    _only_local()
    await mails.delete_where()
    return flash.go(request, "/mailbox", gettext("The mailbox is empty."))


ROUTES: list[Any] = [mailbox, show_mail, mail_frame, mail_source, clear_mailbox]
SERVICES = {"mails": MailboxRepository}
