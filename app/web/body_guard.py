"""What every body must be before a handler sees it: the right kind, well-formed, and not nested without end.

A file where JSON is wanted, or JSON where a file is wanted, is 415: confusing the two has opened other products. So has JSON
that two readers understand differently: it is UTF-8, as it came, and an object names each member once. Depth and members are
counted on the bytes, before anything recursive reads them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import msgspec
from litestar import Request
from litestar.enums import RequestEncodingType, ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from app.errors import BadRequest, WrongContentType
from app.lib import jsonlimits

MAX_DEPTH = 64
_JSON = re.compile(r"application/([a-z0-9.+-]+\+)?json")
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


class RequestBodyGuard:
    """ASGI middleware of the API, and of pages that take JSON. Handlers of the API that take something else say so in the type of
    `data`, or with the option `takes` (one content type or several)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
            request: Request[Any, Any, Any] = Request(scope, receive=receive)
            content_type = request.content_type[0].lower()
            if scope["path"].startswith("/api/"):
                await _check(request, content_type, _wanted(scope))
            elif _JSON.fullmatch(content_type):
                await _check_json(request)
        await self.app(scope, receive, send)


def _wanted(scope: Scope) -> tuple[str, ...]:
    field = getattr(scope["route_handler"], "parsed_data_field", None)
    wanted = getattr(field.kwarg_definition, "media_type", None) if field is not None else None
    wanted = wanted or scope["route_handler"].opt.get("takes") or RequestEncodingType.JSON
    if isinstance(wanted, tuple):
        return wanted
    return (wanted.value if isinstance(wanted, RequestEncodingType) else str(wanted),)


async def _check(request: Request[Any, Any, Any], content_type: str, wanted: tuple[str, ...]) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongContentType("Send the body as it is, without a `Content-Encoding`.")
    if RequestEncodingType.JSON.value not in wanted:
        if content_type not in wanted:
            raise WrongContentType(f"Send `Content-Type: {'` or `'.join(wanted)}`.")
    elif await request.body():
        if not _JSON.fullmatch(content_type):
            raise WrongContentType
        await _check_json(request)


async def _check_json(request: Request[Any, Any, Any]) -> None:
    if request.content_type[1].get("charset", "utf-8").lower() not in _UTF_8:
        raise WrongContentType("Send JSON in UTF-8, with `Content-Type: application/json`.")
    body = await request.body()
    try:
        body.decode()
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.", code="malformed_json") from None
    depth, written = jsonlimits.structure_of(body, MAX_DEPTH)
    if depth > MAX_DEPTH:
        raise BadRequest(f"The JSON is nested more than {MAX_DEPTH} levels deep.", code="too_deep")
    if written and (twice := _named_twice(body, written)) is not None:
        message = "This is named more than once in the same object. Send it once."
        raise BadRequest(
            f"The JSON names “{twice[:60]}” more than once in the same object.",
            code="repeated_member",
            errors=[{"path": twice[:60], "message": message}],
        )


def _named_twice(body: bytes, written: int) -> str | None:
    """The name of a member that an object has twice; None when there is none, or when this is no JSON, which is reported elsewhere."""
    try:
        waiting, read = [msgspec.json.decode(body)], 0
    except (msgspec.MsgspecError, RecursionError):
        return None
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            read += len(value)
            waiting += [item for item in value.values() if isinstance(item, dict | list)]
        elif isinstance(value, list):
            waiting += [item for item in value if isinstance(item, dict | list)]
    return None if read == written else _first_repeated(body)


def _first_repeated(body: bytes) -> str | None:
    repeated: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> None:
        names = Counter(name for name, _ in pairs)
        repeated.extend(name for name, count in names.items() if count > 1)

    json.loads(body, object_pairs_hook=members)
    return repeated[0] if repeated else None
