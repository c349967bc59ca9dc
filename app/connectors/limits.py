"""How much may be under way and begin by a connector: a number at a time, and so many in a second, a minute or an hour."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.messaging.channels.connector import UsualLimits
from app.models import Connector

Per = Literal["second", "minute", "hour"]
SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3_600}
Most = Annotated[int, Meta(ge=1, le=1_000)]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]


class ConnectorLimits(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Limits that hold over all workers; what is absent stays, null is what is usual for the type."""

    max_concurrent: Most | UnsetType | None = UNSET
    """At a time."""
    rate: Rate | UnsetType | None = UNSET
    """So many begin in one `per`, evenly."""
    per: Per | UnsetType = UNSET
    burst: Rate | UnsetType | None = UNSET
    """So many may begin at once after a rest; null: one second's worth of `rate`, one at least."""


class LimitsView(msgspec.Struct, rename="camel"):
    """The limits that hold now; null: none."""

    max_concurrent: int | None
    rate: int | None
    per: Per | None
    burst: int | None


class Allowance(msgspec.Struct, frozen=True):
    """The limits of one connector as they are reckoned with. `rate`: in a second."""

    most: int | None = None
    rate: float | None = None
    burst: int = 1

    @property
    def is_limited(self) -> bool:
        return self.most is not None or self.rate is not None

    def tokens_at(self, now: datetime, tokens: float | None, at: datetime | None) -> float:
        """How many may begin now, of which there were `tokens` at the moment `at`."""
        if self.rate is None or tokens is None or at is None:
            return float(self.burst)
        return min(float(self.burst), tokens + max(0.0, (now - at).total_seconds()) * self.rate)


def usual_limits(kind: str) -> UsualLimits:
    """What is usual for connectors of a type."""
    known = registry.connector_types().get(kind)
    return known.usual_limits if known else UsualLimits()


def allowance(kind: str, most: int | None, rate: int | None, rate_seconds: int | None, burst: int | None) -> Allowance:
    """The limits of a row, with what is usual for its type where it says nothing."""
    usual = usual_limits(kind)
    most, burst = most or usual.max_concurrent, burst or (None if rate else usual.burst)
    if not rate:
        rate, rate_seconds = usual.rate, usual.rate_seconds
    if not rate:
        return Allowance(most)
    a_second = rate / (rate_seconds or 1)
    return Allowance(most, a_second, burst or max(1, int(a_second)))


def limits_view(row: Connector) -> LimitsView:
    """The limits of a connector as clients see them."""
    limits = allowance(row.type, row.max_concurrent, row.rate, row.rate_seconds, row.burst)
    usual = usual_limits(row.type)
    rate, seconds = (row.rate, row.rate_seconds) if row.rate else (usual.rate, usual.rate_seconds)
    per: Per | None = next((word for word in SECONDS if SECONDS[word] == (seconds or 1)), "second")  # type: ignore[misc]
    return LimitsView(limits.most, rate, per if rate else None, limits.burst if rate else None)


def set_limits(row: Connector, change: ConnectorLimits) -> None:
    """Write the limits that were sent into a row. Raises Invalid."""
    if change.max_concurrent is not UNSET:
        row.max_concurrent = change.max_concurrent
    if change.rate is not UNSET:
        row.rate = change.rate
        row.rate_seconds = None if change.rate is None else row.rate_seconds or 1
    if change.per is not UNSET and row.rate is not None:
        row.rate_seconds = SECONDS[change.per]
    if change.burst is not UNSET:
        row.burst = change.burst
    if row.burst is not None and row.rate is None:
        if change.burst is not UNSET and change.burst is not None:
            raise Invalid(
                errors=[FieldError(path="limits.burst", message=gettext("Say the rate too: a burst is a part of it."))]
            )
        row.burst = None
