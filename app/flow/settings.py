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


REMEMBERED = ("once", "cooldown")
"""Policies of re-entry by which it matters for ever, or for long, when a contact last entered."""


class FlowSettings(Part, frozen=True):
    """Re-entry, the rule for uncertain messages, and what holds for steps that say nothing themselves: retry and `onError`.

    `entryKey` (`event.order_id`) allows one active run for each value instead of one a contact. `retry` holds for each step without a
    rule of its own that may fail in a way that may pass. `onError` holds for each step without one of its own.
    """

    reentry: Literal["once", "after_exit", "cooldown", "always"] = "after_exit"
    cooldown_seconds: Annotated[int, Meta(ge=1, le=31536000)] | UnsetType | None = UNSET
    entry_key: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    uncertain: UncertainRule | UnsetType | None = UNSET
    retry: Retry | UnsetType | None = UNSET
    on_error: OnError | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.uncertain, UncertainRule) and self.uncertain.then == "hold":
            msgspec.structs.force_setattr(self, "uncertain", UNSET)
