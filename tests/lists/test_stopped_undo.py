"""Taking back is stopped half way: the way back stays open for the others, and the page says so."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import bulk_verbs as contact_verbs
from app.lists.bulk import BulkJobs, CannotUndo
from app.models import BulkJob, Workspace
from app.models.status import Role
from tests.fixtures.people import BrowserClients
from tests.lists.test_bulk import finish, people, tagged

ADDED = "Tag “vip” added to 5 contacts."
TAKEN_BACK = "Tag “vip” removed from 2 contacts."


async def test_what_was_not_taken_back_can_still_be(
    db_session: AsyncSession,
    workspace: Workspace,
    principals: dict[Role, Principal],
    browser: BrowserClients,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verbs = contact_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "untag", verbs["untag"]._replace(batch=2))  # type: ignore[index]
    marketer, newest = await browser(Role.MARKETER), select(BulkJob).order_by(BulkJob.id.desc()).limit(1)
    sent = {"verb": "tag", "tag": "vip", "id": [str(one) for one in await people(db_session, workspace, 5)]}
    assert (await marketer.post("/lists/contacts/bulk", data=sent)).status_code == 303
    job = (await db_session.scalars(newest)).one()
    assert (await marketer.post(f"/lists/contacts/jobs/{job.id}/undo")).status_code == 303
    undo = (await db_session.scalars(newest)).one()
    assert undo.undoes == job.id and undo.next_at is not None and undo.reached == 2
    answer = await marketer.post(f"/lists/contacts/jobs/{undo.id}/stop", data={"to": "/contacts"})
    assert answer.status_code == 303 and "3 were left as they were." in unquote(answer.headers["set-cookie"])
    notices = (await marketer.get("/lists/contacts/jobs")).text
    assert ADDED in notices and TAKEN_BACK in notices and "3 were left as they were." in notices
    assert f"/jobs/{job.id}/undo" in notices and f"/jobs/{undo.id}/undo" not in notices
    left = await tagged(db_session, workspace, "vip")
    assert len(left) == 3
    assert (await marketer.post(f"/lists/contacts/jobs/{job.id}/undo")).status_code == 303
    again = (await db_session.scalars(newest)).one()
    assert again.undoes == job.id and set(again.target_ids) == left
    await finish(db_session, again)
    assert await tagged(db_session, workspace, "vip") == set()
    notices = (await marketer.get("/lists/contacts/jobs")).text
    assert ADDED not in notices and TAKEN_BACK not in notices, "nothing is left to be said"
    with pytest.raises(CannotUndo):
        await BulkJobs(db_session, principals[Role.MARKETER]).undo(job.id)
