"""Lengths of time as documents have them: `{"duration": 7, "unit": "days"}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.lib.conversions import as_number

UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
"""In seconds."""
DAYS = {"days": 1, "weeks": 7}


def span_of(wanted: Mapping[str, Any]) -> tuple[timedelta, float]:
    """The length, and how many days it has where it is said in days or weeks, else 0."""
    amount, unit = float(as_number(wanted["duration"]) or 0), wanted["unit"]
    return timedelta(seconds=amount * UNITS[unit]), amount * DAYS.get(unit, 0)
