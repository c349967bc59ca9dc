"""Calls that came in, as they are kept to build a mapping with: small, and without what nobody should read there. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from app.lib import jsonlimits

MOST_ITEMS, MOST_TEXT, MOST_DEPTH, MOST_BYTES = 50, 300, 10, 16_384
HIDDEN = "[left out]"
_SECRET = re.compile(
    r"passw|passphrase|secret|token|api.?key|auth|credential|signature|cookie|session|cvc|cvv|iban|card.?n|ssn|^pin$",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"^([^@\s]{1,2})[^@\s]*(@[^@\s]{1,253})$")
_DIGITS = re.compile(r"^\+?[0-9][0-9 ()./-]{6,22}$")


def sample_of(body: Any) -> Any:
    """`body` with its shape, in the form that is kept. Names that sound secret lose their value; addresses and numbers are masked."""
    sample = _masked(body, 0)
    try:
        jsonlimits.storable(sample, max_bytes=MOST_BYTES, max_depth=MOST_DEPTH + 2)
    except jsonlimits.Unstorable:
        return {"leftOut": "This body is too large to be kept."}
    return sample


MOST_HEADERS = 30
_TELLING = re.compile(
    r"^(content-type|user-agent|date)$|(^|-)(event|topic|type|kind|action|delivery|id|uuid|name|source|domain|resource|version|channel"
    r"|attempt|retry|sent|timestamp|time|test|mode|shop|store|account|site|locale|language|currency|country|campaign)s?(-|$)"
)
_NEVER = re.compile(
    r"key|sign|hmac|sha\d|digest|jwt|bearer|csrf|xsrf|forwarded|real-ip|client-ip|remote|nonce", re.IGNORECASE
)


def headers_of(headers: Mapping[str, str], read: Collection[str], signing: Collection[str]) -> dict[str, str]:
    """Those headers that are kept: which the trigger reads (`read`), and which by their name tell what the call is about. Never one by
    which the sender proves itself (`signing`), nor one that sounds secret or says from where it came. All names are in lower case."""
    wanted = {
        name: _masked_text(value)
        for name, value in sorted(headers.items(), key=lambda one: (one[0] not in read, one[0]))
        if (name in read or _TELLING.search(name))
        and not (name in signing or _SECRET.search(name) or _NEVER.search(name))
    }
    return dict(list(wanted.items())[:MOST_HEADERS])


def _masked(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        if depth >= MOST_DEPTH:
            return HIDDEN
        pairs = list(value.items())[:MOST_ITEMS]
        return {name: HIDDEN if _SECRET.search(name) else _masked(item, depth + 1) for name, item in pairs}
    if isinstance(value, list):
        return [_masked(item, depth + 1) for item in value[:MOST_ITEMS]] if depth < MOST_DEPTH else HIDDEN
    return _masked_text(value) if isinstance(value, str) else value


def _masked_text(text: str) -> str:
    text = text.replace("\0", "")
    if (match := _EMAIL.match(text)) is not None:
        return f"{match[1]}***{match[2]}"
    if _DIGITS.match(text) and sum(char.isdigit() for char in text) >= 7 and not re.match(r"\d{4}-\d\d-\d\d", text):
        places = [place for place, char in enumerate(text) if char.isdigit()][4:-2]
        return "".join("0" if place in places else char for place, char in enumerate(text))
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…"
