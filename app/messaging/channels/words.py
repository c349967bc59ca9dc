"""What messages are called where it is not said by which channel they leave: by its word while there is one channel, else messages.

Also what is said of messages whose channel is not installed any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.lib.formats import counted
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.models.status import MessageStatus

Numbers = Iterable[int] | None
"""Of channels; None: of all that are installed."""


def noun(numbers: Numbers = None) -> str:
    """`email` where all of the channels with these numbers are that one, or where there is no other; else `message`."""
    channel = registry.common(numbers)
    return gettext(channel.noun if channel else "message")


def plural(numbers: Numbers = None) -> str:
    """The same of several: `emails`."""
    channel = registry.common(numbers)
    return channel.many() if channel else gettext("messages")


def counted_messages(count: int, numbers: Numbers = None) -> str:
    """`1 email`, `2 emails`, `3 messages`."""
    channel = registry.common(numbers)
    return channel.counted(count) if channel else counted(count, "message")


def look_up(numbers: Numbers = None) -> str:
    """What to do to find out what became of messages of which nobody knows: the beginning of a sentence."""
    channel = registry.common(numbers)
    return gettext(channel.look_up if channel else "Look into the provider’s log")


def waits_for_channel(channel: int, status: int) -> str | None:
    """Why a message waits whose channel is not installed (any more); None for all others."""
    if status != MessageStatus.QUEUED or registry.known(channel):
        return None
    return gettext(
        "Its channel, %(channel)s, is not installed here. It waits until whoever runs the server installs it again.",
        channel=registry.word_of(channel),
    )


def in_words(text: str, numbers: Numbers = None) -> str:
    """`text` with the words for messages in the places of `{one}`, `{many}`, `{Many}` and `{look_up}`."""
    many = plural(numbers)
    places: dict[str, Any] = {
        "one": noun(numbers),
        "many": many,
        "Many": many[:1].upper() + many[1:],
        "look_up": look_up(numbers),
    }
    return text.format_map(places)
