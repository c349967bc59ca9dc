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
    rung: list[str] = []
    monkeypatch.setattr(jobs, "ring", lambda name, **_: rung.append(name))
    contact = uuid7()
    events = [NewEvent(name=f"e{n}", contact_id=contact, properties={"n": n}) for n in range(300)]
    recorded = await record(db_session, workspace.id, events)
    assert rung == []
    await db_session.commit()
    assert rung == ["advance"]
    assert [item.name for item in recorded] == [event.name for event in events]
    assert all(item.occurred_at == clock.at and not item.duplicate for item in recorded)
    inbox = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id).order_by(Inbox.id))).all()
    assert [row.event_id for row in inbox] == [item.id for item in recorded]
    assert [row.payload for row in inbox] == [{"n": n} for n in range(300)]


async def test_a_key_counts_once_across_and_within_calls(db_session: AsyncSession, workspace: Workspace) -> None:
    contact, other = uuid7(), uuid7()
    (first,) = await record(db_session, workspace.id, [NewEvent(name="a", contact_id=contact, key="k")])
    again = await record(
        db_session,
        workspace.id,
        [
            NewEvent(name="b", contact_id=other, key="k"),
            NewEvent(name="c", contact_id=other, key="l"),
            NewEvent(name="d", contact_id=other, key="l"),
            NewEvent(name="e", contact_id=other),
        ],
    )
    assert [item.duplicate for item in again] == [True, False, True, False]
    assert again[0].id == first.id and again[0].contact_id == contact
    assert again[1].id == again[2].id
    names = (await db_session.scalars(select(Event.name).where(Event.tenant_id == workspace.id))).all()
    assert sorted(names) == ["a", "c", "e"]


async def test_nothing_is_nothing(db_session: AsyncSession, workspace: Workspace, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "ring", lambda name, **_: pytest.fail("rang for nothing"))
    assert await record(db_session, workspace.id, []) == []
    await db_session.commit()
