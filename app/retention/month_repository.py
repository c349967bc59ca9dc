"""All SQL of the tables that are kept by month: which months are there, and how one is made. Light: every start looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.lib.months import Month, bounds, month_of

TABLES = {
    "ended_runs": "",
    "steps": "",
    "step_attempts": "",
    "messages": "with (fillfactor = 80)",
    "message_reports": "",
    "sub_runs": "",
    "outbound_calls": "",
    "run_logs": "",
    "events": "",
}
"""By table: how its months are stored. A message is changed some times after it was written, the others hardly ever."""

# There is no part for all that fits nowhere: a month could not be taken away beside it while somebody writes.
ENDS = """
select t.relname, max(substring(pg_get_expr(c.relpartbound, c.oid) from $$TO \\('([0-9a-f-]+)'\\)$$))
from pg_inherits i join pg_class t on t.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
where t.relkind = 'p' and t.relnamespace = current_schema()::regnamespace group by 1
"""
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(7331002)"
_PARTS = """
select t.relname, c.relname, coalesce(substring(bound from $$FROM \\('([0-9a-f-]+)'\\)$$)::uuid, %(lowest)s),
  substring(bound from $$TO \\('([0-9a-f-]+)'\\)$$)::uuid, i.inhdetachpending
from pg_inherits i join pg_class t on t.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
cross join lateral pg_get_expr(c.relpartbound, c.oid) as bound
where t.relkind = 'p' and t.relnamespace = current_schema()::regnamespace order by 4, 1
"""
LOWEST = UUID(int=0)
"""Stands for MINVALUE, the lower bound of the oldest part."""


class MonthPart(NamedTuple):
    """A part of a table by month: ids from `first` to below `until`."""

    table: str
    name: str
    first: UUID
    until: UUID
    pending: bool
    """Somebody began to take it away and was interrupted."""

    @property
    def suffix(self) -> str:
        """What the parts of one month end with, in all tables: `2026_12`."""
        return self.name.removeprefix(f"{self.table}_")


def ends_of(rows: Iterable[Sequence[Any]]) -> dict[str, Month]:
    """What `ENDS` answers: the first month that is not there, by table."""
    return {table: month_of(UUID(end)) for table, end in rows if table in TABLES}


def ends(connection: psycopg.Connection[Any]) -> dict[str, Month]:
    """The first month that is not there, by table; nothing before the tables are kept by month."""
    return ends_of(connection.execute(ENDS).fetchall())


def make(connection: psycopg.Connection[Any], until: Month) -> list[str]:
    """Make the months that are missing up to `until`, in one transaction. Answers the names of the new tables.

    Each is made by itself and attached: that waits for nobody who reads or writes the others.
    """
    names = []
    with connection.transaction():
        one_at_a_time(connection)
        for table, month in ends(connection).items():
            while month <= until:
                name = f"{table}_{month.suffix}"
                attach_new(connection, table, name, *bounds(month))
                names.append(name)
                month = month.later(1)
    return names


def attach_new(connection: psycopg.Connection[Any], table: str, name: str, first: UUID, until: UUID) -> None:
    """Make an empty part of a table. In the caller's transaction."""
    connection.execute(f"create table {name} (like {table} including defaults including constraints) {TABLES[table]}")
    lower = "minvalue" if first == LOWEST else f"'{first}'"
    connection.execute(f"alter table {table} attach partition {name} for values from ({lower}) to ('{until}')")


def parts(connection: psycopg.Connection[Any]) -> list[MonthPart]:
    """All parts of the tables by month, the oldest first."""
    return [MonthPart(*row) for row in connection.execute(_PARTS, {"lowest": LOWEST}) if row[0] in TABLES]


def one_at_a_time(connection: psycopg.Connection[Any]) -> None:
    """Nobody else makes parts until the caller's transaction ends."""
    connection.execute(_ONE_AT_A_TIME)
