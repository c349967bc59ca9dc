"""Asks the source of a poll for rows: outside any transaction, bounded in time, bytes and rows, and no longer than its connector works."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

import msgspec
import psycopg

from app.connectors import breaker_repository, gate_repository
from app.connectors.access_tokens import AccessTokens
from app.connectors.call_signs import CallSign
from app.flow.performers import ServiceSign
from app.flow.reception import body_names, value_at
from app.flow.row_poll import RowPoll
from app.lib import clock, database
from app.lib.http_client import Grown, HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, read_url
from app.lib.postgres_client import PostgresTarget, ReadFailed, read_last, read_rows
from app.lib.retry_after import retry_after_s
from app.lib.translation import gettext
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.messaging.channels.http.oauth2 import NoToken
from app.outside.connector_repository import ConnectorReader, ServiceUnusable
from app.outside.refusals import WORDS, asker_digest, names_token
from app.polls.answer_room import AnswerRoom, NoRoom

MOST_ROWS = 1_000
"""Rows of one poll."""
MOST_BYTES = 5_000_000
HTTP_S = 20.0
PLACES = ("{{cursor}}", "{{ cursor }}")


class PollFailed(Exception):
    """No rows; the text is a sentence. `wait_s`: so long the service wants to be left alone. `at_fault`: the service, for everybody.
    `refused`: it does not take the credentials of the connector, so nobody's calls go on until a person mends them."""

    def __init__(
        self,
        why: str,
        *,
        at_fault: bool = False,
        refused: bool = False,
        doubted: str = "",
        wait_s: float | None = None,
    ) -> None:
        """`doubted`: it may be about this request alone (`ServiceSign.doubted`)."""
        super().__init__(why)
        self.at_fault, self.refused, self.doubted, self.wait_s = at_fault, refused, doubted, wait_s

    @property
    def sign(self) -> ServiceSign | None:
        """What it says about the service; None: nothing, it was about this trigger."""
        about_it = self.at_fault or self.refused or self.doubted
        return ServiceSign(False, str(self), self.wait_s, self.refused, self.doubted) if about_it else None


class PollAnswer(NamedTuple):
    """`rows` in the order of the cursor. `more`: others are behind them. `left_out`: rows that are too long. `total`: how many there are,
    where it was counted; `last`: the greatest value of the cursor of all of them, where it was asked for."""

    rows: list[Any]
    more: bool = False
    left_out: int = 0
    total: int | None = None
    last: str | None = None


