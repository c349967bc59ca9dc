"""Group commit: what concurrent requests share, and what they do not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.errors import Unavailable
from app.events import ingest as module
from app.events import storing
from app.events.ingest import Ingest, Overloaded
from app.events.refusals import EventContactUnknown, EventIdInUse
from app.events.schemas import Accepted, read_events
from app.lib import database
from app.lib.ids import uuid7
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_key, make_workspace

EVENTS = "/api/v1/events"


def one(name: str = "a", external_id: str = "u1", key: str | None = None) -> Accepted:
    return Accepted(name, "external_id", external_id, "{}", None, key)


@pytest.fixture
async def tenant(committed_database: CommittedDatabase) -> int:
    async with database.transaction() as session:
        return (await make_workspace(session, "Acme")).id


@pytest.fixture
def ingest(tenant: int) -> Ingest:
    return Ingest(database.session_maker())


async def test_concurrent_requests_with_one_id_store_one_event_and_one_contact(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        workspace = await make_workspace(session, "Acme")
        key = await make_key(session, workspace, Role.MARKETER)
    headers = {"Authorization": f"Bearer {key}"}

    async def send(number: int) -> Any:
        body = {"name": "n", "externalId": f"u{number % 7 % 3}", "id": f"id-{number % 7}"}
        payload: Any = [body, body] if number % 5 == 0 else body
        answer = await committed_client.post(EVENTS, json=payload, headers=headers)
        assert answer.status_code == 202, answer.text
        data = answer.json()["data"]
        return data if isinstance(data, list) else [data]

    answers = [receipt for receipts in await asyncio.gather(*map(send, range(70))) for receipt in receipts]
    ids: dict[str, set[str]] = {}
    for receipt in answers:
        ids.setdefault(receipt["clientId"], set()).add(receipt["id"])
    assert len(ids) == 7 and all(len(found) == 1 for found in ids.values())
    assert Counter(receipt["duplicate"] for receipt in answers)[False] == 7
    with committed_database.connect() as connection:
        assert connection.execute("select count(*) from events where key is not null").fetchone() == (7,)
        assert connection.execute("select count(*) from inbox where name <> 'contact.created'").fetchone() == (7,)
        (contacts,) = connection.execute("select count(*) from contacts").fetchone() or (0,)
        (created,) = connection.execute("select count(*) from events where name = 'contact.created'").fetchone() or (0,)
        assert contacts == created <= 3


async def test_two_queues_racing_for_one_id_agree(committed_database: CommittedDatabase, tenant: int) -> None:
    queues = [Ingest(database.session_maker()) for _ in range(4)]
    answers = await asyncio.gather(
        *(queue.submit(tenant, [one(key=f"k{n}", external_id="new")], 10) for n in range(20) for queue in queues)
    )
    by_key: dict[str | None, set[Any]] = {}
    for (receipt,) in answers:
        by_key.setdefault(receipt.key, set()).add((receipt.id, receipt.contact_id))
    assert len(by_key) == 20 and all(len(found) == 1 for found in by_key.values())
    assert sum(not receipt.duplicate for (receipt,) in answers) == 20


async def test_queues_racing_for_one_id_with_other_content_have_one_winner(
    committed_database: CommittedDatabase, tenant: int
) -> None:
    """The losers are refused as if they had come later, and what was stored beside them in one transaction stays."""
    queues = [Ingest(database.session_maker()) for _ in range(4)]
    keyed = [
        queue.submit(tenant, [one(name=f"n{number}", external_id=f"u{number}", key=f"k{n}")], 10)
        for n in range(20)
        for number, queue in enumerate(queues)
    ]
    plain = [queue.submit(tenant, [one(name="plain")], 10) for queue in queues for _ in range(10)]
    answers = await asyncio.gather(*keyed, *plain, return_exceptions=True)
    refused = [answer for answer in answers[: len(keyed)] if isinstance(answer, BaseException)]
    assert len(refused) == 60 and all(isinstance(error, EventIdInUse) for error in refused), refused
    assert {found["path"] for error in refused for found in error.errors} == {"contact", "name"}
    assert not [answer for answer in answers[len(keyed) :] if isinstance(answer, BaseException)]
    with committed_database.connect() as connection:
        assert connection.execute("select count(*) from events where key is not null").fetchone() == (20,)
        assert connection.execute("select count(*) from events where name = 'plain'").fetchone() == (40,)
        assert connection.execute("select count(*) from inbox where name <> 'contact.created'").fetchone() == (60,)


async def test_being_overtaken_looks_again(ingest: Ingest, tenant: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other transaction commits between our look and our insert."""
    other = Ingest(database.session_maker())
    real, looked = storing._look, []

    async def slow(session: Any, requests: Any) -> Any:
        seen = await real(session, requests)
        if not looked:
            looked.append(1)
            await other.submit(tenant, [one(name="faster", key="k")], 10)
        return seen

    monkeypatch.setattr(storing, "_look", slow)
    answers = await asyncio.gather(
        ingest.submit(tenant, [one(name="slower", key="k")], 10),
        ingest.submit(tenant, [one(name="beside")], 10),
        return_exceptions=True,
    )
    assert isinstance(answers[0], EventIdInUse)
    assert not isinstance(answers[1], BaseException) and not answers[1][0].duplicate


