"""Settling and sending again over the API: one, some, all that fit; and who may."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models import Message, Workspace
from app.models.status import MessageStatus, Role
from tests.messaging.test_messages_api import add


async def uncertain(session: AsyncSession, workspace: Workspace, **change: Any) -> Message:
    values = {
        "status": int(MessageStatus.UNCERTAIN),
        "settled_at": clock.now(),
        "reason": "worker_lost",
        "node_id": "mail",
    }
    return await add(session, workspace, **{**values, **change})


async def test_one_is_sent_again_and_says_what_it_was(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    message = await uncertain(db_session, workspace, error_message="The line was cut.", attempt=3)
    client = await api(Role.MARKETER)
    path = f"/api/v1/messages/{message.run_id}-2"
    answer = await client.post(f"{path}/resend")
    assert answer.status_code == 200, answer.text
    told = answer.json()["data"]
    assert (told["status"], told["attempt"], told["settledAt"], told["reason"]) == ("queued", 0, None, None)
    assert told["resentAt"] and told["dueAt"]
    (decision,) = told["decisions"]
    assert (decision["act"], decision["was"], decision["wasReason"], decision["tries"]) == (
        "resent",
        "uncertain",
        "worker_lost",
        3,
    )
    assert decision["byKind"] == "key" and decision["by"] and decision["wasError"] == "The line was cut."
    again = await client.post(f"{path}/resend")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_resend")
    assert (await client.get(path)).json()["data"]["decisions"] == [decision]
    assert (await client.get("/api/v1/messages")).json()["data"][0]["decisions"] is None
    for word in ("queued", "sent", "suppressed"):
        other = await add(db_session, workspace, status=int(MessageStatus.of(word)))
        assert (await client.post(f"/api/v1/messages/{other.run_id}-2/resend")).status_code == 409


async def test_some_and_all(
    api: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    rows = [await uncertain(db_session, workspace) for _ in range(3)]
    failed = await uncertain(db_session, workspace, status=int(MessageStatus.FAILED), reason="message_refused")
    foreign = await uncertain(db_session, other_workspace)
    client = await api(Role.MARKETER)
    ids = [f"{row.run_id}-2" for row in (*rows[:2], failed, foreign)] + ["nonsense"]
    answer = await client.post("/api/v1/messages/settle", json={"as": "sent", "ids": ids})
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"] == {"moved": 2, "skipped": 3, "job": None}
    body = {"filter": {"status": ["failed", "uncertain"]}}
    done = (await client.post("/api/v1/messages/resend", json=body)).json()["data"]
    assert (done["moved"], done["skipped"], done["job"]["status"], done["job"]["matched"]) == (2, 0, "completed", 2)
    for row in (*rows, failed, foreign):
        await db_session.refresh(row)
    assert [MessageStatus(row.status).word for row in (*rows, failed, foreign)] == [
        "sent",
        "sent",
        "queued",
        "queued",
        "uncertain",
    ]
    path = f"/api/v1/message-jobs/{done['job']['id']}"
    viewer, stranger = await api(Role.VIEWER), await api(Role.OWNER, other_workspace)
    assert (await viewer.get(path)).json()["data"] == done["job"]
    assert (await viewer.get("/api/v1/message-jobs")).json()["data"] == [done["job"]]
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get("/api/v1/message-jobs")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "ids"),
        ({"ids": ["a-1"], "filter": {"status": ["failed"]}}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": ["x"] * 101}, "ids"),
        ({"filter": {}}, "filter.status"),
        ({"filter": {"status": []}}, "filter.status"),
        ({"filter": {"status": ["sent"]}}, "filter.status[0]"),
        ({"filter": {"status": ["failed"], "workflow": "x"}}, "filter.workflow"),
        ({"filter": {"status": ["failed"], "since": "2026-01-01T00:00:00"}}, "filter.since"),
        (
            {"filter": {"status": ["failed"], "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}},
            "filter.until",
        ),
    ],
)
async def test_what_many_are_has_to_be_said(api: Any, body: Any, path: str) -> None:
    answer = await (await api(Role.MARKETER)).post("/api/v1/messages/resend", json=body)
    assert answer.status_code == 422, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]], answer.text


async def test_failed_ones_are_not_settled(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    client = await api(Role.MARKETER)
    body = {"as": "sent", "filter": {"status": ["uncertain", "failed"]}}
    answer = await client.post("/api/v1/messages/settle", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "filter.status")
    failed = await uncertain(db_session, workspace, status=int(MessageStatus.FAILED))
    ids = [f"{failed.run_id}-2"]
    done = (await client.post("/api/v1/messages/settle", json={"as": "sent", "ids": ids})).json()["data"]
    assert (done["moved"], done["skipped"]) == (0, 1)


async def test_sending_again_is_for_those_who_may(
    api: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    message = await uncertain(db_session, workspace)
    path = f"/api/v1/messages/{message.run_id}-2/resend"
    viewer, stranger = await api(Role.VIEWER), await api(Role.OWNER, other_workspace)
    assert (await viewer.post(path)).status_code == 403 and (await stranger.post(path)).status_code == 404
    body = {"ids": [f"{message.run_id}-2"]}
    assert (await viewer.post("/api/v1/messages/resend", json=body)).status_code == 403
    assert (await stranger.post("/api/v1/messages/resend", json=body)).json()["data"]["skipped"] == 1
    await db_session.refresh(message)
    assert message.status == MessageStatus.UNCERTAIN
