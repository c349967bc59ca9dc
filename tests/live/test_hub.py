"""The hub of a process: what it costs, whom it cuts, who may listen no more, and how it outlives the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.authentication import KEY, key_principal, session_principal
from app.lib import clock
from app.lib.deadline import BoundedConnection
from app.live import hub as live_hub
from app.live import routes
from app.live.hub import LiveHub, TooManyStreams, no_longer_standing
from app.live.stream import LEAVE_S, MOST_WAITING, LiveStream, Topic
from app.models import ApiKey, Membership, UserSession, Workspace
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_browser_session, make_key, make_user
from tests.fixtures.world import World
from tests.live.listening import Client, Desk, desk, nobody_left, until
from tests.live.test_streams import FLOW, NOON


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    made.travel(NOON)
    yield made
    made.close()


class Counting:
    """A connection that counts its statements."""

    def __init__(self, connection: BoundedConnection) -> None:
        self.connection, self.count = connection, 0

    async def execute(self, *arguments: Any) -> Any:
        self.count += 1
        return await self.connection.execute(*arguments)


async def statements_of_a_look(listening: Desk) -> int:
    counting = Counting(listening.connection)
    await listening.hub._look(counting)  # type: ignore[arg-type]
    for client in listening.clients:
        await client.drain()
    return counting.count


async def test_a_look_costs_the_same_for_one_stream_and_for_many(
    world: World, committed_database: CommittedDatabase
) -> None:
    workflow = world.workflow(FLOW)
    world.emit("go", world.contacts(40))
    run_ids = [run_id for (run_id,) in world.db.execute("select id from active_runs")]
    costs = []
    async with desk(committed_database.url) as listening:
        for count in (1, 40):
            for run_id in run_ids[:count]:
                listening.open(world.tenant)
                listening.open(world.tenant, Topic(workflow_id=workflow))
                listening.open(world.tenant, Topic(run_id=run_id))
            await listening.look()
            world.emit("go", world.contacts(1))
            world.db.execute("update active_runs set fence = fence + 1")
            costs.append(await statements_of_a_look(listening))
    assert costs == [3, 3], "moves, runs, and their steps"


async def test_events_are_watched_once_a_second_whatever_comes_in(
    world: World, committed_database: CommittedDatabase
) -> None:
    waiting = Topic(hints=True, events=("go",))
    async with desk(committed_database.url) as listening:
        listening.open(world.tenant, waiting)
        assert [await statements_of_a_look(listening) for _ in range(3)] == [1, 0, 0]
        newcomer = listening.open(world.tenant, waiting)
        assert await statements_of_a_look(listening) == 1 and newcomer.names == ["changed"]


async def test_watched_events_that_cannot_be_read_hide_nothing_else(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workflow(FLOW)

    async def too_slow(*_: object) -> None:
        raise psycopg.errors.QueryCanceled

    async with desk(committed_database.url) as listening:
        page = listening.open(world.tenant, Topic(hints=True))
        await listening.look()
        before = len(page.names)
        listening.open(world.tenant, Topic(hints=True, events=("go",)))
        world.emit("go", world.contacts(1))
        monkeypatch.setattr("app.live.live_repository.newest_events", too_slow)
        with pytest.raises(psycopg.errors.QueryCanceled):
            await listening.look()
        assert len(await page.drain()) > before


async def test_whoever_does_not_read_is_cut_and_costs_no_more(world: World) -> None:
    client = Client(world.tenant, Topic())
    for _ in range(20):
        client.stream.put([b"x" * 60_000])
    assert client.stream.ended_by == "slow" and client.stream._waiting == 0
    assert await client.stream.next_pieces() is None
    assert b'{"reason":"slow"}' in client.stream.farewell()
    reading = Client(world.tenant, Topic())
    for _ in range(20):
        reading.stream.put([b": \n\n" * 10_000])
        await reading.drain()
    assert not reading.stream.ended_by and MOST_WAITING > 60_000


async def test_a_reader_that_takes_nothing_more_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server writes no further than the reader reads, so the last write of a stream that is over may wait for ever."""
    hub, stream = LiveHub(nobody_left), Client(1, Topic()).stream
    monkeypatch.setattr(hub, "join", hub.streams.add)

    async def write() -> None:
        async for _ in routes._body(hub, stream):
            await asyncio.Event().wait()

    writing = asyncio.create_task(write())
    await until(lambda: stream.writer is not None)
    stream.end("slow")
    await hub.beat()
    assert hub.streams == {stream}, "it may still take what was written"
    stream.ended_at -= LEAVE_S + 1
    await hub.beat()
    assert hub.streams == set()
    await asyncio.wait({writing}, timeout=10)
    assert writing.cancelled()


