"""API keys: made with at most one's own role, shown once, stored as a fingerprint, ended at once."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys
from app.errors import Invalid, NotFound
from app.models.api_key import ApiKey
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients, make_key


async def me(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})


async def test_a_key_made_on_the_page_is_shown_once_and_works(
    browser: BrowserClients, client: httpx.AsyncClient, db_session: AsyncSession
) -> None:
    admin = await browser(Role.ADMIN)
    page = await admin.post("/settings/keys", data={"name": "Shop", "role": "viewer", "days": "30"})
    assert page.headers["cache-control"] == "no-store"
    [key] = set(re.findall(r"tl_[a-z0-9]{10}_[\w-]{43}", page.text))
    assert (await me(client, key)).json()["data"]["role"] == "viewer"
    listing = (await admin.get("/settings/keys")).text
    assert key not in listing
    assert key.rpartition("_")[0][:13] in listing
    row = (await db_session.scalars(select(ApiKey))).one()
    stored = (await db_session.execute(text("select api_keys::text from api_keys"))).scalar_one()
    assert key.removeprefix(f"tl_{row.prefix}_") not in stored

    assert (await admin.post(f"/settings/keys/{row.id}/revoke")).status_code == 303
    assert (await me(client, key)).status_code == 401
    assert (await admin.post(f"/settings/keys/{row.id}/revoke")).status_code == 404


async def test_keys_over_the_api(api: ApiClients, client: httpx.AsyncClient) -> None:
    admin = await api(Role.ADMIN)
    made = (await admin.post("/api/v1/api-keys", json={"name": "Export", "role": "marketer"})).json()["data"]
    assert (await me(client, made["key"])).json()["data"]["name"] == "Export"
    listing = (await admin.get("/api/v1/api-keys")).json()["data"]
    assert [row["name"] for row in listing] == ["Export", "test admin"]
    assert not any("key" in row or "keyHash" in row for row in listing)
    assert (await admin.delete(f"/api/v1/api-keys/{made['id']}")).status_code == 200
    assert (await me(client, made["key"])).status_code == 401


async def test_no_key_above_ones_own_role(api: ApiClients) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/api-keys", json={"name": "Boss", "role": "owner"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_keys_of_another_workspace_are_nowhere(
    api: ApiClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    await make_key(db_session, other_workspace, Role.OWNER)
    foreign = (await db_session.scalars(select(ApiKey).where(ApiKey.tenant_id == other_workspace.id))).one()
    admin = await api(Role.ADMIN)
    assert (await admin.delete(f"/api/v1/api-keys/{foreign.id}")).status_code == 404
    assert len((await admin.get("/api/v1/api-keys")).json()["data"]) == 1


async def test_a_key_ends_when_it_said(api: ApiClients, client: httpx.AsyncClient, clock: Clock) -> None:
    body = {"name": "Short", "role": "viewer", "expiresInDays": 1}
    made = (await (await api(Role.ADMIN)).post("/api/v1/api-keys", json=body)).json()["data"]
    clock.advance(hours=23)
    assert (await me(client, made["key"])).status_code == 200
    clock.advance(hours=1)
    assert (await me(client, made["key"])).status_code == 401


@pytest.mark.parametrize(
    "given",
    [{"name": "", "role": "viewer"}, {"name": "x", "role": "boss"}, {"name": "x", "role": "viewer", "days": "0x"}],
)
async def test_a_bad_form_comes_back(browser: BrowserClients, given: dict[str, str], db_session: AsyncSession) -> None:
    answer = await (await browser(Role.ADMIN)).post("/settings/keys", data=given)
    assert answer.status_code == 422
    assert "bad-text" in answer.text
    assert await db_session.scalar(select(ApiKey.id)) is None


async def test_for_the_command_line(db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient) -> None:
    key = await keys.create_api_key(db_session, workspace.slug, "Terminal", "owner")
    assert (await me(client, key)).json()["data"]["workspace"]["id"] == workspace.id
    with pytest.raises(NotFound):
        await keys.create_api_key(db_session, "no-such", "Terminal", "owner")
    with pytest.raises(Invalid):
        await keys.create_api_key(db_session, workspace.slug, "Terminal", "emperor")


async def test_ten_years_at_most() -> None:
    assert timedelta(days=keys.MAX_DAYS) == timedelta(days=3650)
