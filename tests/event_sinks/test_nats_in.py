"""What others send by NATS is handled once, by the rules of the API; what is refused is set aside with the reason and stops nobody."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import msgspec
import nats
import pytest
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import async_sessionmaker

from app.bus_settings import NatsSettings
from app.event_sinks import inbound, nats_intake
from app.event_sinks.nats_intake import DEAD_STREAM, STREAM, IntakePass
from app.event_sinks.nats_transport import ORIGIN
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.lib.ids import uuid7
from app.settings import settings
from tests.event_sinks.conftest import Connect, stored
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.nats_server import NatsServer
from tests.fixtures.world import World

Work = Callable[[JetStreamContext, IntakePass], Awaitable[None]]


@pytest.fixture(autouse=True)
def own_database(committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", committed_database.url)
    monkeypatch.setattr(nats_intake, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(nats_intake, "SEEN_S", 0.2)
    monkeypatch.setattr(nats_intake, "FETCH_S", 0.2)
    monkeypatch.setattr(nats_intake, "ACK_WAIT_S", 2.0)
    settings.cache_clear()
    yield
    settings.cache_clear()


def taking_in(bus: NatsServer, connect: Connect, work: Work, **more: Any) -> None:
    """Let `work` send while a pass takes in."""

    async def main() -> None:
        stop = threading.Event()
        settings_of_bus = NatsSettings(servers=(bus.url,), **more)
        async with database.job_engine(DatabaseRole.WEB) as engine:
            with connect() as connection:
                intake = IntakePass(
                    settings_of_bus, connection, async_sessionmaker(engine, expire_on_commit=False), stop
                )
                task = asyncio.create_task(intake.run())
                try:
                    client = await nats.connect(bus.url)
                    await until(lambda: streams(client.jetstream()))
                    await work(client.jetstream(), intake)
                    await client.close()
                finally:
                    stop.set()
                    await asyncio.wait_for(task, 30)

    asyncio.run(asyncio.wait_for(main(), 90))


async def streams(context: JetStreamContext) -> bool:
    try:
        await context.stream_info(DEAD_STREAM)
    except Exception:
        return False
    return True


async def until(true: Callable[[], Awaitable[bool] | bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            answer = true()
            if answer is True or (not isinstance(answer, bool) and await answer):
                return
            await asyncio.sleep(0.02)


async def send(context: JetStreamContext, name: str, body: Any, message_id: str = "", prefix: str = "inbound") -> None:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"Nats-Msg-Id": message_id} if message_id else None
    await context.publish(f"{prefix}.{name}", raw, headers=headers)


def handled(intake: IntakePass, count: int) -> Callable[[], bool]:
    return lambda: intake.handled >= count


def names(world: World) -> list[str]:
    return [row[0] for row in world.db.execute("select name from inbox where kind = 0 order by id").fetchall()]


async def dead(bus: NatsServer) -> list[tuple[str, str, str]]:
    client = await nats.connect(bus.url)
    context = client.jetstream()
    state = (await context.stream_info(DEAD_STREAM)).state
    messages = [await context.get_msg(DEAD_STREAM, seq) for seq in range(1, state.last_seq + 1)]
    await client.close()
    return [
        (
            str(one.subject),
            (one.headers or {}).get("Throughline-Code", ""),
            (one.headers or {}).get("Throughline-Reason", ""),
        )
        for one in messages
    ]


def test_contacts_members_and_events_come_by_the_rules_of_the_api(
    world: World, connect: Connect, bus: NatsServer
) -> None:
    segment = uuid7()
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) values (%s, %s, 1, 'VIP', 'static')",
        (world.tenant, segment),
    )

    async def work(context: JetStreamContext, intake: IntakePass) -> None:
        ada = {"externalId": "crm-1", "email": "Ada@Example.com", "attributes": {"plan": "trial"}}
        await send(context, "contact.created", ada)
        cloud = {"specversion": "1.0", "id": "1", "source": "crm", "type": "contact.updated"}
        changed = {"contact": {"externalId": "crm-1"}, "current": {"attributes": {"plan": "pro"}}}
        await send(context, "contact.updated", {**cloud, "data": changed})
        await send(context, "segment.member.added", {"segmentId": str(segment), "externalId": "crm-1"})
        await send(context, "segment.member.removed", {"segmentId": str(segment), "contact": {"externalId": "crm-1"}})
        opened = {"contact": {"externalId": "crm-1"}, "campaign": "spring"}
        await send(context, "pipeline.message.opened", {**cloud, "time": "2026-03-02T09:00:00Z", "data": opened})
        await send(context, "order.placed", {"email": "ada@example.com", "properties": {"total": 5}})
        await until(handled(intake, 6))

    taking_in(bus, connect, work)
    row = world.db.execute("select external_id, email, attributes from contacts").fetchall()
    assert row == [("crm-1", "ada@example.com", {"plan": "pro"})]
    assert sorted(names(world)) == sorted([
        "contact.created", "contact.updated", "contact.attribute_changed", "segment.member.added", "segment.member.removed",
        "pipeline.message.opened", "order.placed",
    ])  # fmt: skip
    event = "select properties, occurred_at::text from events where name = 'pipeline.message.opened'"
    assert world.db.execute(event).fetchone() == ({"campaign": "spring"}, "2026-03-02 09:00:00+00")
    assert world.one("select properties->>'via' from events where name = 'contact.created'") == "nats"
    assert asyncio.run(dead(bus)) == []


def test_a_message_that_comes_again_changes_nothing(world: World, connect: Connect, bus: NatsServer) -> None:
    async def work(context: JetStreamContext, intake: IntakePass) -> None:
        config = (await context.stream_info(STREAM)).config
        config.duplicate_window = 0.1  # so that it is the product that knows them
        await context.update_stream(config)
        for _ in range(3):
            await send(context, "order.placed", {"email": "ada@example.com"}, "order-1")
            await asyncio.sleep(0.3)
        await until(handled(intake, 3))

    taking_in(bus, connect, work)
    assert names(world) == ["contact.created", "order.placed"]


@pytest.mark.parametrize(
    ("name", "body", "code", "reason"),
    [
        ("order.placed", b"no json", "bad_request", "no JSON"),
        ("order.placed", b"[1]", "invalid", "no JSON object"),
        ("order.placed", {"properties": {}}, "invalid", "Name the contact"),
        ("order.placed", {"contactId": str(UUID(int=5))}, "unknown_contact", "There is no contact"),
        ("order.placed", {"email": "ada@example.com", "name": "order.lost"}, "invalid", "another name"),
        ("contact.created", {"attributes": {"a": 1}}, "invalid", "externalId"),
        ("contact.created", {"email": "nonsense"}, "invalid", "email"),
        ("contact.updated", {"email": "ada@example.com", "planet": "x"}, "invalid", "planet"),
        ("contact.deleted", {"email": "ada@example.com"}, "invalid", "never by a message"),
        ("segment.member.added", {"segmentId": "vip", "email": "ada@example.com"}, "invalid", "no id"),
        ("segment.member.added", {"segmentId": str(UUID(int=1)), "email": "ada@example.com"}, "segment_not_found", "segment"),
        ("order.placed", b'{"email": "a@b.example", "x": "' + b"y" * 300_000 + b'"}', "invalid", "larger than"),
    ],
)  # fmt: skip
def test_what_the_api_would_refuse_is_set_aside_with_its_words(
    world: World, connect: Connect, bus: NatsServer, name: str, body: Any, code: str, reason: str
) -> None:
    async def work(context: JetStreamContext, intake: IntakePass) -> None:
        await send(context, name, body, "m-1")
        await send(context, "order.placed", {"email": "grace@example.com"})
        await until(handled(intake, 2))

    taking_in(bus, connect, work)
    ((subject, said_code, said_reason),) = asyncio.run(dead(bus))
    assert (subject, said_code) == (f"dead.inbound.{name}", code) and reason in said_reason
    assert "order.placed" in names(world), "the next one was handled"
    assert world.one("select count(*) from inbound_messages where id = 'm-1'") == 0, "mended it may come again"


def test_one_workspace_stops_no_other(
    world: World, connect: Connect, bus: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is at its limit, and the program stumbles on messages of it; the other's are handled meanwhile."""
    other = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    handle = inbound.handle_messages

    async def stumbles(session: Any, workspace: Any, messages: Any) -> Any:
        if workspace.tenant_id == world.tenant:
            raise RuntimeError("planted")
        return await handle(session, workspace, messages)

    monkeypatch.setattr(nats_intake, "handle_messages", stumbles)
    monkeypatch.setattr(nats_intake, "MOST_TRIES", 1)

    async def work(context: JetStreamContext, intake: IntakePass) -> None:
        for n in range(4):
            await send(context, "order.placed", {"email": f"a{n}@example.com"}, prefix="inbound.bad")
        for n in range(20):
            await send(context, "order.placed", {"email": f"b{n}@example.com"}, prefix="inbound.good")
        await until(handled(intake, 24))

    taking_in(bus, connect, work, workspaces={"bad": "test", "good": "other"})
    counts = dict(
        world.db.execute("select tenant_id, count(*) from inbox where name = 'order.placed' group by 1").fetchall()
    )
    assert counts == {other: 20}
    lost = asyncio.run(dead(bus))
    assert len(lost) == 4 and {code for _, code, _ in lost} == {"fault"}


