"""The one way out by HTTP: servers that users name, called within bounds of addresses, bytes, time and redirects.

Names are resolved once and judged by `app.lib.egress`, and the connection goes to the address that was judged, so no answer of a name
server leads inside (decision 0082). Certificates are checked against the name of the URL. A failure says whether any of the request
left this machine: if not, it may be made again without a second thought.
"""

from __future__ import annotations

import asyncio
import functools
import select
import socket
import ssl
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

import httpcore

from app.lib import egress
from app.lib.formats import counted
from app.lib.http_connections import KeptConnections
from app.lib.http_url import HttpUrl, read_url
from app.lib.time_limit import uncounted
from app.lib.translation import gettext, translatable

Headers = Sequence[tuple[str, str]]
Before = Callable[[], Awaitable[None]]
Grown = Callable[[int], Awaitable[None]]
CONNECTIONS = 180
"""More than calls that one worker makes at a time: a slow host never holds up a connection of others."""
KEPT_S = 4.0
"""How long an idle connection is kept: most servers close theirs after 5 s, and a request that meets the close is one too many."""
HELD_BACK = 65_536
"""Bytes of a request that wait for what follows, so that head and body leave together."""
MOST_REDIRECTS = 5
MOST_HEADERS = 100
"""Headers of an answer that are kept."""
NOT_PUBLIC = translatable(
    "There is no server called %(name)s on the public internet. Whoever runs this installation can allow a "
    "private one with THROUGHLINE_EGRESS_ALLOW."
)
"""One sentence for a name that does not exist and one that leads inside: what there is inside is not told."""
_REDIRECTS = (301, 302, 303, 307, 308)
_HOP_SECRETS = ("authorization", "cookie", "proxy-authorization")


class HttpFailed(Exception):
    """There is no answer, and the text says why. `sent`: some of the request left, so it may have arrived.

    `permanent`: trying again would not help. `slow`: the time was up. `nobody`: the name stands for no server that may be called.
    """

    def __init__(
        self, why: str, *, sent: bool, permanent: bool = False, slow: bool = False, nobody: bool = False
    ) -> None:
        super().__init__(why)
        self.sent, self.permanent, self.slow, self.nobody = sent, permanent, slow, nobody


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered. `headers` have small names; `cut`: the body was longer than what was read of it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool
    duration_ms: int
    url: HttpUrl
    """Who answered, behind redirects."""
    redirects: int = 0

    def header(self, name: str) -> str:
        """The first of this name, or empty."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is asked. `private`: names of headers that go to the first origin only, in small letters."""

    method: str
    url: HttpUrl
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    private: frozenset[str] = frozenset()


