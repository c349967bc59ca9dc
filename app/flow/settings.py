"""The settings of a workflow, as its flow document has them: they hold for every run of a version."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow.part import Part
from app.flow.policies import OnError
from app.flow.retry import Retry

UNIT_SECONDS = {"minutes": 60, "hours": 3_600, "days": 86_400}


class Span(Part, frozen=True):
    """A length of time."""

    duration: Annotated[int, Meta(ge=1, le=10_000)]
    unit: Literal["minutes", "hours", "days"] = "hours"

    @property
    def seconds(self) -> int:
        return self.duration * UNIT_SECONDS[self.unit]

    @property
    def words(self) -> str:
        """`2 hours`, `1 day`."""
        return f"{self.duration:,} {self.unit if self.duration != 1 else self.unit[:-1]}"


class UncertainRule(Part, frozen=True):
    """What is done with a message whose fate is uncertain, when nobody has decided `after` that time.

    `hold`: it stays for a person. `assume_sent`, `error`: it counts as sent or failed, and a run that waits for it goes on by `next` or
    `error`. `resend`: it is sent again, once. The rule is that of the version that the run is on.
    """

    then: Literal["hold", "assume_sent", "resend", "error"] = "hold"
    after: Span | UnsetType | None = UNSET


CooldownFrom = Literal["start", "end"]
Moment = Annotated[
    str,
    Meta(
        max_length=40,
        description="A date, or a date and a time: `2026-11-30`, `2026-11-30T09:00`. Without an offset clocks of `timezone` show it.",
    ),
]
REMEMBERED = ("once", "cooldown")
"""Policies of re-entry by which it matters for ever, or for long, when a contact last entered."""


class FlowSettings(Part, frozen=True):
    """Who may enter, when, how many and how fast; the rule for uncertain messages; and what holds for steps that say nothing
    themselves: retry and `onError`.

    `entryKey` (`event.order_id`, or Liquid such as `{{ event.shop }}-{{ event.order_id }}`) lets `reentry` count for each value instead of
    for each contact. A cool-down is measured from the start of the last run, or from its end (`cooldownFrom`). Nobody enters before
    `activeFrom` or after `activeUntil`; a date alone is the whole day, as clocks of `timezone` (the workspace's zone) show it. Of
    `maxEntries`, `rateLimitPerMinute` and `rateLimitMaxConcurrent` the first counts all runs that ever began; whom the others keep out
    waits and enters later, in order. `retry` holds for each step without a rule of its own that may fail in a way that may pass.
    `onError` holds for each step without one of its own.
    """

    reentry: Literal["once", "after_exit", "cooldown", "always"] = "after_exit"
    cooldown_seconds: Annotated[int, Meta(ge=1, le=31536000)] | UnsetType | None = UNSET
    cooldown_from: CooldownFrom | UnsetType | None = UNSET
    entry_key: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    max_entries: Annotated[int, Meta(ge=1, le=1_000_000_000)] | UnsetType | None = UNSET
    rate_limit_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET
    rate_limit_max_concurrent: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET
    active_from: Moment | UnsetType | None = UNSET
    active_until: Moment | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(max_length=100, description="A name like Europe/Berlin.")] | UnsetType | None = UNSET
    uncertain: UncertainRule | UnsetType | None = UNSET
    retry: Retry | UnsetType | None = UNSET
    on_error: OnError | UnsetType | None = UNSET

    @property
    def keeps_apart(self) -> bool:
        """Is a contact told apart by an entry key?"""
        return isinstance(self.entry_key, str) and bool(self.entry_key)

    def __post_init__(self) -> None:
        if isinstance(self.uncertain, UncertainRule) and self.uncertain.then == "hold":
            msgspec.structs.force_setattr(self, "uncertain", UNSET)
