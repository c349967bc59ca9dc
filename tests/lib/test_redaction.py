"""Errors are told without the people they are about, from every way a line is written."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence

import psycopg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.lib import database, logs
from app.lib.redaction import redacted
from tests.fixtures.database import CommittedDatabase

PRIVATE = ("private.person@secret.example", "Ada Lovelace", "+4915112345678", "ext-4711")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the product and the libraries write."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    root.handlers.clear()
    logs.configure()
    yield written  # type: ignore[misc]
    root.handlers[:] = before
    monkeypatch.undo()
    logs.configure()


FAULTS: Sequence[tuple[str, dict[str, str]]] = (
    ("insert into workspaces (name, slug) values (:a, 'x'), (:a, 'x')", {"a": PRIVATE[1]}),
    ("insert into workspaces (name, slug) values (:a, :b), ('x', :b)", {"a": PRIVATE[1], "b": PRIVATE[0]}),
    ("insert into workspaces (name, slug) values (:a, null)", {"a": PRIVATE[1]}),
    ("select cast(:a as integer)", {"a": PRIVATE[3]}),
    ("select cast(:a as uuid)", {"a": PRIVATE[1]}),
    ("select cast(:a as timestamptz)", {"a": PRIVATE[1]}),
    ("select cast(:a as jsonb)", {"a": '{"phone": ' + PRIVATE[2] + "x"}),
    ("select 1 / 0 where :a <> ''", {"a": PRIVATE[0]}),
)


@pytest.mark.parametrize(("sql", "values"), FAULTS)
async def test_a_row_that_does_not_fit_is_not_told(
    committed_database: CommittedDatabase, lines: io.StringIO, sql: str, values: dict[str, str]
) -> None:
    try:
        async with database.transaction() as session:
            await session.execute(text(sql), values)
        raise AssertionError("it fits")
    except DBAPIError as error:
        structlog.get_logger().error("request.failed", path="/contacts", exc_info=error)
        logging.getLogger("dramatiq").error("Failed to process a message", exc_info=error)
        kind = type(error.orig).__name__
    told = lines.getvalue()
    assert told.count(kind) >= 2, "what failed is told"
    assert not [private for private in PRIVATE if private in told], told


def test_the_engine_s_own_statements_are_no_exception(
    committed_database: CommittedDatabase, lines: io.StringIO
) -> None:
    with committed_database.connect() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("insert into users (email, name) values (%(a)s, 'x'), (%(a)s, 'x')", {"a": PRIVATE[0]})
    structlog.get_logger().error("engine.failed", error=str(caught.value), exc_info=caught.value)
    assert "constraint" in lines.getvalue() and PRIVATE[0] not in lines.getvalue()


@pytest.mark.parametrize(
    "address", ["o'brien+tag@mail.example", "zoë@example.org", "<a_b@x.co>", "mailto:c-d@y.example"]
)
def test_addresses_are_left_out_wherever_they_stand(address: str) -> None:
    told = redacted(f"550 no such user {address} here")
    assert "@" not in told and told.startswith("550 no such user ") and told.endswith(" here")


@given(st.text())
def test_other_text_stays(line: str) -> None:
    if "@" not in line and not any(
        word in line for word in ("DETAIL", "CONTEXT", "QUERY", "STATEMENT", "LINE", "Key (", "row")
    ):
        assert redacted(line) == line
