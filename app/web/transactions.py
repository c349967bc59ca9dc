"""A request is one transaction: committed when its answer is 2xx or 3xx, before the first byte of it, and rolled back otherwise.

It works by the role `tl_web` and sees the rows of the workspace of who asks; routes about accounts, and of the installation, say
another role (`by_role`).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from advanced_alchemy.extensions.litestar import AsyncSessionConfig, SQLAlchemyAsyncConfig
from litestar.datastructures import State
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database
from app.lib.database_roles import DatabaseRole, scope_to
from app.lib.held_connections import begin_work, check_nothing_held

_COMMITTING, _SESSION = "throughline_committing", "throughline_session"
_STAYS = "throughline_stays"
_ROLE = "database_role"
"""The option of a route whose request works by another role than `tl_web`."""


class RequestSessions(SQLAlchemyAsyncConfig):
    """The library's configuration, with the session of a request kept in the request's state, where the hooks here find it."""

    def session_by(self, role: DatabaseRole) -> AsyncSession:
        """A new session that works by a role."""
        return database.session_maker(role)()

    def provide_session(self, state: State, scope: Scope) -> AsyncSession:
        session = opened_session(scope)
        if session is None:
            role: DatabaseRole = scope["route_handler"].opt.get(_ROLE, DatabaseRole.WEB)
            session = scope["state"][_SESSION] = self.session_by(role)
            if (principal := scope.get("user")) is not None:
                scope_to(session, principal.tenant_id)
        return session


def by_role(role: DatabaseRole, handlers: Sequence[Any]) -> list[Any]:
    """These handlers; their requests work by `role`."""
    for handler in handlers:
        handler.opt[_ROLE] = role
    return list(handlers)


def opened_session(scope: Scope) -> AsyncSession | None:
    """The session of a request that has one by now."""
    session: AsyncSession | None = scope["state"].get(_SESSION)
    return session


def session_config() -> RequestSessions:
    """The session of a request, injected as `db_session`."""
    return RequestSessions(
        engine_instance=database.engine(DatabaseRole.WEB),
        session_maker=database.session_maker(DatabaseRole.WEB),
        session_dependency_key="db_session",
        session_config=AsyncSessionConfig(expire_on_commit=False),
    )


@asynccontextmanager
async def short_transaction(scope: Scope) -> AsyncIterator[AsyncSession]:
    """A short transaction of accounts beside the one of the request. Its connection is given back at the end."""
    config: RequestSessions = scope["litestar_app"].state["database"]
    async with database.committed(config.session_by(DatabaseRole.AUTH)) as session:
        yield session


def request_session(scope: Scope) -> AsyncSession:
    """The session of this request, the one that its handler gets as `db_session`."""
    config: RequestSessions = scope["litestar_app"].state["database"]
    return config.provide_session(scope["litestar_app"].state, scope)


def keep_what_is_stored(scope: Scope) -> None:
    """This request is refused, and what it has stored stays all the same: a trace of the refusal."""
    scope["state"][_STAYS] = True


def was_committing(scope: Scope) -> bool:
    """Had the commit of this request begun? When it then fails without an answer, its outcome is unknown."""
    return bool(scope["state"].get(_COMMITTING))


async def commit_on_response(message: Message, scope: Scope) -> None:
    """The hook that ends a request's transaction: commit before the first byte of a 2xx or 3xx, or where a refusal leaves a
    trace (`keep_what_is_stored`), else roll back.

    The library's own hook hides a failed commit behind the answer that was on its way, and a client would read 202 for
    work that is gone. Here the failure goes to the exception handler: nothing was sent yet, so it can still answer.
    """
    session = opened_session(scope)
    if session is None or message["type"] != "http.response.start":
        check_nothing_held("an answer to its client")
        return
    if 200 <= message["status"] < 400 or scope["state"].get(_STAYS):
        scope["state"][_COMMITTING] = True
        try:
            await database.commit(session)
        except BaseException:
            allow_error_response(scope)
            raise
    else:
        with contextlib.suppress(Exception):  # a lost connection needs no rollback
            await session.rollback()


class CloseSession:
    """ASGI middleware: gives the request's connection back at the very end, also when a stream read on after the commit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def received() -> Any:
            check_nothing_held("a word from its client")
            return await receive()

        try:
            begin_work()
            await self.app(scope, received, send)
        finally:
            session = opened_session(scope)
            if session is not None:
                del scope["state"][_SESSION]
                with contextlib.suppress(Exception):
                    await session.close()


def allow_error_response(scope: Scope) -> None:
    """For middleware that held an answer back and failed: otherwise the framework takes it for half sent and closes the connection."""
    ScopeState.from_scope(scope).response_started = False
