"""Deliveries to a real local server: signed, tried again, none lost, doubles only with the same id; a slow endpoint holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb
from standardwebhooks import Webhook as StandardWebhook

from app.lib import clock as product_clock
from app.lib.ids import uuid7
from app.webhook_endpoints import delivery, delivery_repository
from app.webhook_endpoints.backoff import DELAYS_S, Reply, next_try_s
from app.webhook_endpoints.delivery import DeliveryPass
from app.webhook_endpoints.http_post import opened_client, post
from app.webhook_endpoints.secrets import EndpointSecrets
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
Answer = Callable[[dict[str, Any]], tuple[int, str]]


class Recorder:
    """A server that writes down what came and answers as it is told."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answer: Answer = lambda call: (200, "fine")
        self.delay: dict[str, float] = {}
        self.hang: set[str] = set()
        self.open = self.most_open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        path = lines[0].split(" ")[1]
        call = {"path": path, "headers": headers, "body": body, "event": msgspec.json.decode(body)}
        self.calls.append(call)
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            if path in self.hang:
                await asyncio.sleep(60)
            await asyncio.sleep(self.delay.get(path, 0))
            status, text = self.answer(call)
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
            await writer.drain()
        finally:
            self.open -= 1
            writer.close()

    def ids(self, path: str = "/") -> list[str]:
        return [call["headers"]["webhook-id"] for call in self.calls if call["path"] == path]


