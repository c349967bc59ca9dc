"""Retry rules: how often a temporary failure is retried, and the pauses in between."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow.part import Part
from app.lib.translation import gettext

BackoffType = Literal["fixed", "exponential"]
Attempts = Annotated[int, Meta(ge=1, le=20)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]


class Backoff(Part, frozen=True):
    """How long a step waits before its next try, in milliseconds; `exponential` doubles `delay` each time, up to `maxDelay`."""

    type: BackoffType = "exponential"
    delay: Milliseconds = 60_000
    max_delay: Milliseconds = 86_400_000
    jitter: bool = True


class Retry(Part, frozen=True):
    """How often a step is tried when it fails in a way that may pass (the first try counts), and how long it waits between.

    `{maxAttempts, backoff: "fixed", delaySeconds, jitter}` says the same and is read too; it is stored in this form.
    """

    attempts: Attempts = 3
    backoff: Backoff | BackoffType = Backoff()
    max_attempts: Attempts | UnsetType = UNSET
    delay_seconds: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    jitter: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        flat: dict[str, Any] = {"type": self.backoff} if isinstance(self.backoff, str) else {}
        if isinstance(self.delay_seconds, int):
            flat["delay"] = self.delay_seconds * 1_000
        if isinstance(self.jitter, bool):
            flat["jitter"] = self.jitter
        if flat and isinstance(self.backoff, Backoff) and self.backoff != Backoff():
            raise ValueError("Say the wait either as backoff: {type, delay} or as delaySeconds, not both ways.")
        if flat:
            msgspec.structs.force_setattr(self, "backoff", Backoff(**flat))
        if isinstance(self.max_attempts, int):
            if self.attempts not in (3, self.max_attempts):
                raise ValueError("Send the number of tries once: attempts, or maxAttempts.")
            msgspec.structs.force_setattr(self, "attempts", self.max_attempts)
        for name in ("max_attempts", "delay_seconds", "jitter"):
            msgspec.structs.force_setattr(self, name, UNSET)

    @property
    def waits(self) -> Backoff:
        """The backoff in its one form."""
        return self.backoff if isinstance(self.backoff, Backoff) else Backoff(type=self.backoff)

    @property
    def words(self) -> str:
        """`3 attempts, 60 s apart, longer each time`."""
        if self.attempts == 1:
            return gettext("1 attempt")
        waits = self.waits
        often = gettext("%(number)s attempts, %(time)s s apart", number=self.attempts, time=f"{waits.delay / 1_000:g}")
        if waits.type != "exponential":
            return often
        if waits.max_delay == Backoff().max_delay:
            return gettext("%(attempts)s, longer each time", attempts=often)
        most = f"{waits.max_delay / 1_000:g}"
        return gettext("%(attempts)s, longer each time up to %(time)s s", attempts=often, time=most)

    def pause(self, attempt: int, chance: float) -> float:
        """Seconds until the attempt after `attempt`; `chance` in [0, 1) spreads people so that they do not come at once."""
        waits = self.waits
        doublings = min(attempt - 1, 30) if waits.type == "exponential" else 0
        seconds: float = min(waits.delay * 2**doublings, waits.max_delay) / 1_000
        return seconds * (0.5 + chance / 2) if waits.jitter else seconds

    def packed(self) -> list[float]:
        """The rule as a message carries it: attempts, seconds before the second, most seconds, is it doubled, is it spread."""
        waits = self.waits
        return [self.attempts, waits.delay / 1_000, waits.max_delay / 1_000, waits.type == "exponential", waits.jitter]

    @classmethod
    def unpacked(cls, packed: list[float]) -> Retry:
        """The rule that `packed` gave to a message."""
        attempts, seconds, longest, doubling, jitter = packed
        waits = Backoff(
            type="exponential" if doubling else "fixed",
            delay=round(seconds * 1_000),
            max_delay=round(longest * 1_000),
            jitter=bool(jitter),
        )
        return cls(attempts=int(attempts), backoff=waits)


def chosen(own: Retry | UnsetType | None, of_workflow: Retry | UnsetType | None, *, retryable: bool) -> Retry | None:
    """The retry rule configured for a step: its own, else the workflow's for types that may be retried. None: not configured."""
    if isinstance(own, Retry):
        return own
    return of_workflow if retryable and isinstance(of_workflow, Retry) else None


ONCE = Retry(attempts=1)
"""The default without a rule: one try."""
MAIL = Retry(attempts=38, backoff=Backoff(delay=60_000, max_delay=3_600_000))
"""What a mail gets whose step says nothing: like a mail server, after about 1, 2, 4 … 32 minutes and then each hour, 24 hours in all."""
