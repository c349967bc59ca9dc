"""Security headers of every answer. Pages run no inline script and load nothing from elsewhere."""

from __future__ import annotations

from litestar.types import Message, Scope

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_RAW = tuple((name.lower().encode(), value.encode()) for name, value in _HEADERS.items())
"""Ready to be sent; the library's header object costs 40 µs an answer for the same."""


async def security_headers(message: Message, scope: Scope) -> None:
    """A before-send hook; a handler that set its own policy (mail previews do) keeps it."""
    if message["type"] == "http.response.start":
        sent = [*message.get("headers", ())]
        there = {name.lower() for name, _ in sent}
        message["headers"] = [*sent, *(header for header in _RAW if header[0] not in there)]
