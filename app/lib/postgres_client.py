"""Reads rows of PostgreSQL servers that users name: one query, read-only, over a connection of its own to an address that was judged.

A query is declared as a cursor of a read-only transaction, in the extended protocol: PostgreSQL itself refuses there whatever is not one
SELECT, and sends no more rows than are asked for. Rows come as JSON, an object each. Both ends limit the time.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec
import psycopg
from psycopg import AsyncConnection, AsyncRawCursor

from app.lib import egress
from app.lib.time_limit import uncounted
from app.lib.translation import gettext

Tls = Literal["verify", "require", "disable"]
Fault = Literal["misconfigured", "away", "rejected"]
CURSOR = ":cursor"
"""What a query has in place of the value behind which it reads on."""
MOST_ROW_BYTES = 65_536
CONNECT_S = 10.0
SHOWN = 300
# What is never closed reaches to the end, so that each character is looked at once.
_PLACE = re.compile(r"'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|(?<![:\w]):cursor\b", re.DOTALL)
_SSL_MODES = {"verify": "verify-full", "require": "require", "disable": "disable"}
# A row that is too long is left out where it is made: it never travels.
_DECLARE = """
declare asked no scroll cursor for select case when octet_length(row_text) <= {most} then row_text end
from (select to_jsonb(asked_row)::text as row_text from (
{query}
) as asked_row) as asked_text
"""
_LAST = """
select count(*), (array_agg(value order by value::{kind} desc))[1] from (
  select to_jsonb(asked_row) #>> $%d::text[] as value from (
{query}
) as asked_row) as asked_value where value is not null
"""


class PostgresTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A server and who reads there. `statement_s`: how long one query may take, in seconds."""

    host: str
    port: int = 5432
    database: str
    user: str
    password: str = ""
    tls: Tls = "verify"
    statement_s: float = 10.0


class ReadFailed(Exception):
    """Nothing could be read; the text is a sentence. `fault`: settings or the query are wrong, the server is away, or it refused."""

    def __init__(self, why: str, fault: Fault) -> None:
        super().__init__(why)
        self.fault: Fault = fault


class ReadRows(msgspec.Struct, frozen=True):
    """`rows`: objects, in the order of the query. `too_long`: rows that were left out for their size. `stopped`: there may be more."""

    rows: list[dict[str, Any]]
    too_long: int = 0
    stopped: bool = False


def with_places(query: str) -> tuple[str, bool]:
    """The query with `$1` for the cursor, and whether it has one. A semicolon at its end is left out."""
    has_cursor = False

    def placed(match: re.Match[str]) -> str:
        nonlocal has_cursor
        if match[0] != CURSOR:
            return match[0]
        has_cursor = True
        return "$1"

    text = _PLACE.sub(placed, query.strip())
    return text.rstrip().removesuffix(";").rstrip(), has_cursor


async def read_rows(
    target: PostgresTarget,
    query: str,
    cursor: str,
    *,
    most: int,
    most_bytes: int,
    newest: tuple[list[str], str] | None = None,
    grown: Callable[[int], Awaitable[None]] | None = None,
) -> ReadRows:
    """At most `most` rows, and no more than `most_bytes` of them and one row. `newest`: those with the greatest values at a path,
    of an SQL type, come first. `grown`: awaited with the bytes of all that was read whenever it is more; its time does not count. Raises
    ReadFailed."""
    text, placed = with_places(query)
    declare, values = _DECLARE.format(most=MOST_ROW_BYTES, query=text), [cursor] if placed else []
    if newest is not None:
        path, kind = newest
        declare = (
            f"{declare} order by (row_text::jsonb #>> ${len(values) + 1}::text[])::{kind} desc nulls last limit {most}"
        )
        values.append(path)  # type: ignore[arg-type]
    rows, too_long, size = list[dict[str, Any]](), 0, 0
    async with _reading(target) as (connection, limit):
        # Binary, so that the extended protocol is used also without a cursor: it takes one statement only.
        await connection.execute(declare, values or None, binary=True)
        while len(rows) + too_long < most and size < most_bytes:
            count = min(50, most - len(rows) - too_long)
            part = await (await connection.execute(f"fetch {count} from asked")).fetchall()
            for (row_text,) in part:
                too_long += row_text is None
                if row_text is not None:
                    size += len(row_text)
                    rows.append(msgspec.json.decode(row_text))
            if len(part) < count:
                return ReadRows(rows, too_long)
            if grown is not None:
                await uncounted(limit, functools.partial(grown, size))
    return ReadRows(rows, too_long, stopped=True)