async def test_there_is_room_for_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_hub, "MOST_STREAMS", 5)
    monkeypatch.setattr(live_hub, "MOST_OF_WORKSPACE", 3)
    monkeypatch.setattr(live_hub, "MOST_OF_ASKER", 2)
    hub = LiveHub(nobody_left)
    for tenant in (1, 1):
        hub.streams.add(Client(tenant, Topic()).stream)
    asker = next(iter(hub.streams)).principal
    hub.streams.add(LiveStream(asker, Topic()))
    with pytest.raises(TooManyStreams):
        hub.check_room(LiveStream(asker, Topic()))
    with pytest.raises(TooManyStreams):
        hub.check_room(Client(1, Topic()).stream)
    hub.check_room(Client(2, Topic()).stream)
    hub.streams |= {Client(tenant, Topic()).stream for tenant in (2, 3)}
    with pytest.raises(TooManyStreams) as refused:
        hub.check_room(Client(4, Topic()).stream)
    assert refused.value.headers["Retry-After"]


async def test_one_key_leaves_room_for_the_others_of_its_workspace() -> None:
    hub, opened = LiveHub(nobody_left), 0
    asker, colleague = Client(1, Topic()).stream.principal, Client(1, Topic()).stream.principal
    with pytest.raises(TooManyStreams):
        while opened <= live_hub.MOST_OF_WORKSPACE:
            stream = LiveStream(asker, Topic())
            hub.check_room(stream)
            hub.streams.add(stream)
            opened += 1
    assert opened == live_hub.MOST_OF_ASKER <= live_hub.MOST_OF_WORKSPACE // 4
    hub.check_room(LiveStream(colleague, Topic()))
    hub.leave(next(iter(hub.streams)))
    hub.check_room(LiveStream(asker, Topic()))


async def test_the_hub_goes_on_when_its_connections_are_lost(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_hub, "AWAY_S", 0.05)

    async def connect(purpose: str) -> BoundedConnection:
        return await BoundedConnection.connect(
            committed_database.url, autocommit=True, application_name=f"test {purpose}"
        )

    hub = LiveHub(nobody_left, connect)
    world.workflow(FLOW)
    client = Client(world.tenant, Topic())
    hub.join(client.stream)
    await until(lambda: not client.stream.fresh)
    lost = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'test live%%'"
    assert world.one(lost) == 2
    world.emit("go", world.contacts(1))

    async def told() -> None:
        while len(await client.drain()) < 4:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(told(), 15)
    assert client.names == ["started", "step_started", "step_completed", "step_started"]
    await hub.stop()
    assert client.stream.ended_by == "stopping"
    with pytest.raises(TooManyStreams):
        hub.check_room(Client(world.tenant, Topic()).stream)


async def test_streams_end_with_what_let_them_in(db_session: AsyncSession, workspace: Workspace) -> None:
    maker = await make_user(db_session, workspace, Role.ADMIN)
    tokens = [await make_key(db_session, workspace, Role.VIEWER, maker=maker.id) for _ in range(3)]
    keys = [await key_principal(db_session, *KEY.fullmatch(token).groups()) for token in tokens]  # type: ignore[union-attr]
    cookie, session_id = await make_browser_session(db_session, workspace, maker)
    keys.append(await session_principal(db_session, cookie))
    streams = [LiveStream(principal, Topic()) for principal in keys if principal is not None]
    assert len(streams) == 4 and await no_longer_standing(streams) == []
    seen_at = select(UserSession.seen_at).where(UserSession.id == session_id)
    before = await db_session.scalar(seen_at)
    now, ids = clock.now(), [stream.principal.id for stream in streams]
    await db_session.execute(update(ApiKey).where(ApiKey.id == ids[0]).values(revoked_at=now))
    await db_session.execute(update(ApiKey).where(ApiKey.id == ids[1]).values(expires_at=now))
    assert await no_longer_standing(streams) == streams[:2]
    await db_session.execute(update(Membership).where(Membership.user_id == maker.id).values(role="viewer"))
    assert await no_longer_standing(streams) == streams, "its maker is no admin any more, and the person neither"
    await db_session.execute(update(Membership).where(Membership.user_id == maker.id).values(role="admin"))
    assert await no_longer_standing(streams) == streams[:2]
    await db_session.execute(update(UserSession).where(UserSession.id == session_id).values(expires_at=now))
    assert await no_longer_standing(streams) == [*streams[:2], streams[3]]
    assert await db_session.scalar(seen_at) == before, "an open page alone does not keep anybody signed in"
    hub = LiveHub(no_longer_standing)
    hub.streams |= set(streams)
    await hub.beat()
    assert [stream.ended_by for stream in streams] == ["signed_out", "signed_out", "", "signed_out"]
