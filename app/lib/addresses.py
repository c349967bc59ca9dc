"""E-mail addresses and phone numbers in the one form in which they are stored and compared."""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_+-]|\.(?!\.))*(?<!\.)@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
"""What 99 of 100 addresses look like; the validator takes 20 µs for one, which is 2 s for an import of 100,000."""


class BadAddress(ValueError):
    """The text is not an address; the message says what one looks like."""


def email(text: str) -> str:
    """The address in lower case, checked without asking any name server. Raises BadAddress."""
    folded = text.strip().lower()
    if len(folded) <= 254 and _PLAIN.fullmatch(folded) and folded.index("@") <= 64 and "xn--" not in folded:
        return folded
    try:
        found = validate_email(folded, check_deliverability=False, test_environment=True, globally_deliverable=False)
    except EmailNotValidError as error:
        raise BadAddress(f"This is not an email address: {error}") from error
    if "." not in found.domain:
        raise BadAddress("This is not an email address: the part after the @ needs a dot, as in ada@example.com.")
    return found.normalized.lower()


def phone(text: str) -> str:
    """The number as E.164 (`+4915112345678`). Raises BadAddress, also without a country code."""
    try:
        number = phonenumbers.parse(text.strip(), None)
    except phonenumbers.NumberParseException as error:
        raise BadAddress("Write the number with + and its country code, as in +4915112345678.") from error
    if not phonenumbers.is_possible_number(number):
        raise BadAddress("This number is too short or too long for its country code.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
