"""Who may be written to. One pure rule, read again in the transaction before each send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from app.models.status import Channel

ALLOWED = ""


class HasConsent(Protocol):
    """A contact, or anything that carries its consent."""

    @property
    def consent(self) -> Mapping[str, Any]: ...


def may_send(contact: HasConsent, channel: Channel | str, topic: str | None = None) -> tuple[bool, str]:
    """May a message of this channel and topic go to the contact? With the reason when it may not.

    `false` for the channel or for the topic stops it; silence does not (docs/decisions/0004-consent-is-opt-out.md).
    """
    word = channel.word if isinstance(channel, Channel) else channel.lower()
    if contact.consent.get(word) is False:
        return False, f"The contact withdrew consent for {word}."
    if topic and contact.consent.get(topic) is False:
        return False, f"The contact withdrew consent for the topic {topic}."
    return True, ALLOWED
