"""Who asks: keys for the API, cookies for pages, and nobody for everything that is over."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models.api_key import ApiKey
from app.models.session import UserSession
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.people import ApiClients, BrowserClients


async def test_a_key_says_who_it_is(api: ApiClients, workspace: Workspace, db_session: AsyncSession) -> None:
    answer = await (await api(Role.MARKETER)).get("/api/v1/me")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["kind"] == "key"
    assert data["role"] == "marketer"
    assert data["workspace"] == {"id": workspace.id, "name": workspace.name, "timezone": "UTC"}
    assert (await db_session.scalars(select(ApiKey.last_used_at))).one() is not None


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer nonsense", "Bearer tl_aaaaaaaaaa_" + "x" * 43, "Basic dGw6", "Bearer tl_" + "é" * 54],
)
async def test_what_is_no_key_is_nobody(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/api/v1/me", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


async def test_the_right_prefix_with_another_secret_is_nobody(api: ApiClients) -> None:
    owner = await api(Role.OWNER)
    key = owner.headers["authorization"]
    owner.headers["authorization"] = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert (await owner.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize("values", [{"revoked_at": True}, {"expires_at": True}])
async def test_a_key_that_is_over_is_nobody(api: ApiClients, db_session: AsyncSession, values: dict[str, bool]) -> None:
    owner = await api(Role.OWNER)
    assert (await owner.get("/api/v1/me")).status_code == 200
    await db_session.execute(update(ApiKey).values({name: clock.now() for name in values}))
    assert (await owner.get("/api/v1/me")).status_code == 401


async def test_use_is_noted_once_a_minute(api: ApiClients, db_session: AsyncSession) -> None:
    owner = await api(Role.OWNER)
    moments = []
    for seconds in (None, 59, 61):
        if seconds is not None:
            await db_session.execute(update(ApiKey).values(last_used_at=clock.now() - timedelta(seconds=seconds)))
        before = await db_session.scalar(select(ApiKey.last_used_at))
        await owner.get("/api/v1/me")
        moments.append(await db_session.scalar(select(ApiKey.last_used_at)) != before)
    assert moments == [True, False, True]


async def test_the_api_takes_no_cookie_and_pages_take_no_key(browser: BrowserClients, api: ApiClients) -> None:
    person, program = await browser(Role.OWNER), await api(Role.OWNER)
    assert (await person.get("/api/v1/me")).status_code == 401
    answer = await program.get("/settings")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fsettings")


async def test_a_session_slides_while_it_is_used(browser: BrowserClients, db_session: AsyncSession) -> None:
    person = await browser(Role.VIEWER)
    begun = clock.now() - timedelta(hours=20)
    await db_session.execute(update(UserSession).values(seen_at=begun, expires_at=begun + timedelta(days=1)))
    assert (await person.get("/settings")).status_code == 200
    row = (await db_session.execute(select(UserSession.seen_at, UserSession.expires_at))).one()
    assert row.expires_at - row.seen_at == timedelta(days=1)
    assert clock.now() - row.seen_at < timedelta(minutes=1)


async def test_a_session_that_is_over_is_nobody(browser: BrowserClients, db_session: AsyncSession) -> None:
    person = await browser(Role.OWNER)
    await db_session.execute(update(UserSession).values(expires_at=clock.now()))
    assert (await person.get("/settings")).status_code == 303


async def test_a_session_that_somebody_made_up_is_nobody(client: httpx.AsyncClient) -> None:
    client.cookies.set("session", "attacker-chosen")
    answer = await client.get("/settings")
    assert answer.status_code == 303
    assert "session=" not in answer.headers.get("set-cookie", "").replace("csrf=", "")
