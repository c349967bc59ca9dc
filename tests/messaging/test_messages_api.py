"""The send ledger over the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib import clock
from app.lib.ids import uuid7
from app.messaging.service import AlreadySettled, MessageService
from app.models import Inbox, Message, NodeStat, Workspace
from app.models.status import MessageStatus, Role


async def add(session: AsyncSession, workspace: Workspace, **change: Any) -> Message:
    values = {
        "run_id": uuid7(), "seq": 2, "tenant_id": workspace.id, "workflow_id": uuid7(), "contact_id": uuid7(), "channel": 1,
        "status": int(MessageStatus.SENT), "recipient": "zoe@example.com", "subject": "Hi", "created_at": clock.now(),
        "attempt": 1, "fence": 1, **change,
    }  # fmt: skip
    message = Message(**values)
    session.add(message)
    await session.flush()
    return message


async def test_list_filters_and_pages(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    rows = [await add(db_session, workspace) for _ in range(5)]
    failed = await add(db_session, workspace, status=int(MessageStatus.FAILED), error_message="no")
    client = await api(Role.VIEWER)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get("/api/v1/messages", params=query)).json()
        seen += [row["id"] for row in answer["data"]]
        cursor = answer["meta"]["nextCursor"]
        if not cursor:
            break
    assert seen == [f"{row.run_id}-2" for row in [failed, *reversed(rows)]]
    for name, value in (
        ("contactId", rows[1].contact_id),
        ("workflowId", rows[1].workflow_id),
        ("runId", rows[1].run_id),
    ):
        found = (await client.get("/api/v1/messages", params={name: str(value)})).json()["data"]
        assert [row["id"] for row in found] == [f"{rows[1].run_id}-2"]
    (only,) = (await client.get("/api/v1/messages", params={"status": "failed"})).json()["data"]
    assert (only["errorMessage"], only["status"], only["channel"]) == ("no", "failed", "email")


@pytest.mark.parametrize(
    ("query", "path"), [({"status": "lost"}, "status"), ({"limit": 0}, "limit"), ({"cursor": "x"}, "cursor")]
)
async def test_bad_queries(api: Any, query: Any, path: str) -> None:
    answer = await (await api(Role.VIEWER)).get("/api/v1/messages", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


async def test_get_one_and_not_yours(
    api: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    message = await add(db_session, workspace)
    path = f"/api/v1/messages/{message.run_id}-2"
    found = (await (await api(Role.VIEWER)).get(path)).json()["data"]
    assert (found["id"], found["runId"], found["recipient"]) == (
        f"{message.run_id}-2",
        str(message.run_id),
        "zoe@example.com",
    )
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get("/api/v1/messages")).json()["data"] == []
    client = await api(Role.VIEWER)
    for wrong in (f"{uuid4()}-2", f"{message.run_id}-3", f"{message.run_id}-99999", "nonsense", "a-b"):
        assert (await client.get(f"/api/v1/messages/{wrong}")).status_code == 404


@pytest.mark.parametrize(("sent", "port", "word"), [(True, "next", "sent"), (False, "error", "failed")])
async def test_a_person_settles_what_nobody_knows(
    db_session: AsyncSession, workspace: Workspace, principal: Principal, sent: bool, port: str, word: str
) -> None:
    message = await add(
        db_session, workspace, status=int(MessageStatus.UNCERTAIN), payload={"awaited": True}, error_message="cut"
    )
    service = MessageService(db_session, principal)
    settled = await service.settle(f"{message.run_id}-2", sent=sent)
    assert MessageStatus(settled.status).word == word and settled.fence == 2
    (note,) = (await db_session.scalars(select(Inbox).where(Inbox.run_id == message.run_id))).all()
    assert (note.kind, note.payload["port"], note.payload["seq"]) == (2, port, 2)  # type: ignore[index]
    with pytest.raises(AlreadySettled):
        await service.settle(f"{message.run_id}-2", sent=sent)
    assert isinstance(message.run_id, UUID)


@pytest.mark.parametrize("word", ["sent", "failed"])
async def test_settling_by_api(api: Any, db_session: AsyncSession, workspace: Workspace, word: str) -> None:
    message = await add(
        db_session,
        workspace,
        status=int(MessageStatus.UNCERTAIN),
        workflow_version=3,
        node_id="mail",
        settled_at=clock.now(),
    )
    client = await api(Role.MARKETER)
    path = f"/api/v1/messages/{message.run_id}-2/settle"
    answer = await client.post(path, json={"as": word})
    assert answer.status_code == 200, answer.text
    told = answer.json()["data"]
    assert (told["status"], told["nodeId"], told["workflowVersion"]) == (word, "mail", 3)
    assert told["settledAt"] and (told["sentAt"] is not None) == (word == "sent")
    again = await client.post(path, json={"as": word})
    assert (again.status_code, again.json()["code"]) == (409, "already_settled")
    query = select(NodeStat.key, NodeStat.n).where(NodeStat.workflow_id == message.workflow_id)
    assert {row.key: row.n for row in await db_session.execute(query)} == {
        "message.uncertain": -1,
        f"message.{word}": 1,
    }


@pytest.mark.parametrize("body", [{}, {"as": "delivered"}, {"as": True}, {"as": "sent", "note": "x"}, []])
async def test_settling_asks_for_an_outcome(
    api: Any, db_session: AsyncSession, workspace: Workspace, body: Any
) -> None:
    message = await add(db_session, workspace, status=int(MessageStatus.UNCERTAIN))
    answer = await (await api(Role.MARKETER)).post(f"/api/v1/messages/{message.run_id}-2/settle", json=body)
    assert answer.status_code in (400, 422), answer.text
    await db_session.refresh(message)
    assert message.status == MessageStatus.UNCERTAIN


async def test_settling_is_for_those_who_may(
    api: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    message = await add(db_session, workspace, status=int(MessageStatus.UNCERTAIN))
    path = f"/api/v1/messages/{message.run_id}-2/settle"
    assert (await (await api(Role.OWNER, other_workspace)).post(path, json={"as": "sent"})).status_code == 404
    assert (await (await api(Role.VIEWER)).post(path, json={"as": "sent"})).status_code == 403
    await db_session.refresh(message)
    assert message.status == MessageStatus.UNCERTAIN
