"""Security headers of every answer. Pages run no inline script, apply one inline style (`first_look`) and load nothing from elsewhere."""

from __future__ import annotations

import functools

from litestar.types import Message, Scope

from app.settings import settings
from app.web.first_look import style_hash

CONTENT_SECURITY_POLICY = (
    f"default-src 'self'; script-src 'self'; style-src 'self' {style_hash()}; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
        "midi=(), payment=(), usb=(), browsing-topics=()"
    ),
    "Cache-Control": "no-store",
}
"""What stands here holds where a handler says nothing else. Everything but our own files (`app.web.assets`) is somebody's: no
cache keeps it, also not the one behind the Back button of a browser that others use after."""
_OVER_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
"""A year, of this host alone: what else stands under the domain is not ours to decide."""


@functools.cache
def _raw(https: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Ready to be sent; the library's header object costs 40 µs an answer for the same."""
    wanted = _HEADERS | (_OVER_HTTPS if https else {})
    return tuple((name.lower().encode(), value.encode()) for name, value in wanted.items())


def security_headers_raw() -> tuple[tuple[bytes, bytes], ...]:
    """Those of an answer that says nothing of its own about any of them."""
    return _raw(settings().web.secure_cookies)


async def security_headers(message: Message, scope: Scope) -> None:
    """A before-send hook; a handler that set its own policy (mail previews do) keeps it."""
    if message["type"] == "http.response.start":
        sent = [*message.get("headers", ())]
        present = {name.lower() for name, _ in sent}
        message["headers"] = [*sent, *(header for header in security_headers_raw() if header[0] not in present)]
