"""Notifications: after the commit only, one at a time, for actors that the notifying process does not know."""

from __future__ import annotations

import threading
from uuid import uuid4

import dramatiq
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import jobs


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(jobs, "notify", lambda name, **_: heard.append(name))
    return heard


async def test_nothing_is_sent_before_the_commit(db_session: AsyncSession, notified: list[str]) -> None:
    jobs.enqueue(db_session, "advance")
    await db_session.execute(text("select 1"))
    assert notified == []
    await db_session.commit()
    assert notified == ["advance"]


async def test_a_rollback_forgets(db_session: AsyncSession, notified: list[str]) -> None:
    jobs.enqueue(db_session, "advance")
    await db_session.rollback()
    await db_session.execute(text("select 1"))
    await db_session.commit()
    assert notified == []


async def test_a_released_savepoint_is_no_commit_and_a_rolled_back_one_forgets(
    db_session: AsyncSession, notified: list[str]
) -> None:
    async with db_session.begin_nested():
        jobs.enqueue(db_session, "advance")
    with pytest.raises(ZeroDivisionError):
        async with db_session.begin_nested():
            jobs.enqueue(db_session, "deliver")
            raise ZeroDivisionError
    assert notified == []
    await db_session.commit()
    assert notified == ["advance"]


def test_one_message_waits_at_a_time_until_the_bell_is_answered(redis_url: str) -> None:
    valkey = redis.Redis.from_url(redis_url)
    queue, name = "dramatiq:bulk", "some_actor_nobody_imported"
    jobs.broker.cache_clear()
    try:
        sent: list[dramatiq.Message[object]] = []
        jobs.broker().enqueue = lambda message, **_: sent.append(message)  # type: ignore[method-assign,assignment]
        for _ in range(3):
            jobs.notify(name)
            assert jobs.notifier.wait(10)
        assert [message.actor_name for message in sent] == [name]
        assert sent[0].queue_name == jobs.BULK
        jobs.acknowledge(name)
        jobs.notify(name)
        assert jobs.notifier.wait(10)
        assert len(sent) == 2
    finally:
        valkey.delete(f"throughline:wakeup:{name}", queue)
        jobs.broker.cache_clear()


class Hanging:
    """A Redis that takes a connection and never answers, until `go` is set."""

    def __init__(self) -> None:
        self.go, self.asked, self.sent = threading.Event(), threading.Event(), list[str]()

    def set(self, name: str, *_: object, **__: object) -> bool:
        self.asked.set()
        assert self.go.wait(10)
        self.sent.append(name.rpartition(":")[2])
        return False

    def delete(self, name: str) -> None:
        raise redis.TimeoutError(name)


@pytest.fixture
def notifier(monkeypatch: pytest.MonkeyPatch) -> jobs.Notifier:
    fresh = jobs.Notifier()
    fresh.FIRST_PAUSE_S = 0.01
    monkeypatch.setattr(jobs, "notifier", fresh)
    return fresh


def test_nobody_waits_for_a_redis_that_hangs(monkeypatch: pytest.MonkeyPatch, notifier: jobs.Notifier) -> None:
    hanging = Hanging()
    monkeypatch.setattr(jobs, "client", lambda: hanging)
    jobs.notify("advance")
    assert hanging.asked.wait(10)
    for _ in range(1_000):  # all of these return while the first one still hangs
        jobs.notify("deliver")
        jobs.notify("import_contacts")
    assert not notifier.wait(0) and hanging.sent == []
    hanging.go.set()
    assert notifier.wait(10)
    assert hanging.sent == ["advance", "deliver", "import_contacts"], "a burst notifies once for each kind of work"


def test_a_dead_redis_is_left_alone_for_a_while_and_the_bells_are_kept(
    monkeypatch: pytest.MonkeyPatch, notifier: jobs.Notifier
) -> None:
    hanging, failures = Hanging(), iter([redis.ConnectionError("refused"), RuntimeError("something else"), None])
    tried: list[str] = []

    def connect(name: str, *_: object, **__: object) -> bool:
        tried.append(name)
        if error := next(failures):
            raise error
        return False

    monkeypatch.setattr(hanging, "set", connect)
    monkeypatch.setattr(jobs, "client", lambda: hanging)
    jobs.notify("advance")
    assert notifier.wait(10)
    assert tried == ["throughline:wakeup:advance"] * 3


def test_an_actor_does_without_a_redis_that_failed_a_moment_ago(
    monkeypatch: pytest.MonkeyPatch, notifier: jobs.Notifier
) -> None:
    notifier.FIRST_PAUSE_S = 60.0
    asked: list[str] = []
    hanging = Hanging()

    def delete(name: str) -> None:
        asked.append(name)
        raise redis.TimeoutError

    monkeypatch.setattr(hanging, "delete", delete)
    monkeypatch.setattr(jobs, "client", lambda: hanging)
    jobs.acknowledge("advance")
    jobs.acknowledge("deliver")
    assert asked == ["throughline:wakeup:advance"] and notifier.silent


def test_an_actor_says_its_queue() -> None:
    jobs.broker()

    @dramatiq.actor(queue_name=jobs.URGENT, actor_name=f"urgent_{uuid4().hex}")
    def urgent() -> None: ...

    assert jobs.queue_of(urgent.actor_name) == jobs.URGENT
    assert jobs.queue_of("known_to_workers_only") == jobs.BULK
