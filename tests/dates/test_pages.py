"""What a date means while it is chosen, how far a workflow is with reading dates, and what a pause missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.dates.service import DateService
from app.lib.clock import now
from app.lib.ids import uuid7
from app.models import Contact, Workflow, WorkflowEpoch, Workspace
from app.models.due_date import DateSchedule, DueDate
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients

PREVIEW = "/dates/preview"
BIRTHDAY = {"type": "date", "field": "contact.attributes.birthday", "every": "year", "at": "09:00"}


async def people(session: AsyncSession, workspace: Workspace, *birthdays: object) -> list[Contact]:
    rows = [
        Contact(
            id=uuid7(),
            tenant_id=workspace.id,
            email=f"p{number}@example.com",
            attributes={"birthday": birthday} if birthday else {},
        )
        for number, birthday in enumerate(birthdays)
    ]
    session.add_all(rows)
    await session.flush()
    return rows


@pytest.mark.parametrize(
    ("query", "soon", "more"),
    [
        ({}, 3, "Mon, Mar 1 09:00"),
        ({"every": "once"}, 1, "3 contacts: the date has passed and starts nothing"),
        ({"every": "month"}, 4, ""),
        (
            {"offset.duration": "3", "offset.unit": "days", "offset.direction": "before"},
            2,
            "Fri, Feb 26 09:00",
        ),
    ],
)
async def test_how_many_it_concerns(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
    query: dict[str, str],
    soon: int,
    more: str,
) -> None:
    """Noon of 12 February 2027: what comes at nine today has passed; a birthday on the 29th is on the 28th, within 30 days."""
    clock.set(datetime(2027, 2, 12, 12, tzinfo=UTC))
    birthdays = ["1992-02-29", "1990-02-12", "1990-02-13", "2027-03-01", "soon", None, "2027-06-01"]
    await people(db_session, workspace, *birthdays)
    viewer = await browser(Role.VIEWER)
    shown = (await viewer.get(PREVIEW, params={**BIRTHDAY, **query})).text
    assert f"{soon} contacts in the next 30 days" in shown or (
        soon == 1 and "1 contact in the next 30 days" in shown
    ), shown
    assert (
        "5 contacts have a date there" in shown and more in shown and "1 contact: the value there is no date" in shown
    )


async def test_what_is_wrong_stands_in_the_preview(browser: BrowserClients) -> None:
    viewer = await browser(Role.VIEWER)
    for query, words in (
        ({"field": "contact.email"}, "Choose a date of the contact"),
        ({"at": "nine"}, ""),
        ({"offset.duration": "many"}, ""),
        ({"zone": "Mars/Base"}, "There is no time zone of this name"),
    ):
        answer = await viewer.get(PREVIEW, params={**BIRTHDAY, **query})
        assert answer.status_code == 200 and "bad-text" in answer.text and words in answer.text
    for query in ({"field": ""}, {"type": "nothing"}):
        answer = await viewer.get(PREVIEW, params={**BIRTHDAY, **query})
        assert answer.status_code == 200 and "Here you see how many" in answer.text, query


async def watched(session: AsyncSession, workspace: Workspace, **columns: object) -> tuple[Workflow, DateSchedule]:
    workflow = Workflow(tenant_id=workspace.id, name="Birthdays", status="paused", draft={})
    session.add(workflow)
    await session.flush()
    data = {"field": "contact.attributes.birthday", "every": "year", "missed": columns.pop("missed", "once")}
    row = DateSchedule(
        tenant_id=workspace.id, workflow_id=workflow.id, trigger_id="trigger", trigger={"type": "date", "data": data},
        zone="UTC", active=False, since=now(), **columns,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return workflow, row


async def test_how_far_it_is_and_who_has_no_date(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, _ = await people(db_session, workspace, "next June", "2020-01-01")
    workflow, row = await watched(db_session, workspace, done=400, total=1_000)
    db_session.add(
        DueDate(
            tenant_id=workspace.id, contact_id=ada.id, workflow_id=workflow.id, trigger_id="trigger", unreadable=True
        )
    )
    await db_session.flush()
    viewer = await browser(Role.VIEWER)
    url = f"/workflows/{workflow.id}/dates"
    shown = (await viewer.get(url)).text
    assert "The dates of 400 of 1,000 contacts were read." in shown and 'hx-trigger="every 2s"' in shown
    assert f'href="/contacts/{ada.id}"' in shown and "“next June”" in shown and "Each year: on birthday" in shown
    assert url in (await viewer.get(f"/workflows/{workflow.id}/runs")).text
    row.built_at = now()
    await db_session.flush()
    assert "were read" not in (await viewer.get(url)).text and "next June" in (await viewer.get(url)).text
    assert (await viewer.get(f"/workflows/{uuid7()}/dates")).status_code == 404


async def test_it_looks_again_until_a_workflow_that_went_live_was_compared(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow, row = await watched(db_session, workspace, built_at=now())
    epoch = await db_session.get_one(WorkflowEpoch, workspace.id)
    await db_session.delete(row)
    viewer = await browser(Role.VIEWER)
    url = f"/workflows/{workflow.id}/dates"
    assert 'hx-trigger="every 2s"' in (await viewer.get(url)).text
    epoch.compared = epoch.n
    await db_session.flush()
    assert "hx-trigger" not in (await viewer.get(url)).text


@pytest.mark.parametrize(
    ("missed", "count", "words"),
    [
        ("once", 2, "“Each year: on birthday” has come for 2 contacts meanwhile: they enter now."),
        ("once", 1, "“Each year: on birthday” has come for 1 contact meanwhile: it enters now."),
        ("skip", 2, "“Each year: on birthday” has come for 2 contacts meanwhile: they are left out."),
        ("once", 0, ""),
    ],
)
async def test_what_was_missed_is_told_before_it_happens(
    db_session: AsyncSession, workspace: Workspace, missed: str, count: int, words: str
) -> None:
    from types import SimpleNamespace
    from typing import Any

    rows = await people(db_session, workspace, *["1990-06-10"] * 3)
    workflow, _ = await watched(db_session, workspace, missed=missed, built_at=now())
    for number, person in enumerate(rows):
        at = now() + timedelta(hours=-1 if number < count else 1)
        db_session.add(
            DueDate(
                tenant_id=workspace.id, contact_id=person.id, workflow_id=workflow.id, trigger_id="trigger", next_at=at
            )
        )
    await db_session.flush()
    principal: Any = SimpleNamespace(tenant_id=workspace.id)
    assert await DateService(db_session, principal).missed_in_words(workflow.id) == words
