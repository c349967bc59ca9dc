"""Workflows and templates that fit, put into a folder or tagged all at once: counted before, by a job, each taken back to what it had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Invalid
from app.folders.service import FolderService
from app.lib import clock
from app.lists import bulk
from app.lists.bulk import BulkJobs
from app.lists.bulk_pages import done_in_words
from app.message_templates import bulk_verbs as template_verbs
from app.models import BulkJob, Folder, FolderKind, Template, Workflow, Workspace
from app.models.status import Role
from app.workflows import bulk_verbs as workflow_verbs
from tests.fixtures.people import BrowserClients

Row = Workflow | Template
KINDS = [(FolderKind.WORKFLOW, "workflows"), (FolderKind.TEMPLATE, "templates")]
OFFERED = {"workflows": workflow_verbs.BULK, "templates": template_verbs.BULK}
each_kind = pytest.mark.parametrize(("kind", "name"), KINDS)


async def rows_of(
    session: AsyncSession, workspace: Workspace, kind: FolderKind, tags: Sequence[list[str]]
) -> list[Row]:
    """One for each list of tags."""
    rows: list[Row] = [
        Workflow(tenant_id=workspace.id, name=f"Welcome {n}", draft={"nodes": [], "edges": []}, tags=words)
        if kind is FolderKind.WORKFLOW
        else Template(tenant_id=workspace.id, name=f"Welcome {n}", channel="email", text="Hello", tags=words)
        for n, words in enumerate(tags)
    ]
    session.add_all(rows)
    await session.flush()
    return rows


class Filing:
    """Jobs of a marketer, done to their end."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.jobs, self.folders = session, BulkJobs(session, principal), FolderService(session, principal)

    async def to_all(self, name: str, verb: str, sent: Mapping[str, str], filters: Mapping[str, str]) -> BulkJob:
        spec_order = "-updated" if name == "workflows" else "name"
        wanted = {"sort": spec_order, **filters}
        counted = len((await self.jobs.fitting(name, wanted)).ids)
        return await self.ended(await self.jobs.start_for_all(name, verb, wanted, sent, counted=counted))

    async def undo(self, job: BulkJob) -> BulkJob:
        return await self.ended(await self.jobs.undo(job.id))

    async def ended(self, job: BulkJob) -> BulkJob:
        while job.next_at is not None:
            job.next_at = clock.now() - timedelta(hours=1)
            await self.session.flush()
            assert await bulk.step_of_any(self.session)
        return job

    async def folder(self, kind: FolderKind, name: str) -> Folder:
        return await self.folders.create(kind, name)

    async def state(self, rows: Sequence[Row]) -> list[tuple[UUID | None, list[str]]]:
        model = type(rows[0])
        found = await self.session.execute(
            select(model.id, model.folder_id, model.tags).where(model.id.in_([row.id for row in rows]))
        )
        by_id = {row.id: (row.folder_id, row.tags) for row in found}
        return [by_id[row.id] for row in rows]


@pytest.fixture
def filing(db_session: AsyncSession, principals: dict[Role, Principal]) -> Filing:
    return Filing(db_session, principals[Role.MARKETER])


@each_kind
async def test_all_that_fit_are_moved_by_batches_and_each_goes_back_to_where_it_lay(
    db_session: AsyncSession,
    workspace: Workspace,
    filing: Filing,
    monkeypatch: pytest.MonkeyPatch,
    kind: FolderKind,
    name: str,
) -> None:
    verbs = OFFERED[name].verbs
    monkeypatch.setitem(verbs, "move", verbs["move"]._replace(batch=2))
    rows = await rows_of(db_session, workspace, kind, [["vip"], ["vip"], ["vip"], []])
    old, new = await filing.folder(kind, "Old"), await filing.folder(kind, "New")
    await filing.folders.move(kind, [rows[0].id], old.id)
    job = await filing.to_all(name, "move", {"folder": str(new.id)}, {"tag": "vip"})
    assert [place for place, _ in await filing.state(rows)] == [new.id, new.id, new.id, None]
    assert done_in_words(job) == f"3 {name} moved to “New”."
    await filing.folders.move(kind, [rows[1].id], old.id)
    undone = await filing.undo(job)
    assert [place for place, _ in await filing.state(rows)] == [old.id, old.id, None, None], "a later move stays"
    assert done_in_words(undone) == f"Taken back for 2 {name}. 1 could not: moved or deleted since."


@each_kind
async def test_moved_out_of_a_folder_that_goes_meanwhile(
    db_session: AsyncSession, workspace: Workspace, filing: Filing, kind: FolderKind, name: str
) -> None:
    rows = await rows_of(db_session, workspace, kind, [[], []])
    old = await filing.folder(kind, "Old")
    await filing.folders.move(kind, [row.id for row in rows], old.id)
    job = await filing.to_all(name, "move", {"folder": ""}, {"folder": str(old.id)})
    assert [place for place, _ in await filing.state(rows)] == [None, None]
    await filing.folders.delete(kind, old.id)
    undone = await filing.undo(job)
    assert (undone.done, undone.refused) == (0, 2)


@each_kind
async def test_tags_go_back_to_what_each_had(
    db_session: AsyncSession, workspace: Workspace, filing: Filing, kind: FolderKind, name: str
) -> None:
    many = [f"t{number:02}" for number in range(20)]
    rows = await rows_of(db_session, workspace, kind, [["old"], ["New", "old"], [], many])
    job = await filing.to_all(name, "tag", {"add": "new, fine", "remove": "old"}, {})
    assert [tags for _, tags in await filing.state(rows)] == [["fine", "new"], ["fine", "New"], ["fine", "new"], many]
    assert (job.done, job.refused) == (3, 1) and "more tags" in done_in_words(job)
    await filing.folders.tag(kind, [rows[2].id], ["later"])
    await filing.undo(job)
    assert [tags for _, tags in await filing.state(rows)] == [["old"], ["New", "old"], ["later"], many]


async def test_nothing_is_done_to_more_than_were_counted_nor_without_a_tag(
    db_session: AsyncSession, workspace: Workspace, filing: Filing
) -> None:
    await rows_of(db_session, workspace, FolderKind.WORKFLOW, [[], []])
    with pytest.raises(Invalid, match="More fit"):
        await filing.jobs.start_for_all("workflows", "move", {"sort": "-updated"}, {"folder": ""}, counted=1)
    with pytest.raises(Invalid, match="Give a tag"):
        await filing.to_all("workflows", "tag", {"add": " , "}, {})


async def test_the_page_sends_what_its_dialog_asks(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, filing: Filing
) -> None:
    rows = await rows_of(db_session, workspace, FolderKind.TEMPLATE, [["a"], ["b"], ["a", "b"]])
    marketer = await browser(Role.MARKETER)
    words = (await marketer.get("/lists/templates/fitting", params={"filters": "tag=a"})).json()
    assert words == {"count": 2, "words": "all 2 templates that fit", "most": 10_000}
    sent = {"verb": "tag", "add": "c", "remove": ["a", "b"], "all": "1", "counted": "2", "query": "tag=a"}
    await marketer.post("/lists/templates/bulk", data=sent)
    assert [tags for _, tags in await filing.state(rows)] == [["c"], ["b"], ["c"]]
    assert "Undo" in (await marketer.get("/lists/templates/jobs")).text
