"""How a message looks on a phone: a bubble, as HTML for a frame that can run nothing. Everything in it is escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence

_PAGE = "margin:0;padding:20px 16px 28px;background:{ground};font:15px/1.4 -apple-system,'Segoe UI',Roboto,sans-serif;color:#1d1b26"
_BUBBLE = "width:fit-content;max-width:300px;padding:9px 13px;border-radius:4px 16px 16px 16px;background:{fill};overflow-wrap:anywhere"
_MEDIA = "margin:0 0 8px;padding:26px 12px;border-radius:8px;background:#e3e5ea;color:#565b6b;font-size:13px;text-align:center"
_BUTTON = (
    "width:fit-content;min-width:150px;max-width:300px;margin-top:4px;padding:8px 13px;border-radius:10px;"
    "background:#fff;color:#1a6fb5"
)


def bubble(
    text: str,
    *,
    ground: str = "#fff",
    fill: str = "#e9e9eb",
    head: str = "",
    media: str = "",
    buttons: Sequence[str] = (),
) -> str:
    """One message. `head`: a line in bold above it, `media`: what is said in place of a picture, `buttons`: below it."""
    above = f'<p style="{_MEDIA}">{html.escape(media)}</p>' if media else ""
    above += f'<p style="margin:0 0 4px;font-weight:600">{html.escape(head)}</p>' if head else ""
    below = "".join(f'<p style="{_BUTTON};margin-bottom:0">{html.escape(one)}</p>' for one in buttons)
    paragraph = f'<p style="margin:0;white-space:pre-wrap">{html.escape(text)}</p>'
    page, shape = _PAGE.format(ground=ground), _BUBBLE.format(fill=fill)
    return f'<!doctype html><html lang="en"><body style="{page}"><div style="{shape}">{above}{paragraph}</div>{below}</body></html>'