async def read_last(
    target: PostgresTarget, query: str, cursor: str, path: list[str], kind: str
) -> tuple[int, str | None]:
    """How many rows the query has, and the greatest value at `path`, of the SQL type `kind`. Raises ReadFailed."""
    text, placed = with_places(query)
    last = (_LAST % (2 if placed else 1)).format(query=text, kind=kind)
    async with _reading(target) as (connection, _):
        row = await (await connection.execute(last, [cursor, path] if placed else [path])).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


async def server_version(target: PostgresTarget) -> str:
    """What the server calls itself, over a connection like that of queries. Raises ReadFailed."""
    async with _reading(target) as (connection, _):
        row = await (await connection.execute("select current_setting('server_version')")).fetchone()
    return str(row[0]) if row else ""


@asynccontextmanager
async def _reading(target: PostgresTarget) -> AsyncIterator[tuple[AsyncConnection[Any], asyncio.Timeout]]:
    """A read-only transaction over a connection of its own, and the time that it has. What fails inside is raised as ReadFailed."""
    connection: AsyncConnection[Any] | None = None
    try:
        async with asyncio.timeout(CONNECT_S + target.statement_s + 5) as limit:
            connection = await _connect(target)
            await connection.execute("begin transaction isolation level repeatable read read only")
            yield connection, limit
    except egress.Blocked as error:
        raise ReadFailed(
            gettext(
                "%(host)s is not on the public internet. Whoever runs this installation can allow it with THROUGHLINE_EGRESS_ALLOW.",
                host=target.host,
            ),
            "misconfigured",
        ) from error
    except TimeoutError as error:
        raise ReadFailed(gettext("%(host)s did not answer in time.", host=target.host), "away") from error
    except psycopg.Error as error:
        raise _failed(target, error) from error
    except (OSError, ValueError) as error:
        text = gettext("%(host)s cannot be reached: %(error)s", host=target.host, error=error)
        raise ReadFailed(text[:SHOWN], "away") from error
    finally:
        if connection is not None:
            await connection.close()


async def _connect(target: PostgresTarget) -> AsyncConnection[Any]:
    failure: psycopg.Error | None = None
    for address in await egress.resolve(target.host, target.port):
        if target.tls == "disable" and egress.is_public(address):
            raise ReadFailed(gettext("Connections over the internet need TLS."), "misconfigured")
        milliseconds = int(target.statement_s * 1000)
        try:
            connection = await AsyncConnection.connect(
                host=target.host, hostaddr=str(address), port=target.port, dbname=target.database, user=target.user,
                password=target.password, sslmode=_SSL_MODES[target.tls],
                sslrootcert="system" if target.tls == "verify" else "", passfile=f"{os.devnull}/none", sslcert="", sslkey="",
                gssencmode="disable", require_auth="!password" if target.tls == "disable" else "", connect_timeout=int(CONNECT_S),
                application_name="throughline", client_encoding="utf8", autocommit=True, cursor_factory=AsyncRawCursor,
                options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout=60000"
                " -c TimeZone=UTC -c DateStyle=ISO -c default_transaction_read_only=on",
            )  # fmt: skip
        except psycopg.OperationalError as error:
            failure = error
            if error.sqlstate:
                raise
        else:
            connection.prepare_threshold = None
            return connection
    raise failure or ReadFailed(gettext("%(host)s has no address.", host=target.host), "away")


def _failed(target: PostgresTarget, error: psycopg.Error) -> ReadFailed:
    """In the server's words, without the address that the name stands for."""
    its_words = error.diag.message_primary or _fatal_words(str(error))
    code = error.sqlstate or ""
    if code == "57014":
        return ReadFailed(
            gettext("The query took longer than %(statement_s)s seconds.", statement_s=f"{target.statement_s:g}"),
            "rejected",
        )
    if code == "25006" or "DECLARE CURSOR" in its_words:
        return ReadFailed(gettext("The query is no SELECT. Only reading is allowed here."), "misconfigured")
    if its_words and code[:2] not in ("53", "57", "08", "58"):
        return ReadFailed(gettext("The server says: %(its_words)s", its_words=its_words[:SHOWN]), "misconfigured")
    place = f"{target.host}:{target.port}"
    text = gettext("%(place)s does not let us read.", place=place)
    if its_words:
        text = gettext(
            "%(place)s does not let us read. It says: %(its_words)s", place=place, its_words=its_words[:SHOWN]
        )
    return ReadFailed(text, "away")


def _fatal_words(text: str) -> str:
    """What a server said while it was connected to, which libpq puts behind its own words."""
    _, fatal, words = text.partition("FATAL:")
    if fatal:
        return " ".join(words.split())
    return next(
        (word for word in ("SSL error", "certificate verify failed", "does not support SSL") if word in text), ""
    )
