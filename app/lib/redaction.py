"""What errors quote of people's data, taken out before a line of the log is written.

A driver repeats the row that did not fit (`DETAIL: Key (email)=(ada@example.com) already exists.`) and the value that it could not
read. Which constraint, table and statement it was is enough to mend the fault; whose row it was nobody needs to read there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

_QUOTES = re.compile(r"(?m)^[^\S\n]*(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d{1,9}):.*$")
"""Lines of PostgreSQL's messages that hold rows and values."""
_VALUE = re.compile(r'(?m)((?:syntax for|value for|out of range|for encoding|for enum)[^"\n:]{0,80}: )".*"$')
_ROW = re.compile(r"(?m)(Failing row contains |Key )\(.*$")
_ADDRESS = re.compile(r"[^\s@\"'<>(),;:\[\]{}=\\]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


def redacted(text: str) -> str:
    """`text` without e-mail addresses and without the values that PostgreSQL quotes; linear in its length."""
    text = _QUOTES.sub("[values left out]", text)
    text = _VALUE.sub(r'\1"…"', text)
    text = _ROW.sub(r"\1(…)", text)
    return _ADDRESS.sub("[address left out]", text)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor, after the one that formats exceptions."""
    return {name: redacted(value) if isinstance(value, str) else value for name, value in event.items()}


class RedactingFormatter(logging.Formatter):
    """For the lines that libraries write, with their tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
