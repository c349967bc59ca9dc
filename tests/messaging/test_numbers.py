"""Numbers of people: one form, whoever writes them."""

from __future__ import annotations

import pytest

from app.errors import Invalid
from app.lib.addresses import BadAddress
from app.messaging.channels.sms.channel import SmsChannel
from app.messaging.channels.whatsapp.channel import WhatsappChannel


@pytest.mark.parametrize("channel", [SmsChannel, WhatsappChannel])
@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("+49 151 12345678", None, "+4915112345678"),
        ("0151 12345678", "DE", "+4915112345678"),
        ("(501) 712-2661", "US", "+15017122661"),
        ("0049 151 12345678", "US", "+4915112345678"),
        ("+15017122661", "DE", "+15017122661"),
    ],
)
def test_a_number_is_read_by_the_country_of_the_workspace(
    channel: type[SmsChannel], written: str, country: str | None, number: str
) -> None:
    assert channel.recipient_of(channel.in_country(written, country)) == number
    assert channel.comparable(number) == channel.wire(number) == channel.normal(number) == number
    assert channel.is_address(number)


@pytest.mark.parametrize("written", ["", "call me", "0151 12345678", "+1501", "+999123456789", "+4915112345678 ext. 5"])
def test_what_is_no_number_is_refused_and_never_breaks_the_list(written: str) -> None:
    assert not SmsChannel.is_address(written)
    with pytest.raises(Invalid):
        SmsChannel.recipient_of(SmsChannel.in_country(written, None))
    with pytest.raises(BadAddress):
        SmsChannel.wire(written)
    assert isinstance(SmsChannel.comparable(written), str)
