"""What every API body must be before a handler sees it: the right kind, well-formed, and not nested without end.

A file where JSON is wanted, or JSON where a file is wanted, is 415: confusing the two has opened other products. Depth is
counted on the bytes, before anything recursive reads them.
"""

from __future__ import annotations

import re
from typing import Any

from litestar import Request
from litestar.enums import RequestEncodingType, ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from app.errors import BadRequest, WrongContentType

MAX_DEPTH = 64
_JSON = re.compile(r"application/([a-z0-9.+-]+\+)?json")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))


class Door:
    """ASGI middleware of the API. Handlers that take something else say so in the type of `data`, or with the option `takes`
    (one content type or several)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == ScopeType.HTTP
            and scope["path"].startswith("/api/")
            and scope["method"] in ("POST", "PUT", "PATCH", "DELETE")
        ):
            await _check(Request(scope, receive=receive), _wanted(scope))
        await self.app(scope, receive, send)


def _wanted(scope: Scope) -> tuple[str, ...]:
    field = getattr(scope["route_handler"], "parsed_data_field", None)
    wanted = getattr(field.kwarg_definition, "media_type", None) if field is not None else None
    wanted = wanted or scope["route_handler"].opt.get("takes") or RequestEncodingType.JSON
    if isinstance(wanted, tuple):
        return wanted
    return (wanted.value if isinstance(wanted, RequestEncodingType) else str(wanted),)


async def _check(request: Request[Any, Any, Any], wanted: tuple[str, ...]) -> None:
    given = request.content_type[0].lower()
    if RequestEncodingType.JSON.value not in wanted:
        if given not in wanted:
            raise WrongContentType(f"Send `Content-Type: {'` or `'.join(wanted)}`.")
        return
    body = await request.body()
    if not body:
        return
    if not _JSON.fullmatch(given):
        raise WrongContentType
    try:
        body.decode()
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.", code="malformed_json") from None
    if depth_of(body) > MAX_DEPTH:
        raise BadRequest(f"The JSON is nested more than {MAX_DEPTH} levels deep.", code="too_deep")


def depth_of(body: bytes) -> int:
    """How deep arrays and objects nest, as far as MAX_DEPTH + 1. Brackets inside strings do not count."""
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    depth = deepest = 0
    for part in bare.split(b'"')[::2]:
        for byte in part:
            depth += 1 if byte in b"[{" else -1
            if depth > deepest:
                deepest = depth
                if deepest > MAX_DEPTH:
                    return deepest
    return deepest
