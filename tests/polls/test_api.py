"""How a trigger that asks for rows stands, and trials of it, by API and in the form of the builder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Contact, Inbox, Poll, Workspace
from app.models.status import Role
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording
from tests.fixtures.people import ApiClients
from tests.polls.conftest import polling_flow
from tests.workflows.examples import PATH, created


@pytest.fixture
def orders() -> Iterator[Recorder]:
    with recording() as recorder:
        rows = [{"id": n, "email": f"p{n}@example.com" if n != 28 else "nobody", "at": n} for n in range(1, 31)]
        recorder.answer = lambda asked: json_reply({"orders": rows})
        yield recorder


async def workflow(api: ApiClients, recorder: Recorder, **data: Any) -> tuple[Any, str]:
    admin = await api(Role.ADMIN)
    document = {"name": "Orders", **polling_flow(f"{recorder.url}/orders", **data)}
    made = await created(admin, {key: document[key] for key in ("name", "triggers", "nodes", "edges")})
    return admin, f"{PATH}/{made['id']}/triggers/poll/poll"


async def test_a_trial_says_what_the_newest_rows_would_do(
    api: ApiClients, db_session: AsyncSession, orders: Recorder
) -> None:
    admin, path = await workflow(api, orders, cursor={"path": "$.id", "kind": "number"}, attributes={"n": "$.at"})
    answer = await admin.post(f"{path}/trial", json={})
    assert answer.status_code == 200, answer.text
    tried = answer.json()["data"]
    assert tried["total"] == 30 and tried["error"] is None
    assert [row["id"] for row in tried["rows"]] == [str(number) for number in range(30, 10, -1)]
    assert tried["rows"][0]["text"] == "Starts a run for p30@example.com." and tried["rows"][0]["attributes"] == {
        "n": 30
    }
    assert tried["rows"][2]["starts"] is False and "Is left out" in tried["rows"][2]["text"]
    assert await db_session.scalar(select(func.count()).select_from(Contact)) == 0
    assert await db_session.scalar(select(func.count()).select_from(Inbox)) == 0


async def test_a_trial_says_why_there_are_no_rows(api: ApiClients, orders: Recorder) -> None:
    admin, path = await workflow(api, orders)
    orders.answer = lambda asked: Reply(404, b"not here")
    assert (await admin.post(f"{path}/trial", json={})).json()["data"]["error"] == "It answered 404. It says: not here"
    data = polling_flow("")["triggers"][0]["data"]
    refused = await admin.post(f"{path}/trial", json={"data": data})
    assert refused.status_code == 422 and "Write the URL" in refused.text
    marketer = await api(Role.MARKETER)
    assert (await marketer.post(f"{path}/trial", json={})).status_code == 403


async def test_how_a_trigger_stands(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, orders: Recorder
) -> None:
    admin, path = await workflow(api, orders)
    assert (await admin.get(path)).json()["data"]["asks"] is False
    activated = await admin.post(f"{path.partition('/triggers')[0]}/activate")
    assert activated.status_code == 200, activated.text
    workflow_id = UUID(path.split("/")[4])
    db_session.add(
        Poll(
            tenant_id=workspace.id, workflow_id=workflow_id, trigger_id="poll", trigger={}, active=True, next_at=workspace.created_at,
            failures=2, failing_since=workspace.created_at, error="It answered 500.", cursor="7", total_rows=3,
        )
    )  # fmt: skip
    await db_session.flush()
    view = (await admin.get(path)).json()["data"]
    assert (view["asks"], view["cursor"], view["startedRows"], view["error"]) == (True, "7", 3, "It answered 500.")
    troubles = (await admin.get("/api/v1/troubles")).json()["data"]
    (trouble,) = [one for one in troubles if one["kind"] == "poll_failing"]
    assert (trouble["workflowId"], trouble["message"]) == (str(workflow_id), "It answered 500.")


async def test_the_form_shows_both(browser: Any, api: ApiClients, orders: Recorder) -> None:
    _, path = await workflow(api, orders)
    page, part = await browser(Role.ADMIN), path.replace("/api/v1", "")
    shown = (await page.get(part)).text
    assert "It asks while the workflow is active" in shown and "Show the newest rows" in shown
    tried = (await page.post(f"{part}/trial")).text
    assert "Starts a run for p30@example.com." in tried and "30 rows there now, 20 shown" in tried
    assert "An admin can see" in (await (await browser(Role.VIEWER)).get(part)).text


@pytest.mark.parametrize(("first", "words"), [("existing", "Each of them starts a run"), ("new", "They start nothing")])
async def test_how_many_rows_there_are_is_shown_before_activating(
    browser: Any, api: ApiClients, orders: Recorder, first: str, words: str
) -> None:
    _, path = await workflow(api, orders, first=first)
    page, part = await browser(Role.ADMIN), path.replace("/api/v1", "")
    dialog = (await page.get(part.replace("/triggers/poll/poll", "/activation"))).text
    assert f'hx-post="{part}/count"' in dialog
    shown = (await page.post(f"{part}/count")).text
    assert "30 rows are there now" in shown and words in shown
    orders.answer = lambda asked: Reply(404, b"not here")
    assert "It answered 404. It says: not here" in (await page.post(f"{part}/count")).text
    assert (await (await browser(Role.MARKETER)).post(f"{part}/count")).status_code == 403
    dialog = (await (await browser(Role.MARKETER)).get(part.replace("/triggers/poll/poll", "/activation"))).text
    assert "poll/count" not in dialog
    assert len(orders.asked) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"source": {"kind": "query", "query": "select 1"}}, "Choose the database"),
        ({"source": {"kind": "query", "connectorId": "0b0f2f1e-0000-7000-8000-000000000000"}}, "Write the SELECT"),
        ({"source": {"kind": "url", "url": "ftp://x.example"}}, "begins with https://"),
        ({"source": {"kind": "url", "url": "https://x.example", "items": "$.a..b"}}, "no place in JSON"),
        ({"id": ""}, "Write where the value stands"),
        ({"cursor": {"path": "", "kind": "number"}}, "Write where the value stands"),
        ({"everySeconds": 5}, "everySeconds"),
        ({"event": "Not A Name"}, "event"),
    ],
    ids=["database", "query", "url", "list", "id", "cursor", "interval", "event"],
)
async def test_what_does_not_fit_is_said(api: ApiClients, data: dict[str, Any], words: str) -> None:
    admin = await api(Role.ADMIN)
    document = {"name": "Orders", **polling_flow("https://shop.example/orders", **data)}
    answer = await admin.post(PATH, json={key: document[key] for key in ("name", "triggers", "nodes", "edges")})
    if answer.status_code == 201:
        answer = await admin.post(f"{PATH}/{answer.json()['data']['id']}/activate")
    assert answer.status_code == 422 and words in answer.text, answer.text


async def test_a_connector_that_a_trigger_asks_by_is_in_use(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    config = {"host": "db.example.com", "database": "shop", "user": "reader", "password": "s3cret"}
    body = {"type": "postgres", "name": "Shop", "config": config}
    connector = (await admin.post("/api/v1/connectors", json=body)).json()["data"]["id"]
    source = {"kind": "query", "connectorId": connector, "query": "select 1 as id"}
    document = {"name": "Orders", **polling_flow(source=source)}
    await created(admin, {key: document[key] for key in ("name", "triggers", "nodes", "edges")})
    refused = await admin.delete(f"/api/v1/connectors/{connector}")
    assert refused.status_code == 409 and "Orders" in refused.text
