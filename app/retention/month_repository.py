"""All SQL of the tables that are kept by month: which months are there, and how one is made. Light: every start looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import psycopg

from app.lib.months import Month, bounds, month_of

TABLES = {"ended_runs": "", "steps": "", "step_attempts": "", "messages": "with (fillfactor = 80)", "events": ""}
"""By table: how its months are stored. A message is changed some times after it was written, the others hardly ever."""

# There is no part for all that fits nowhere: a month could not be taken away beside it while somebody writes.
ENDS = """
select t.relname, max(substring(pg_get_expr(c.relpartbound, c.oid) from $$TO \\('([0-9a-f-]+)'\\)$$))
from pg_inherits i join pg_class t on t.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
where t.relkind = 'p' and t.relnamespace = current_schema()::regnamespace group by 1
"""
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(7331002)"


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
        connection.execute(_ONE_AT_A_TIME)
        for table, month in ends(connection).items():
            while month <= until:
                name, (first, end) = f"{table}_{month.suffix}", bounds(month)
                connection.execute(
                    f"create table {name} (like {table} including defaults including constraints) {TABLES[table]}"
                )
                connection.execute(
                    f"alter table {table} attach partition {name} for values from ('{first}') to ('{end}')"
                )
                names.append(name)
                month = month.later(1)
    return names
