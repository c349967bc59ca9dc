"""Doorbells: after the commit only, one at a time, for actors that the ringing process does not know."""

from __future__ import annotations

import dramatiq
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import jobs


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(jobs, "ring", lambda name, **_: heard.append(name))
    return heard


async def test_nothing_rings_before_the_commit(db_session: AsyncSession, rung: list[str]) -> None:
    jobs.enqueue(db_session, "advance")
    await db_session.execute(text("select 1"))
    assert rung == []
    await db_session.commit()
    assert rung == ["advance"]


async def test_a_rollback_forgets(db_session: AsyncSession, rung: list[str]) -> None:
    jobs.enqueue(db_session, "advance")
    await db_session.rollback()
    await db_session.execute(text("select 1"))
    await db_session.commit()
    assert rung == []


async def test_a_released_savepoint_is_no_commit_and_a_rolled_back_one_forgets(
    db_session: AsyncSession, rung: list[str]
) -> None:
    async with db_session.begin_nested():
        jobs.enqueue(db_session, "advance")
    with pytest.raises(ZeroDivisionError):
        async with db_session.begin_nested():
            jobs.enqueue(db_session, "deliver")
            raise ZeroDivisionError
    assert rung == []
    await db_session.commit()
    assert rung == ["advance"]


def test_one_message_waits_at_a_time_until_the_bell_is_answered(redis_url: str) -> None:
    valkey = redis.Redis.from_url(redis_url)
    queue, name = "dramatiq:bulk", "some_actor_nobody_imported"
    jobs.broker.cache_clear()
    try:
        sent: list[dramatiq.Message[object]] = []
        jobs.broker().enqueue = lambda message, **_: sent.append(message)  # type: ignore[method-assign,assignment]
        for _ in range(3):
            jobs.ring(name)
        assert [message.actor_name for message in sent] == [name]
        assert sent[0].queue_name == jobs.BULK
        jobs.answer(name)
        jobs.ring(name)
        assert len(sent) == 2
    finally:
        valkey.delete(f"throughline:bell:{name}", queue)
        jobs.broker.cache_clear()


def test_a_dead_redis_is_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "client", lambda: redis.Redis(port=1, socket_connect_timeout=0.1))
    monkeypatch.setattr(jobs, "_silent_until", 0.0)
    jobs.ring("advance")
    assert jobs._silent_until > 0
    jobs.answer("advance")


def test_actors_listen_where_bells_are_sent() -> None:
    import app.worker

    for name, actor in app.worker.broker.actors.items():
        assert actor.queue_name == jobs.queue_of(name)
