"""What the route before the framework does when ids meet, keys end and connections die."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from litestar import Litestar

from app.accounts.known_keys import KnownKeys
from app.events import fast_statement, fast_store
from app.lib import database
from app.lib.ids import uuid7
from app.models.status import Role
from tests.events.test_api import EVENTS
from tests.fixtures.clock import Clock
from tests.fixtures.people import make_key, make_user
from tests.fixtures.routes import Sides, make_side

KEYS = [f"k-{number % 5}" for number in range(30)]


async def test_equal_ids_that_wait_together_are_one_event(sides: Sides) -> None:
    """Of one statement and of several; the answers name one event, and one of them is the first."""
    answers = await asyncio.gather(
        *(sides.fast.client.post(EVENTS, json={"name": "a", "externalId": "u1", "id": key}) for key in KEYS)
    )
    receipts = [answer.json()["data"] for answer in answers]
    assert {answer.status_code for answer in answers} == {202}
    for key in set(KEYS):
        same = [receipt for receipt in receipts if receipt["clientId"] == key]
        assert len({receipt["id"] for receipt in same}) == 1
        assert sorted(receipt["duplicate"] for receipt in same) == [False, True, True, True, True, True]
    other = await asyncio.gather(
        *(sides.fast.client.post(EVENTS, json={"name": name, "externalId": "u1", "id": "one"}) for name in "ab")
    )
    assert sorted(answer.status_code for answer in other) == [202, 409], "and other content under an id is refused"
    assert sides.app.store.stored == 6
    with sides.database.connect() as connection:
        assert connection.execute("select count(*) from event_keys").fetchone() == (6,)
        assert connection.execute("select count(*) from inbox where name in ('a', 'b')").fetchone() == (6,)


async def test_workspaces_with_the_same_ids_do_not_meet(sides: Sides, test_app: Litestar) -> None:
    neighbour = await make_side(sides.app, "Globex")
    answers = await asyncio.gather(
        *(
            one.client.post(EVENTS, json={"name": "a", "externalId": "u1", "id": "same"})
            for one in (sides.fast, neighbour)
        )
    )
    receipts = [answer.json()["data"] for answer in answers]
    assert [receipt["duplicate"] for receipt in receipts] == [False, False]
    assert [receipt["contactId"] for receipt in receipts] == [sides.fast.ada, neighbour.ada]
    foreign = await neighbour.client.post(EVENTS, json={"name": "a", "contactId": sides.fast.ada})
    assert foreign.status_code == 422 and foreign.json()["code"] == "unknown_contact"
    assert sides.app.store.stored == 2
    await neighbour.client.aclose()


BLOCKED = (
    "select pid from pg_stat_activity where application_name = 'throughline events' and wait_event_type = 'Lock'"
    " and datname = current_database()"
)
REVOKE = "update api_keys set revoked_at = now() where tenant_id = %s"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (REVOKE, 401, "key_over"),
        ("update api_keys set expires_at = now() - interval '1 year' where tenant_id = %s", 401, "key_over"),
        ("update api_keys set role = 'viewer' where tenant_id = %s", 403, "forbidden"),
        ("update api_keys set scopes = '{contacts:read}' where tenant_id = %s", 403, "missing_scope"),
        ("delete from memberships where tenant_id = %s", 401, "key_over"),
        ("update memberships set role = 'viewer' where tenant_id = %s", 403, "forbidden"),
        ("update users set disabled_at = now() where id in (select user_id from memberships where tenant_id = %s)", 401, "key_over"),
        ("delete from workspaces where id = %s", 401, "not_authenticated"),
    ],
)  # fmt: skip
async def test_what_ends_a_key_counts_from_its_commit_on(sides: Sides, change: str, status: int, code: str) -> None:
    """Another process commits it, and nobody tells this one. Of the requests after it none is stored, also of those that come together."""
    async with database.transaction() as session:
        maker = await make_user(session, sides.fast.workspace, Role.MARKETER)
        key = await make_key(session, sides.fast.workspace, Role.MARKETER, maker=maker.id)
    headers = {"Authorization": f"Bearer {key}"}
    for _ in range(2):
        assert (await sides.fast.send({"name": "a", "externalId": "u1"}, **headers))[0] == 202
    assert sides.app.store.stored == 1
    with sides.database.connect() as connection:
        connection.execute(change, (sides.fast.workspace.id,))
        before = connection.execute("select count(*) from events").fetchone()
        answers = await asyncio.gather(
            *(
                sides.fast.client.post(EVENTS, json={"name": "late", "externalId": "u1"}, headers=headers)
                for _ in range(3)
            )
        )
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(status, code)}
        assert connection.execute("select count(*) from events").fetchone() == before
    assert sides.app.store.stored == 1


async def test_a_key_that_ends_by_the_clock_ends(sides: Sides, clock: Clock) -> None:
    with sides.database.connect() as connection:
        until = clock.at + timedelta(hours=1)
        connection.execute("update api_keys set expires_at = %s", (until,))
    for moved, status in ((0, 202), (59, 202), (2, 401)):
        clock.advance(minutes=moved)
        assert await sides.alike({"name": "a", "externalId": "u1"}) == status
    assert sides.app.store.stored == 1, "the first after the change was looked at"


async def test_a_key_is_looked_at_again_now_and_then(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its last use is noted, as it is by the application."""
    now = 0.0
    monkeypatch.setattr(sides.app, "keys", KnownKeys(lambda: now))
    for seconds, stored in ((0, 0), (1, 1), (58, 2), (2, 2), (1, 3)):
        now += seconds
        assert (await sides.fast.send({"name": "a", "externalId": "u1"}))[0] == 202
        assert sides.app.store.stored == stored


