"""A process with another secret key than the database was sealed with does not start; a change of the key goes in steps."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import psycopg
import pytest

from app.connectors import senders, service
from app.lib import crypto, database
from app.lib.ids import uuid7
from app.settings import settings
from app.system import secret_key_repository, secret_keys
from tests.fixtures.database import CommittedDatabase

ONE, TWO, THREE = (f"{name}-secret-key-of-these-tests-0123456789" for name in ("first", "second", "third"))
Keys = Callable[..., None]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    def choose(present: str, *old: str) -> None:
        changed = dataclasses.replace(settings(), secret_key=present, old_secret_keys=old)
        for module in (crypto, secret_keys):
            monkeypatch.setattr(module, "settings", lambda: changed)

    return choose


@pytest.fixture
def db(committed_database: CommittedDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(committed_database.url, autocommit=True) as connection:
        yield connection


def test_the_first_process_writes_its_key_down_and_others_need_it(db: psycopg.Connection, keys: Keys) -> None:
    keys(ONE)
    secret_keys.verify(db)
    secret_keys.verify(db)
    keys(TWO)
    with pytest.raises(secret_keys.WrongSecretKey, match="THROUGHLINE_OLD_SECRET_KEYS") as refused:
        secret_keys.verify(db)
    assert ONE not in str(refused.value)
    assert TWO not in str(refused.value)
    assert [row[0] for row in secret_key_repository.every(db)] == [crypto.key_fingerprint(ONE)]


def test_a_change_of_key_goes_in_steps(db: psycopg.Connection, keys: Keys) -> None:
    keys(ONE)
    secret_keys.verify(db)
    for present, *old in ([ONE, TWO], [TWO, ONE], [ONE, TWO]):  # one process after the other, in any order
        keys(present, *old)
        secret_keys.verify(db)
    for present in (ONE, TWO):  # both are in use now, so neither alone is enough
        keys(present)
        with pytest.raises(secret_keys.WrongSecretKey):
            secret_keys.verify(db)
    keys(TWO, ONE)
    assert secret_keys.retire_others(db) == 1
    keys(TWO)
    secret_keys.verify(db)
    keys(ONE)
    with pytest.raises(secret_keys.WrongSecretKey):
        secret_keys.verify(db)
    keys(ONE, TWO)  # back again: the key is in use again
    secret_keys.verify(db)
    assert [row[2] for row in secret_key_repository.every(db)] == [None, None]


def test_passwords_are_sealed_again_with_the_present_key(
    db: psycopg.Connection, committed_database: CommittedDatabase, keys: Keys
) -> None:
    tenant = db.execute("insert into workspaces (name, slug) values ('A', 'a') returning id").fetchone()[0]  # type: ignore[index]
    config = {"host": "smtp.example.com", "port": 587, "security": "starttls", "username": "u"}
    ids = [uuid7() for _ in range(3)]
    for secret, connector_id in zip((ONE, TWO, THREE), ids, strict=True):
        keys(secret)
        db.execute(
            "insert into connectors (id, tenant_id, type, name, config, secret) values (%s, %s, 'smtp', %s, %s, %s)",
            (
                connector_id,
                tenant,
                secret,
                psycopg.types.json.Jsonb(config),
                senders.seal_password("smtp", connector_id, config, f"password of {secret}"),
            ),
        )
    keys(TWO, ONE)

    async def again() -> tuple[int, int]:
        async with database.transaction() as session:
            return await service.reseal_passwords(session), await service.sealed_otherwise(session)

    assert asyncio.run(again()) == (1, 1)
    keys(TWO)
    rows = dict(db.execute("select id, secret from connectors").fetchall())
    for secret, connector_id in ((ONE, ids[0]), (TWO, ids[1])):
        assert senders.open_password("smtp", connector_id, config, rows[connector_id]) == f"password of {secret}"
    with pytest.raises(crypto.CannotUnseal):
        senders.open_password("smtp", ids[2], config, rows[ids[2]])


@pytest.mark.parametrize("module", ["app.worker", "app.scheduler", "app.ops.bootstrap"])
def test_processes_with_another_key_end_with_a_sentence(
    db: psycopg.Connection, committed_database: CommittedDatabase, keys: Keys, module: str
) -> None:
    keys(ONE)
    secret_keys.verify(db)
    environment = {**os.environ, "DATABASE_URL": committed_database.url, "THROUGHLINE_SECRET_KEY": TWO}
    ended = subprocess.run(
        [sys.executable, "-m", module], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert crypto.key_fingerprint(ONE) in ended.stderr
    assert "Put that key back" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_the_web_process_does_not_begin(
    db: psycopg.Connection, committed_database: CommittedDatabase, keys: Keys
) -> None:
    keys(ONE)
    secret_keys.verify(db)
    keys(TWO)
    with pytest.raises(secret_keys.WrongSecretKey):
        await secret_keys.verify_at_start()


def test_without_a_database_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(database, "connect", away)
    assert secret_keys.verify_when_possible(once=True) is False
    pauses = iter([False, False, True])
    assert secret_keys.verify_when_possible(lambda _: next(pauses)) is False
    assert next(pauses, "used up") == "used up"
