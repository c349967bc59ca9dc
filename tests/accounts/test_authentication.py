"""Who asks: keys for the API, cookies for pages, and nobody for everything that is over."""

from __future__ import annotations

import traceback
from datetime import timedelta

import httpx
import pytest
import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys
from app.lib import clock
from app.models.api_key import ApiKey
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.people import ApiClients


async def test_a_key_says_who_it_is(api: ApiClients, workspace: Workspace, db_session: AsyncSession) -> None:
    answer = await (await api(Role.MARKETER)).get("/api/v1/me")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["kind"] == "key"
    assert data["role"] == "marketer"
    assert data["workspace"] == {"id": workspace.id, "name": workspace.name, "timezone": "UTC", "country": None}
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


async def test_no_key_is_ever_logged(
    api: ApiClients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by a request that fails on our side, nor by one that is refused."""

    async def fails(*_: object) -> None:
        raise RuntimeError("on our side")

    admin = await api(Role.ADMIN)
    key = admin.headers["authorization"].removeprefix("Bearer ")
    with monkeypatch.context() as broken, structlog.testing.capture_logs() as lines:
        broken.setattr(keys, "listed", fails)
        assert (await admin.get("/api/v1/api-keys")).status_code == 500
        assert (await admin.get("/api/v1/contacts", params={"nonsense": "1"})).status_code == 400
        assert (await admin.get("/api/v1/me", headers={"Authorization": f"Bearer {key}x"})).status_code == 401
    [failed] = [line for line in lines if line["event"] == "request.failed"]
    error = failed["exc_info"]
    logged = f"{lines!r} {''.join(traceback.format_exception(error))} {caplog.text}"
    assert "on our side" in logged
    assert key not in logged
    assert key[-20:] not in logged