class PollSources:
    """Connections of one pass, or of one trial. For one event loop."""

    def __init__(self) -> None:
        self._client, self._connectors = HttpClient(), ConnectorReader()
        self._tokens = AccessTokens(self._client)
        self.room = AnswerRoom()

    async def close(self) -> None:
        """Give all of them back."""
        self._connectors.close()
        await self._tokens.close()
        await self._client.close()

    async def ask(
        self,
        tenant_id: int,
        poll: RowPoll,
        cursor: str | None,
        *,
        count: bool = False,
        newest: int = 0,
        grown: Grown | None = None,
    ) -> PollAnswer:
        """Rows behind `cursor`, or from the beginning. `count`: also how many there are, and how far they reach; `newest`: only so many,
        of all that are there, for a trial, which says nothing about the service. `grown`: awaited with the bytes of the answer whenever
        more of it was read. Raises PollFailed."""
        key = (tenant_id, poll.connector_id) if poll.connector_id else None
        if key and not newest and not await asyncio.to_thread(_may_ask, key):
            raise PollFailed(
                gettext("Its connector is away or paused: its page says why. It is asked again as soon as it works.")
            )
        began = clock.now()
        try:
            answer = await self._ask(tenant_id, poll, cursor, grown, count=count, newest=newest)
        except NoRoom:
            raise PollFailed(gettext("Too many large answers came at once. It is asked again.")) from None
        except PollFailed as error:
            if key and error.sign and not newest:
                await asyncio.to_thread(_note, key, began, error.sign)
            raise
        if key and not newest:
            await asyncio.to_thread(_note, key, began, ServiceSign(True))
        return answer

    async def _ask(
        self, tenant_id: int, poll: RowPoll, cursor: str | None, grown: Grown | None, *, count: bool, newest: int
    ) -> PollAnswer:
        account = await self._account(tenant_id, poll.connector_id)
        if poll.query:
            if not isinstance(account, PostgresTarget):
                raise PollFailed(gettext("The connector of this trigger is not one of a database."))
            return await _of_database(account, poll, cursor, grown, count=count, newest=newest)
        if account is not None and not isinstance(account, HttpAccount):
            raise PollFailed(gettext("The connector of this trigger is not one of a web service."))
        answer = await self._of_url(tenant_id, account, poll, cursor, grown)
        return answer._replace(rows=answer.rows[-newest:]) if newest else answer

    async def _account(self, tenant_id: int, connector_id: UUID | None) -> Any:
        if connector_id is None:
            return None
        try:
            return await self._connectors.account(tenant_id, connector_id)
        except ServiceUnusable as error:
            raise PollFailed(str(error)) from error
        except psycopg.OperationalError as error:
            raise PollFailed(gettext("The connector could not be read just now.")) from error

    async def _of_url(
        self,
        tenant_id: int,
        account: HttpAccount | None,
        poll: RowPoll,
        cursor: str | None,
        grown: Grown | None,
    ) -> PollAnswer:
        token = ""
        end = time.monotonic() + HTTP_S
        for _ in range(2):
            try:
                if account is not None and account.bears_token and poll.connector_id:
                    token = await self._tokens.token(tenant_id, poll.connector_id, account, refused=token)
                request = _request(account, poll, cursor, token)
                answer = await self._client.request(
                    request,
                    timeout_s=max(0.1, end - time.monotonic()),
                    most_bytes=MOST_BYTES,
                    redirects=3,
                    grown=grown,
                )
            except NoToken as error:
                raise PollFailed(str(error), at_fault=not error.refused, refused=error.refused) from error
            except (BadUrl, BadCredentials) as error:
                raise PollFailed(str(error)) from error
            except psycopg.OperationalError as error:
                raise PollFailed(gettext("The connector could not be read just now.")) from error
            except HttpFailed as error:
                raise PollFailed(str(error), at_fault=not (error.permanent or error.nobody)) from error
            if not (answer.status == 401 and token):
                break
        own = account is not None and account.auth != "none" and answer.url.origin == request.url.origin
        if answer.status == 401 and own:  # not one behind a redirect, which saw no credentials
            sure = names_token(answer)
            raise PollFailed(WORDS, refused=sure, doubted="" if sure else asker_digest(poll.url))
        # In a thread: 5 MB can be half a million rows, seconds in which nobody else on this loop would be answered.
        return await asyncio.to_thread(_rows_of, answer, poll, cursor)


def _may_ask(key: tuple[int, UUID]) -> bool:
    with database.connect("polls") as connection, connection.transaction():
        if breaker_repository.shut(connection, [key]).get(key, 1) == 0:
            return False
        gate_repository.note_use(connection, [key])
        return True


def _note(key: tuple[int, UUID], began: datetime, sign: ServiceSign) -> None:
    with database.connect("polls") as connection:
        with connection.transaction():
            _, news = breaker_repository.note(connection, [CallSign(key, began, sign)])
        for change in news:
            change.log()


def _request(account: HttpAccount | None, poll: RowPoll, cursor: str | None, token: str) -> HttpRequest:
    text = poll.url
    for place in PLACES:
        text = text.replace(
            place, quote(cursor if cursor is not None else poll.cursor.beginning if poll.cursor else "", safe="")
        )
    url = account.url_of(text) if account else read_url(text)
    private = account.headers("poll", clock.now(), b"", token) if account else ()
    headers = (("Accept", "application/json"), ("User-Agent", "Throughline"), *private)
    return HttpRequest("GET", url, headers, b"", frozenset(name.lower() for name, _ in private))


