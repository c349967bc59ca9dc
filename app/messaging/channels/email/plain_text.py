"""HTML to readable text and text to plain HTML, so that every mail has both alternatives."""

from __future__ import annotations

import html
import re
from collections import Counter

from app.lib.html_tokens import Piece, pieces, unescaped

_SKIPPED = {"head", "style", "script", "title", "template"}
_BLOCKS = {"p", "div", "table", "tr", "ul", "ol", "blockquote", "section", "article", "header", "footer", "center"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "col", "wbr"}
_BLANKS = re.compile(r"[^\S\n]+")
_FILLING = dict.fromkeys(map(ord, "\u034f\u200b\u200c\u200d\u2007\u00ad\ufeff"))
"""Characters without a look, by which mails keep their later words out of lists."""
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")


class _Text:
    """Collects text; a line break is "\\n", an empty line between blocks "\\n\\n"."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.hidden: list[str] = []
        self.open: Counter[str] = Counter()
        """How often each name is in `hidden`: a closing tag without its opening must not search all of it."""
        self.link = ""
        self.link_from = -1

    def _hide(self, tag: str) -> None:
        if tag not in _VOID:
            self.hidden.append(tag)
            self.open[tag] += 1

    def begin(self, piece: Piece) -> None:
        """An element begins."""
        tag = piece.tag
        if self.hidden or tag in _SKIPPED or "display:none" in piece.attribute("style").replace(" ", "").lower():
            self._hide(tag)
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append("\n\n---\n\n")
        elif tag == "li":
            self.out.append("\n- ")
        elif tag == "img":
            self.out.append(piece.attribute("alt"))
        elif tag == "a":
            self._end_link()  # there are no links inside links
            self.link, self.link_from = piece.attribute("href"), len(self.out)
        elif tag in ("td", "th"):
            self.out.append(" ")
        else:
            self._block(tag)

    def end(self, tag: str) -> None:
        """An element ends."""
        if self.hidden:
            while self.open[tag]:
                last = self.hidden.pop()
                self.open[last] -= 1
                if last == tag:
                    break
        elif tag == "a":
            self._end_link()
        else:
            self._block(tag)

    def _block(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _HEADINGS:
            self.out.append("\n\n" if tag in _HEADINGS or tag == "p" else "\n")

    def _end_link(self) -> None:
        if self.link_from < 0:
            return
        label = "".join(self.out[self.link_from :]).strip()
        target, self.link_from = self.link, -1
        if target and not target.startswith("#") and target not in (label, f"mailto:{label}"):
            self.out.append(f" ({target})" if label else target)

    def data(self, text: str) -> None:
        """Text between the tags."""
        if not self.hidden:
            self.out.append(_BLANKS.sub(" ", unescaped(text).replace("\n", " ")))


def of_html(source: str) -> str:
    """A readable text of an HTML mail: blocks become paragraphs, links keep their address, hidden parts are left out."""
    text = _Text()
    for piece in pieces(source):
        if not piece.tag:
            text.data(source[piece.start : piece.end])
        elif piece.ends:
            text.end(piece.tag)
        else:
            text.begin(piece)
    lines = [_BLANKS.sub(" ", line).strip() for line in "".join(text.out).split("\n")]
    collapsed: list[str] = []
    for line in lines:
        if line or (collapsed and collapsed[-1]):
            collapsed.append(line)
    return "\n".join(collapsed).strip() + "\n"


def opening(source: str, most: int = 140) -> str:
    """The first words of an HTML mail, which lists of mails show beside its subject: hidden ones too, as many mails begin with some."""
    text, skipped, length = list[str](), "", 0
    for piece in pieces(source):
        if piece.tag:
            if piece.tag in _SKIPPED and not piece.ends and not skipped:
                skipped = piece.tag
            elif piece.ends and piece.tag == skipped:
                skipped = ""
        elif not skipped:
            words = " ".join(unescaped(source[piece.start : piece.end]).translate(_FILLING).split())
            if words:
                text.append(words)
                length += len(words) + 1
        if length > most:
            break
    whole = " ".join(text)
    return whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…"


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
