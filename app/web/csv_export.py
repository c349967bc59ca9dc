"""Lists as CSV files. Each page is read in a short transaction of its own and written out before the next is read: memory does not grow
with the list, and nothing is held while a client reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import itertools
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from litestar import Request
from litestar.datastructures import Cookie
from litestar.response import Stream
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import TooMany
from app.lib import clock, database
from app.lib.database_roles import DatabaseRole, scope_to
from app.lib.translation import gettext
from app.web.file_places import PLACES, FilePlace
from app.web.pagination import Page
from app.web.transactions import RequestSessions

MEDIA_TYPE = "text/csv"
_FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")
"""Spreadsheets look past what they do not show, and take full width letters for the others."""
_PLAIN_NUMBER = re.compile(r"[+-]?[\d .,()/-]*\d")
"""A phone number or an amount begins with a sign, and calculates nothing."""
_SUM = re.compile(r"\d\s*[-+/]\s*\d")
ReadPage = Callable[[AsyncSession, str | None], Awaitable[Page[Sequence[Any]]]]
"""Rows from a cursor on, each a value for each column; a page may be empty and not the last."""


class CsvList(NamedTuple):
    """What a list is as a file. `name`: the beginning of the file's name."""

    name: str
    columns: Sequence[str]
    read: ReadPage


class _PagedAnswer(ASGIStreamingResponse):
    """Looks between two pieces whether the client is still there. The library's own listener would cancel a statement under way."""

    __slots__ = ()

    async def send_body(self, send: Send, receive: Receive) -> None:
        away = asyncio.create_task(_gone_away(receive))
        try:
            async for piece in self.iterator:
                if away.done():
                    return
                await send(_piece(piece if isinstance(piece, bytes) else piece.encode(), more=True))
            await send(_piece(b"", more=False))
        finally:
            if isinstance(self.iterator, AsyncGenerator):
                await self.iterator.aclose()
            away.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await away


def _piece(body: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _gone_away(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class CsvAnswer(Stream):
    """The file as an answer: `body` is read piece by piece."""

    def __init__(self, body: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(body, media_type=MEDIA_TYPE, headers=headers)
        self.body = body

    def to_asgi_response(self, app: Any, request: Any, **options: Any) -> ASGIStreamingResponse:
        cookies: Iterable[Cookie] = itertools.chain(self.cookies, options.get("cookies") or ())
        return _PagedAnswer(
            iterator=self.body,
            headers={**(options.get("headers") or {}), **self.headers},
            cookies=cookies,
            encoded_headers=options.get("encoded_headers"),
            is_head_response=options.get("is_head_response", False),
            media_type=MEDIA_TYPE,
            status_code=options.get("status_code"),
            content_length=0,
        )


def cell(value: Any) -> str:
    """A value as a cell. What a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return _PLAIN_NUMBER.fullmatch(text.strip(" ")) is not None and _SUM.search(text) is None


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


async def csv_answer(request: Request[Any, Any, Any], session: AsyncSession, wanted: CsvList) -> CsvAnswer:
    """The list as a download. Its first page is read by the request's own session, so a filter is refused before anything is sent.

    Raises TooMany while as many of the workspace are being written as may be.
    """
    place = await PLACES.take(request.scope["user"].tenant_id)
    if place is None:
        message = gettext("Two files are being written for your workspace already. Wait until one is done.")
        raise TooMany(message, retry_after=10)
    try:
        first = await wanted.read(session, None)
    except BaseException:
        await PLACES.leave(place)
        raise
    name = f"{wanted.name}-{clock.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return CsvAnswer(_body(request.scope, wanted, first, place), headers)


async def _body(scope: Scope, wanted: CsvList, page: Page[Sequence[Any]], place: FilePlace) -> AsyncIterator[bytes]:
    async with PLACES.held(place):
        async for piece in _pieces(scope, wanted, page):
            yield piece


async def _pieces(scope: Scope, wanted: CsvList, page: Page[Sequence[Any]]) -> AsyncIterator[bytes]:
    sessions: RequestSessions = scope["litestar_app"].state["database"]
    # Spreadsheets take a file without a mark for one of their own code page.
    yield "\ufeff".encode() + _lines([wanted.columns])
    while True:
        if page.items:
            yield _lines(page.items)
        if page.next_cursor is None:
            return
        session = sessions.session_by(DatabaseRole.WEB)
        scope_to(session, scope["user"].tenant_id)
        async with database.committed(session):
            page = await wanted.read(session, page.next_cursor)
