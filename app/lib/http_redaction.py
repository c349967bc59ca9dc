"""What is shown of an HTTP call to people: its beginning, without what proves who somebody is."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHOWN = 4_000
"""Characters of a body that are kept to be shown."""
HIDDEN = "•••"
_WORDS = r"(?:auth|cookie|token|secret|password|passwd|api[_-]?key|signature|credential|session)"
_NAME = re.compile(rf"{_WORDS}|^(?:x-)?key$|-key$", re.IGNORECASE)
_PLAIN = ("idempotency-key",)
_QUERY = re.compile(rf"([?&][^=&#]{{0,100}}(?:{_WORDS}|key|sig)[^=&#]{{0,100}}=)[^&#]*", re.IGNORECASE)
_JSON = re.compile(rf'("[^"\\]{{0,100}}{_WORDS}[^"\\]{{0,100}}"\s{{0,10}}:\s{{0,10}})"(?:[^"\\]|\\.)*"?', re.IGNORECASE)
_FORM = re.compile(rf"((?:^|&)[^=&]{{0,100}}{_WORDS}[^=&]{{0,100}}=)[^&]*", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Does a header or field of this name hold credentials, by the sound of it?"""
    return bool(_NAME.search(name)) and name.lower() not in _PLAIN


def shown_url(url: str) -> str:
    """The URL, with values of parameters that sound like keys hidden."""
    return _QUERY.sub(rf"\1{HIDDEN}", url)


def shown_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, with values that sound like credentials hidden."""
    return {name: HIDDEN if is_secret_name(name) else value[:1_000] for name, value in headers}


def shown_body(text: str) -> str:
    """The first `SHOWN` characters, with values of fields that sound like credentials hidden; said when there is more."""
    start = text[:SHOWN].replace("\0", "")
    start = _FORM.sub(rf"\1{HIDDEN}", _JSON.sub(rf'\1"{HIDDEN}"', start))
    return start + (" …" if len(text) > SHOWN else "")
