"""What the activate dialog says: how many would enter, who may again, what is missing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.settings import FlowSettings
from app.lib.ids import uuid7
from app.models import Contact, Event, NodeStat, Workspace
from app.models.status import Role
from app.workflows import preview, repository
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, tagging

RULES = [
    {"field": "event.amount", "operator": "greater_than", "value": 10},
    {"field": "contact.tags", "operator": "contains", "value": "vip"},
]


async def send(
    session: AsyncSession, workspace: Workspace, name: str, at: datetime, *, tags: list[str], **properties: Any
) -> Contact:
    """A new contact that sent an event."""
    contact = Contact(id=uuid7(), tenant_id=workspace.id, tags=tags, attributes={}, consent={}, created_at=at)
    session.add(contact)
    await session.flush()
    await send_again(session, contact, name, at, **properties)
    return contact


async def send_again(session: AsyncSession, contact: Contact, name: str, at: datetime, **properties: Any) -> None:
    session.add(
        Event(
            id=uuid7(),
            tenant_id=contact.tenant_id,
            contact_id=contact.id,
            name=name,
            properties=properties,
            occurred_at=at,
        )
    )
    await session.flush()


async def look(api: ApiClients, workflow_id: str) -> dict[str, Any]:
    answer = await (await api(Role.VIEWER)).get(f"{PATH}/{workflow_id}/activation-preview")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_contacts_are_counted_once_and_as_they_are_now(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, clock: Clock
) -> None:
    flow = await created(
        await api(Role.MARKETER), tagging(trigger={"type": "event", "event": "order.placed", "conditions": RULES})
    )
    day = timedelta(days=1)
    often = await send(db_session, workspace, "order.placed", clock.at - 20 * day, tags=["vip"], amount=50)
    await send_again(db_session, often, "order.placed", clock.at - day, amount=70)
    await send(db_session, workspace, "order.placed", clock.at - 10 * day, tags=["vip"], amount=11)
    await send(db_session, workspace, "order.placed", clock.at - day, tags=[], amount=50)
    await send(db_session, workspace, "order.placed", clock.at - day, tags=["vip"], amount=3)
    await send(db_session, workspace, "order.placed", clock.at - day, tags=["vip"], amount="much")
    await send(db_session, workspace, "order.placed", clock.at - 40 * day, tags=["vip"], amount=50)
    await send(db_session, workspace, "cart.left", clock.at - day, tags=["vip"], amount=50)
    await send(db_session, other_workspace, "order.placed", clock.at - day, tags=["vip"], amount=50)
    seen = await look(api, flow["id"])
    assert seen["listensTo"] == "order.placed" and seen["conditions"] == 2
    assert seen["contacts30Days"] == 2 and seen["contacts7Days"] == 1 and seen["sent30Days"] == 5
    assert seen["atLeast"] is False


async def test_the_look_back_is_bounded_and_says_so(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = await created(await api(Role.MARKETER))
    for _ in range(4):
        await send(db_session, workspace, "contact.created", clock.at, tags=[])
    monkeypatch.setattr(preview, "MAX_SENDERS", 3)
    seen = await look(api, flow["id"])
    assert seen["contacts30Days"] == 3 and seen["atLeast"] is True
    monkeypatch.setattr(preview, "MAX_SENDERS", 4)
    assert (await look(api, flow["id"]))["atLeast"] is False
    monkeypatch.setattr(repository, "SCANNED_EVENTS", 2)
    seen = await look(api, flow["id"])
    assert seen["contacts30Days"] == 2 and seen["atLeast"] is True


async def test_what_is_missing_and_what_would_be_published(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    admin = await api(Role.ADMIN)
    empty = await look(api, (await created(admin, {"name": "Empty"}))["id"])
    assert {issue["path"] for issue in empty["blocking"]} == {"trigger", "trigger.event"}
    assert empty["contacts30Days"] == 0 and empty["publishesVersion"] == 1
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    db_session.add(
        NodeStat(tenant_id=workspace.id, workflow_id=flow["id"], version=1, node_id="", key="entered", shard=0, n=3)
    )
    await db_session.flush()
    seen = await look(api, flow["id"])
    assert seen["publishesVersion"] is None and seen["inFlow"] == 3 and seen["blocking"] == []


async def test_a_manual_trigger_listens_to_nothing(api: ApiClients) -> None:
    flow = await created(await api(Role.MARKETER), tagging(trigger={"type": "manual"}))
    seen = await look(api, flow["id"])
    assert seen["triggerType"] == "manual" and seen["listensTo"] is None and seen["sent30Days"] == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (FlowSettings(), "again after leaving"),
        (FlowSettings(reentry="once"), "enters once."),
        (FlowSettings(reentry="once", entry_key="event.order_id"), "once. Counted for each order_id"),
        (FlowSettings(reentry="cooldown", cooldown_seconds=172_800), "2 days after"),
        (FlowSettings(reentry="cooldown", cooldown_seconds=90), "90 seconds after"),
        (FlowSettings(reentry="always"), "every event"),
    ],
)
def test_the_policy_in_words(settings: FlowSettings, words: str) -> None:
    assert words in preview.reentry_in_words(settings)


async def test_not_yours(api: ApiClients, other_workspace: Workspace) -> None:
    flow = await created(await api(Role.MARKETER))
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.get(f"{PATH}/{flow['id']}/activation-preview")).status_code == 404