def _rows_of(answer: HttpAnswer, poll: RowPoll, cursor: str | None) -> PollAnswer:
    """Rows of a list that are not behind the cursor. Those without a value to compare are known by their id alone."""
    if answer.status >= 400 or answer.status < 200:
        wait = retry_after_s(answer.header("retry-after"), clock.now()) if answer.status in (429, 503) else None
        words = " ".join(answer.body.decode("utf-8", "replace").split())[:200]
        text = gettext("It answered %(status)s.", status=answer.status) + (
            gettext(" It says: %(words)s", words=words) if words else ""
        )
        raise PollFailed(text, at_fault=answer.status >= 500, wait_s=wait)
    if answer.cut:
        raise PollFailed(
            gettext("The answer is longer than %(size)s MB. Ask for fewer rows.", size=MOST_BYTES // 1_000_000)
        )
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise PollFailed(gettext("The answer is no JSON.")) from error
    rows = value_at(body, poll.items) if poll.items.strip() != "$" else body
    if not isinstance(rows, list):
        raise PollFailed(gettext("There is no list at %(items)s.", items=poll.items))
    if poll.cursor is None:
        if len(rows) > MOST_ROWS:
            raise PollFailed(
                gettext(
                    "The list has more than %(rows)s rows. Say by which value they are known to be newer.",
                    rows=f"{MOST_ROWS:,}",
                )
            )
        return PollAnswer(rows, total=len(rows))
    valued = [(poll.cursor.text_of(row), row) for row in rows]
    least = poll.cursor.order(cursor) if cursor is not None else None
    orders = [(poll.cursor.order(text) if text is not None else None, row) for text, row in valued]
    first = [row for order, row in orders if order is None]
    behind = sorted(
        ((order, row) for order, row in orders if order and (least is None or order[0] >= least[0])),
        key=lambda one: one[0][0],
    )
    ordered = [*first, *(row for _, row in behind)]
    return PollAnswer(ordered[:MOST_ROWS], len(ordered) > MOST_ROWS, total=len(ordered))


async def _of_database(
    target: PostgresTarget,
    poll: RowPoll,
    cursor: str | None,
    grown: Grown | None,
    *,
    count: bool,
    newest: int,
) -> PollAnswer:
    total, last, value = None, None, cursor if cursor is not None else poll.cursor.beginning if poll.cursor else ""
    try:
        if count and poll.cursor is not None:
            path = body_names(poll.cursor.path)
            total, last = await read_last(target, poll.query, value, path, poll.cursor.sql_type)
        if newest:
            order = (body_names(poll.cursor.path), poll.cursor.sql_type) if poll.cursor else None
            read = await read_rows(target, poll.query, value, most=newest, most_bytes=MOST_BYTES, newest=order)
            return PollAnswer(read.rows[::-1], False, read.too_long, total, last)
        read = await read_rows(target, poll.query, value, most=MOST_ROWS, most_bytes=MOST_BYTES, grown=grown)
    except ReadFailed as error:
        raise PollFailed(str(error), at_fault=error.fault == "away") from error
    if poll.cursor is None:
        if read.stopped:
            raise PollFailed(
                gettext(
                    "The query has more than %(rows)s rows. Say by which column they are known to be newer.",
                    rows=f"{MOST_ROWS:,}",
                )
            )
        return PollAnswer(read.rows, False, read.too_long, total=len(read.rows))
    orders = [poll.cursor.order(text) if (text := poll.cursor.text_of(row)) is not None else None for row in read.rows]
    compared = [order[0] for order in orders if order is not None]
    if len(compared) < len(orders):
        raise PollFailed(gettext("A row has no %(kind)s at %(path)s.", kind=poll.cursor.kind, path=poll.cursor.path))
    if any(later < earlier for earlier, later in itertools.pairwise(compared)):
        raise PollFailed(
            gettext(
                "Rows must come in the order of %(path)s: add “order by” to the query, or some are skipped.",
                path=poll.cursor.path,
            )
        )
    return PollAnswer(read.rows, read.stopped, read.too_long, total, last)
