"""One HTTP request of a step as it leaves, and its answer as steps get it and people are shown it. Calls and trials share it."""

from __future__ import annotations

from typing import Any

import msgspec

from app.lib import clock, jsonlimits
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_redaction import HIDDEN, shown_body, shown_headers, shown_url
from app.lib.http_url import read_url
from app.messaging.channels.http.account import HttpAccount

MOST_BODY = 245_000
"""Bytes of an answer's body that steps get, as JSON: with status and headers no more than an answer may have (256 KB)."""
MOST_HEADERS = 8_000
AGENT = "Throughline"
_UNSHOWN = frozenset(("set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate"))


def outgoing(asked_for: dict[str, Any], account: HttpAccount | None, key: str, token: str = "") -> HttpRequest:
    """The request that a step asked for (`Call.request`), with the credentials of its connector. Raises BadUrl, BadCredentials."""
    private, body = list[tuple[str, str]](), asked_for["body"].encode()
    if account is None:
        url = read_url(asked_for["url"])
    else:
        url = account.url_of(asked_for["url"])
        private = list(account.headers(key, clock.now(), body, token))
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


def shown_request(shown: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """What is recorded of a request: its credentials are hidden before anything is written."""
    headers = ((name, HIDDEN if name.lower() in request.private else value) for name, value in request.headers)
    return {**shown, "url": shown_url(str(request.url)), "headers": shown_headers(headers)}


def answer_value(answer: HttpAnswer) -> dict[str, Any]:
    """What steps get: `{status, headers, body, durationMs}`, with `cut` when the body is longer than what is kept of it."""
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


def shown_answer(answer: HttpAnswer) -> dict[str, Any]:
    """What is recorded of an answer."""
    return {
        "status": answer.status,
        "headers": shown_headers(_headers(answer).items()),
        "body": shown_body(answer.body.decode("utf-8", "replace")),
        "durationMs": answer.duration_ms,
        "redirects": answer.redirects,
    }
