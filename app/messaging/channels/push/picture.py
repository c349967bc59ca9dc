"""How a notification looks on a device, as HTML for a frame that can run nothing. Everything in it is escaped."""

from __future__ import annotations

import html

from app.messaging.channels.parts import Parts

_PAGE = (
    "margin:0;padding:20px 16px 28px;background:#eef0f4;color:#1d1b26;"
    "font:14px/1.4 -apple-system,'Segoe UI',Roboto,sans-serif"
)
_CARD = (
    "max-width:360px;margin:0 auto;background:#fff;border-radius:14px;overflow:hidden;"
    "box-shadow:0 1px 2px rgba(20,20,40,.08),0 8px 24px rgba(20,20,40,.12)"
)
_MEDIA = "padding:34px 12px;background:#e3e5ea;color:#565b6b;font-size:12px;text-align:center;overflow-wrap:anywhere"
_SMALL = "color:#5d6272;font-size:12px;overflow-wrap:anywhere"
_APP = "display:inline-block;width:14px;height:14px;margin-right:6px;border-radius:4px;background:#5b5bd6;vertical-align:-2px"


def notification_picture(shown: Parts) -> str:
    """A filled notification as a page of its own."""
    image, link = str(shown.content.get("image") or ""), str(shown.content.get("link") or "")
    head = f'<p style="margin:0 0 6px;{_SMALL}"><span aria-hidden="true" style="{_APP}"></span>Your app · now</p>'
    title = f'<p style="margin:0;font-weight:600;overflow-wrap:anywhere">{html.escape(shown.subject)}</p>'
    text = f'<p style="margin:2px 0 0;white-space:pre-wrap;overflow-wrap:anywhere">{html.escape(shown.text)}</p>'
    opens = f'<p style="margin:8px 0 0;{_SMALL}">Opens {html.escape(link)}</p>' if link else ""
    media = f'<div style="{_MEDIA}">{html.escape(image)}</div>' if image else ""
    card = f'<div style="{_CARD}"><div style="padding:12px 14px">{head}{title}{text}{opens}</div>{media}</div>'
    return f'<!doctype html><html lang="en"><body style="{_PAGE}">{card}</body></html>'