@contextlib.asynccontextmanager
async def listening(recorder: Recorder) -> AsyncIterator[str]:
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    yield place
    place.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints that fail do not pause: time is moved, not slept."""
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.0)


def endpoint(world: World, url: str, tenant: int | None = None, secrets: EndpointSecrets | None = None) -> UUID:
    endpoint_id, tenant_id = uuid7(), tenant or world.tenant
    sealed = (secrets or EndpointSecrets.fresh()).sealed(tenant_id, endpoint_id)
    world.db.execute(
        "insert into webhook_endpoints (tenant_id, id, url, types, sealed) values (%s, %s, %s, %s, %s)",
        (tenant_id, endpoint_id, url, ["contact.deleted"], sealed),
    )
    return endpoint_id


def waiting(world: World, endpoint_id: UUID, count: int = 1, tenant: int | None = None) -> list[str]:
    ids = [uuid7() for _ in range(count)]
    with world.db.cursor() as cursor:
        cursor.executemany(
            "insert into event_deliveries (tenant_id, endpoint_id, id, type, data, occurred_at, next_at)"
            " values (%s, %s, %s, 'contact.deleted', %s, clock_now(), clock_now())",
            [(tenant or world.tenant, endpoint_id, one, Jsonb({"contactId": str(one)})) for one in ids],
        )
    return [str(one) for one in ids]


def run(world: World, database: CommittedDatabase, recorder: Recorder, work: Callable[[str], Any]) -> Any:
    """Serve, let `work` put in what is to be delivered, and deliver all that is due."""

    async def main() -> Any:
        async with listening(recorder) as base:
            made = work(base)
            with psycopg.connect(database.url, autocommit=True, options="-c timezone=UTC") as connection:
                await DeliveryPass(connection, reconnect=lambda: connection).run(until_idle=True)
            return made

    return asyncio.run(main())


def states(world: World, endpoint_id: UUID) -> list[tuple[int, int, int | None]]:
    sql = "select status, attempt, http_status from event_deliveries where endpoint_id = %s order by id"
    return world.db.execute(sql, (endpoint_id,)).fetchall()


def test_an_event_arrives_signed_by_each_secret_that_holds(world: World, committed_database: CommittedDatabase) -> None:
    recorder, secrets = Recorder(), EndpointSecrets.fresh().rotated(datetime.now(UTC))
    made: dict[str, Any] = {}

    def work(base: str) -> None:
        made["endpoint"] = endpoint(world, f"{base}/hook?a=1", secrets=secrets)
        made["ids"] = waiting(world, made["endpoint"])

    run(world, committed_database, recorder, work)
    (call,) = recorder.calls
    assert call["path"] == "/hook?a=1" and call["headers"]["webhook-id"] == made["ids"][0]
    for secret in secrets.secrets:
        StandardWebhook(secret.text).verify(call["body"], call["headers"])
    event = call["event"]
    assert event["specversion"] == "1.0" and event["id"] == made["ids"][0] and event["type"] == "contact.deleted"
    assert event["subject"] == f"contacts/{made['ids'][0]}" and event["data"] == {"contactId": made["ids"][0]}
    assert states(world, made["endpoint"]) == [(1, 1, 200)]


def test_what_fails_is_tried_again_for_a_day_and_then_given_up(
    world: World, committed_database: CommittedDatabase
) -> None:
    recorder = Recorder()
    recorder.answer = lambda call: (503, "busy, mail ada@example.com")

    async def main() -> UUID:
        async with listening(recorder) as base:
            endpoint_id = endpoint(world, f"{base}/")
            waiting(world, endpoint_id)
            with psycopg.connect(committed_database.url, autocommit=True, options="-c timezone=UTC") as connection:
                for _ in range(len(DELAYS_S) + 3):
                    await DeliveryPass(connection, reconnect=lambda: connection).run(until_idle=True)
                    connection.execute("update event_deliveries set next_at = clock_now() where next_at is not null")
            return endpoint_id

    endpoint_id = asyncio.run(main())
    assert states(world, endpoint_id) == [(2, len(DELAYS_S) + 1, 503)]
    assert len(set(recorder.ids())) == 1 and len(recorder.ids()) == len(DELAYS_S) + 1
    answer, tries = world.db.execute("select answer, tries from event_deliveries").fetchone() or ("", [])
    assert answer == "busy, mail [address left out]" and len(tries) == len(DELAYS_S) + 1
    failing, enabled = world.db.execute("select failing_since, enabled from webhook_endpoints").fetchone() or (
        None,
        None,
    )
    assert failing is not None and enabled is True


def test_the_pauses_make_a_day_and_an_endpoint_may_ask_for_more() -> None:
    pauses = [next_try_s(attempt, Reply(500), 0.0) for attempt in range(1, len(DELAYS_S) + 2)]
    assert pauses[-1] is None and 23 <= sum(pause or 0 for pause in pauses) / 3_600 <= 25
    assert next_try_s(1, Reply(429, retry_after=300), 0.0) == 300
    assert next_try_s(1, Reply(429, retry_after=10**9), 0.0) == 3_600
    assert next_try_s(1, Reply(410), 0.0) is None


@pytest.mark.parametrize(("status", "days", "reason"), [(410, 0, "gone"), (500, 4, "failing")])
def test_an_endpoint_that_is_lost_is_switched_off(
    world: World, committed_database: CommittedDatabase, status: int, days: int, reason: str
) -> None:
    recorder = Recorder()
    recorder.answer = lambda call: (status, "")
    made: dict[str, Any] = {}

    def work(base: str) -> None:
        made["endpoint"] = endpoint(world, f"{base}/")
        waiting(world, made["endpoint"], 50)
        if days:
            world.db.execute("update webhook_endpoints set failing_since = clock_now() - %s", (timedelta(days=days),))

    run(world, committed_database, recorder, work)
    assert world.db.execute("select enabled, disabled_reason from webhook_endpoints").fetchone() == (False, reason)
    assert {state[0] for state in states(world, made["endpoint"])} == {2} and len(recorder.calls) <= delivery.TAKEN
    assert world.one("select n from workflow_epochs") == 1, "engines look whether somebody listens"


def test_a_delivery_that_arrives_ends_what_is_said_of_its_endpoint(
    world: World, committed_database: CommittedDatabase
) -> None:
    def work(base: str) -> None:
        waiting(world, endpoint(world, f"{base}/"))
        world.db.execute("update webhook_endpoints set failing_since = clock_now(), last_error = 'x'")

    run(world, committed_database, Recorder(), work)
    assert world.db.execute("select failing_since, last_error from webhook_endpoints").fetchone() == (None, None)


def test_a_slow_endpoint_holds_up_no_other(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow one never answers; all others are through before it is given up."""
    monkeypatch.setattr(delivery, "TIMEOUT_S", 3.0)
    recorder = Recorder()
    recorder.hang.add("/slow")
    tenant = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    made: dict[str, Any] = {}

    def work(base: str) -> None:
        made["slow"] = waiting(world, endpoint(world, f"{base}/slow"), 20)
        made["quick"] = waiting(world, endpoint(world, f"{base}/quick"), 50)
        made["other"] = waiting(world, endpoint(world, f"{base}/other", tenant), 50, tenant)

    run(world, committed_database, recorder, work)
    assert sorted(recorder.ids("/quick")) == sorted(made["quick"]) and sorted(recorder.ids("/other")) == sorted(
        made["other"]
    )
    order = [call["path"] for call in recorder.calls]
    last_quick = max(index for index, path in enumerate(order) if path != "/slow")
    assert order[: last_quick + 1].count("/slow") <= delivery.TAKEN, "one batch of it was tried meanwhile"


