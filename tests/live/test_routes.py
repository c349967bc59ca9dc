"""Who may listen to what, and what the answer says to clients and proxies."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.live.stream import LiveStream
from app.models import Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients, make_key
from tests.runs.rows import live_flow, make_run

PATHS = ("/api/v1/events/stream", "/api/v1/workflows/{workflow}/stream", "/api/v1/runs/{run}/stream")


@pytest.fixture(autouse=True)
def over_at_once(monkeypatch: pytest.MonkeyPatch) -> list[LiveStream]:
    """Streams end when they begin: clients of tests read whole answers."""
    begun = list[LiveStream]()

    async def no_pieces(stream: LiveStream) -> None:
        begun.append(stream)

    monkeypatch.setattr(LiveStream, "next_pieces", no_pieces)
    return begun


async def test_streams_are_for_those_who_may_read_runs(
    api: ApiClients,
    client: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    clock: Clock,
    over_at_once: list[LiveStream],
) -> None:
    workflow = await live_flow(await api(Role.ADMIN))
    run = await make_run(db_session, workspace, workflow, RunStatus.COMPLETED, clock.at)
    viewer, stranger = await api(Role.VIEWER), await api(Role.OWNER, other_workspace)
    ingest = await make_key(db_session, workspace, Role.ADMIN, scopes=["events:write"])
    for path in (one.format(workflow=workflow, run=run.id) for one in PATHS):
        answer = await viewer.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no" and "no-store" in answer.headers["cache-control"]
        assert "content-encoding" not in answer.headers and "retry: 2000" in answer.text
        assert (await client.get(path)).status_code == 401
        refused = await client.get(path, headers={"Authorization": f"Bearer {ingest}"})
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
        if "/events/" not in path:
            assert (await stranger.get(path)).status_code == 404
    assert {stream.tenant_id for stream in over_at_once} == {workspace.id}
    assert (await viewer.get(f"/api/v1/runs/{uuid4()}/stream")).status_code == 404


async def test_pages_listen_with_their_session(
    browser: BrowserClients,
    api: ApiClients,
    client: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    clock: Clock,
    over_at_once: list[LiveStream],
) -> None:
    workflow = await live_flow(await api(Role.ADMIN))
    run = await make_run(db_session, workspace, workflow, RunStatus.COMPLETED, clock.at)
    page, stranger = await browser(Role.VIEWER), await browser(Role.OWNER, other_workspace)
    for query in ("", f"?workflow={workflow}", f"?run={run.id}"):
        answer = await page.get(f"/live{query}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        if query:
            assert (await stranger.get(f"/live{query}")).status_code == 404
    query = f"?workflow={workflow}&trigger=trigger&on=go"
    assert (await page.get(f"/live{query}")).status_code == 200
    assert (await stranger.get(f"/live{query}")).status_code == 404
    assert over_at_once[-1].topic.events, "what the trigger of the draft listens for"
    assert all(stream.topic.hints for stream in over_at_once) and len(over_at_once) == 4
    assert (await client.get("/live", headers={"Accept": "text/event-stream"})).status_code == 204


async def test_a_stream_too_many_is_refused(api: ApiClients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.hub.MOST_OF_ASKER", 0)
    answer = await (await api(Role.VIEWER)).get(PATHS[0])
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
    assert answer.headers["retry-after"] == "5"
