"""Makes the HTTP requests that steps ask for, and says of each what was sent and answered.

A request that was cut when some of it had left is made again only where that does no harm; else its run is held as uncertain.
"""

from __future__ import annotations

import http
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from app.flow.performers import CallFailed, CallUncertain, Performer, PlacedCall, RecordedAnswer, ServiceSign
from app.lib import clock, jsonlimits
from app.lib.http_client import MOST_REDIRECTS, HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_redaction import shown_body, shown_headers, shown_url
from app.lib.http_url import BadUrl, read_url
from app.lib.retry_after import retry_after_s
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.outside.connector_repository import ConnectorReader, ServiceUnusable

MOST_BODY = 245_000
"""Bytes of an answer's body that steps get, as JSON: with status and headers no more than an answer may have (256 KB)."""
MOST_HEADERS = 8_000
MARGIN_S = 0.25
"""So much earlier than the engine the client gives up, and says what it knows."""
AGENT = "Throughline"
UNAVAILABLE = (425, 429, 503)
"""The server did nothing, and says that it may later."""
_UNSHOWN = frozenset(("set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate"))


class HttpPerformer(Performer):
    """One worker's HTTP requests."""

    def __init__(self) -> None:
        self._client, self._connectors = HttpClient(), ConnectorReader()

    async def close(self) -> None:
        """No more calls come."""
        self._connectors.close()
        await self._client.close()

    async def perform(self, call: PlacedCall) -> RecordedAnswer:
        """`{status, headers, body, durationMs}`, with `cut` when the body is longer than what is kept of it."""
        asked_for = call.request
        sent = {"request": asked_for["shown"]}
        try:
            request = await self._request(call)
        except psycopg.OperationalError as error:
            raise CallFailed("The connector could not be read just now.", record=sent) from error
        except (BadUrl, BadCredentials, ServiceUnusable) as error:
            raise CallFailed(str(error), permanent=True, record=sent) from error
        sent["request"] = {
            **asked_for["shown"],
            "url": shown_url(str(request.url)),
            "headers": shown_headers(
                (name, "•••" if name.lower() in request.private else value) for name, value in request.headers
            ),
        }
        try:
            answer = await self._client.request(
                request,
                timeout_s=call.timeout_s - MARGIN_S,
                most_bytes=MOST_BODY,
                redirects=MOST_REDIRECTS if asked_for["redirects"] else 0,
            )
        except HttpFailed as error:
            lost = error.sent and not asked_for["repeat"]
            sign = ServiceSign(False, str(error), again=not (lost or error.permanent))
            if lost:
                raise CallUncertain(str(error), record=sent, sign=sign) from error
            raise CallFailed(str(error), permanent=error.permanent, record=sent, sign=sign) from error
        wait_s = _wait_s(answer)
        value = _value(answer) if wait_s is None else {**_value(answer), "retryAfter": wait_s}
        return RecordedAnswer(value, {**sent, "response": _shown(answer)}, _sign(asked_for, answer, wait_s))

    async def _request(self, call: PlacedCall) -> HttpRequest:
        """Raises BadUrl, BadCredentials, ServiceUnusable, psycopg.OperationalError."""
        asked_for, private = call.request, list[tuple[str, str]]()
        body, key = asked_for["body"].encode(), f"{call.run_id}-{call.seq}"
        if asked_for["connectorId"] is None:
            url = read_url(asked_for["url"])
        else:
            account = await self._connectors.account(call.tenant_id, UUID(asked_for["connectorId"]))
            if not isinstance(account, HttpAccount):
                raise ServiceUnusable("The connector of this step is not one of a web service.")
            url = account.url_of(asked_for["url"])
            private = list(account.headers(key, clock.now(), body))
        private_names = frozenset(name.lower() for name, _ in private)
        headers = [(name, value) for name, value in asked_for["headers"] if name.lower() not in private_names]
        own_names = {name.lower() for name, _ in headers}
        if asked_for["method"] not in ("GET", "HEAD") and "idempotency-key" not in own_names:
            headers.append(("Idempotency-Key", key))
        if "user-agent" not in own_names:
            headers.append(("User-Agent", AGENT))
        if "accept" not in own_names:
            headers.append(("Accept", "*/*"))
        return HttpRequest(asked_for["method"], url, (*headers, *private), body, private_names)


def _wait_s(answer: HttpAnswer) -> float | None:
    """How long the server asks to be left alone, with an answer that says that it did nothing."""
    if answer.status not in (*UNAVAILABLE, 408, 502, 504):
        return None
    return retry_after_s(answer.header("retry-after"), clock.now())


def _sign(asked_for: dict[str, Any], answer: HttpAnswer, wait_s: float | None) -> ServiceSign:
    """What an answer says of the service: 5xx is its fault, unless the step takes it for a success; 4xx is about this request."""
    works = answer.status < 500 or not {str(answer.status), "5xx"}.isdisjoint(asked_for.get("expects", ()))
    again = answer.status in UNAVAILABLE or bool(asked_for["repeat"])
    words = "" if works else f"It answered {answer.status} {_phrase(answer.status)}".rstrip() + "."
    return ServiceSign(works, words, wait_s, again and not works)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _value(answer: HttpAnswer) -> dict[str, Any]:
    headers = _headers(answer)
    value: dict[str, Any] = {"status": answer.status, "headers": headers, "durationMs": answer.duration_ms}
    text = answer.body.decode("utf-8", "replace").replace("\0", "\ufffd")
    if not answer.cut and "json" in answer.header("content-type"):
        try:
            parsed = msgspec.json.decode(answer.body)
            jsonlimits.storable_bytes(parsed, max_bytes=MOST_BODY, max_depth=60)
            return {**value, "body": parsed}
        except (msgspec.DecodeError, jsonlimits.Unstorable, RecursionError, UnicodeDecodeError):
            pass  # it is kept as the text that it is
    short = _fitting(text)
    cut = {"cut": True} if answer.cut or len(short) < len(text) else {}
    return {**value, "body": short, **cut}


def _fitting(text: str) -> str:
    """As much of a text as takes no more than `MOST_BODY` as JSON: a control character takes six bytes there."""
    while (size := len(jsonlimits.encode(text))) > MOST_BODY:
        text = text[: max(0, int(len(text) * MOST_BODY / size) - 1)]
    return text


def _headers(answer: HttpAnswer) -> dict[str, str]:
    headers, room = dict[str, str](), MOST_HEADERS
    for name, value in answer.headers:
        room -= len(name) + len(value)
        if name not in _UNSHOWN and room > 0:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _shown(answer: HttpAnswer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "headers": shown_headers(_headers(answer).items()),
        "body": shown_body(answer.body.decode("utf-8", "replace")),
        "durationMs": answer.duration_ms,
        "redirects": answer.redirects,
    }
