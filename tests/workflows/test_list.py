"""GET /api/v1/workflows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.accounts.principal import Principal
from app.models import NodeStat, Workspace
from app.models.status import Role
from app.workflows.service import WorkflowService
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH, created, field_errors, tagging


@pytest.fixture
def statements(connection: AsyncConnection) -> Callable[[], object]:
    """`with statements() as sent:` collects the SQL that goes to the database."""

    @contextmanager
    def collect() -> Iterator[list[str]]:
        sent: list[str] = []

        def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                sent.append(statement)

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        yield sent
        event.remove(connection.sync_connection, "before_cursor_execute", note)

    return collect


async def test_last_changed_first_with_cursors(api: ApiClients, clock: Clock) -> None:
    client = await api(Role.MARKETER)
    names = []
    for number in range(5):
        clock.advance(minutes=1)
        names.append((await created(client, tagging(name=f"Flow {number}")))["name"])
    seen, cursor = [], None
    for _ in range(3):
        answer = await client.get(PATH, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        body = answer.json()
        seen += [row["name"] for row in body["data"]]
        cursor = body["meta"]["nextCursor"]
        assert body["meta"]["limit"] == 2
    assert seen == names[::-1] and cursor is None


async def test_rows_that_changed_at_the_same_time_are_all_listed(api: ApiClients, clock: Clock) -> None:
    client = await api(Role.MARKETER)
    made = {(await created(client))["id"] for _ in range(3)}
    first = (await client.get(PATH, params={"limit": 2})).json()
    second = (await client.get(PATH, params={"limit": 2, "cursor": first["meta"]["nextCursor"]})).json()
    assert {row["id"] for row in first["data"] + second["data"]} == made


async def test_a_row_says_what_a_list_needs(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    admin = await api(Role.ADMIN)
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    counters = (("entered", 7, 0), ("entered", 5, 3), ("completed", 4, 0), ("failed", 1, 1), ("message.failed", 2, 0),
                ("message.failed.awaited", 1, 4), ("message.uncertain", 6, 2), ("message.sent", 9, 2))  # fmt: skip
    for key, number, shard in counters:
        db_session.add(
            NodeStat(
                tenant_id=workspace.id,
                workflow_id=flow["id"],
                version=1,
                node_id="mail" if key.startswith("message.") else "",
                key=key,
                shard=shard,
                n=number,
            )
        )
    await db_session.flush()
    (row,) = (await admin.get(PATH)).json()["data"]
    assert row["status"] == "active" and row["liveVersion"] == 1 and row["hasUnpublishedChanges"] is False
    assert row["nodeCount"] == 2 and row["trigger"]["event"] == "contact.created" and "nodes" not in row
    assert row["stats"] == {
        "totalRuns": 12,
        "runningRuns": 7,
        "completedRuns": 4,
        "failedRuns": 1,
        "goalReachedRuns": 0,
        "exitedRuns": 0,
        "cancelledRuns": 0,
        "failedMessages": 3,
        "uncertainMessages": 6,
    }
    text = (await (await browser(Role.VIEWER)).get("/workflows")).text
    assert "3 messages" in text and "6 uncertain" in text and f"status=failed&amp;workflow={flow['id']}" in text


async def test_filters(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    one = await created(admin, tagging(name="Abandoned cart", description="100% of carts"))
    two = await created(admin, tagging(name="Welcome_series"))
    three = await created(admin, tagging(name="Old"))
    await admin.post(f"{PATH}/{one['id']}/activate")
    await admin.post(f"{PATH}/{three['id']}/archive")

    async def listed(**params: str) -> set[str]:
        return {row["id"] for row in (await admin.get(PATH, params=params)).json()["data"]}

    assert await listed() == {one["id"], two["id"]}
    assert await listed(status="active") == {one["id"]}
    assert await listed(status="draft,archived") == {two["id"], three["id"]}
    assert await listed(search="CART") == {one["id"]}
    assert await listed(search="100%") == {one["id"]}
    assert await listed(search="e_s") == {two["id"]}
    assert await listed(search="%") == {one["id"]}
    assert await listed(search="nothing") == set()


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"status": "running"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
async def test_bad_filters_are_named(api: ApiClients, params: dict[str, str], path: str) -> None:
    answer = await (await api(Role.VIEWER)).get(PATH, params=params)
    assert answer.status_code == 422 and path in field_errors(answer)


async def test_only_this_workspaces(api: ApiClients, other_workspace: Workspace) -> None:
    await created(await api(Role.MARKETER, other_workspace))
    assert (await (await api(Role.VIEWER)).get(PATH)).json()["data"] == []


async def test_a_list_takes_three_queries_whatever_its_length(
    api: ApiClients, db_session: AsyncSession, principal: Principal, statements: Callable[[], Iterator[list[str]]]
) -> None:
    admin = await api(Role.ADMIN)
    for number in range(6):
        flow = await created(admin, tagging(name=f"Flow {number}"))
        await admin.post(f"{PATH}/{flow['id']}/activate")
    with statements() as sent:  # type: ignore[attr-defined]
        page = await WorkflowService(db_session, principal).lists.page()
    assert len(page.items) == 6
    assert len(sent) == 3, sent
