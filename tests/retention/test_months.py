"""Months of tables that grow are ready before anybody writes into them, also after a sleep, and somebody is told when they are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.lib.months import AHEAD, Month, ahead, bounds, needed
from app.retention import jobs, month_repository, months
from app.system import health

SLEPT = 7


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """In a transaction that is rolled back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def _write(connection: psycopg.Connection[Any], id_: UUID) -> None:
    connection.execute(
        "insert into ended_runs (tenant_id, id, workflow_id, workflow_version, started_at, status, seq) values (1, %s, %s, 1, now(), 4, 1)",
        (id_, id_),
    )
    connection.execute(
        "insert into steps (tenant_id, run_id, seq, node_id, status, started_at, completed_at) values (1, %s, 1, 'a', 4, now(), now())",
        (id_,),
    )
    connection.execute(
        "insert into step_attempts (tenant_id, run_id, seq, attempt, error_message, at) values (1, %s, 1, 1, '', now())",
        (id_,),
    )
    connection.execute(
        "insert into messages (tenant_id, run_id, seq, workflow_id, contact_id, channel, status, created_at)"
        " values (1, %s, 1, %s, %s, 1, 2, now())",
        (id_, id_, id_),
    )
    connection.execute("insert into events (tenant_id, id, name, occurred_at) values (1, %s, 'e', now())", (id_,))


def test_every_table_by_month_is_known(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "select relname from pg_class where relkind = 'p' and relnamespace = 'public'::regnamespace"
    )
    assert {name for (name,) in rows} == month_repository.TABLES.keys() == month_repository.ends(connection).keys()


def test_months_ahead_are_ready_and_nothing_is_made_twice(connection: psycopg.Connection[Any]) -> None:
    assert months.months_ahead(month_repository.ends(connection).values()) >= AHEAD - 1, "since the database was made"
    months.ensure_months(connection)
    assert months.months_ahead(month_repository.ends(connection).values()) == AHEAD
    assert months.ensure_months(connection) == []
    for month in needed(months.this_month()):
        for id_ in (month.first_id, UUID(int=bounds(month)[1].int - 1)):
            _write(connection, id_)


def test_after_a_sleep_of_months_each_of_them_is_made(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    months.ensure_months(connection)
    today = months.this_month()
    later = today.later(SLEPT)
    monkeypatch.setattr(months, "this_month", lambda: later)
    assert not months.are_ready(connection)
    with pytest.raises(psycopg.errors.CheckViolation, match="no partition"), connection.transaction():
        _write(connection, later.first_id)

    names = months.ensure_months(connection)
    assert len(names) == SLEPT * len(month_repository.TABLES)
    assert f"steps_{later.suffix}" in names and f"messages_{later.later(AHEAD).suffix}" in names
    assert months.are_ready(connection)
    for number in range(SLEPT + AHEAD + 1):
        _write(connection, today.later(number).first_id)
    indexes = connection.execute(
        "select count(*) from pg_index where indrelid = to_regclass(%s)", (f"messages_{later.suffix}",)
    ).fetchone()
    of_all = connection.execute("select count(*) from pg_index where indrelid = 'messages'::regclass").fetchone()
    assert indexes == of_all, "a month has the indexes of the others"
    fill = connection.execute(
        "select reloptions from pg_class where relname = %s", (f"messages_{later.suffix}",)
    ).fetchone()
    assert fill == (["fillfactor=80"],)


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(AHEAD, "ok", ""), (2, "ok", ""), (1, "down", "1 more"), (0, "down", "0 more"), (-1, "down", "no room")],
)
def test_too_few_months_are_a_fault_of_the_installation(number: int, status: str, words: str) -> None:
    check = health._months(number)
    assert check.status == status and words in check.detail


async def test_the_scheduler_makes_them(monkeypatch: pytest.MonkeyPatch, committed_database: Any) -> None:
    later = months.this_month().later(1)
    monkeypatch.setattr(months, "this_month", lambda: later)
    assert jobs.make_months in jobs.HOUSEKEEPING
    await jobs.make_months()
    with committed_database.connect() as connection:
        ends: list[Month] = list(month_repository.ends(connection).values())
        assert {ahead(later, end) for end in ends} == {AHEAD}
