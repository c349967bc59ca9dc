"""What was removed because it is old is said where people and programs look for it; what is missing otherwise stays an error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import first_uuid7_of, uuid7
from app.models import Contact, HistoryStart, Workspace
from app.models.status import Role
from app.retention.rules import CHOICES, RULES, chosen
from tests.fixtures.people import ApiClients, BrowserClients

START = datetime(2026, 9, 4, tzinfo=UTC)
SENTENCE = "from before Sep 4, 2026 were removed"


def _id(at: datetime) -> UUID:
    return UUID(bytes=first_uuid7_of(at).bytes[:8] + uuid7().bytes[8:])


@pytest.fixture
async def contact(db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> Contact:
    """In a workspace of which runs and events were removed."""
    contact = Contact(tenant_id=workspace.id, email="ada@example.com")
    db_session.add_all(
        [
            contact,
            HistoryStart(tenant_id=workspace.id, rule="runs", at=START),
            HistoryStart(tenant_id=workspace.id, rule="events", at=START),
        ]
    )
    await db_session.flush()
    return contact


async def test_lists_say_at_their_end_what_was_removed(contact: Contact, browser: BrowserClients) -> None:
    viewer = await browser(Role.VIEWER)
    for path, what in (
        ("/runs", "Runs"),
        ("/runs?status=failed", "Runs"),
        ("/messages", "Messages of runs"),
        (f"/contacts/{contact.id}", "Runs and their messages"),
        (f"/contacts/{contact.id}", "Events"),
        (f"/contacts/{contact.id}?show=events", "Events"),
        (f"/contacts/{contact.id}?show=runs", "Runs and their messages"),
    ):
        text = (await viewer.get(path)).text
        assert f"{what} {SENTENCE}" in text, path
    assert f"messages {SENTENCE}" not in (await viewer.get(f"/contacts/{contact.id}?show=events")).text
    assert (
        "Those from before Sep 4, 2026 were removed" in (await (await browser(Role.ADMIN)).get("/settings/data")).text
    )


async def test_a_link_to_what_was_removed_says_so(contact: Contact, browser: BrowserClients, api: ApiClients) -> None:
    viewer, program = await browser(Role.VIEWER), await api(Role.VIEWER)
    old, young = _id(START - timedelta(days=1)), _id(START + timedelta(days=1))
    for page, url, code in (
        ("/runs/{}", f"/api/v1/workflows/{uuid7()}/runs/{{}}", "run_not_found"),
        ("/messages/{}-1", "/api/v1/messages/{}-1", "not_found"),
    ):
        shown, answer = await viewer.get(page.format(old)), await program.get(url.format(old))
        assert shown.status_code == answer.status_code == 404
        assert "runs that began before 4 September 2026 were removed" in shown.text
        problem = answer.json()
        assert problem["code"] == code and "were removed" in problem["detail"]
        assert "removed" not in (await viewer.get(page.format(young))).text
        assert "removed" not in (await program.get(url.format(young))).json()["detail"]


async def test_programs_are_told_from_when_on_there_is_all(contact: Contact, api: ApiClients) -> None:
    program = await api(Role.VIEWER)
    for url in ("/api/v1/runs", "/api/v1/messages"):
        assert (await program.get(url)).json()["meta"]["removedBefore"] == START.isoformat()


async def test_nothing_is_said_where_nothing_was_removed(
    db_session: AsyncSession, other_workspace: Workspace, browser: BrowserClients, api: ApiClients
) -> None:
    """Also not when another workspace removed something."""
    db_session.add(HistoryStart(tenant_id=other_workspace.id, rule="runs", at=START))
    await db_session.flush()
    viewer = await browser(Role.VIEWER)
    assert "were removed" not in (await viewer.get("/runs")).text
    assert "removedBefore" not in (await (await api(Role.VIEWER)).get("/api/v1/runs")).json()["meta"]


async def test_programs_read_and_change_how_long_data_is_kept(
    contact: Contact, db_session: AsyncSession, workspace: Workspace, api: ApiClients
) -> None:
    workspace.settings = {"country": "DE"}
    await db_session.flush()
    admin, viewer = await api(Role.ADMIN), await api(Role.VIEWER)
    listed = {rule["rule"]: rule for rule in (await viewer.get("/api/v1/retention")).json()["data"]}
    assert {name: rule["days"] for name, rule in listed.items()} == chosen({})
    assert listed["runs"]["removedBefore"] and listed["imports"]["removedBefore"] is None
    assert listed["runs"]["choices"] == list(CHOICES) and listed.keys() == {rule.name for rule in RULES}

    assert (await viewer.patch("/api/v1/retention", json={"days": {"runs": 30}})).status_code == 403
    answer = await admin.patch("/api/v1/retention", json={"days": {"runs": 30, "dead_letters": 0}})
    assert answer.status_code == 200, answer.text
    await db_session.refresh(workspace)
    assert workspace.settings == {"country": "DE", "retention": {**chosen({}), "runs": 30, "dead_letters": 0}}
    for body, path in (
        ({"days": {"runs": 31}}, "days.runs"),
        ({"days": {"dead_letters": -1}}, "days.dead_letters"),
        ({"days": {"steps": 30}}, "days.steps"),
        ({"days": 30}, "days"),
        ({}, "days"),
    ):
        refused = await admin.patch("/api/v1/retention", json=body)
        assert refused.status_code == 422 and [one["path"] for one in refused.json()["errors"]] == [path]
    await db_session.refresh(workspace)
    assert workspace.settings["retention"]["runs"] == 30
