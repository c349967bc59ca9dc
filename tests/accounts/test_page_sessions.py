"""Pages and their sessions: cookies only, with an end, and nobody when they are over."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import sessions
from app.lib import clock as app_clock
from app.models.session import UserSession
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients


async def test_the_api_takes_no_cookie_and_pages_take_no_key(browser: BrowserClients, api: ApiClients) -> None:
    person, program = await browser(Role.OWNER), await api(Role.OWNER)
    assert (await person.get("/api/v1/me")).status_code == 401
    answer = await program.get("/settings/profile")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fsettings%2Fprofile")


async def test_a_stream_of_somebody_signed_out_ends_without_a_page(browser: BrowserClients, api: ApiClients) -> None:
    """A form to sign in would be an error in the console, and any other status is tried again for ever."""
    nobody = await api(Role.OWNER)
    for path in ("/live", "/live?run=01a21b73-7d44-7599-a7c9-7c07f3b99b89"):
        answer = await nobody.get(path, headers={"accept": "text/event-stream"})
        assert (answer.status_code, answer.content, answer.headers["x-session"]) == (204, b"", "over")
    assert (await nobody.get("/api/v1/events/stream", headers={"authorization": ""})).status_code == 401


@pytest.mark.parametrize(
    ("lasting", "pause", "uses"),
    [(True, timedelta(days=6), 4), (True, timedelta(days=6, hours=23), 4), (False, timedelta(minutes=110), 6)],
)
async def test_a_session_goes_on_while_it_is_used_and_ends_all_the_same(
    browser: BrowserClients, db_session: AsyncSession, clock: Clock, *, lasting: bool, pause: timedelta, uses: int
) -> None:
    person = await browser(Role.VIEWER)
    await db_session.execute(update(UserSession).values(lasting=lasting))
    begun = clock.at
    for _ in range(uses):
        clock.set(clock.at + pause)
        assert (await person.get("/settings/profile")).status_code == 200
    last = begun + (sessions.LASTING if lasting else sessions.SHORT)
    assert await db_session.scalar(select(UserSession.expires_at)) == min(clock.at + _idle(lasting), last)
    clock.set(last)
    assert (await person.get("/settings/profile")).status_code == 303


@pytest.mark.parametrize(("lasting", "pause"), [(True, timedelta(days=7)), (False, timedelta(hours=2))])
async def test_a_session_ends_when_nobody_uses_it(
    browser: BrowserClients, db_session: AsyncSession, clock: Clock, *, lasting: bool, pause: timedelta
) -> None:
    person = await browser(Role.VIEWER)
    await db_session.execute(update(UserSession).values(lasting=lasting))
    clock.advance(minutes=30)
    assert (await person.get("/settings/profile")).status_code == 200
    clock.set(clock.at + pause)
    assert (await person.get("/settings/profile")).status_code == 303


@pytest.mark.parametrize(("lasting", "age"), [(True, timedelta(days=400)), (False, timedelta(hours=13))])
async def test_a_session_of_long_ago_is_nobody_whatever_its_row_says(
    browser: BrowserClients, db_session: AsyncSession, clock: Clock, *, lasting: bool, age: timedelta
) -> None:
    person = await browser(Role.VIEWER)
    seen = clock.at - timedelta(seconds=5)
    await db_session.execute(
        update(UserSession).values(
            lasting=lasting, created_at=clock.at - age, seen_at=seen, expires_at=clock.at + timedelta(days=30)
        )
    )
    assert (await person.get("/settings/profile")).status_code == 303


def _idle(lasting: bool) -> timedelta:
    return sessions.IDLE_LASTING if lasting else sessions.IDLE_SHORT


async def test_a_session_that_is_over_is_nobody(browser: BrowserClients, db_session: AsyncSession) -> None:
    person = await browser(Role.OWNER)
    await db_session.execute(update(UserSession).values(expires_at=app_clock.now()))
    assert (await person.get("/settings/profile")).status_code == 303


async def test_a_session_that_somebody_made_up_is_nobody(client: httpx.AsyncClient) -> None:
    client.cookies.set("session", "attacker-chosen")
    answer = await client.get("/settings/profile")
    assert answer.status_code == 303
    assert "session=" not in answer.headers.get("set-cookie", "").replace("csrf=", "")
