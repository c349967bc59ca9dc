"""The end of each way to sign in: open a session and set its cookie in the redirect."""

from __future__ import annotations

from uuid import UUID

import structlog
from litestar import Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import sessions
from app.accounts.authentication import session_cookie
from app.accounts.deps import AppRequest
from app.accounts.devices import remember
from app.models.user import User
from app.web import flash
from app.web.client_address import client_address

log = structlog.get_logger()
PRIVATE = {"Cache-Control": "no-store"}


async def begin(
    request: AppRequest,
    session: AsyncSession,
    user_id: UUID,
    target: str,
    *,
    lasting: bool,
    tenant_id: int | None = None,
    text: str | None = None,
) -> Response[bytes]:
    """Begin a session of this browser and go to `target`, with `text` to be shown there. The session that it had before ends."""
    address = client_address(request.scope)
    token = await sessions.start(
        session,
        user_id,
        tenant_id=tenant_id,
        lasting=lasting,
        address=address,
        user_agent=request.headers.get("user-agent", ""),
        instead_of=request.user.session_id if request.user else None,
    )
    answer = flash.go(request, target, text)
    answer.set_cookie(session_cookie(token, lasting=lasting))
    user = await session.get_one(User, user_id)
    remember(request, answer, user.email)
    log.info("sign_in", user_id=str(user_id), path=request.url.path, address=address)
    return answer


async def token_of(request: AppRequest) -> str:
    """The token that a form brings: the script of `accounts/link.html` takes it from the fragment, or a person pastes the link."""
    token = str((await request.form()).get("token", "")).strip()
    return token.rpartition("#")[2].rpartition("/")[2][:100]
