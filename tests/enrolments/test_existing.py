"""Who is in a segment already enters when a workflow goes live, and only then; pages and API show it and stop it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Contact, Enrolment, Segment, SegmentDay, SegmentMember, Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients

WORKFLOWS = "/api/v1/workflows"


@pytest.fixture
async def segment(db_session: AsyncSession, workspace: Workspace, clock: Clock) -> Segment:
    row = Segment(id=uuid7(), tenant_id=workspace.id, number=1, name="VIPs", kind="static")
    contacts = [Contact(id=uuid7(), tenant_id=workspace.id, email=f"p{n}@example.com") for n in range(3)]
    inside = [SegmentMember(tenant_id=workspace.id, segment=1, contact_id=one.id, since=clock.at) for one in contacts]
    counted = SegmentDay(tenant_id=workspace.id, segment=1, day=clock.at.date(), shard=0, entered=3, departed=0)
    db_session.add_all([row, *contacts])
    await db_session.flush()
    db_session.add_all([*inside, counted])
    await db_session.flush()
    return row


def document(segment: Segment, existing: str = "enter", tag: str = "vip") -> dict[str, Any]:
    return {
        "triggers": [
            {"id": "t", "type": "segment_entry", "data": {"segmentId": str(segment.id), "existing": existing}}
        ],
        "nodes": [{"id": "a", "type": "add_tag", "data": {"tag": tag}}],
        "edges": [{"source": "t", "target": "a"}],
    }


async def enrolments(session: AsyncSession) -> list[Enrolment]:
    return list((await session.scalars(select(Enrolment).order_by(Enrolment.id))).all())


async def test_they_enter_when_it_goes_live_and_not_again(
    api: ApiClients, db_session: AsyncSession, segment: Segment
) -> None:
    admin = await api(Role.ADMIN)
    answer = await admin.post(WORKFLOWS, json={"name": "Welcome", **document(segment)})
    assert answer.status_code == 201, answer.text
    url = f"{WORKFLOWS}/{answer.json()['data']['id']}"
    assert (await admin.post(f"{url}/activate")).status_code == 200
    (row,) = await enrolments(db_session)
    assert (row.expected, row.trigger_id, row.audience) == (3, "t", {"segmentId": str(segment.id)})
    assert row.reason == "Everybody in VIPs when the workflow went live"
    assert row.event == {"segmentId": str(segment.id), "segmentName": "VIPs"}

    for change in (document(segment, tag="other"), document(segment, "ignore"), document(segment)):
        assert (await admin.patch(url, json=change)).status_code == 200
        assert (await admin.post(f"{url}/activate")).status_code == 200
    await admin.post(f"{url}/pause")
    await admin.post(f"{url}/resume")
    assert len(await enrolments(db_session)) == 2, "once more, because the trigger was taken back and asked for again"

    listed = (await admin.get(f"{url}/enrolments")).json()["data"]
    assert [one["status"] for one in listed] == ["running", "running"]
    stopped = (await admin.post(f"/api/v1/enrolments/{listed[0]['id']}/stop")).json()["data"]
    assert stopped["status"] == "stopped" and stopped["stoppedBy"] and stopped["endedAt"]
    again = (await admin.post(f"/api/v1/enrolments/{listed[0]['id']}/stop")).json()["data"]
    assert again == stopped
    assert (await admin.get(f"/api/v1/enrolments/{uuid7()}")).status_code == 404


async def test_nobody_enters_who_was_not_asked_for(api: ApiClients, db_session: AsyncSession, segment: Segment) -> None:
    admin = await api(Role.ADMIN)
    answer = await admin.post(WORKFLOWS, json={"name": "Welcome", **document(segment, "ignore")})
    assert (await admin.post(f"{WORKFLOWS}/{answer.json()['data']['id']}/activate")).status_code == 200
    assert await enrolments(db_session) == []


async def test_the_number_is_shown_before(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, segment: Segment
) -> None:
    admin = await api(Role.ADMIN)
    made = (await admin.post(WORKFLOWS, json={"name": "Welcome", **document(segment)})).json()["data"]
    person = await browser(Role.ADMIN)
    dialog = (await person.get(f"/workflows/{made['id']}/activation")).text
    assert "3 contacts enter at once" in dialog and "VIPs" in dialog
    assert (await admin.post(f"{WORKFLOWS}/{made['id']}/activate")).status_code == 200
    shown = (await person.get(f"/workflows/{made['id']}/enrolments", headers={"hx-request": "true"})).text
    assert "Everybody in VIPs" in shown and "of 3" in shown and "Stop" in shown
    (row,) = await enrolments(db_session)
    assert (await person.post(f"/enrolments/{row.id}/stop")).status_code == 303
    await db_session.refresh(row)
    assert row.status == "stopped" and row.stopped_by
    viewer = await browser(Role.VIEWER)
    assert (await viewer.post(f"/enrolments/{row.id}/stop")).status_code == 403


async def test_a_segment_that_is_not_there_keeps_a_workflow_from_going_live(
    api: ApiClients, segment: Segment, db_session: AsyncSession
) -> None:
    admin = await api(Role.ADMIN)
    made = (await admin.post(WORKFLOWS, json={"name": "Welcome", **document(segment)})).json()["data"]
    segment.deleted_at = segment.created_at
    await db_session.flush()
    refused = await admin.post(f"{WORKFLOWS}/{made['id']}/activate")
    assert refused.status_code == 422
    assert "There is no such segment" in refused.json()["errors"][0]["message"]
