"""What channels to phone numbers have in common: numbers are E.164 wherever they are kept, compared, shown and sent to."""

from __future__ import annotations

import phonenumbers

from app.lib import addresses
from app.lib.addresses import BadAddress
from app.lib.translation import translatable
from app.messaging.channels.channel import ChannelType


def is_number(text: str) -> bool:
    """Is it a number in E.164 that its country may have given to somebody?"""
    if not (text.startswith("+") and text[1:].isascii() and text[1:].isdigit()):
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text, None))
    except phonenumbers.NumberParseException:
        return False


class NumberChannel(ChannelType):
    """Base of channels whose address is the phone number of a contact."""

    identifier = "phone"
    no_address = translatable("The contact has no phone number.")
    not_an_address = translatable(
        "The phone number of the contact cannot be used. Write it with + and its country code."
    )

    @classmethod
    def is_address(cls, text: str) -> bool:
        return is_number(text.strip())

    @classmethod
    def comparable(cls, address: str) -> str:
        try:
            return addresses.phone(address)
        except BadAddress:
            return address.strip()

    @classmethod
    def normal(cls, address: str) -> str:
        return addresses.phone(address)

    @classmethod
    def in_country(cls, text: str, country: str | None) -> str:
        try:
            return addresses.phone(text, country)
        except BadAddress:
            return text

    @classmethod
    def wire(cls, address: str) -> str:
        return addresses.phone(address)
