"""HTML to readable text and text to plain HTML, so that every mail has both alternatives."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_SKIPPED = {"head", "style", "script", "title", "template"}
_BLOCKS = {"p", "div", "table", "tr", "ul", "ol", "blockquote", "section", "article", "header", "footer", "center"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "col", "wbr"}
_BLANKS = re.compile(r"[^\S\n]+")
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")


class _Reader(HTMLParser):
    """Collects text; a line break is "\\n", an empty line between blocks "\\n\\n"."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.hidden: list[str] = []
        self.links: list[tuple[str, int]] = []

    def _break(self, lines: int) -> None:
        self.out.append("\n" * lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self.hidden:
            if tag not in _VOID:
                self.hidden.append(tag)
            return
        style = (given.get("style") or "").replace(" ", "").lower()
        if tag in _SKIPPED or "display:none" in style:
            if tag not in _VOID:
                self.hidden.append(tag)
        elif tag == "br":
            self._break(1)
        elif tag == "hr":
            self.out.append("\n\n---\n\n")
        elif tag == "li":
            self.out.append("\n- ")
        elif tag == "img":
            self.out.append(given.get("alt") or "")
        elif tag == "a":
            self.links.append((given.get("href") or "", len(self.out)))
        elif tag in ("td", "th"):
            self.out.append(" ")
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._break(2 if tag in _HEADINGS or tag == "p" else 1)

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            if tag in self.hidden:
                del self.hidden[len(self.hidden) - 1 - self.hidden[::-1].index(tag) :]
            return
        if tag == "a" and self.links:
            target, start = self.links.pop()
            label = "".join(self.out[start:]).strip()
            if target and not target.startswith("#") and target not in (label, f"mailto:{label}"):
                self.out.append(f" ({target})" if label else target)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._break(2 if tag in _HEADINGS or tag == "p" else 1)

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.out.append(_BLANKS.sub(" ", data.replace("\n", " ")))


def of_html(source: str) -> str:
    """A readable text of an HTML mail: blocks become paragraphs, links keep their address, hidden parts are left out."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = [_BLANKS.sub(" ", line).strip() for line in "".join(reader.out).split("\n")]
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip() + "\n"


def _paragraph(text: str) -> str:
    out, at = [], 0
    for match in _LINK.finditer(text):
        url = html.escape(match[0])
        out += [html.escape(text[at : match.start()]), f'<a href="{url}">{url}</a>']
        at = match.end()
    return "".join([*out, html.escape(text[at:])]).replace("\n", "<br>\n")


def as_html(text: str) -> str:
    """Plain HTML of a text mail: paragraphs, line breaks, links that can be clicked."""
    paragraphs = [part.strip("\n") for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip()]
    body = "\n".join(f"<p>{_paragraph(part)}</p>" for part in paragraphs)
    return f'<!doctype html>\n<html><body style="font:16px/1.5 sans-serif;color:#1c1b22">\n{body}\n</body></html>\n'