async def test_a_connection_that_dies_while_it_stores_loses_nothing_that_was_acknowledged(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(number: int) -> dict[str, Any]:
        return {"name": "a", "externalId": "u1", "id": f"id-{number}"}

    async def send(number: int) -> tuple[int, int]:
        answer = await sides.fast.client.post(EVENTS, json=body(number))
        return number, answer.status_code

    assert await send(0) == (0, 202)
    with sides.database.connect() as holder, sides.database.connect() as watcher, holder.transaction():
        holder.execute("lock table inbox in share mode")
        waiting, pids = [], []
        for flushers in range(1, fast_store.FLUSHERS + 1):  # each finds some requests, and the rest wait in the queue
            waiting += [asyncio.create_task(send(len(waiting) + number)) for number in range(1, 21)]
            while len(pids) < flushers:
                await asyncio.sleep(0.01)
                pids = [pid for (pid,) in watcher.execute(BLOCKED)]
        waiting += [asyncio.create_task(send(len(waiting) + number)) for number in range(1, 21)]
        await asyncio.sleep(0)
        for pid in pids:
            watcher.execute("select pg_terminate_backend(%s, 10000)", (pid,))
    answers = dict(await asyncio.gather(*waiting))
    with sides.database.connect() as connection:
        stored = {key for (key,) in connection.execute("select key from events where key like 'id-%'")}
        acknowledged = {f"id-{number}" for number, status in answers.items() if status == 202}
        assert 503 in answers.values() and set(answers.values()) <= {202, 503}
        assert stored == acknowledged | {"id-0"}
    again = dict([await send(number) for number in range(len(waiting) + 1)])
    assert set(again.values()) == {202}
    with sides.database.connect() as connection:
        assert connection.execute(
            "select count(*), count(distinct key) from events where key like 'id-%'"
        ).fetchone() == (61, 61)


async def test_a_connection_that_was_lost_in_silence_is_replaced(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_store, "LOOK_AFTER_S", 0.0)
    assert await sides.alike({"name": "a", "externalId": "u1"}) == 202
    with sides.database.connect() as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'throughline events'"
            " and datname = current_database()"
        )
    assert await sides.alike({"name": "a", "externalId": "u1"}) == 202
    assert sides.app.store.stored == 2


async def test_without_a_connection_of_its_own_the_application_answers(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_: str) -> Any:
        raise psycopg.OperationalError("too many clients")

    monkeypatch.setattr(database, "connect_async", refused)
    assert await sides.alike({"name": "a", "externalId": "u1"}) == 202
    assert sides.app.store.stored == 0
    sides.stored_alike()


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ((fast_statement, "store"), psycopg.errors.DiskFull("no space left")),
        ((fast_statement, "store"), psycopg.errors.LockNotAvailable("canceling statement")),
        ((fast_statement, "read_plain"), AssertionError("a mistake of ours")),
    ],
)
async def test_what_fails_before_the_framework_is_left_to_it(
    sides: Sides, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], error: Exception
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    with monkeypatch.context() as failing:
        failing.setattr(*place, fail)
        assert await sides.alike({"name": "a", "externalId": "u1"}) == 202
    assert sides.app.store.stored == sides.app.store.space.events == sides.app.store.space.bytes == 0
    assert await sides.alike({"name": "a", "externalId": "u1"}) == 202
    assert sides.app.store.stored == 1
    sides.stored_alike()


async def test_a_conflict_that_nobody_saw_coming_stores_nothing_twice(sides: Sides) -> None:
    """Another transaction stores an id of ours while we wait for it: the application decides about all that came together."""
    with sides.database.connect() as other, sides.database.connect() as watcher:
        with other.transaction():
            other.execute(
                "insert into event_keys values (%s, false, 'mine', %s)", (sides.fast.workspace.id, event_id := uuid7())
            )
            other.execute(
                "insert into events (id, tenant_id, contact_id, name, properties, key, occurred_at)"
                " values (%s, %s, %s, 'a', '{}', 'mine', now())", (event_id, sides.fast.workspace.id, sides.fast.ada),
            )  # fmt: skip
            batch = [{"name": "b", "externalId": "u1"}, {"name": "a", "externalId": "u1", "id": "mine"}]
            waiting = asyncio.create_task(sides.fast.client.post(EVENTS, json=batch))
            while not watcher.execute(BLOCKED).fetchall():
                await asyncio.sleep(0.01)
        answer = await waiting
        assert answer.status_code == 202 and answer.json()["meta"] == {"accepted": 1, "duplicates": 1}
        assert answer.json()["data"][1]["id"] == str(event_id)
        assert watcher.execute("select count(*) from events where name = 'b'").fetchone() == (1,)
    assert sides.app.store.stored == 0
