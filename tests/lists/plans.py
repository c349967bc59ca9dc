"""What statements of a list cost: captured as they are sent, then explained with their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

Statement = tuple[str, Any]


class Cost(NamedTuple):
    """Of all statements together: rows that scans looked at, pages that were touched, and tables read from end to end."""

    rows: int
    pages: int
    whole: list[str]


@contextmanager
def captured(session: AsyncSession) -> Iterator[list[Statement]]:
    """The statements that the session sends meanwhile."""
    sent: list[Statement] = []

    def note(*arguments: Any) -> None:
        sent.append((arguments[2], arguments[3]))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def cost_of(session: AsyncSession, statements: list[Statement], *, whole_above: int) -> Cost:
    """`whole_above`: a table of so many rows may be read from end to end."""
    rows, pages, whole = 0, 0, list[str]()
    connection = await session.connection()
    for sql, parameters in statements:
        answer = await connection.exec_driver_sql(
            f"explain (analyze, buffers, timing off, format json) {sql}", parameters
        )
        text = answer.scalar_one()
        (explained,) = json.loads(text) if isinstance(text, str) else text
        plan = explained["Plan"]
        pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        for node in _nodes(plan):
            if "Scan" in node["Node Type"] and node["Node Type"] not in ("Subquery Scan", "CTE Scan", "Function Scan"):
                looked_at = _looked_at(node)
                rows += looked_at
                if node["Node Type"] == "Seq Scan" and looked_at > whole_above:
                    whole.append(f"{node['Relation Name']} ({looked_at} rows)")
    return Cost(rows, pages, whole)


def _looked_at(node: Mapping[str, Any]) -> int:
    removed = (node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return int((node["Actual Rows"] + sum(removed)) * node["Actual Loops"])


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
