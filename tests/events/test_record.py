"""`record`: events in the caller's transaction."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.record import NewEvent, record
from app.lib import jobs
from app.lib.ids import uuid7
from app.models.event import Event, Inbox
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock


async def test_all_are_stored_in_order_and_the_engine_is_rung_after_the_commit(
    db_session: AsyncSession, workspace: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified: list[str] = []
    monkeypatch.setattr(jobs, "notify", lambda name, **_: notified.append(name))
    contact = uuid7()
    events = [NewEvent(name=f"e{n}", contact_id=contact, properties={"n": n}) for n in range(300)]
    await record(db_session, workspace.id, events)
    assert notified == []
    await db_session.commit()
    assert notified == ["advance"]
    inbox = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id).order_by(Inbox.id))).all()
    stored = (await db_session.scalars(select(Event).where(Event.tenant_id == workspace.id).order_by(Event.id))).all()
    assert [row.name for row in stored] == [event.name for event in events]
    assert all(row.occurred_at == row.received_at == clock.at for row in stored)
    assert [row.event_id for row in inbox] == [row.id for row in stored]
    assert [row.payload for row in inbox] == [{"n": n} for n in range(300)]


async def test_nothing_is_nothing(db_session: AsyncSession, workspace: Workspace, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "notify", lambda name, **_: pytest.fail("notified for nothing"))
    await record(db_session, workspace.id, [])
    await db_session.commit()
