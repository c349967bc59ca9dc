"""The public pages behind List-Unsubscribe: a GET only shows them (mail scanners open every link), a POST decides.

No sign-in and no CSRF token: the signed link is the proof, and mail programs post to it by themselves (RFC 8058).
"""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.callbacks.unsubscribe_link import unsubscribe_by_link
from app.lib.database_roles import scope_to
from app.messaging.channels.unsubscribe_link import Unsubscribe
from app.subscriptions import unsubscribe
from app.web.fragments import page
from app.web.wording import for_people

_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


def _page(
    request: AppRequest, token: str, state: unsubscribe.SubscriptionState, done: str = "", error: str = ""
) -> Template:
    return page(
        request, "subscriptions/unsubscribe.html", headers=_PRIVATE, token=token, choice=state, done=done, error=error
    )


def _opened(session: AsyncSession, token: str) -> Unsubscribe:
    """The meaning of a link, whose workspace is the one that this request is about, whoever is signed in here. Raises BadLink."""
    link = unsubscribe.read_link(token)
    scope_to(session, link.tenant_id)
    return link


@get("/u/{token:str}", public=True, any_query=True)
async def show_unsubscribe(request: AppRequest, db_session: Database, token: FromPath[str]) -> Template:
    link = _opened(db_session, token)
    return _page(request, token, await unsubscribe.subscription_state(db_session, link))


@post("/u/{token:str}", public=True, any_query=True, csrf_exempt=True, status_code=200)
async def decide_unsubscribe(
    request: AppRequest,
    db_session: Database,
    token: FromPath[str],
) -> Template:
    link = _opened(db_session, token)  # before anything that the client sent is read
    form = await request.form()
    done, error = "", ""
    if form.get("again"):
        try:
            await unsubscribe.resubscribe(db_session, link, str(form.get("address", "")))
            done = "again"
        except unsubscribe.OtherAddress as other:
            error = for_people(other.for_people)
    else:
        await unsubscribe_by_link(db_session, link, everything=bool(form.get("all")))
        done = "no"
    return _page(request, token, await unsubscribe.subscription_state(db_session, link), done, error)


ROUTES: list[Any] = [show_unsubscribe, decide_unsubscribe]