def test_a_flood_waits_on_the_bus(
    world: World, connect: Connect, bus: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "MOST_WAITING", 10)
    monkeypatch.setattr(nats_intake, "BATCH", 5)

    async def work(context: JetStreamContext, intake: IntakePass) -> None:
        await send(context, "seen", {"email": "ada@example.com"})
        for _ in range(30):
            await send(context, "order.placed", {"email": "ada@example.com"})
        await until(handled(intake, 10))
        await asyncio.sleep(0.5)
        assert world.one("select count(*) from inbox where lane = %s", inbound.LANE) < 20
        world.db.execute("delete from inbox")
        await until(lambda: world.one("select count(*) from inbox") > 0)

    taking_in(bus, connect, work)
    assert asyncio.run(dead(bus)) == []


def test_what_the_product_tells_itself_is_not_taken_in(world: World, connect: Connect, bus: NatsServer) -> None:
    async def work(context: JetStreamContext, intake: IntakePass) -> None:
        headers = {ORIGIN: settings().web.base_url}
        await context.publish("inbound.order.placed", b'{"email": "ada@example.com"}', headers=headers)
        await send(context, "order.placed", {"email": "grace@example.com"})
        await until(handled(intake, 1))

    taking_in(bus, connect, work)
    assert world.one("select array_agg(email) from contacts") == ["grace@example.com"]


