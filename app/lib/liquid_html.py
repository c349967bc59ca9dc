"""What auto-escaping cannot see: links that run code, and values inside scripts and styles."""

from __future__ import annotations

import html
import re

_LINK = re.compile(
    r"\b(?:href|src|action|formaction|background|poster|srcset)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>\"']+)", re.IGNORECASE
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_BLANK = re.compile(r"[\x00-\x20]+")
_ALLOWED = {"http", "https", "mailto", "tel", "sms", "cid", "geo"}
_CODE = re.compile(r"<(script|style)\b", re.IGNORECASE)


def refused_link(rendered: str) -> str:
    """The first link whose scheme could run code (`javascript:`, `data:` …), or ''."""
    for match in _LINK.finditer(rendered):
        target = _BLANK.sub("", html.unescape(match[1].strip("\"'"))).lower()
        scheme = _SCHEME.match(target)
        if (
            scheme
            and scheme[1] not in _ALLOWED
            and not target.startswith(("data:image/png", "data:image/jpeg", "data:image/gif"))
        ):
            return target
    return ""


def forbidden_output(source: str) -> int:
    """The line of the first value inside a script or style element, or 0."""
    lowered = source.lower()
    for match in _CODE.finditer(source):
        end = lowered.find(f"</{match[1].lower()}", match.end())
        at = source.find("{{", match.end(), end if end >= 0 else len(source))
        if at >= 0:
            return source.count("\n", 0, at) + 1
    return 0
