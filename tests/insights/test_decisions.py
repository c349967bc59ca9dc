"""Why a contact was or was not let in: runs, waiting starts and refusals as one list, by the API, on pages and in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.entry_reasons import reason_text
from app.lib.ids import uuid7
from app.models import Contact, EntryRefusal, WaitingStart, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.runs import run_row
from tests.insights.test_refusals import ada as ada
from tests.workflows.examples import PATH, created


async def decide(session: AsyncSession, workspace: Workspace, workflow_id: str, contact: Contact, clock: Clock) -> None:
    """A run, then three refusals of one day and one of another, then a start that waits."""
    one = {"tenant_id": workspace.id, "workflow_id": UUID(workflow_id), "contact_id": contact.id}
    at = clock.now()
    session.add_all(
        [
            run_row(id=uuid7(), workflow_version=1, started_at=at, status=int(RunStatus.COMPLETED), seq=0, completed_at=at, **one),
            EntryRefusal(**one, reason="already_active", at=at + timedelta(hours=1), last_at=at + timedelta(hours=3), times=3,
                         trigger_id="t2"),
            EntryRefusal(**one, reason="closed", detail={"until": "2026-03-01T00:00:00+01:00", "zone": "CET"}, at=at + timedelta(days=1)),
            WaitingStart(**one, kind=0, name="e", occurred_at=at, at=at, since=at + timedelta(days=2)),
        ]
    )  # fmt: skip
    await session.flush()


async def test_all_of_one_contact_the_last_first_and_page_by_page(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    flow, other = [await created(await api(Role.MARKETER)) for _ in range(2)]
    bob = Contact(tenant_id=workspace.id, email="bob@example.com")
    db_session.add(bob)
    await db_session.flush()
    await decide(db_session, workspace, flow["id"], ada, clock)
    await decide(db_session, workspace, flow["id"], bob, clock)
    await decide(db_session, workspace, other["id"], ada, clock)
    client, url = await api(Role.VIEWER), f"{PATH}/{flow['id']}/decisions"
    decisions, cursor = list[dict[str, Any]](), None
    while True:
        params = {"contactId": str(ada.id), "limit": 1, **({"cursor": cursor} if cursor else {})}
        body = (await client.get(url, params=params)).json()
        decisions += body["data"]
        cursor = body["meta"]["nextCursor"]
        if cursor is None:
            break
    assert [(one["decision"], one["reason"], one["times"], one["triggerId"]) for one in decisions] == [
        ("waiting", None, 1, None),
        ("refused", "closed", 1, None),
        ("refused", "already_active", 3, "t2"),
        ("entered", None, 1, "trigger"),
    ]
    assert decisions == (await client.get(url, params={"contactId": str(ada.id)})).json()["data"]
    assert decisions[1]["message"] == "The workflow let nobody in after 1 March 2026, 00:00 CET."
    assert decisions[3]["runId"] and decisions[3]["version"] == 1
    assert decisions[2]["at"] > decisions[2]["firstAt"]


async def test_a_contact_must_be_asked_for_and_others_are_not_there(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    ada: Contact,
    clock: Clock,
) -> None:
    flow = await created(await api(Role.MARKETER))
    await decide(db_session, other_workspace, flow["id"], ada, clock)
    client = await api(Role.VIEWER)
    missing = await client.get(f"{PATH}/{flow['id']}/decisions")
    assert missing.status_code == 422 and "contactId" in missing.text
    assert (await client.get(f"{PATH}/{flow['id']}/decisions", params={"contactId": str(ada.id)})).json()["data"] == []
    unknown = await client.get(f"{PATH}/{uuid7()}/decisions", params={"contactId": str(ada.id)})
    assert unknown.json()["code"] == "workflow_not_found"


async def test_pages_say_how_often(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    flow = await created(await api(Role.MARKETER))
    await decide(db_session, workspace, flow["id"], ada, clock)
    (first, second) = (await (await api(Role.VIEWER)).get(f"{PATH}/{flow['id']}/refusals")).json()["data"]
    assert (first["times"], second["times"], second["triggerId"]) == (1, 3, "t2")
    assert second["lastAt"] > second["at"] and first["lastAt"] == first["at"]
    client = await browser(Role.VIEWER)
    stats = (await client.get(f"/workflows/{flow['id']}/stats")).text
    assert "3 times" in stats and "1 start waits in line to enter" in stats
    page = (await client.get(f"/contacts/{ada.id}")).text
    assert "Did not enter" in page and "3 times" in page and "It was in this workflow already." in page


@pytest.mark.parametrize(
    ("reason", "detail", "words"),
    [
        (
            "not_open_yet",
            {"from": "2026-11-30T09:00:00+00:00"},
            "The workflow lets nobody in before 30 November 2026, 09:00 UTC.",
        ),
        ("not_open_yet", {"from": "x"}, "The workflow did not let anybody in yet."),
        ("closed", None, "The workflow did not let anybody in any more."),
        ("entries_used_up", {"most": 1_000}, "As many had entered as the workflow takes: 1,000."),
        ("already_waiting", None, "It was waiting to enter this workflow already."),
    ],
)
def test_reasons_are_words(reason: str, detail: dict[str, Any] | None, words: str) -> None:
    assert reason_text(reason, detail) == words
