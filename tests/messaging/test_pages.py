"""The list of messages: who sees which, by which filters."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models import Message, Workspace
from app.models.status import MessageStatus, Role

HTMX = {"hx-request": "true"}


async def add_message(session: AsyncSession, workspace: Workspace, **change: Any) -> Message:
    values = {
        "run_id": uuid7(), "seq": 2, "tenant_id": workspace.id, "workflow_id": uuid7(), "contact_id": uuid7(), "channel": 1,
        "status": int(MessageStatus.SENT), "recipient": "zoe@example.com", "subject": "Hi there", "created_at": clock.now(),
    }  # fmt: skip
    message = Message(**{**values, **change})
    session.add(message)
    await session.flush()
    return message


async def test_ledger(browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> None:
    message = await add_message(db_session, workspace)
    failed = await add_message(
        db_session, workspace, status=int(MessageStatus.FAILED), error_message="The template was deleted.", subject=None
    )
    await add_message(db_session, other_workspace, subject="Secret")
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/messages")).text
    assert "Hi there" in page and "The template was deleted." in page and "Secret" not in page
    part = (await viewer.get("/messages", params={"status": "failed"}, headers=HTMX)).text
    assert "The template was deleted." in part and "Hi there" not in part and "<html" not in part
    one = (await viewer.get("/messages", params={"contact": str(message.contact_id)})).text
    assert "One contact only" in one and "Hi there" in one and "The template was deleted." not in one
    for name in ("status", "workflow", "contact"):
        assert (await viewer.get("/messages", params={name: "x"})).status_code == 422
    assert "Nothing like that" in (await viewer.get("/messages", params={"workflow": str(uuid4())})).text
    assert "Hi there" in (await viewer.get(f"/messages/{message.run_id}-2")).text
    assert "The template was deleted." in (await viewer.get(f"/messages/{failed.run_id}-2")).text
    stranger = await browser(Role.OWNER, other_workspace)
    assert (await stranger.get(f"/messages/{message.run_id}-2")).status_code == 404
    assert (await viewer.get("/messages/nonsense")).status_code == 404
