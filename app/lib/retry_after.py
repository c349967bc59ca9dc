"""How long a server asks to be left alone: the header Retry-After, in seconds or as a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_S = 3_600.0
"""What a server may ask for: an hour. It is asked again then, whatever it said."""


def retry_after_s(text: str, now: datetime) -> float | None:
    """Seconds from `now`, at most `LONGEST_S`; None when the header is missing or says nothing that can be read."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), LONGEST_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_S)
