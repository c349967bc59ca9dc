"""Who may be written to."""

from __future__ import annotations

import pytest

from app.contacts.consent import may_send
from app.models.contact import Contact
from app.models.status import Channel


@pytest.mark.parametrize(
    ("consent", "channel", "topic", "allowed"),
    [
        ({}, Channel.EMAIL, None, True),
        ({}, Channel.EMAIL, "newsletter", True),
        ({"email": True}, Channel.EMAIL, "newsletter", True),
        ({"email": False}, Channel.EMAIL, None, False),
        ({"email": False, "newsletter": True}, Channel.EMAIL, "newsletter", False),
        ({"newsletter": False}, Channel.EMAIL, "newsletter", False),
        ({"newsletter": False}, Channel.EMAIL, "billing", True),
        ({"newsletter": False}, Channel.EMAIL, None, True),
        ({"sms": False}, Channel.EMAIL, None, True),
        ({"sms": False}, "SMS", None, False),
    ],
)
def test_false_stops_and_silence_does_not(
    consent: dict[str, bool], channel: Channel | str, topic: str | None, allowed: bool
) -> None:
    may, reason = may_send(Contact(consent=consent), channel, topic)
    assert may is allowed and bool(reason) is not allowed
