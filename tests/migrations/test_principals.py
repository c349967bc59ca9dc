"""Answers kept for an Idempotency-Key by the release before stay its own, and those of this one do not outlive a way back."""

from __future__ import annotations

import os

import psycopg
from psycopg.errors import UniqueViolation

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate

OLD = "insert into idempotency_keys (tenant_id, key, request_hash, created_at) values (%s, %s, '', now())"
NEW = (
    "insert into idempotency_keys (tenant_id, principal_kind, principal_id, key, request_hash, created_at)"
    " values (%s, 'key', %s, %s, '', now())"
)


def test_keys_of_principals_are_kept_apart() -> None:
    environment.start_server()
    name = f"test_{os.getpid()}_principals"
    url = environment.server_url(name)
    with psycopg.connect(environment.server_url("postgres"), autocommit=True) as server:
        server.execute(f'drop database if exists "{name}" with (force)')
        server.execute(f'create database "{name}"')
        try:
            _walk(url)
        finally:
            server.execute(f'drop database if exists "{name}" with (force)')


def _walk(url: str) -> None:
    migrate(url, "upgrade", "0015_maker_keys")
    with psycopg.connect(url, autocommit=True) as db:
        tenant = db.execute("insert into workspaces (name, slug) values ('Old', 'old') returning id").fetchone()
        assert tenant
        db.execute(OLD, (tenant[0], "order-1"))
        migrate(url, "upgrade", "0016_principals")
        db.execute(OLD, (tenant[0], "order-2"))  # a process of the release before is still at work
        ada, bob = uuid7(), uuid7()
        for who in (ada, bob):
            db.execute(NEW, (tenant[0], who, "order-1"))
        try:
            db.execute(NEW, (tenant[0], bob, "order-1"))
            raise AssertionError("the same principal used the same key twice")
        except UniqueViolation:
            pass
        migrate(url, "downgrade", "0015_maker_keys")
        kept = db.execute("select key from idempotency_keys order by key").fetchall()
        assert kept == [("order-1",), ("order-2",)]
