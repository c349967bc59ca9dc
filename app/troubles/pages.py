"""The banner that every page asks for, and the page of events that could not be handled."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest, Database
from app.errors import Invalid
from app.lib.formats import counted
from app.lib.translation import gettext
from app.models.status import Role
from app.troubles import service
from app.troubles.dead_letters import MOST, DeadLetterService
from app.troubles.kinds import KINDS, act_of, text_of, trouble_label
from app.web import flash
from app.web.fragments import page

PAGE = 50


@get("/troubles/banner", role=Role.VIEWER)
async def banner(request: AppRequest, db_session: Database) -> Template:
    """What stops everything now, in a strip; empty when nothing does. `shell.js` asks for it."""
    troubles = await service.stopping(db_session, request.user.tenant_id)
    return page(
        request,
        "troubles/banner.html",
        troubles=troubles,
        kinds=KINDS,
        trouble_label=trouble_label,
        text_of=text_of,
        act_of=act_of,
    )


@get("/dead-letters", role=Role.VIEWER)
async def list_dead_letters(
    request: AppRequest, dead_letters: NamedDependency[DeadLetterService], cursor: FromQuery[str | None] = None
) -> Template:
    """Events that were set aside, the newest first."""
    dead_letters_page = await dead_letters.list(PAGE, cursor)
    return page(
        request,
        "troubles/dead_letters.html",
        rows=dead_letters_page.items,
        people=await dead_letters.rows.contact_names(
            {row.contact_id for row in dead_letters_page.items if row.contact_id}
        ),
        next_cursor=dead_letters_page.next_cursor,
    )


async def _asked(request: AppRequest) -> list[int] | None:
    """The ids that the form names; None for all."""
    form = await request.form()
    if form.get("all"):
        return None
    ids = [str(value) for value in form.getall("id", [])]
    if not ids or len(ids) > MOST or not all(text.isascii() and text.isdigit() and len(text) < 19 for text in ids):
        raise Invalid(gettext("Choose at least one event."))
    return [int(text) for text in ids]


@post("/dead-letters/retry", role=Role.MARKETER)
async def retry_dead_letters(request: AppRequest, dead_letters: NamedDependency[DeadLetterService]) -> Response[bytes]:
    """Handle them again."""
    moved = await dead_letters.retry(await _asked(request))
    return flash.go(
        request, "/dead-letters", gettext("%(moved)s will be handled again.", moved=counted(moved, "event"))
    )


@post("/dead-letters/discard", role=Role.ADMIN)
async def discard_dead_letters(
    request: AppRequest, dead_letters: NamedDependency[DeadLetterService]
) -> Response[bytes]:
    """Forget them."""
    moved = await dead_letters.discard(await _asked(request))
    return flash.go(request, "/dead-letters", gettext("%(moved)s discarded.", moved=counted(moved, "event")))


ROUTES: list[Any] = [banner, list_dead_letters, retry_dead_letters, discard_dead_letters]
