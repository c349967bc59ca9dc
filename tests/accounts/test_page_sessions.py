"""Pages and their sessions: cookies only, sliding, and nobody when they are over."""

from __future__ import annotations

from datetime import timedelta

import httpx
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models.session import UserSession
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients


async def test_the_api_takes_no_cookie_and_pages_take_no_key(browser: BrowserClients, api: ApiClients) -> None:
    person, program = await browser(Role.OWNER), await api(Role.OWNER)
    assert (await person.get("/api/v1/me")).status_code == 401
    answer = await program.get("/settings/profile")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fsettings%2Fprofile")


async def test_a_session_slides_while_it_is_used(browser: BrowserClients, db_session: AsyncSession) -> None:
    person = await browser(Role.VIEWER)
    begun = clock.now() - timedelta(hours=20)
    await db_session.execute(update(UserSession).values(seen_at=begun, expires_at=begun + timedelta(days=1)))
    assert (await person.get("/settings/profile")).status_code == 200
    row = (await db_session.execute(select(UserSession.seen_at, UserSession.expires_at))).one()
    assert row.expires_at - row.seen_at == timedelta(days=1)
    assert clock.now() - row.seen_at < timedelta(minutes=1)


async def test_a_session_that_is_over_is_nobody(browser: BrowserClients, db_session: AsyncSession) -> None:
    person = await browser(Role.OWNER)
    await db_session.execute(update(UserSession).values(expires_at=clock.now()))
    assert (await person.get("/settings/profile")).status_code == 303


async def test_a_session_that_somebody_made_up_is_nobody(client: httpx.AsyncClient) -> None:
    client.cookies.set("session", "attacker-chosen")
    answer = await client.get("/settings/profile")
    assert answer.status_code == 303
    assert "session=" not in answer.headers.get("set-cookie", "").replace("csrf=", "")
