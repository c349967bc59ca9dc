"""Other names of events that the product records itself, as documents of workflows may have them."""

from __future__ import annotations

from typing import Any

import msgspec

REPORTED = ("delivered", "opened", "clicked", "bounced", "complained", "replied")
ALIASES = {f"pipeline.message.{what}": f"message.{what}" for what in REPORTED}
"""Name in a document → name under which the event is recorded and shown."""

OF_THE_PRODUCT = frozenset({"contact", "segment", "message", "email", "workflow"})
"""How events begin that the product tells itself: some of them are rare."""


def is_recorded(event: str) -> bool:
    """Does the product tell this event itself?"""
    return event.partition(".")[0] in OF_THE_PRODUCT


def take_recorded_name(config: Any) -> None:
    """Put the recorded name in place of another one in the field `event` of a struct that was just made.

    What listens, waits or ends by an event calls it in `__post_init__`, so that nothing else has to know of two names.
    """
    if config.event in ALIASES:
        msgspec.structs.force_setattr(config, "event", ALIASES[config.event])