class _Stream(httpcore.AsyncNetworkStream):
    """A connection whose requests leave in one piece, head and body, and that is cheap to ask whether it is still open.

    The pool asks that of each idle connection at each request, and for anyio it is the peer's name, a call of the kernel, each time
    (measured: 18 of them a request, and a second packet for each body).
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream, self._unsent = stream, bytearray()
        self._poll, sock = select.poll(), stream.get_extra_info("socket")
        self._number: int = sock.fileno()
        self._poll.register(self._number, select.POLLIN)
        self._socket = sock

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  the interface of httpcore
        with suppress(httpcore.WriteError):  # who hangs up early may have answered
            await self._flush(timeout)
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._unsent += buffer
        if len(self._unsent) > HELD_BACK:
            await self._flush(timeout)

    async def _flush(self, timeout_s: float | None) -> None:
        if self._unsent:
            unsent, self._unsent = bytes(self._unsent), bytearray()
            await self._stream.write(unsent, timeout_s)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        if info != "is_readable":
            return self._stream.get_extra_info(info)
        return self._socket.fileno() != self._number or bool(
            self._poll.poll(0)
        )  # a closed one is readable: it gives its end


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to judged addresses only."""

    def __init__(self) -> None:
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = OSError("no address")
        for address in await egress.resolve(host, port):
            try:
                return _Stream(await self._sockets.connect_tcp(str(address), port, timeout=egress.CONNECT_S))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise egress.Blocked("a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class HttpClient:
    """Calls servers, many side by side, over connections that it keeps. For one event loop."""

    def __init__(self, tls: ssl.SSLContext | None = None, connections: int = CONNECTIONS) -> None:
        """`tls`: whose certificates count; by itself those that this machine trusts. `connections`: as many as calls at a time."""
        self._connections = KeptConnections(
            tls=tls or _trusted(), most=connections, kept_s=KEPT_S, backend=_GuardedBackend()
        )

    async def close(self) -> None:
        """Give back all connections."""
        await self._connections.close()

    async def request(
        self,
        request: HttpRequest,
        *,
        timeout_s: float,
        most_bytes: int,
        redirects: int = 0,
        whole: bool = True,
        before: Before | None = None,
        grown: Grown | None = None,
    ) -> HttpAnswer:
        """The answer, with at most `most_bytes` of its body. Raises HttpFailed.

        `timeout_s` is for all of it: names, connections, redirects and the body. `redirects`: how many are followed. `whole` False: a
        status whose body breaks off is an answer all the same, without the body. `before` is awaited once, when there is a connection
        and nothing has left: what it raises ends the request, and its time does not count. `grown` is awaited with the bytes of the body
        whenever more of it was read, and its time does not count either.
        """
        began, sending = time.monotonic(), _Sending(before, grown)
        try:
            async with asyncio.timeout(timeout_s) as sending.limit:
                for number in range(redirects + 1):
                    answer = await self._once(request, sending, most_bytes)
                    behind = _behind(request, answer) if number < redirects else None
                    if behind is None:
                        break
                    request = behind
        except HttpFailed:
            if whole or sending.head is None:
                raise
            answer = replace(sending.head, cut=True)
        except Exception as error:
            if whole or sending.head is None:
                raise _failure(error, request.url, timeout_s, sent=sending.sent) from error
            answer = replace(sending.head, cut=True)
        return replace(answer, duration_ms=round((time.monotonic() - began) * 1_000), redirects=number)

    async def _once(self, request: HttpRequest, sending: _Sending, most_bytes: int) -> HttpAnswer:
        url = request.url
        headers = [("host", url.authority), *request.headers, ("accept-encoding", "gzip")]
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers.append(("content-length", str(len(request.body))))
        sending.head = None
        outgoing = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=url.target.encode()),
            headers=[(name.encode(), value.encode()) for name, value in headers],
            content=request.body,
            extensions={"trace": sending.note},
        )
        async with self._connections.request(outgoing) as response:
            first_headers = response.headers[:MOST_HEADERS]
            decoded = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in first_headers)
            answer = sending.head = HttpAnswer(response.status, decoded, b"", False, 0, url)
            coding = answer.header("content-encoding").strip().lower()
            body, cut = await _read(response, coding, most_bytes, sending.grows)
            return replace(answer, body=body, cut=cut)


class _Sending:
    """Has any of a request left, and what of the answer came before its body? `limit`: the time that it has."""

    limit: asyncio.Timeout
    head: HttpAnswer | None = None

    def __init__(self, before: Before | None, grown: Grown | None) -> None:
        self._before, self._grown, self.sent = before, grown, False

    async def note(self, event: str, _: dict[str, Any]) -> None:
        if event != "http11.send_request_headers.started":
            return
        if self._before is not None and not self.sent and not await uncounted(self.limit, self._may_leave):
            raise TimeoutError
        self.sent = True

    async def grows(self, size: int) -> None:
        """So many bytes of the body are held."""
        if (grown := self._grown) is None:
            return

        async def has_room() -> bool:
            await grown(size)
            return True

        if not await uncounted(self.limit, has_room):
            raise TimeoutError

    async def _may_leave(self) -> bool:
        if self._before is not None:
            await self._before()
        return True


