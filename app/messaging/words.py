"""What messages are called where it is not said by which channel they leave: by its word while there is one channel, else messages."""

from __future__ import annotations

from collections.abc import Iterable

from app.lib.formats import counted
from app.messaging.channels import registry
from app.web.fragments import FragmentEngine


def noun(numbers: Iterable[int] | None = None) -> str:
    """`email` where all of the channels with these numbers are that one, or where there is no other; else `message`."""
    channel = registry.common(numbers)
    return channel.noun if channel else "message"


def plural(numbers: Iterable[int] | None = None) -> str:
    """The same of several: `emails`."""
    channel = registry.common(numbers)
    return (channel.plural or f"{channel.noun}s") if channel else "messages"


def counted_messages(count: int, numbers: Iterable[int] | None = None) -> str:
    """`1 email`, `2 emails`, `3 messages`."""
    channel = registry.common(numbers)
    return channel.counted(count) if channel else counted(count, "message")


def teach(engine: FragmentEngine) -> None:
    """Give templates the filter `messages` (`3|messages`) and the words for one and for several, as functions."""
    engine.engine.filters.update(messages=counted_messages)
    engine.engine.globals.update(message_noun=noun, message_plural=plural)