async def test_waiting_requests_share_a_transaction(
    ingest: Ingest, tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = storing.store

    async def counting(session: Any, requests: Any) -> Any:
        sizes.append(len(requests))
        return await real(session, requests)

    monkeypatch.setattr(storing, "store", counting)
    await asyncio.gather(*(ingest.submit(tenant, [one()], 10) for _ in range(200)))
    assert sum(sizes) == 200 and len(sizes) <= 4
    assert not ingest._tasks and ingest.space.events == ingest.space.bytes == 0


async def test_a_refused_request_does_not_touch_its_neighbours(ingest: Ingest, tenant: int) -> None:
    unknown = Accepted("a", "id", uuid7(), "{}", None, "shared", where="[1]")
    good = [ingest.submit(tenant, [one(key="shared")], 10), ingest.submit(tenant, [one()], 10)]
    answers = await asyncio.gather(ingest.submit(tenant, [one(), unknown], 10), *good, return_exceptions=True)
    assert isinstance(answers[0], EventContactUnknown)
    assert answers[0].errors[0]["path"] == "[1].contactId"
    assert not isinstance(answers[1], BaseException) and not answers[1][0].duplicate
    assert not isinstance(answers[2], BaseException)


async def test_a_request_that_breaks_the_transaction_is_split_out(
    ingest: Ingest, tenant: int, committed_database: CommittedDatabase
) -> None:
    broken = Accepted("a\0b", "external_id", "u1", "{}", None, None)
    answers = await asyncio.gather(
        *(ingest.submit(tenant, [one(str(n))], 10) for n in range(5)),
        ingest.submit(tenant, [broken], 10),
        *(ingest.submit(tenant, [one(str(n))], 10) for n in range(5, 10)),
        return_exceptions=True,
    )
    assert [isinstance(answer, BaseException) for answer in answers] == [False] * 5 + [True] + [False] * 5
    with committed_database.connect() as connection:
        assert connection.execute("select count(*) from events where name <> 'contact.created'").fetchone() == (10,)


async def test_a_full_queue_says_when_to_come_back(
    ingest: Ingest, tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    answers = await asyncio.gather(*(ingest.submit(tenant, [one()], 10) for _ in range(9)), return_exceptions=True)
    assert sum(isinstance(answer, Overloaded) for answer in answers) == 4
    assert (await ingest.submit(tenant, [one()], 10))[0].duplicate is False
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 100)
    with pytest.raises(Overloaded):
        await ingest.submit(tenant, [one()], 101)


async def test_overload_reaches_the_client_as_503_with_retry_after(
    committed_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.MARKETER)
    monkeypatch.setattr(module, "MAX_WAITING", 0)
    answer = await committed_client.post(
        EVENTS, json={"name": "a", "externalId": "u1"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "overloaded"


async def test_a_database_that_is_away_fails_everybody_and_the_queue_recovers(
    ingest: Ingest, tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(session: Any, requests: Any) -> Any:
        raise OperationalError("select", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(storing, "store", away)
        answers = await asyncio.gather(*(ingest.submit(tenant, [one()], 10) for _ in range(9)), return_exceptions=True)
    assert all(isinstance(answer, OperationalError | Unavailable) for answer in answers)
    assert len(await ingest.submit(tenant, [one()], 10)) == 1


async def test_a_client_that_hangs_up_loses_nothing(
    ingest: Ingest, tenant: int, committed_database: CommittedDatabase
) -> None:
    gone = asyncio.create_task(ingest.submit(tenant, [one(key="gone")], 10))
    await asyncio.sleep(0)
    gone.cancel()
    (again,) = await ingest.submit(tenant, [one(key="gone")], 10)
    with committed_database.connect() as connection:
        assert connection.execute("select id from events where key = 'gone'").fetchall() == [(again.id,)]


def test_reading_a_full_batch_is_quick() -> None:
    body = b"[" + b",".join([b'{"name":"a","externalId":"u1","properties":{"a":{"b":[1,2]}}}'] * 1_000) + b"]"
    found = read_events(body)
    assert found.many and len(found.events) == 1_000 and not found.field_errors
