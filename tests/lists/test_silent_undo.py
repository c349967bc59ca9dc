"""What is taken back by *Undo* starts no workflows: what is kept beside contacts follows, and nobody is told."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.inbox import InboxKind
from app.lists.bulk import BulkJobs
from app.models import Inbox, Segment, SegmentNumber, Workspace
from app.models.status import Role
from tests.lists.test_bulk import people, tagged


@pytest.mark.parametrize(("verb", "word"), [("untag", "tag"), ("take_out", "segment")])
async def test_no_workflow_hears_of_what_is_taken_back(
    db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal], verb: str, word: str
) -> None:
    jobs = BulkJobs(db_session, principals[Role.MARKETER])
    ids = await people(db_session, workspace, 3, "vip")
    segment = Segment(tenant_id=workspace.id, number=1, name="Best", kind="static")
    db_session.add_all([segment, SegmentNumber(tenant_id=workspace.id, last=1)])
    await db_session.flush()
    await jobs.start("contacts", "put_in", ids, {"segment": str(segment.id)})
    job = await jobs.start("contacts", verb, ids, {word: "vip" if word == "tag" else str(segment.id)})
    queued = select(Inbox.kind, func.count()).where(Inbox.tenant_id == workspace.id).group_by(Inbox.kind)
    heard = {row[0]: row[1] for row in await db_session.execute(queued)}
    assert (await jobs.undo(job.id)).done == 3
    after = {row[0]: row[1] for row in await db_session.execute(queued)}
    follow = int(InboxKind.FOLLOW)
    assert after == heard | {follow: heard.get(follow, 0) + 3}, "segments follow, and nobody is told"
    assert await tagged(db_session, workspace, "vip") == set(ids)
