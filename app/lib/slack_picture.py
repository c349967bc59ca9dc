"""How a message looks in Slack, as HTML for a frame that can run nothing: its notation, and its blocks. All of it is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.lib.translation import gettext

MOST_PARTS = 400
"""Elements of one message that are drawn; Slack takes 50 blocks of ten."""
_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--ink:#1d1c1d;--soft:#616061;--line:#ddd;--link:#1264a3;--chip:#f2f2f2;--code:#c01343}
@media (prefers-color-scheme:dark){:root{
  --ground:#1a1d21;--ink:#d1d2d3;--soft:#ababad;--line:#3b3d41;--link:#5eb2ef;--chip:#2a2d31;--code:#e8798f}}
body{margin:0;padding:14px 16px 18px;background:var(--ground);color:var(--ink);overflow-wrap:anywhere;
  font:15px/1.47 Lato,-apple-system,'Segoe UI',Roboto,sans-serif}
.row{display:grid;grid-template-columns:36px minmax(0,1fr);gap:10px}.who{font-weight:700}.who small{margin-left:6px;font-weight:400}
.app{width:36px;height:36px;border-radius:8px;background:#4a154b;color:#fff;font-weight:700;text-align:center;line-height:36px}
.tag{margin-left:6px;padding:1px 4px;border-radius:3px;background:var(--chip);color:var(--soft);font-size:10px;font-weight:700}
p,h3,blockquote,pre{margin:0 0 8px;white-space:pre-wrap}h3{font-size:18px;line-height:1.35}small,.soft{color:var(--soft);font-size:12px}
a{color:var(--link);text-decoration:none}hr{margin:8px 0 12px;border:0;border-top:1px solid var(--line)}
code,pre{padding:1px 4px;border:1px solid var(--line);border-radius:4px;background:var(--chip);font:12px/1.5 ui-monospace,monospace}
code{color:var(--code)}pre{padding:8px}blockquote{padding-left:12px;border-left:4px solid var(--line)}img{max-width:100%;border-radius:8px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:4px 12px}.beside{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:12px}
.beside img{width:72px}.btn{display:inline-block;margin:0 8px 8px 0;padding:4px 12px;border:1px solid var(--line);border-radius:4px;
  font-size:13px;font-weight:700}.primary{border-color:#007a5a;background:#007a5a;color:#fff}.danger{border-color:#e01e5a;color:#e01e5a}
.note{margin-top:6px;padding-top:8px;border-top:1px dashed var(--line)}
.at{padding:0 2px;border-radius:3px;background:#1d9bd11a;color:var(--link)}
"""
_ANGLE = re.compile(r"<([^<>]{1,3000})>")
_KEPT = re.compile("\x00([0-9]+)\x00")
_MARKS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,2000}?)(?<=\S)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]{1,2000}?)(?<=\S)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]{1,2000}?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)
_CODE = re.compile(r"(```[^`]{1,3000}```|`[^`\n]{1,2000}`)")


def slack_picture(message: Mapping[str, Any]) -> str:
    """A message as `chat.postMessage` takes it (`text`, `blocks`), as a page of its own."""
    text, blocks = str(message.get("text") or ""), message.get("blocks")
    if isinstance(blocks, list) and blocks:
        body = _Blocks().drawn(blocks)
        if text.strip():
            words = html.escape(gettext("In notifications"))
            body += f'<p class="soft note">{words}: {notation(text)}</p>'
    else:
        body = f"<p>{notation(text)}</p>"
    head = f'<div class="who">{html.escape(gettext("Your app"))}<span class="tag">APP</span><small>9:41</small></div>'
    row = f'<div class="row"><div class="app" aria-hidden="true">A</div><div>{head}{body}</div></div>'
    return f'<!doctype html><html lang="en"><head><style>{_STYLE}</style></head><body>{row}</body></html>'


def notation(text: str) -> str:
    """Slack's own notation (mrkdwn) as HTML: bold, italic, struck, code, links, mentions, quotes."""
    out, quoted = [], False
    for number, part in enumerate(_CODE.split(text)):
        if number % 2:
            block = part.startswith("```")
            content = html.escape(html.unescape(part.strip("`").strip("\n") if block else part[1:-1]))
            out.append(f"<pre>{content}</pre>" if block else f"<code>{content}</code>")
            continue
        lines = []
        for line in part.split("\n"):
            quoted = line.startswith(("&gt;", ">"))
            shown = _inline(line.removeprefix("&gt;").removeprefix(">") if quoted else line)
            lines.append(f"<blockquote>{shown.strip()}</blockquote>" if quoted else shown)
        out.append("\n".join(lines).replace("</blockquote>\n", "</blockquote>"))
    return "".join(out)


