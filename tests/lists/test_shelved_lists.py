"""The lists of workflows and templates as other lists are: sorted, with columns and views, as a file, beside their folders."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import NodeStat, Workspace
from app.models.status import Role
from app.workflows import list_columns, listing
from app.workflows.loaded import WorkflowListItem
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import created, tagging

NAMES = ("Anna", "Berta", "Carla")


@pytest.fixture
async def flows(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> list[str]:
    """Three workflows, of which the second has the most runs under way and the third none."""
    client = await api(Role.ADMIN)
    ids = [(await created(client, tagging(name=name)))["id"] for name in NAMES]
    for number, ended, one in ((2, 1, ids[0]), (7, 2, ids[1])):
        for key, value in (("entered", number), ("completed", ended)):
            stat = {"workflow_id": one, "version": 1, "node_id": "", "key": key, "shard": 1, "n": value}
            db_session.add(NodeStat(tenant_id=workspace.id, **stat))
    await db_session.flush()
    return ids


def order_of(page: str, names: tuple[str, ...] = NAMES) -> list[str]:
    rows = page[page.index('id="rows"') :]
    return sorted(names, key=lambda name: rows.index(f'dir="auto">{name}<'))


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


@pytest.mark.usefixtures("flows")
@pytest.mark.parametrize(
    ("sort", "expected"),
    [("name", "ABC"), ("-name", "CBA"), ("-active", "BAC"), ("active", "CAB"), ("created", "ABC")],
)
async def test_workflows_are_sorted_by_their_headings(browser: BrowserClients, sort: str, expected: str) -> None:
    viewer = await browser(Role.VIEWER)
    assert (
        "".join(name[0] for name in order_of((await viewer.get("/workflows", params={"sort": sort})).text)) == expected
    )
    file = rows_of(await viewer.get("/workflows/export", params={"sort": sort}))
    assert "".join(row["name"][0] for row in file) == expected
    assert [row["active"] for row in file if row["name"] == "Berta"] == ["5"]


async def test_the_order_by_runs_goes_on_behind_a_cursor(
    browser: BrowserClients, flows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.workflows.list_pages.MAX_LIMIT", 2)
    file = rows_of(await (await browser(Role.VIEWER)).get("/workflows/export", params={"sort": "-active"}))
    assert [row["id"] for row in file] == [flows[1], flows[0], flows[2]]


async def test_the_file_by_runs_has_each_once_though_they_move_meanwhile(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    flows: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two pages the last one comes to have the most runs."""
    of_ids, read = listing.WorkflowLists.of_ids, list[int]()

    async def moving(lists: listing.WorkflowLists, ids: Sequence[UUID]) -> list[WorkflowListItem]:
        listed = await of_ids(lists, ids)
        stat = {"workflow_id": flows[2], "version": 1, "node_id": "", "key": "entered", "shard": len(read) + 1, "n": 9}
        db_session.add(NodeStat(tenant_id=workspace.id, **stat))
        await db_session.flush()
        read.append(len(listed))
        return listed

    monkeypatch.setattr(listing.WorkflowLists, "of_ids", moving)
    monkeypatch.setattr("app.workflows.list_pages.MAX_LIMIT", 1)
    file = rows_of(await (await browser(Role.VIEWER)).get("/workflows/export", params={"sort": "-active"}))
    assert [row["id"] for row in file] == [flows[1], flows[0], flows[2]] and read == [1, 1, 1]


async def test_the_file_of_more_than_are_sorted_by_their_runs_is_whole(
    browser: BrowserClients, flows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (listing, list_columns):
        monkeypatch.setattr(module, "MOST_BY_ACTIVE", 2)
    monkeypatch.setattr("app.workflows.list_pages.MAX_LIMIT", 2)
    file = rows_of(await (await browser(Role.VIEWER)).get("/workflows/export", params={"sort": "-active"}))
    assert [row["id"] for row in file] == flows[::-1]


@pytest.mark.usefixtures("flows")
async def test_too_many_are_not_sorted_by_their_runs(browser: BrowserClients, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = await browser(Role.VIEWER)
    assert "sort=-active" in (await viewer.get("/workflows")).text
    for module in (listing, list_columns):
        monkeypatch.setattr(module, "MOST_BY_ACTIVE", 2)
    answer = await viewer.get("/workflows", params={"sort": "-active"})
    assert (
        answer.status_code == 200 and "sort=-active" not in answer.text and order_of(answer.text) == list(NAMES)[::-1]
    )
    assert (await viewer.get("/workflows", params={"sort": "colour"})).status_code == 422


@pytest.mark.usefixtures("flows")
async def test_columns_and_views_of_workflows(browser: BrowserClients) -> None:
    marketer = await browser(Role.MARKETER)
    page = (await marketer.get("/workflows")).text
    assert "Goal reached</th>" in page and "Created" in page
    shown = {"column": ["status", "created"], "to": "/workflows"}
    assert (await marketer.post("/lists/workflows/columns", data=shown)).status_code == 303
    page = (await marketer.get("/workflows")).text
    assert "Goal reached</th>" not in page and 'id="sort-created"' in page and "Results of Anna" in page
    kept = {"name": "Best", "query": "status=draft&sort=-active&search=B", "to": "/workflows"}
    address = (await marketer.post("/lists/workflows/views", data=kept)).headers["location"]
    page = (await marketer.get(address)).text
    assert 'aria-current="page">Best' in page and "Berta" in page and "Carla" not in page
    part = await marketer.get(address, headers={"hx-request": "true", "hx-target": "rows"})
    assert 'id="shelf"' in part.text and 'name="status" value="draft" form="filters"' in part.text


async def test_templates_as_cards_with_chosen_lines(browser: BrowserClients, api: ApiClients) -> None:
    client, marketer = await api(Role.MARKETER), await browser(Role.MARKETER)
    folder = (await client.post("/api/v1/template-folders", json={"name": "Spring"})).json()["data"]["id"]
    for name in NAMES:
        body = {"name": name, "subject": f"Hi {name}", "html": "<p>Hi</p>", "tags": ["vip"]}
        body |= {"folderId": folder} if name != "Anna" else {}
        assert (await client.post("/api/v1/templates", json=body)).status_code == 201
    page = (await marketer.get("/templates", params={"sort": "-name"})).text
    assert order_of(page) == list(NAMES)[::-1] and "Hi Anna" in page and "On each card" in page
    await marketer.post("/lists/templates/columns", data={"column": ["channel"], "to": "/templates"})
    page = (await marketer.get("/templates", params={"folder": folder})).text
    assert "Hi Berta" not in page and "<iframe" not in page and "Email" in page and "Anna" not in page
    file = rows_of(await marketer.get("/templates/export", params={"folder": folder, "sort": "-name"}))
    assert [(row["name"], row["folder"], row["tags"]) for row in file] == [
        ("Carla", "Spring", "vip"),
        ("Berta", "Spring", "vip"),
    ]
    everything = rows_of(await marketer.get("/templates/export", params={"folder": folder, "search": "Hi"}))
    assert len(everything) == 3, "a search looks in all folders"