def test_endpoints_of_one_workspace_have_few_turns_at_once(world: World, committed_database: CommittedDatabase) -> None:
    recorder = Recorder()
    recorder.delay = {f"/{number}": 0.1 for number in range(20)}

    def work(base: str) -> list[str]:
        return [one for number in range(20) for one in waiting(world, endpoint(world, f"{base}/{number}"))]

    ids = run(world, committed_database, recorder, work)
    assert sorted(one for number in range(20) for one in recorder.ids(f"/{number}")) == sorted(ids)
    assert recorder.most_open <= delivery.MOST_OF_WORKSPACE


def test_a_worker_that_dies_loses_nothing_and_doubles_keep_their_id(
    world: World, committed_database: CommittedDatabase
) -> None:
    """Two workers take deliveries; one dies after the call and before it is written down, again and again."""
    recorder = Recorder()

    async def main() -> list[str]:
        async with listening(recorder) as base:
            endpoint_id = endpoint(world, f"{base}/")
            ids = waiting(world, endpoint_id, 60)
            connect = lambda: psycopg.connect(committed_database.url, autocommit=True, options="-c timezone=UTC")  # noqa: E731
            for seconds in (0.02, 0.05, 0.1):
                with connect() as connection:
                    task = asyncio.create_task(DeliveryPass(connection, reconnect=connect).run())
                    await asyncio.sleep(seconds)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                world.db.execute(
                    "update event_deliveries set lease_until = now() - interval '1 second' where lease_until is not null"
                )
            with connect() as one, connect() as other:
                await asyncio.gather(
                    *(DeliveryPass(connection, reconnect=connect).run(until_idle=True) for connection in (one, other))
                )
            return ids

    ids = asyncio.run(main())
    assert set(recorder.ids()) == set(ids), "nothing is lost, and nothing is invented"
    assert world.one("select count(*) from event_deliveries where status = 1") == 60


def test_two_workers_do_not_send_twice(world: World, committed_database: CommittedDatabase) -> None:
    recorder = Recorder()

    async def main() -> list[str]:
        async with listening(recorder) as base:
            ids = waiting(world, endpoint(world, f"{base}/"), 100)
            connect = lambda: psycopg.connect(committed_database.url, autocommit=True, options="-c timezone=UTC")  # noqa: E731
            with connect() as one, connect() as other:
                await asyncio.gather(
                    *(DeliveryPass(connection, reconnect=connect).run(until_idle=True) for connection in (one, other))
                )
            return ids

    assert sorted(asyncio.run(main())) == sorted(recorder.ids())


def test_the_log_is_bounded(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id = endpoint(world, "https://hear.example/")
    count = delivery_repository.LISTED + 50
    world.db.execute(
        "insert into event_deliveries (tenant_id, endpoint_id, id, type, data, occurred_at, status) select %s, %s, gen_random_uuid(),"
        " 'contact.deleted', '{}', clock_now() - n * interval '1 second', 1 from generate_series(1, %s) n",
        (world.tenant, endpoint_id, count),
    )
    world.db.execute(
        "insert into event_deliveries (tenant_id, endpoint_id, id, type, data, occurred_at, status) select %s, %s, gen_random_uuid(),"
        " 'contact.deleted', '{}', clock_now() - n * interval '1 day', 2 from generate_series(5, 9) n",
        (world.tenant, endpoint_id),
    )
    waiting(world, endpoint_id, 3)
    world.db.execute(
        "update event_deliveries set occurred_at = occurred_at - interval '8 days' where next_at is not null"
    )
    arguments = {"before": product_clock.now() - timedelta(days=7), "limit": 10_000}
    world.db.execute(delivery_repository._FORGET, arguments)
    counted = dict(world.db.execute("select status, count(*) from event_deliveries group by 1").fetchall())
    assert counted == {0: 3, 1: delivery_repository.LISTED, 2: 2}


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", 302, ""),
        (b"SSH-2.0-OpenSSH\r\n\r\n", None, ""),
        (b"", None, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf", 200, ""),
        (b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 202, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", 200, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nnope", 200, ""),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 500\r\n\r\nhalf", 503, ""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000, 200, "x" * 1_000),
    ],
)
def test_whatever_an_endpoint_answers(answer: bytes, status: int | None, text: str) -> None:
    async def main() -> Reply:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with opened_client() as client:
            reply = await post(client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {}, b"{}")
        server.close()
        return reply

    reply = asyncio.run(main())
    assert (reply.http_status, reply.text) == (status, text) and (status is not None or reply.error)


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]", "metadata.internal"])
def test_nothing_leaves_for_what_must_not_be_reached(host: str) -> None:
    async def main() -> Reply:
        async with opened_client() as client:
            return await post(client, f"https://{host}/", {}, b"{}")

    reply = asyncio.run(main())
    assert reply.http_status is None and reply.error
