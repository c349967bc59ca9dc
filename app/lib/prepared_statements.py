"""Prepared statements on libpq itself, for a loop of the web process that runs the same few some hundred times a second.

psycopg's cursor adapts each parameter and looks up how for each field of the answer: a statement with a dozen parameters takes it
three times the processor time (126 and 46 µs). Here parameters and results are PostgreSQL's binary formats as they are
(`binary_fields`), and one callback wakes whoever waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from app.lib.deadline import BoundedConnection, remaining

_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_LAST_WORDS = (b"FATAL", b"PANIC")
"""Severities of errors after which the server hangs up."""
_BINARY = 1


class PreparedStatements:
    """One connection in autocommit, one statement at a time. After an error without `sqlstate` it is closed, and fit for nothing."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection, self._wire = connection, connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._known: set[bytes] = set()
        self._answer: asyncio.Future[None] | None = None
        self._result: pq.abc.PGresult | None = None
        self._socket = self._wire.socket
        self._loop.add_reader(self._socket, self._on_input)

    @property
    def closed(self) -> bool:
        """Has the connection ended? The end is seen when the server's word of it arrives."""
        return self._connection.closed

    async def run(self, name: bytes, sql: bytes, parameters: Sequence[bytes | None]) -> list[bytes | None]:
        """The first row of a statement whose parameters are `$1` and on, all in binary format. Raises psycopg.Error.

        `name` stands for `sql` on this connection, and PostgreSQL plans it once.
        """
        if name not in self._known:
            await self._ask(lambda: self._wire.send_prepare(name, sql))
            self._known.add(name)
        formats = [_BINARY] * len(parameters)
        result = await self._ask(lambda: self._wire.send_query_prepared(name, parameters, formats, _BINARY))
        return [result.get_value(0, column) for column in range(result.nfields)] if result.ntuples else []

    async def forget_plans(self) -> None:
        """Plan each statement anew the next time; it also asks whether the server is still there. Raises psycopg.Error."""
        await self._ask(lambda: self._wire.send_query(b"discard plans"))

    async def close(self) -> None:
        """End the connection."""
        self._leave()
        await self._connection.close()

    async def _ask(self, send: Callable[[], None]) -> pq.abc.PGresult:
        """Send, and wait for the last result."""
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        self._answer, self._result = self._loop.create_future(), None
        try:
            async with asyncio.timeout(remaining()):
                send()
                if self._wire.flush():
                    self._loop.add_writer(self._socket, self._on_space)
                await self._answer
        except TimeoutError:
            self._abandon()
            raise psycopg.OperationalError("the database did not answer in time") from None
        except BaseException:
            self._abandon()
            raise
        finally:
            self._answer = None
        if (result := self._result) is None:
            self._abandon()
            raise psycopg.OperationalError("the database answered nothing")
        if result.status not in _GOOD:
            if result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) in _LAST_WORDS:
                self._abandon()
            raise error_from_result(result)
        return result

    def _abandon(self) -> None:
        """Hang up: nobody knows what the server does with what was sent."""
        self._leave()
        self._wire.finish()

    def _leave(self) -> None:
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1

    def _on_space(self) -> None:
        self._step(writing=True)

    def _on_input(self) -> None:
        self._step(writing=False)

    def _step(self, *, writing: bool) -> None:
        """The socket takes or has bytes. An error belongs to whoever waits; without anybody the connection has just ended."""
        answer = self._answer
        try:
            self._wire.consume_input()
            if writing and not self._wire.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._leave()
            if answer is None:
                self._wire.finish()
            elif not answer.done():
                answer.set_exception(error)
            return
        while answer is not None and not answer.done() and not self._wire.is_busy():
            result = self._wire.get_result()
            if result is None:
                answer.set_result(None)
            else:
                self._result = result
