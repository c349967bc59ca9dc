"""Whom a date concerns, whose comes next, and how far the reading is: as programs ask it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.clock import now
from app.models import Workflow, Workspace
from app.models.due_date import DateSchedule, DueDate
from app.models.status import Role
from tests.dates.test_pages import people
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients

PREVIEW = "/api/v1/dates/preview"
BIRTHDAYS = ["1990-02-09", "1984-02-29", "--02-20", "02-11", "--02-31", "soon", "1990-08-01", None]
DOCUMENT = {"nodes": [{"id": "end", "type": "end"}], "edges": [{"source": "t", "target": "end"}]}


def trigger(**data: Any) -> dict[str, Any]:
    return {"type": "date", "data": {"field": "contact.attributes.birthday", "every": "year", "at": "09:00", **data}}


@pytest.mark.parametrize(
    ("data", "numbers"),
    [
        # (dated, soon, at once, passed, unreadable)
        ({}, (5, 2, 0, 0, 2)),
        ({"existing": "enter", "existingDays": 7}, (5, 2, 2, 0, 2)),
        ({"existing": "enter", "existingDays": 2}, (5, 2, 1, 0, 2)),
        ({"existing": "only"}, (5, 2, 5, 0, 2)),
        ({"every": "once"}, (3, 0, 0, 3, 4)),
        ({"every": "once", "existing": "enter"}, (3, 0, 3, 0, 4)),
        ({"every": "once", "existing": "enter", "existingDays": 30}, (3, 0, 0, 0, 4)),
        ({"every": "month", "existing": "enter", "existingDays": 5}, (3, 3, 1, 0, 4)),
    ],
)
async def test_whom_it_concerns(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
    data: dict[str, Any],
    numbers: tuple[int, ...],
) -> None:
    """Noon of 12 February 2027."""
    clock.at = datetime(2027, 2, 12, 12, tzinfo=UTC)
    await people(db_session, workspace, *BIRTHDAYS)
    answer = await (await api(Role.VIEWER)).post(PREVIEW, json=trigger(**data))
    assert answer.status_code == 200, answer.text
    counts = answer.json()["data"]
    names = ("dated", "soon", "atOnce", "passed", "unreadable")
    assert tuple(counts[name] for name in names) == numbers and counts["exact"] and counts["days"] == 30
    assert len(counts["coming"]) == (0 if data.get("existing") == "only" else min(numbers[1], 3))
    assert [one["at"] for one in counts["coming"]] == sorted(one["at"] for one in counts["coming"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (trigger(field="event.date"), "data.field"),
        (trigger(at="nine"), "data.at"),
        ({"type": "manual", "data": {}}, "type"),
        ({"type": "nothing", "data": {}}, "type"),
    ],
)
async def test_what_is_wrong_is_named(api: ApiClients, body: dict[str, Any], path: str) -> None:
    answer = await (await api(Role.VIEWER)).post(PREVIEW, json=body)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == [path], answer.text


async def test_who_is_next_and_how_far_it_is(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    contacts = await people(db_session, workspace, *["1990-02-09"] * 3)
    flow = Workflow(
        tenant_id=workspace.id, name="Flow", status="active", draft={"triggers": [{"id": "t", **trigger()}], **DOCUMENT}
    )
    db_session.add(flow)
    await db_session.flush()
    schedule = DateSchedule(
        tenant_id=workspace.id, workflow_id=flow.id, trigger_id="t", trigger=trigger(), zone="UTC", active=True,
        since=now(), done=2, total=3, next_at=now() + timedelta(days=1),
    )  # fmt: skip
    db_session.add(schedule)
    await db_session.flush()
    for days, contact in zip((3, 1, None), contacts, strict=True):
        at = None if days is None else now() + timedelta(days=days)
        db_session.add(
            DueDate(
                tenant_id=workspace.id,
                contact_id=contact.id,
                workflow_id=flow.id,
                trigger_id="t",
                next_at=at,
                unreadable=at is None,
            )
        )
    await db_session.flush()
    viewer, url = await api(Role.VIEWER), f"/api/v1/workflows/{flow.id}/dates"
    (row,) = (await viewer.get(url)).json()["data"]
    assert row.pop("nextAt")
    assert row == {
        "triggerId": "t",
        "title": "Each year: on birthday",
        "reading": True,
        "read": 2,
        "contacts": 3,
        "unreadable": 1,
    }
    coming = (await viewer.get(f"{url}/t/contacts")).json()["data"]
    assert [one["contactId"] for one in coming] == [str(contacts[1].id), str(contacts[0].id)]
    assert len((await viewer.get(f"{url}/t/contacts", params={"limit": 1})).json()["data"]) == 1
    missing = await viewer.get(f"{url}/other/contacts")
    assert (missing.status_code, missing.json()["code"]) == (404, "date_not_watched")


async def test_the_count_is_shown_before_it_goes_live(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    clock.at = datetime(2027, 2, 12, 12, tzinfo=UTC)
    await people(db_session, workspace, *BIRTHDAYS)
    admin = await api(Role.ADMIN)
    wanted = trigger(existing="enter", existingDays=7)
    made = await admin.post("/api/v1/workflows", json={"name": "Flow", "triggers": [{"id": "t", **wanted}], **DOCUMENT})
    assert made.status_code == 201, made.text
    url = f"/api/v1/workflows/{made.json()['data']['id']}"

    async def at_once() -> list[dict[str, Any]]:
        answer = await admin.get(f"{url}/activation-preview")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"]["enterAtOnce"])

    (one,) = await at_once()
    assert (one["contacts"], one["name"], one["byDate"], one["exact"]) == (2, "Each year: on birthday", True, True)
    assert (await admin.post(f"{url}/activate")).status_code == 200
    assert await at_once() == [], "it is live already"
