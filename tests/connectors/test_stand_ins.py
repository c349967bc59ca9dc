"""Stand-ins on the pages and in the API: named, refused with words, and said wherever somebody looks for why a message left elsewhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models import Connector, Workspace
from app.models.status import Role

CONFIG = {"host": "mail.example.com", "port": 465, "security": "tls", "fromEmail": "shop@example.com"}


async def two(api: Any) -> tuple[Any, str, str]:
    client = await api(Role.ADMIN)
    ids = []
    for name in ("First", "Second"):
        body = {"name": name, "type": "smtp", "config": {**CONFIG, "username": name}}
        ids.append((await client.post("/api/v1/connectors", json=body)).json()["data"]["id"])
    return client, ids[0], ids[1]


async def test_the_api_names_shows_and_protects_a_stand_in(
    api: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    client, first, second = await two(api)
    path = f"/api/v1/connectors/{first}"
    shown = (await client.patch(path, json={"standInId": second})).json()["data"]
    assert (shown["standInId"], shown["carriedBy"]) == (second, None)
    circle = await client.patch(f"/api/v1/connectors/{second}", json={"standInId": first})
    assert circle.status_code == 422 and circle.json()["errors"][0]["path"] == "standInId"
    kept = await client.delete(f"/api/v1/connectors/{second}")
    assert kept.status_code == 409 and "stands in for “First”" in kept.text
    row = await db_session.get(Connector, (workspace.id, UUID(first)))
    assert row is not None
    row.state, row.state_since, row.state_message = "paused", clock.now(), "535 No."
    await db_session.flush()
    assert (await client.get(path)).json()["data"]["carriedBy"] == second
    listed = {one["id"]: one for one in (await client.get("/api/v1/connectors")).json()["data"]}
    assert (listed[first]["carriedBy"], listed[second]["carriedBy"]) == (second, None)
    (trouble,) = [one for one in (await client.get("/api/v1/troubles")).json()["data"] if one["connectorId"] == first]
    assert (trouble["kind"], trouble["severity"]) == ("stood_in", "warning") and "“Second” stands in" in trouble[
        "message"
    ]
    assert (await client.patch(path, json={"standInId": None})).json()["data"]["standInId"] is None
    assert (await client.delete(f"/api/v1/connectors/{second}")).status_code == 204


async def test_the_form_offers_the_others_of_the_channel_and_keeps_the_choice(
    api: Any, browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    _, first, second = await two(api)
    admin = await browser(Role.ADMIN)
    path, form = f"/connectors/{first}", {"name": "First", **CONFIG, "port": "465", "username": "First", "password": ""}
    page = (await admin.get(path)).text
    assert "If it fails, use" in page and f'<option value="{second}">Second</option>' in page
    assert f'value="{first}"' not in page.split("If it fails, use")[1].split("</select>")[0]
    assert (await admin.post(path, data={**form, "standInId": second})).status_code in (200, 204, 303)
    assert f'<option value="{second}" selected>Second</option>' in (await admin.get(path)).text
    refused = await admin.post(
        f"/connectors/{second}", data={**form, "name": "Second", "username": "Second", "standInId": first}
    )
    assert refused.status_code == 422 and "a circle would end nowhere" in refused.text
    odd = await admin.post(path, data={**form, "standInId": "nobody"})
    assert odd.status_code == 422 and "Choose one of these." in odd.text
    rows = (await db_session.scalars(select(Connector).where(Connector.tenant_id == workspace.id))).all()
    row = next(one for one in rows if str(one.id) == first)
    row.state, row.state_since, row.state_message = "paused", clock.now(), "535 No."
    await db_session.flush()
    for text in ((await admin.get(path)).text, (await admin.get("/connectors")).text):
        assert "What is due leaves by" in text
    home = (await admin.get("/")).text
    assert "Stand-in at work" in home and "Check the key" in home
