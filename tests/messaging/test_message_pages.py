"""Pages of messages that have come to an end: who may decide about one, some or all, and what is said afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models import MessageJob, Workspace
from app.models.status import MessageStatus, Role
from tests.messaging.test_pages import HTMX, add_message


async def test_settling_what_nobody_knows(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    message = await add_message(db_session, workspace, status=int(MessageStatus.UNCERTAIN), error_message="cut")
    path = f"/messages/{message.run_id}-2"
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    assert "It was sent" in (await marketer.get(path)).text
    assert "It was sent" not in (await viewer.get(path)).text
    assert (await viewer.post(f"{path}/settle", data={"as": "sent"})).status_code == 403
    assert (
        await (await browser(Role.OWNER, other_workspace)).post(f"{path}/settle", data={"as": "sent"})
    ).status_code == 404
    for wrong in ({}, {"as": "lost"}):
        assert (await marketer.post(f"{path}/settle", data=wrong)).status_code == 422
    assert (await marketer.post(f"{path}/settle", data={"as": "sent"})).status_code == 303
    await db_session.refresh(message)
    assert message.status == MessageStatus.SENT
    assert (await marketer.post(f"{path}/settle", data={"as": "sent"})).status_code == 409


@pytest.mark.parametrize(
    ("status", "fields", "words"),
    [
        (
            "UNCERTAIN",
            {"due_at": datetime(2030, 1, 2, 9, tzinfo=UTC), "payload": {"awaited": True}},
            ["nobody decides"],
        ),
        ("SUPPRESSED", {"reason": "no_consent", "error_message": "Said no."}, ["No consent", "Said no."]),
        ("FAILED", {"reason": "message_refused", "error_message": "554 No."}, ["Message refused", "554 No."]),
    ],
)
async def test_a_message_says_why_and_what_waits_for_it(
    browser: Any, db_session: AsyncSession, workspace: Workspace, status: str, fields: Any, words: list[str]
) -> None:
    message = await add_message(db_session, workspace, status=int(MessageStatus[status]), **fields)
    client = await browser(Role.VIEWER)
    text = (await client.get("/messages")).text + (await client.get(f"/messages/{message.run_id}-2")).text
    assert [word for word in words if word not in text] == []


async def test_some_or_all_are_sent_again_from_the_list(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    over = {"settled_at": clock.now(), "reason": "worker_lost", "error_message": "cut"}
    rows = [await add_message(db_session, workspace, status=9, **over) for _ in range(3)]
    failed = await add_message(db_session, workspace, status=8, **over)
    foreign = await add_message(db_session, other_workspace, status=9, **over)
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    page = (await marketer.get("/messages", params={"status": "uncertain"})).text
    assert "3 messages: uncertain" in page and "Select all that fit" in page and page.count('name="id"') == 3
    failures = (await marketer.get("/messages", params={"status": "failed"})).text
    assert "1 message: failed" in failures and 'data-status="failed"' in failures
    seen = (await viewer.get("/messages", params={"status": "uncertain"})).text
    assert 'name="id"' not in seen and "Select all that fit" not in seen
    ids = [f"{row.run_id}-2" for row in (rows[0], failed, foreign)]
    assert (await viewer.post("/messages/decide", data={"verb": "resend", "id": ids})).status_code == 403
    data = {"verb": "resend", "id": ids, "to": "/messages?status=uncertain"}
    done = await marketer.post("/messages/decide", data=data)
    assert (done.status_code, done.headers["location"]) == (303, "/messages?status=uncertain")
    assert "2%20messages%20queued%20again.%201%20skipped." in done.headers["set-cookie"]
    for wrong in ({"verb": "drop"}, {"verb": "resend"}, {}):
        assert (await marketer.post("/messages/decide", data=wrong)).status_code == 422
    fits = "status=uncertain&reason=worker_lost"
    fitting = await marketer.get("/messages/fitting", params={"filters": fits})
    assert fitting.json() == {"count": 2, "words": "all 2 messages that fit", "most": 10_000}
    assert (await marketer.get("/messages/fitting", params={"filters": "status=sent"})).json()["count"] == 0
    for said, told in (("1", "More%20fit"), ("", "Load%20the%20page"), ("2", "2%20messages%20marked%20as%20sent")):
        all_of_them = {"verb": "sent", "all": "1", "query": fits, "counted": said}
        done = await marketer.post("/messages/decide", data=all_of_them)
        assert done.status_code == 303 and told in done.headers["set-cookie"]
    done = await marketer.post(
        "/messages/decide", data={"verb": "resend", "all": "1", "query": "status=sent", "counted": "9"}
    )
    assert "Choose%20failed%20or%20uncertain" in done.headers["set-cookie"]
    for row in (*rows, failed, foreign):
        await db_session.refresh(row)
    assert [MessageStatus(row.status).word for row in (*rows, failed, foreign)] == [
        "queued",
        "sent",
        "sent",
        "queued",
        "uncertain",
    ]
    shown = (await viewer.get(f"/messages/{rows[1].run_id}-2")).text
    assert "What was decided" in shown and "Assumed sent by" in shown and "Before: uncertain" in shown
    assert "assumed sent by" in (await viewer.get("/messages", params={"status": "sent"})).text


async def test_how_far_a_job_is(browser: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    wanted = {"status": ["failed"]}
    job = MessageJob(
        tenant_id=workspace.id, act="resend", wanted=wanted, by_kind="user", by_name="Ann", matched=3400, moved=1000
    )
    db_session.add(job)
    await db_session.flush()
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/messages")).text
    assert "Sending again" in page and "1,000 of 3,400" in page and 'hx-get="/messages/jobs"' in page
    job.finished_at = clock.now()
    await db_session.flush()
    part = await viewer.get("/messages/jobs", headers={**HTMX, "hx-current-url": "http://x/messages?status=failed"})
    assert 'hx-get="/messages?status=failed"' in part.text and "Sending again" not in part.text