async def _read(response: httpcore.Response, coding: str, most: int, grown: Grown) -> tuple[bytes, bool]:
    """The body and whether it was cut, unpacked a piece at a time: a small one may unpack to gigabytes. Raises HttpFailed."""
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise HttpFailed(
            gettext("The server answered in the coding %(coding)s, which was not asked for.", coding=coding), sent=True
        )
    unpacker = zlib.decompressobj(31) if coding.endswith("gzip") else None
    body, raw = bytearray(), 0
    async for chunk in response.aiter_stream():
        raw += len(chunk)
        body += chunk if unpacker is None else unpacker.decompress(chunk, most + 1 - len(body))
        if len(body) > most or raw > most:
            return bytes(body[:most]), True
        await grown(len(body))
    return bytes(body), False


def _behind(request: HttpRequest, answer: HttpAnswer) -> HttpRequest | None:
    """What a redirect asks for, None when the answer is none. Raises HttpFailed when it leads where nobody may go."""
    place = answer.header("location")
    if answer.status not in _REDIRECTS or not place:
        return None
    try:
        url = read_url(urljoin(str(request.url), place))
    except ValueError as error:
        raise HttpFailed(f"The server redirects to where nothing can be called. {error}", sent=True) from error
    if request.url.scheme == "https" and url.scheme == "http":
        raise HttpFailed(
            gettext("The server redirects from https to http, which is not followed."), sent=True, permanent=True
        )
    left_out = set[str]()
    if url.origin != request.url.origin:
        left_out |= {*_HOP_SECRETS, *request.private}
    method, body = request.method, request.body
    if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), b""
        left_out |= {"content-type"}
    headers = tuple((name, value) for name, value in request.headers if name.lower() not in left_out)
    return HttpRequest(method, url, headers, body, request.private)


def _failure(error: Exception, url: HttpUrl, timeout_s: float, *, sent: bool) -> HttpFailed:
    """An error of the network as a sentence. What a name stands for inside is not told."""
    if isinstance(error, egress.Blocked | socket.gaierror):
        unanswered = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        return HttpFailed(gettext(NOT_PUBLIC, name=url.host), sent=sent, nobody=not unanswered)
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        if isinstance(error, TimeoutError) or sent:
            return HttpFailed(
                gettext("There was no answer within %(seconds)s.", seconds=counted(round(timeout_s), "second")),
                sent=sent,
                slow=True,
            )
        text = gettext("%(authority)s did not let itself be connected to in time.", authority=url.authority)
        return HttpFailed(text, sent=sent)
    if isinstance(error, httpcore.ConnectError):
        return HttpFailed(_connect_words(error, url), sent=sent)
    if isinstance(error, zlib.error):
        return HttpFailed(gettext("The answer says it is packed by gzip, and is not."), sent=sent)
    if isinstance(error, httpcore.NetworkError | httpcore.ProtocolError | OSError):
        words = str(error).rstrip(".")
        text = gettext("The connection to %(authority)s broke.", authority=url.authority)
        if words:
            text = gettext("The connection to %(authority)s broke: %(words)s.", authority=url.authority, words=words)
        return HttpFailed(text, sent=sent)
    raise error


def _connect_words(error: Exception, url: HttpUrl) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return gettext(
                "The certificate of %(authority)s is not trusted: %(why)s.",
                authority=url.authority,
                why=cause.verify_message or cause.reason,
            )
        if isinstance(cause, ssl.SSLError):
            if not cause.reason:
                return gettext("%(authority)s does not speak TLS as it should.", authority=url.authority)
            return gettext(
                "%(authority)s does not speak TLS as it should: %(why)s.", authority=url.authority, why=cause.reason
            )
        cause = cause.__cause__ or cause.__context__
    return gettext("%(authority)s cannot be connected to.", authority=url.authority)


@functools.cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
