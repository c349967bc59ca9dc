"""`./dev bench roles`: what it costs that requests see the rows of one workspace, in processor time of the database.

    ./dev bench roles                  a page of five queries in one transaction, on 20,000 contacts with 200,000 runs

Each cell asks for the same pages: as the user who logs in, for whom no policy holds; by `tl_web`, which says its workspace first; and by
`tl_web` without the filters by workspace, which is what a forgotten one costs.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from app.lib import database
from app.lib.database_roles import SETTING, DatabaseRole
from bench.rig import place, world

SCALE = 0.1
"""Of the full world of `bench.rig.world`."""
WARM = 50
_FILTER = re.compile(r"\w+\.tenant_id = %\(tenant\)s and ")
_PAGE = (
    "select r.id, r.status from runs r where r.tenant_id = %(tenant)s and r.workflow_id = %(workflow)s and r.status = 4"
    " order by r.id desc limit 51",
    "select * from steps s where s.tenant_id = %(tenant)s and s.run_id = %(run)s order by s.seq",
    "select * from messages m where m.tenant_id = %(tenant)s and m.run_id = %(run)s",
    "select * from contacts c where c.tenant_id = %(tenant)s and c.id = %(contact)s",
    "select r.id, r.status from runs r where r.tenant_id = %(tenant)s and r.contact_id = %(contact)s limit 20",
)


class Cell(NamedTuple):
    """Who asks, and whether its statements name the workspace."""

    name: str
    role: DatabaseRole | None
    filtered: bool = True


CELLS = (
    Cell("no policies", None),
    Cell("tl_web", DatabaseRole.WEB),
    Cell("tl_web, no filters", DatabaseRole.WEB, filtered=False),
)


def _pages(connection: psycopg.Connection[Any], cell: Cell, values: list[dict[str, Any]]) -> None:
    statements = _PAGE if cell.filtered else tuple(_FILTER.sub("", sql) for sql in _PAGE)
    for page in values:
        with connection.transaction():
            if cell.role is not None:
                connection.execute(f"select set_config('{SETTING}', %s, true)", [str(page["tenant"])])
            for sql in statements:
                connection.execute(sql, page).fetchall()


def _measured(cell: Cell, values: list[dict[str, Any]]) -> tuple[float, float]:
    """Microseconds of the server's processor, and of the clock, for a page."""
    with database.connect("bench", cell.role) as connection:
        _pages(connection, cell, values[:WARM])
        began, before = time.perf_counter(), _processor_seconds(connection.info.backend_pid)
        _pages(connection, cell, values)
        elapsed = time.perf_counter() - began
        return (_processor_seconds(connection.info.backend_pid) - before) / len(values) * 1e6, elapsed / len(
            values
        ) * 1e6


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _looked_at(pages: int) -> list[dict[str, Any]]:
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        place.tenant_of(connection)
        world.fill(connection, tenant := place.tenant_of(connection), world.World().scaled(SCALE))
        connection.execute("vacuum analyze")
        rows = connection.execute(
            "select id, contact_id, workflow_id from ended_runs where status = 4 order by random() limit %s", [pages]
        ).fetchall()
    return [{"tenant": tenant, "run": run, "contact": contact, "workflow": flow} for run, contact, flow in rows]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench roles", description=__doc__)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    place.prepare()
    values = _looked_at(options.pages)
    costs: dict[str, list[tuple[float, float]]] = {cell.name: [] for cell in CELLS}
    for _ in range(options.rounds):
        for cell in random.sample(CELLS, len(CELLS)):
            costs[cell.name].append(_measured(cell, values))
    for name, pairs in costs.items():
        server, clock = zip(*pairs, strict=True)
        print(
            f"{name:20} {statistics.median(server):6.0f} us of the server a page ({min(server):.0f} to {max(server):.0f}),"
            f" {statistics.median(clock):6.0f} us by the clock"
        )


if __name__ == "__main__":
    main()
