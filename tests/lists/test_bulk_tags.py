"""Tags of many rows: any of the workspace is suggested and may be typed; where nothing would change, that is said before."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import known_tag_repository
from app.errors import Invalid
from app.lists.bulk import BulkJobs
from app.models import Workspace
from app.models.folder import FolderKind
from app.models.status import Role, WorkflowStatus
from app.segments import bulk_verbs as segment_verbs
from tests.fixtures.people import BrowserClients
from tests.lists.test_bulk import people, tagged
from tests.lists.test_filed_in_bulk import each_kind, rows_of


@pytest.fixture
def jobs(db_session: AsyncSession, principals: dict[Role, Principal]) -> BulkJobs:
    return BulkJobs(db_session, principals[Role.MARKETER])


async def test_every_tag_of_contacts_is_suggested_however_rare(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, jobs: BulkJobs
) -> None:
    for number in range(60):
        await people(db_session, workspace, 2, f"common {number:02}")
    await people(db_session, workspace, 1, "VIP_50%")
    await people(db_session, other_workspace, 1, "vip of others")
    assert await jobs.tags("contacts", "vip") == ["VIP_50%"]
    assert await jobs.tags("contacts", "0%") == ["VIP_50%"], "letters are no pattern"
    assert await jobs.tags("contacts", "mon 4") == [f"common {number}" for number in range(40, 50)]
    assert len(await jobs.tags("contacts", "")) == known_tag_repository.SUGGESTED
    assert list(await segment_verbs.BULK.tags(db_session, jobs.principal, "vip")) == [], "segments have no tags"


async def test_of_many_tags_the_first_are_looked_at(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_tag_repository, "LOOKED_AT", 2)
    for tag in ("a1", "b1", "c1"):
        await people(db_session, workspace, 1, tag)
    assert await jobs.tags("contacts", "1") == ["a1", "b1"]
    assert (
        await jobs.start("contacts", "untag", await people(db_session, workspace, 1, "c1"), {"tag": "c1"})
    ).done == 1


@each_kind
async def test_tags_of_what_lies_in_folders_are_suggested_also_of_the_archived(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs, kind: FolderKind, name: str
) -> None:
    rows = await rows_of(db_session, workspace, kind, [["Spring sale", "b2b"], ["spring"], ["summer"]])
    if kind is FolderKind.WORKFLOW:
        rows[1].status = WorkflowStatus.ARCHIVED.value  # type: ignore[union-attr]
        await db_session.flush()
    assert sorted(await jobs.tags(name, "SPRING")) == ["Spring sale", "spring"]
    assert await jobs.tags(name, "b2") == ["b2b"]


async def test_what_no_contact_has_is_not_removed_and_what_all_have_is_not_added(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs
) -> None:
    had, others = await people(db_session, workspace, 2, "vip"), await people(db_session, workspace, 2)
    with pytest.raises(Invalid, match="None of them has the tag “vip”"):
        await jobs.start("contacts", "untag", others, {"tag": "vip"})
    with pytest.raises(Invalid, match="All of them have the tag “vip” already"):
        await jobs.start("contacts", "tag", had, {"tag": "vip"})
    assert await jobs.latest("contacts") == [], "no job began"
    job = await jobs.start("contacts", "untag", [*others, had[0]], {"tag": "vip"})
    assert job.done == 1 and await tagged(db_session, workspace, "vip") == {had[1]}


@each_kind
async def test_a_tag_that_no_row_has_is_refused_and_one_of_several_is_enough(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs, kind: FolderKind, name: str
) -> None:
    ids = [row.id for row in await rows_of(db_session, workspace, kind, [["Old"], ["else"]])]
    with pytest.raises(Invalid, match="None of them has the tag “missing”"):
        await jobs.start(name, "tag", ids, {"add": "", "remove": "missing"})
    with pytest.raises(Invalid, match="one of these tags: missing, old"):
        await jobs.start(name, "tag", ids[1:], {"add": "", "remove": "missing, old"})
    assert (await jobs.start(name, "tag", ids, {"add": "", "remove": "missing, old"})).done == 1
    assert (await jobs.start(name, "tag", ids, {"add": "new", "remove": "missing"})).done == 2, "adding is enough"


async def test_the_page_suggests_and_refuses(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    (one,) = await people(db_session, workspace, 1, "vip")
    client = await browser(Role.MARKETER)
    assert (await client.get("/lists/contacts/tags?letters=%20VI%00")).json() == ["vip"]
    assert (await client.get("/lists/nothing/tags")).status_code == 422
    page = (await client.get("/contacts")).text
    assert page.count('data-suggest="/lists/contacts/tags"') == 2
    assert str(one) in page