def test_several_workspaces_need_a_map(world: World, connect: Connect, bus: NatsServer) -> None:
    world.db.execute("insert into workspaces (name, slug) values ('Other', 'other')")

    async def main() -> None:
        stop = threading.Event()
        async with database.job_engine(DatabaseRole.WEB) as engine:
            with connect() as connection:
                task = asyncio.create_task(
                    IntakePass(NatsSettings(servers=(bus.url,)), connection, async_sessionmaker(engine), stop).run()
                )
                await until(lambda: world.one("select last_error from event_sinks") is not None)
                stop.set()
                await task

    asyncio.run(asyncio.wait_for(main(), 30))
    assert "NATS_WORKSPACES" in world.one("select last_error from event_sinks")


def test_a_bus_and_a_worker_that_die_lose_nothing_and_double_nothing(
    world: World, connect: Connect, bus: NatsServer
) -> None:
    """400 messages; the server is killed twice, the worker's work is cut off four times, after the commit too."""
    total = 400

    async def one_life(settings_of_bus: NatsSettings, seconds: float | None) -> None:
        stop = threading.Event()
        async with database.job_engine(DatabaseRole.WEB) as engine:
            with contextlib.closing(
                connect()
            ) as connection:  # no commit: a thread may be in the middle of a transaction
                intake = IntakePass(settings_of_bus, connection, async_sessionmaker(engine), stop)
                task = asyncio.create_task(intake.run())
                if seconds is not None:
                    await asyncio.sleep(seconds)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    return
                done = "select count(*) = %s from events where name = 'order.placed'"
                await until(lambda: bool(world.one(done, total)), 60)
                stop.set()
                await task

    async def main() -> None:
        bus_settings = NatsSettings(servers=(bus.url,))
        await one_life(bus_settings, 1.0)  # makes the streams
        client = await nats.connect(bus.url)
        context = client.jetstream()
        for n in range(total):
            await send(context, "order.placed", {"email": f"u{n % 20}@example.com", "properties": {"n": n}}, f"o-{n}")
        await client.close()
        for seconds in (0.25, 0.35):
            await one_life(bus_settings, seconds)
        bus.kill()
        bus.start()
        await one_life(bus_settings, 0.5)
        life = asyncio.create_task(one_life(bus_settings, None))
        await asyncio.sleep(0.3)
        bus.kill()
        await asyncio.sleep(0.2)
        bus.start()
        await life

    asyncio.run(asyncio.wait_for(main(), 120))
    numbers = [
        row[0] for row in world.db.execute("select (properties->>'n')::int from events where name = 'order.placed'")
    ]
    assert sorted(numbers) == list(range(total)), "each once"
    assert world.one("select count(*) from contacts") == 20
    assert len(asyncio.run(stored(bus.url, STREAM))) == total
