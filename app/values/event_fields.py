"""What an event may be called and say: the rules of every door that takes one in, the API and steps alike."""

from __future__ import annotations

from typing import Any

from app.lib import jsonlimits
from app.lib.translation import gettext, translatable
from app.liquid.wording import kind_in_words

MAX_NAME = 200
MAX_PROPERTIES_BYTES = 32_768
MAX_DEPTH = 10
DECISIONS = ("contact.unsubscribed", "contact.resubscribed")
"""Events that only the product records: from anybody else they would look like what the contact decided, and change nothing."""
NO_DECISION = translatable(
    "This event tells of a decision and does not make one. To stop mail, "
    "send `consent` with the contact or add the address to "
    "the suppression list; to begin again, re-subscribe the contact."
)
BLANK = translatable("Send text that is not blank and does not hold the character U+0000.")


class BadEvent(ValueError):
    """An event that cannot be stored; the message says why."""


def name(value: Any) -> str:
    """The name of an event without the space around it. Raises BadEvent."""
    if not isinstance(value, str):
        raise BadEvent(
            gettext("The name of an event is text, not %(kind_in_words)s.", kind_in_words=kind_in_words(value))
        )
    cleaned = value.strip()
    if not cleaned or len(value) > MAX_NAME:
        raise BadEvent(gettext("The name of an event has 1 to %(max_name)s characters.", max_name=MAX_NAME))
    if "\0" in cleaned:
        raise BadEvent(gettext("The name of an event here holds the character U+0000, which cannot be stored."))
    if cleaned in DECISIONS:
        raise BadEvent(NO_DECISION)
    return cleaned


def properties(value: dict[str, Any]) -> bytes:
    """The properties of an event as JSON. Raises BadEvent."""
    try:
        return jsonlimits.storable_bytes(value, max_bytes=MAX_PROPERTIES_BYTES, max_depth=MAX_DEPTH)
    except jsonlimits.Unstorable as error:
        raise BadEvent(str(error)) from error
