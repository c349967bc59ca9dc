"""The same POST twice is done once: also at the same time, after a failure, and when the answer held a secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys
from app.idempotency import repository
from app.lib import clock, crypto, database
from app.models.api_key import ApiKey
from app.models.idempotency_key import IdempotencyKey
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients, make_key, make_workspace

URL = "/api/v1/api-keys"


def once(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).where(ApiKey.name == "made once")) or 0


async def test_the_same_request_gets_the_same_answer(api: ApiClients, db_session: AsyncSession) -> None:
    admin, headers = await api(Role.ADMIN), once()
    first = await admin.post(URL, json={"name": "made once"}, headers=headers)
    again = await admin.post(URL, json={"name": "made once"}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json()["data"]["key"].startswith("tl_")
    assert again.json()["data"] == first.json()["data"] | {"key": None}, "a secret is shown once"
    assert again.json()["success"] is True
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await count(db_session) == 1
    row = (await db_session.scalars(select(IdempotencyKey))).one()
    asked = repository.RequestKey(row.tenant_id, row.principal_kind, row.principal_id, row.key)
    assert b"made once" not in (row.body or b""), "a stored answer is sealed"
    assert first.json()["data"]["key"].encode() not in crypto.unseal(row.body or b"", asked.aad), (
        "secrets are not stored"
    )


@pytest.mark.parametrize("change", ["body", "path", "query"])
async def test_another_request_with_that_key_is_refused(api: ApiClients, db_session: AsyncSession, change: str) -> None:
    admin, headers = await api(Role.ADMIN), once()
    await admin.post(URL, json={"name": "made once"}, headers=headers)
    url = {"path": "/api/v1/templates", "query": f"{URL}?x=1"}.get(change, URL)
    other = await admin.post(url, json={"name": "other" if change == "body" else "made once"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(db_session) == 1


async def test_keys_belong_to_a_workspace(
    api: ApiClients, other_workspace: Workspace, db_session: AsyncSession
) -> None:
    headers = once()
    for client in (await api(Role.ADMIN), await api(Role.ADMIN, other_workspace)):
        answer = await client.post(URL, json={"name": "made once"}, headers=headers)
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers
    assert await count(db_session) == 2


async def test_a_refused_request_leaves_its_key_free(api: ApiClients, db_session: AsyncSession) -> None:
    admin, headers = await api(Role.ADMIN), once()
    assert (await admin.post(URL, json={"name": ""}, headers=headers)).status_code == 422
    assert (await admin.post(URL, json={"name": "made once"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
async def test_a_strange_key_is_refused(api: ApiClients, key: str) -> None:
    answer = await (await api(Role.ADMIN)).post(URL, json={"name": "x"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "Idempotency-Key"


async def test_strangers_leave_no_keys(client: httpx.AsyncClient, db_session: AsyncSession) -> None:
    assert (await client.post(URL, json={"name": "x"}, headers=once())).status_code == 401
    assert await db_session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


async def test_old_answers_are_forgotten(api: ApiClients, db_session: AsyncSession) -> None:
    await (await api(Role.ADMIN)).post(URL, json={"name": "made once"}, headers=once())
    await repository.delete_old(db_session)
    assert await db_session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1
    await db_session.execute(update(IdempotencyKey).values(created_at=clock.now() - timedelta(hours=25)))
    await repository.delete_old(db_session)
    assert await db_session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


@pytest.fixture
async def program(committed_client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's key on a database that really commits."""
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.ADMIN)
    committed_client.headers["authorization"] = f"Bearer {key}"
    yield committed_client


async def test_ten_at_once_are_done_once(program: httpx.AsyncClient) -> None:
    headers = once()
    answers = await asyncio.gather(*(program.post(URL, json={"name": "made once"}, headers=headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert sum(answer.json()["data"]["key"] is not None for answer in answers) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 9
    async with database.transaction() as session:
        assert await count(session) == 1


async def test_a_copy_waits_for_a_while_and_then_says_so(
    program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "_WAIT_MS", 100)
    entered, leave = asyncio.Event(), asyncio.Event()
    honest = keys.create

    async def slow(*given: object, **named: object) -> object:
        entered.set()
        await leave.wait()
        return await honest(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(keys, "create", slow)
    headers = once()
    first = asyncio.create_task(program.post(URL, json={"name": "made once"}, headers=headers))
    await entered.wait()
    copy = await program.post(URL, json={"name": "made once"}, headers=headers)
    assert (copy.status_code, copy.json()["code"]) == (409, "idempotency_in_progress")
    assert int(copy.headers["retry-after"]) == 1
    leave.set()
    assert (await first).status_code == 201
    assert (await program.post(URL, json={"name": "made once"}, headers=headers)).headers[
        "idempotency-replayed"
    ] == "true"


async def test_when_the_commit_fails_nobody_hears_of_success(
    program: httpx.AsyncClient, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut after the work and before the commit: the answer is 503, the key is free, and a retry works."""
    honest = AsyncSession.commit

    async def cut(session: AsyncSession) -> None:
        pid = await session.scalar(select(func.pg_backend_pid()))
        with committed_database.connect() as other:
            other.execute("select pg_terminate_backend(%s, 10000)", [pid])
        await honest(session)

    monkeypatch.setattr(AsyncSession, "commit", cut)
    headers = once()
    failed = await program.post(URL, json={"name": "made once"}, headers=headers)
    assert (failed.status_code, failed.json()["code"]) == (503, "unavailable")
    monkeypatch.setattr(AsyncSession, "commit", honest)
    again = await program.post(URL, json={"name": "made once"}, headers=headers)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    async with database.transaction() as session:
        assert await count(session) == 1
