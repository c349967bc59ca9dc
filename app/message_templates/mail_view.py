"""Showing the HTML of a mail in a page: as a document of its own that can run nothing and see nothing."""

from __future__ import annotations

from litestar import Response
from litestar.enums import MediaType

from app.lib.html_tokens import pieces

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; font-src https: data:; form-action 'none'; "
    "base-uri 'self'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""The frame's own policy: a mail may look like a mail, and that is all. Links open in a new tab."""
_BASE = '<base target="_blank">'


def framed(html: str) -> Response[str]:
    """`html` as the document of a sandboxed frame."""
    at = next((piece.end for piece in pieces(html) if piece.tag == "head" and not piece.ends), 0)
    return Response(
        html[:at] + _BASE + html[at:],
        media_type=MediaType.HTML,
        headers={
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
