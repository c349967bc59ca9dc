"""Segments as rows of a list: deleted several at once, except those that are used, and as a file. Views of the runs of a workflow."""

from __future__ import annotations

import csv
import io
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lists.bulk import BulkJobs
from app.lists.bulk_pages import done_in_words
from app.models import Segment, SegmentNumber, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import created, tagging

SEGMENTS = "/api/v1/segments"


async def segments(session: AsyncSession, workspace: Workspace, *names: str) -> list[Segment]:
    rows = [Segment(tenant_id=workspace.id, number=n, name=name, kind="static") for n, name in enumerate(names, 1)]
    session.add_all([*rows, SegmentNumber(tenant_id=workspace.id, last=len(names))])
    await session.flush()
    return rows


async def test_those_that_are_used_are_left(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal]
) -> None:
    rows = await segments(db_session, workspace, "A", "B", "C")
    rule = {"match": "all", "conditions": [{"field": "segment", "operator": "in", "value": [str(rows[1].id)]}]}
    body = {"name": "D", "kind": "dynamic", "rule": rule}
    answer = await (await api(Role.MARKETER)).post(SEGMENTS, json=body)
    assert answer.status_code == 201, answer.text
    jobs = BulkJobs(db_session, principals[Role.MARKETER])
    targets = await jobs.fitting("segments", {"sort": "name"})
    assert [str(one) for one in targets.ids[:3]] == [str(row.id) for row in rows] and not targets.more
    job = await jobs.start("segments", "delete", [row.id for row in rows], {})
    assert (job.done, job.refused) == (2, 1)
    assert done_in_words(job) == "2 segments deleted. 1 could not: a workflow or another segment uses “B” (“D”)."
    there = (await (await api(Role.VIEWER)).get(SEGMENTS)).json()["data"]
    assert [row["name"] for row in there] == ["B", "D"]


async def test_boxes_are_for_who_may_delete_and_the_file_for_all(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    await segments(db_session, workspace, "A", "B")
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    assert (await marketer.get("/segments")).text.count('name="id"') == 2
    assert 'name="id"' not in (await viewer.get("/segments")).text
    answer = await viewer.get("/segments/export", params={"sort": "-name"})
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["name"], row["contacts"]) for row in rows] == [("B", "0"), ("A", "0")]


async def test_views_of_the_runs_of_a_workflow(browser: BrowserClients, api: ApiClients) -> None:
    admin, marketer = await api(Role.ADMIN), await browser(Role.MARKETER)
    first, second = [(await created(admin, tagging(name=name)))["id"] for name in "AB"]
    path = f"/workflows/{first}/runs"
    sent: dict[str, Any] = {"name": "Late", "query": "status=failed&sort=started", "to": f"{path}?status=failed"}
    address = (await marketer.post("/lists/workflow-runs/views", data=sent)).headers["location"]
    assert address.startswith(f"{path}?status=failed&sort=started&view=")
    assert 'aria-current="page">Late' in (await marketer.get(address)).text
    elsewhere = (await marketer.get(f"/workflows/{second}/runs")).text
    view = address.rpartition("=")[2]
    assert ">Late" in elsewhere and f"view={view}" in elsewhere and first not in elsewhere
    gone = await marketer.post(f"/lists/workflow-runs/views/{view}/delete", data={"to": path})
    assert gone.headers["location"] == path
    assert (
        (await marketer.post("/lists/workflow-runs/views", data=sent | {"to": "/runs"}))
        .headers["location"]
        .startswith("/workflows?")
    )
