"""Every key leads with the workspace, and no index repeats another."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, Index, Integer, MetaData, Table, UniqueConstraint, Uuid

from app.models import Base
from tests.architecture import keys
from tests.architecture.keys import StoredIndex

SHARED = {
    "workspaces": "it is the workspace",
    "users": "people may be in several",
    "memberships": "leads with the workspace; its second index finds the workspaces of a person",
    "sessions": "found by its token before a workspace is known",
    "sign_in_links": "found by its token",
    "sign_in_failures": "counted by address of whoever tries",
    "api_keys": "found by its prefix before a workspace is known",
    "invitations": "found by its token",
    "account_mails": "sent for all workspaces by one job; few rows, gone within days",
    "secret_keys": "of the installation",
    "heartbeats": "of the installation",
    "event_sinks": "buses of the installation; a row or two",
    "batches": "of the workers, which take rows of several workspaces",
    "crashes": "of the workers; few rows",
    "leaving_months": "of the installation: a month leaves for all workspaces at once",
    "virtual_clock": "of the installation",
    "alembic_version": "of the migrations",
}
"""Tables that stand above workspaces, and why."""
ACROSS = {
    "wakes_at": "workers look for what is due in all workspaces; few rows",
    "messages_undecided": "the job that decides looks in all workspaces; few rows",
    "messages_undelivered": "the job that ends waits for deliveries looks in all workspaces; few rows",
    "messages_leased": "the job that finds dead senders looks in all workspaces; few rows",
    "connectors_probed": "the job that tries servers again looks in all workspaces; few rows",
    "message_jobs_open": "the job that works on them looks in all workspaces; few rows",
    "schedules_due": "the scheduler asks which of all workspaces is due; a row a schedule, and by workspace a look would read all of them",
    "date_schedules_due": "as schedules_due",
    "polls_due": "as schedules_due",
    "enrolments_due": "as schedules_due; only those under way",
    "bulk_jobs_due": "as schedules_due; only those under way",
    "held_run_jobs_due": "as schedules_due; only those under way",
    "entry_paces_next": "the scheduler asks when the next start may begin anywhere; only workflows that wait",
    "segment_state_next": "workers look for contacts whose membership turns now in all workspaces; only what time may change",
    "idempotency_keys_created_at": "deleted after a day in all workspaces",
}
"""Plain indexes of work that is looked for in all workspaces at once. The list only shrinks."""


@pytest.fixture
def indexes(database_url: str) -> list[StoredIndex]:
    with psycopg.connect(database_url) as connection:
        return keys.stored(connection)


def test_keys_of_models_lead_with_the_workspace() -> None:
    assert not (wrong := list(keys.unique_of_models(Base.metadata, SHARED))), "\n".join(wrong)


def test_indexes_lead_with_the_workspace(indexes: list[StoredIndex]) -> None:
    assert not (wrong := list(keys.not_led(indexes, SHARED, ACROSS))), "\n".join(wrong)
    names = {index.name for index in indexes}
    assert names >= ACROSS.keys() and {index.table for index in indexes} >= SHARED.keys(), "the lists only shrink"


def test_no_index_repeats_another(indexes: list[StoredIndex]) -> None:
    assert not (wrong := list(keys.repeated(indexes))), "\n".join(wrong)


def test_the_database_has_the_keys_of_the_models(indexes: list[StoredIndex]) -> None:
    assert not (wrong := list(keys.unlike(keys.keys_of_models(Base.metadata), indexes))), "\n".join(wrong)


def test_operators_read_of_every_table_where_citus_would_have_it() -> None:
    """And once: those that stand above workspaces are not distributed, all others are."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    section = page.split("\n## Citus\n")[1].split("\n## ")[0]
    listed = [set(re.findall(r"`(\w+)`", row.split("|")[2])) for row in section.splitlines() if row.startswith("| ")][
        1:
    ]
    distributed, everywhere, local = listed
    tables = {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}
    assert distributed - {"tenant_id"} == tables - SHARED.keys()
    assert everywhere | local == SHARED.keys() and not everywhere & local


def test_a_planted_key_of_a_model_is_seen() -> None:
    def table(name: str, *more: object, first: str = "tenant_id") -> Table:
        second = "id" if first == "tenant_id" else "tenant_id"
        columns = (Column(column, Integer, primary_key=True) for column in (first, second))
        return Table(name, MetaData(), *columns, Column("email", Uuid), *more)  # type: ignore[arg-type]

    planted = {
        table("late", first="id"): 1,
        table("constrained", UniqueConstraint("email", "tenant_id")): 1,
        table("indexed", Index("by_email", "email", unique=True)): 1,
        table("fine", UniqueConstraint("tenant_id", "email"), Index("plain", "email")): 0,
    }
    for planted_table, count in planted.items():
        assert len(list(keys.unique_of_models(planted_table.metadata, {}))) == count, planted_table.name
        assert not list(keys.unique_of_models(planted_table.metadata, {planted_table.name: "shared"}))


def test_planted_indexes_are_seen(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "create table planted (tenant_id int, id int, name text, at int, primary key (tenant_id, id))"
        )
        connection.execute("create unique index planted_name on planted (name)")
        connection.execute("create index planted_newest on planted (tenant_id, id desc)")
        connection.execute("create index planted_some on planted (tenant_id, id) where at is null")
        connection.execute("create index planted_at on planted (at)")
        connection.execute("create index planted_long on planted (tenant_id, name, at)")
        connection.execute("create index planted_short on planted (tenant_id, name)")
        indexes = [index for index in keys.stored(connection) if index.table == "planted"]
        connection.rollback()
    across = {"planted_at": "wanted", "planted_name": "a unique one never is"}
    assert list(keys.not_led(indexes, {}, across)) == ["planted: planted_name does not lead with tenant_id"]
    assert len(list(keys.not_led(indexes, {}, {}))) == 2
    assert not list(keys.not_led(indexes, {"planted": "shared"}, {}))
    assert list(keys.repeated(indexes)) == [
        "planted: planted_newest repeats planted_pkey",
        "planted: planted_short repeats planted_long",
    ]
    assert list(keys.unlike({"planted": ("id", "tenant_id")}, indexes))
    assert not list(keys.unlike({"planted": ("tenant_id", "id")}, indexes))