def _inline(line: str) -> str:
    """One line. What stands between angle brackets is put in last, so that bold and italic may reach across it."""
    drawn: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        drawn.append(_angle(match[1]))
        return f"\x00{len(drawn) - 1}\x00"

    shown = html.escape(html.unescape(_ANGLE.sub(set_aside, line.replace("\x00", ""))))
    for pattern, replacement in _MARKS:
        shown = pattern.sub(replacement, shown)
    return _KEPT.sub(lambda match: drawn[int(match[1])], shown)


def _angle(inner: str) -> str:
    """What stands between angle brackets: a link, a channel, somebody, everybody."""
    target, _, label = inner.partition("|")
    label = html.unescape(label)
    if target[:1] in ("@", "#", "!"):
        word = label or target[1:].partition("^")[0]
        sign = "#" if target[0] == "#" else "@"
        return f'<span class="at">{html.escape(sign + word.lstrip("@#"))}</span>'
    if target.startswith(("https://", "http://", "mailto:")):
        return (
            f'<a href="{html.escape(html.unescape(target))}">{html.escape(label or target.removeprefix("mailto:"))}</a>'
        )
    return html.escape(f"<{inner}>")


class _Blocks:
    """Draws blocks, so many parts at most."""

    def __init__(self) -> None:
        self.left = MOST_PARTS

    def drawn(self, blocks: Sequence[Any]) -> str:
        return "".join(self._block(block) for block in blocks if isinstance(block, Mapping))

    def _block(self, block: Mapping[str, Any]) -> str:
        self.left -= 1
        if self.left < 0:
            return ""
        match block.get("type"):
            case "header":
                return f"<h3>{_text(block.get('text'))}</h3>"
            case "divider":
                return "<hr>"
            case "section":
                return self._section(block)
            case "context":
                inner = " ".join(self._element(one) for one in _items(block.get("elements")))
                return f'<p class="soft">{inner}</p>'
            case "actions":
                return "".join(self._element(one) for one in _items(block.get("elements")))
            case "image":
                return f"<p>{self._element(block)}</p>"
            case "rich_text":
                return f"<p>{html.escape(self._rich(block, 0))}</p>"
            case other:
                return f'<p class="soft">[{html.escape(str(other)[:60])}]</p>'

    def _section(self, block: Mapping[str, Any]) -> str:
        text = f"<p>{_text(block['text'])}</p>" if block.get("text") else ""
        fields = _items(block.get("fields"))
        if fields:
            text += f'<div class="two">{"".join(f"<p>{_text(one)}</p>" for one in fields[:10])}</div>'
        beside = block.get("accessory")
        return f'<div class="beside"><div>{text}</div><div>{self._element(beside)}</div></div>' if beside else text

    def _element(self, one: Any) -> str:
        self.left -= 1
        if self.left < 0 or not isinstance(one, Mapping):
            return ""
        kind = str(one.get("type") or "")
        if kind == "image":
            url, alt = str(one.get("image_url") or ""), html.escape(str(one.get("alt_text") or ""))
            safe = url.startswith("https://")
            return f'<img src="{html.escape(url)}" alt="{alt}">' if safe else f'<span class="soft">[{alt}]</span>'
        if kind in ("mrkdwn", "plain_text"):
            return _text(one)
        style = one.get("style")
        look = f" {style}" if style in ("primary", "danger") else ""
        return f'<span class="btn{look}">{_text(one.get("text") or one.get("placeholder")) or html.escape(kind)}</span>'

    def _rich(self, part: Any, depth: int) -> str:
        """The words of rich text, without its looks."""
        self.left -= 1
        if self.left < 0 or depth > 8 or not isinstance(part, Mapping):
            return ""
        words = str(part.get("text") or part.get("url") or "") if not isinstance(part.get("text"), Mapping) else ""
        inner = "".join(self._rich(one, depth + 1) for one in _items(part.get("elements")))
        return f"{words}{inner}" + ("\n" if str(part.get("type")).startswith("rich_text_") else "")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A text object: plain, or in the notation."""
    if not isinstance(value, Mapping):
        return ""
    words = str(value.get("text") or "")
    return html.escape(words) if value.get("type") == "plain_text" else notation(words)
