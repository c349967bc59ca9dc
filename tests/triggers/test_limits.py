"""A start by API meets the workflow's dates, limits and entry key before anything is queued."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Contact, Entry, NodeStat, WaitingStart, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.triggers.test_api import ada as ada
from tests.triggers.test_api import make_run, make_workflow, trigger


@pytest.mark.parametrize(
    ("settings", "reason", "words"),
    [
        (
            {"activeFrom": "2999-01-01T09:00", "timezone": "Europe/Berlin"},
            "not_open_yet",
            "before Tue, Jan 1, 2999 08:00 UTC",
        ),
        ({"activeUntil": "2000-12-31"}, "closed", "since Mon, Jan 1, 2001 00:00 UTC"),
        ({"maxEntries": 3}, "entries_used_up", "3 entries"),
        ({"maxEntries": 4, "activeFrom": "2000-01-01", "activeUntil": "2999-01-01"}, None, ""),
        ({"entryKey": "{{ event.order | or_fail }}"}, "entry_key_error", "cannot be worked out"),
    ],
)
async def test_what_keeps_everybody_out_is_said_at_once(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    ada: Contact,
    settings: dict[str, Any],
    reason: str | None,
    words: str,
) -> None:
    workflow_id = await make_workflow(db_session, workspace, **settings)
    for version, n in ((1, 2), (2, 1)):
        db_session.add(
            NodeStat(
                tenant_id=workspace.id,
                workflow_id=workflow_id,
                version=version,
                node_id="",
                key="entered",
                shard=0,
                n=n,
            )
        )
    await db_session.commit()
    answer = await trigger(await api(Role.MARKETER), workflow_id, ada.id)
    if reason is None:
        assert answer.status_code == 202, answer.text
    else:
        body = answer.json()
        assert (answer.status_code, body["code"], body["reason"]) == (409, "entry_refused", reason)
        assert words in body["detail"]


async def test_a_cool_down_may_count_from_the_end(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    rules = {"reentry": "cooldown", "cooldownSeconds": 7_200}
    from_start = await make_workflow(db_session, workspace, **rules)
    from_end = await make_workflow(db_session, workspace, **rules, cooldownFrom="end")
    removed = await make_workflow(db_session, workspace, **rules, cooldownFrom="end")
    began = clock.now()
    clock.advance(hours=1)
    for workflow_id in (from_start, from_end):
        await make_run(db_session, workflow_id, ada, RunStatus.COMPLETED, clock, completed_at=clock.now())
    db_session.add(
        Entry(
            tenant_id=workspace.id,
            contact_id=ada.id,
            workflow_id=removed,
            entry_key="",
            last_started=began,
            last_ended=clock.now(),
        )
    )
    await db_session.commit()
    client = await api(Role.MARKETER)
    clock.advance(hours=1, minutes=30)
    assert (await trigger(client, from_end, ada.id)).json()["reason"] == "cooling_down"
    assert (await trigger(client, removed, ada.id)).json()["reason"] == "cooling_down"
    clock.advance(hours=1)
    for workflow_id in (from_start, from_end, removed):
        assert (await trigger(client, workflow_id, ada.id)).status_code == 202


async def test_each_contact_has_a_key_of_its_own(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    bob = Contact(tenant_id=workspace.id, external_id="u2", attributes={"plan": "pro"})
    ada.attributes = {"plan": "free"}
    db_session.add(bob)
    await db_session.commit()
    workflow_id = await make_workflow(
        db_session, workspace, reentry="once", entryKey="{{ contact.attributes.plan }}-{{ event.order }}"
    )
    for contact, key in ((ada, "free-1"), (bob, "free-1")):
        await make_run(db_session, workflow_id, contact, RunStatus.COMPLETED, clock, entry_key=key)
    client = await api(Role.MARKETER)
    body = {"contactIds": [str(ada.id), str(bob.id)], "properties": {"order": 1}}
    answer = await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json=body)
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    assert [one["contactId"] for one in data["runs"]] == [str(bob.id)]
    assert [(one["contactId"], one["reason"]) for one in data["refused"]] == [(str(ada.id), "entered_before")]


async def test_an_execution_that_waits_for_its_turn_is_pending(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace, rateLimitPerMinute=1)
    run_id = uuid7()
    db_session.add(
        WaitingStart(
            tenant_id=workspace.id, workflow_id=workflow_id, kind=1, name="manual", contact_id=ada.id, run_id=run_id,
            payload={"order": 7}, occurred_at=clock.now(), at=clock.now(), since=clock.now(),
        )
    )  # fmt: skip
    await db_session.commit()
    client = await api(Role.VIEWER)
    execution = (await client.get(f"/api/v1/executions/{run_id}")).json()["data"]
    assert (execution["status"], execution["input"], execution["contactId"]) == ("pending", {"order": 7}, str(ada.id))
