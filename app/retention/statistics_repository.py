"""What the planner knows of the tables by month as a whole. Autovacuum looks after their parts, and never at the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg

from app.retention.month_repository import TABLES

OLDEST_S = 30 * 86_400.0
MOST_CHANGED = 0.2
"""Gathered anew when more than this part of the rows has come or gone since."""
FEW = 10_000
"""Rows up to which it makes no difference what the planner thinks."""
# Of a whole the number of rows is that of the last time; of its parts autovacuum keeps it.
STATISTICS = """
select p.relname, greatest(p.reltuples, 0)::float,
  (select coalesce(sum(greatest(c.reltuples, 0)), 0)
   from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = p.oid)::float,
  extract(epoch from now() - greatest(s.last_analyze, s.last_autoanalyze))::float
from pg_class p left join pg_stat_user_tables s on s.relid = p.oid
where p.relkind = 'p' and p.relnamespace = current_schema()::regnamespace order by 1
"""


class Statistics(NamedTuple):
    """Of one table: its rows when statistics were gathered last, its rows now, and the seconds since; None: nobody knows."""

    table: str
    rows_then: float
    rows_now: float
    age_s: float | None

    @property
    def are_due(self) -> bool:
        changed = abs(self.rows_now - self.rows_then)
        return self.age_s is None or self.age_s > OLDEST_S or changed > max(FEW, MOST_CHANGED * self.rows_now)


def statistics_of(rows: Iterable[Sequence[Any]]) -> list[Statistics]:
    """What `STATISTICS` answers, of the tables by month."""
    return [Statistics(*row) for row in rows if row[0] in TABLES]


def statistics(connection: psycopg.Connection[Any]) -> list[Statistics]:
    return statistics_of(connection.execute(STATISTICS))


def gather(connection: psycopg.Connection[Any], table: str) -> None:
    """Let the planner look at a sample of the whole table. From version 18 on its parts are left to autovacuum."""
    only = "only " if connection.info.server_version >= 180_000 else ""
    connection.execute(f"analyze {only}{table}")
