"""API keys: made with at most one's own role, shown once, stored as a fingerprint, ended at once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

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
from tests.fixtures.people import ApiClients, BrowserClients, make_key, make_user


async def me(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})


async def test_a_key_made_on_the_page_is_shown_once_and_works(
    browser: BrowserClients, client: httpx.AsyncClient, db_session: AsyncSession
) -> None:
    admin = await browser(Role.ADMIN)
    page = await admin.post("/settings/keys", data={"name": "Shop", "access": "full", "role": "viewer", "days": "30"})
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
    [
        {"name": "", "access": "full", "role": "viewer", "days": "30"},
        {"name": "x", "access": "full", "role": "boss", "days": "30"},
        {"name": "x", "access": "full", "role": "viewer", "days": "0x"},
        {"name": "x", "access": "all", "role": "viewer", "days": "30"},
        {"name": "x", "access": "custom", "role": "viewer", "days": "30"},
        {"name": "x", "access": "custom", "role": "viewer", "scopes": "runs:write", "days": "30"},
    ],
)
async def test_a_bad_form_comes_back(browser: BrowserClients, given: dict[str, str], db_session: AsyncSession) -> None:
    answer = await (await browser(Role.ADMIN)).post("/settings/keys", data=given)
    assert answer.status_code == 422
    assert "bad-text" in answer.text
    assert await db_session.scalar(select(ApiKey.id)) is None


async def test_for_the_command_line(db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient) -> None:
    key = await keys.create_api_key(db_session, workspace.slug, "Terminal", "owner")
    assert (await me(client, key)).json()["data"]["workspace"]["id"] == workspace.id
    row = (await keys.listed(db_session, workspace.id))[0]
    assert (row.maker, row.key.created_by, row.effective) == (None, None, "owner")
    assert row.key.expires_at == row.key.created_at + timedelta(days=90)
    with pytest.raises(NotFound):
        await keys.create_api_key(db_session, "no-such", "Terminal", "owner")
    with pytest.raises(Invalid):
        await keys.create_api_key(db_session, workspace.slug, "Terminal", "emperor")


async def test_ninety_days_unless_something_else_is_said(api: ApiClients, browser: BrowserClients) -> None:
    admin, person = await api(Role.ADMIN), await browser(Role.ADMIN)
    for days, wanted in (({}, 90), ({"expiresInDays": 365}, 365), ({"expiresInDays": None}, None)):
        made = (await admin.post("/api/v1/api-keys", json={"name": "x", **days})).json()["data"]
        life = made["expiresAt"] and datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(
            made["createdAt"]
        )
        assert life == (timedelta(days=wanted) if wanted else None)
    form = (await person.get("/settings/keys")).text
    assert '<option value="90" selected>' in form
    page = await person.post("/settings/keys", data={"name": "x", "access": "ingest", "days": "never"})
    assert "It does not expire" in page.text


async def test_a_rotated_key_works_on_for_a_while(api: ApiClients, client: httpx.AsyncClient, clock: Clock) -> None:
    admin = await api(Role.ADMIN)
    body = {"name": "Shop", "role": "marketer", "scopes": ["events:write", "contacts:read"], "expiresInDays": 30}
    old = (await admin.post("/api/v1/api-keys", json=body)).json()["data"]
    clock.advance(days=20)
    path = f"/api/v1/api-keys/{old['id']}/rotate"
    new = (await admin.post(path, json={"overlapHours": 2})).json()["data"]
    assert [new[name] for name in ("name", "role", "scopes")] == [old[name] for name in ("name", "role", "scopes")]
    life = datetime.fromisoformat(new["expiresAt"]) - datetime.fromisoformat(new["createdAt"])
    assert life == timedelta(days=30)
    again = await admin.post(path, json={})
    assert (again.status_code, again.json()["code"]) == (409, "rotated_already")
    clock.advance(hours=1)
    assert [(await me(client, key["key"])).status_code for key in (old, new)] == [200, 200]
    listed = {row["id"]: row for row in (await admin.get("/api/v1/api-keys")).json()["data"]}
    assert listed[old["id"]]["replacedBy"] == new["id"]
    clock.advance(hours=1)
    assert [(await me(client, key["key"])).status_code for key in (old, new)] == [401, 200]


async def test_a_key_that_rotates_itself_keeps_its_maker(
    db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient
) -> None:
    maker = await make_user(db_session, workspace, Role.ADMIN)
    key = await make_key(db_session, workspace, Role.ADMIN, maker=maker.id)
    client.headers["authorization"] = f"Bearer {key}"
    own = (await client.get("/api/v1/me")).json()["data"]["id"]
    new = (await client.post(f"/api/v1/api-keys/{own}/rotate", json={})).json()["data"]
    assert new["maker"] == maker.name
    for wrong in (-1, 721):
        answer = await client.post(f"/api/v1/api-keys/{new['id']}/rotate", json={"overlapHours": wrong})
        assert answer.status_code == 422
    other = await make_key(db_session, workspace, Role.OWNER)
    row = (await db_session.scalars(select(ApiKey).where(ApiKey.prefix == other[3:13]))).one()
    for path, method in ((f"/api/v1/api-keys/{row.id}/rotate", "POST"), (f"/api/v1/api-keys/{row.id}", "DELETE")):
        answer = await client.request(method, path, json={} if method == "POST" else None)
        assert (answer.status_code, "owner" in answer.json()["detail"]) == (403, True)


async def test_an_admin_does_not_revoke_an_owners_key_on_the_page(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient
) -> None:
    key = await make_key(db_session, workspace, Role.OWNER)
    row = (await db_session.scalars(select(ApiKey))).one()
    admin, owner = await browser(Role.ADMIN), await browser(Role.OWNER)
    assert f"/settings/keys/{row.id}/" not in (await admin.get("/settings/keys")).text
    assert (await admin.post(f"/settings/keys/{row.id}/revoke")).status_code == 403
    assert (await admin.post(f"/settings/keys/{row.id}/rotate")).status_code == 403
    assert (await me(client, key)).status_code == 200
    assert (await owner.post(f"/settings/keys/{row.id}/revoke")).status_code == 303
    answer = await me(client, key)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_over")


async def test_the_keys_a_key_made_end_with_it_when_asked(
    db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient, browser: BrowserClients
) -> None:
    top = await make_key(db_session, workspace, Role.ADMIN)

    async def child(parent: str) -> str:
        headers = {"Authorization": f"Bearer {parent}"}
        body = {"name": f"of {parent[:8]}", "role": "admin"}
        made: str = (await client.post("/api/v1/api-keys", json=body, headers=headers)).json()["data"]["key"]
        return made

    first = await child(top)
    second, other = await child(first), await child(top)
    ids = {row.prefix: row.id for row in await db_session.scalars(select(ApiKey))}
    admin = await browser(Role.ADMIN)
    assert "Also revoke the 3 keys made with it" in (await admin.get("/settings/keys")).text
    assert (await admin.post(f"/settings/keys/{ids[first[3:13]]}/revoke", data={"made": "1"})).status_code == 303
    assert [(await me(client, key)).status_code for key in (top, first, second, other)] == [200, 401, 401, 200]
    assert (await admin.post(f"/settings/keys/{ids[top[3:13]]}/revoke")).status_code == 303
    assert [(await me(client, key)).status_code for key in (top, other)] == [401, 200]
