"""How a notification looks on a device, as HTML for a frame that can run nothing. Everything in it is escaped."""

from __future__ import annotations

import html

from app.lib.translation import gettext
from app.messaging.channels.parts import Parts

_STYLE = """
:root{color-scheme:light dark;--ground:#dfe3ec;--card:#fff;--ink:#1d1b26;--soft:#5d6272;--media:#e3e5ea}
@media (prefers-color-scheme:dark){:root{--ground:#15171c;--card:#2a2c33;--ink:#f1f1f4;--soft:#a9adba;--media:#3a3d46}}
body{margin:0;padding:20px 14px 26px;background:var(--ground);color:var(--ink);font:14px/1.4 -apple-system,'Segoe UI',Roboto,sans-serif}
.card{max-width:360px;margin:0 auto;overflow:hidden;border-radius:16px;background:var(--card);overflow-wrap:anywhere;
  box-shadow:0 1px 2px rgba(10,10,25,.1),0 8px 24px rgba(10,10,25,.16)}
.in{display:grid;grid-template-columns:38px minmax(0,1fr);gap:0 11px;padding:12px 14px}
.app{width:38px;height:38px;border-radius:9px;background:#5b5bd6;color:#fff;font-weight:600;line-height:38px;text-align:center}
p{margin:0}.head{display:flex;justify-content:space-between;gap:8px;color:var(--soft);font-size:12px}.title{font-weight:600}
.text{white-space:pre-wrap;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:4;overflow:hidden}
.opens{margin-top:6px;color:var(--soft);font-size:12px}.media{display:block;width:100%;min-height:60px;max-height:200px;object-fit:cover;
  background:var(--media);color:var(--soft);font-size:12px;text-align:center}
"""


def notification_picture(shown: Parts) -> str:
    """A filled notification as a page of its own, as systems show one that is opened: four lines of text at most, and the picture."""
    image, link = str(shown.content.get("image") or ""), str(shown.content.get("link") or "")
    app, now = html.escape(gettext("Your app")), html.escape(gettext("now"))
    head = f'<p class="head"><span>{app}</span><span>{now}</span></p>'
    title = f'<p class="title">{html.escape(shown.subject)}</p>'
    text = f'<p class="text">{html.escape(shown.text)}</p>'
    words = html.escape(gettext("Opens %(link)s", link=link))
    opens = f'<p class="opens">{words}</p>' if link else ""
    is_image = image.startswith("https://")
    media = f'<img class="media" src="{html.escape(image)}" alt="{html.escape(image)}">' if is_image else ""
    inner = f'<div class="in"><div class="app" aria-hidden="true">A</div><div>{head}{title}{text}{opens}</div></div>'
    page = f'<body><div class="card">{inner}{media}</div></body>'
    return f'<!doctype html><html lang="en"><head><style>{_STYLE}</style></head>{page}</html>'
