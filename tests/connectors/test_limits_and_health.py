"""Limits of connectors in the API and the form, and what is said of a service that fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.performers import connector_target
from app.lib import clock
from app.lib.ids import uuid7
from app.models import CallIntent, Connector, Workspace
from app.models.status import Role
from tests.connectors.test_http_connector import FORM, added
from tests.fixtures.http_server import Recorder, recording


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


async def test_limits_are_shown_as_they_hold_and_merge(
    api: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    body = (await added(api)).json()["data"]
    usual = {"maxConcurrent": 20, "rate": None, "per": None, "burst": None}
    assert (body["limits"], body["pausedUntil"], body["nextTryAt"]) == (usual, None, None)
    client, path = await api(Role.ADMIN), f"/api/v1/connectors/{body['id']}"

    async def after(**limits: Any) -> Any:
        return (await client.patch(path, json={"limits": limits})).json()["data"]["limits"]

    assert await after(rate=120, per="minute") == {**usual, "rate": 120, "per": "minute", "burst": 2}
    assert await after(burst=10) == {**usual, "rate": 120, "per": "minute", "burst": 10}, "what is absent stays"
    assert await after(maxConcurrent=5, rate=None) == {**usual, "maxConcurrent": 5}, "a burst goes with its rate"
    for wrong in ({"burst": 3}, {"rate": 0}, {"per": "week"}, {"maxConcurrent": 1_001}, {"most": 1}):
        assert (await client.patch(path, json={"limits": wrong})).status_code == 422
    assert await after() == {**usual, "maxConcurrent": 5}


async def test_the_form_says_what_does_not_fit_of_the_limits(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    admin = await browser(Role.ADMIN)
    limits = {"maxConcurrent": "7", "rate": "100", "per": "minute", "burst": ""}
    wrongs = {
        "1,000,000": {"rate": "fast"},
        "1 to 1,000": {"maxConcurrent": "1001"},
        "the rate too": {"rate": "", "burst": "3"},
    }
    for words, wrong in wrongs.items():
        answer = await admin.post("/connectors", data={**FORM, **limits, **wrong})
        assert answer.status_code == 422 and words in answer.text
    made = await admin.post("/connectors", data={**FORM, **limits})
    row = (
        await db_session.scalars(select(Connector).where(Connector.tenant_id == workspace.id, Connector.type == "http"))
    ).one()
    assert (row.max_concurrent, row.rate, row.rate_seconds, row.burst) == (7, 100, 60, None)
    page = (
        await admin.get(made.headers.get("hx-redirect") or made.headers.get("location") or f"/connectors/{row.id}")
    ).text
    assert 'value="100"' in page and '<option value="minute" selected>' in page
    saved = await admin.post(f"/connectors/{row.id}", data={**FORM, **dict.fromkeys(limits, ""), "secret": ""})
    assert saved.status_code in (200, 204, 303)
    await db_session.refresh(row)
    assert (row.max_concurrent, row.rate, row.rate_seconds) == (None, None, None)


async def test_a_service_that_fails_says_so_everywhere_and_a_test_that_works_ends_it(
    api: Any, browser: Any, db_session: AsyncSession, workspace: Workspace, server: Recorder
) -> None:
    made = (await added(api, baseUrl=server.url)).json()["data"]
    row = await db_session.get(Connector, (workspace.id, UUID(made["id"])))
    assert row is not None
    row.state, row.state_since, row.state_message, row.probe_at = (
        "away",
        clock.now(),
        "It answered 503.",
        clock.now() + timedelta(minutes=3),
    )
    run = {
        "tenant_id": workspace.id,
        "workflow_id": uuid7(),
        "node_id": "a",
        "kind": "http",
        "policy": "resend",
        "timeout_s": 30,
    }
    for seq in (1, 2):
        db_session.add(
            CallIntent(**run, run_id=uuid7(), seq=seq, attempt=1, target=connector_target(row.id), due_at=clock.now())
        )
    await db_session.flush()
    admin, client, path = await browser(Role.ADMIN), await api(Role.ADMIN), f"/connectors/{row.id}"
    for page in ((await admin.get("/connectors")).text, (await admin.get(path)).text):
        assert "It answered 503." in page and "2 calls wait for it" in page and "It is tried again" in page
    assert "Failing since" in (await admin.get("/connectors")).text
    assert "Service away" in (await admin.get("/")).text
    shown = (await client.get(f"/api/v1{path}")).json()["data"]
    assert shown["state"] == "away" and shown["nextTryAt"]
    troubles = (await client.get("/api/v1/troubles")).json()["data"]
    assert [(one["kind"], one["count"]) for one in troubles if one["kind"] == "service_away"] == [("service_away", 2)]
    assert (await client.post(f"/api/v1{path}/test", json={})).json()["data"]["result"] == "sent"
    await db_session.refresh(row)
    assert row.state == "ok"
    row.paused_until = clock.now() + timedelta(minutes=2)
    await db_session.flush()
    assert (
        "Paused until" in (await admin.get("/connectors")).text
        and "asked to be left alone" in (await admin.get(path)).text
    )
    assert (await client.post(f"/api/v1{path}/resume")).json()["data"]["pausedUntil"] is None
