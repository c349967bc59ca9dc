"""What a run waits for is said where people look for it, and by the API: an event and until when, or whom it calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.models import CallIntent, Workflow, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.runs import RunRecord
from tests.runs.test_pages import make_run, make_workflow

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
async def workflow(
    db_session: AsyncSession, principals: dict[Role, Principal], workspace: Workspace, clock: Clock
) -> Workflow:
    workspace.timezone = "Asia/Tokyo"
    clock.set(NOON)
    return await make_workflow(db_session, principals[Role.OWNER])


async def texts(browser: BrowserClients, run: RunRecord) -> list[str]:
    """Both lists, the page of the run and the panel of the canvas."""
    client = await browser(Role.VIEWER)
    paths = (
        "/runs",
        f"/workflows/{run.workflow_id}/runs",
        f"/runs/{run.id}",
        f"/workflows/{run.workflow_id}/people/{run.id}",
    )
    answers = [await client.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * 4
    return [answer.text for answer in answers]


async def test_a_run_says_which_event_it_waits_for_and_until_when(
    browser: BrowserClients, api: ApiClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    until = NOON + timedelta(days=2, hours=4)
    run = await make_run(
        db_session, workflow, RunStatus.WAITING, current_node_id="pause", resume_at=until, waits_for="order <b>paid</b>",
        waits_since=NOON,
    )  # fmt: skip
    for text in await texts(browser, run):
        assert "Waits for the event “order &lt;b&gt;paid&lt;/b&gt;” until Thu, Jun 4 01:00 JST." in text
    listed = (await texts(browser, run))[0]
    assert ">“order &lt;b&gt;paid&lt;/b&gt;” until Thu, Jun 4 01:00 JST</span>" in listed
    client = await api(Role.VIEWER)
    for path in (f"/api/v1/workflows/{workflow.id}/runs/{run.id}", "/api/v1/runs"):
        data = (await client.get(path)).json()["data"]
        shown = data if isinstance(data, dict) else data[0]
        assert shown["waitsFor"] == {"event": "order <b>paid</b>", "until": "2026-06-03T16:00:00Z"}
        assert (shown["waiting"], shown["call"]) == (True, None)


@pytest.mark.parametrize("under_way", [False, True])
async def test_a_run_says_whom_it_calls(
    browser: BrowserClients, api: ApiClients, workflow: Workflow, db_session: AsyncSession, under_way: bool
) -> None:
    run = await make_run(db_session, workflow, RunStatus.CALLING, current_node_id="pause", attempt=2)
    older = {
        "tenant_id": run.tenant_id,
        "run_id": run.id,
        "workflow_id": run.workflow_id,
        "node_id": "pause",
        "kind": "http",
    }
    for attempt, target in ((1, "old.example"), (2, "api.example")):
        db_session.add(
            CallIntent(
                **older, seq=2, attempt=attempt, target=target, policy="resend", timeout_s=30, due_at=NOON,
                lease_until=NOON if under_way else None,
            )
        )  # fmt: skip
    await db_session.flush()
    says = (
        "Calling “api.example”: the run continues with its answer."
        if under_way
        else "Waits for its turn to call “api.example”."
    )
    for text in await texts(browser, run):
        assert says in text and "old.example" not in text
    client = await api(Role.VIEWER)
    data = (await client.get(f"/api/v1/workflows/{workflow.id}/runs/{run.id}")).json()["data"]
    assert data["call"] == {"target": "api.example", "askedAt": "2026-06-01T12:00:00Z", "underWay": under_way}
    assert (data["status"], data["waitsFor"]) == ("running", None)


async def test_a_refresh_sees_that_the_call_has_begun(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    run = await make_run(db_session, workflow, RunStatus.CALLING, current_node_id="pause")
    call = CallIntent(
        tenant_id=run.tenant_id, run_id=run.id, workflow_id=run.workflow_id, node_id="pause", kind="http", seq=2, attempt=1,
        target="api.example", policy="resend", timeout_s=30, due_at=NOON,
    )  # fmt: skip
    db_session.add(call)
    await db_session.flush()
    client = await browser(Role.VIEWER)
    fragment = {"HX-Request": "true"}
    state = (await client.get(f"/runs/{run.id}")).text.split("?seen=")[1].split('"')[0]
    assert (await client.get(f"/runs/{run.id}?seen={state}", headers=fragment)).status_code == 204
    call.lease_until = NOON
    await db_session.flush()
    assert "Calling “api.example”" in (await client.get(f"/runs/{run.id}?seen={state}", headers=fragment)).text
