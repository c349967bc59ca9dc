"""Email addresses and phone numbers in the one form in which they are stored and compared."""

from __future__ import annotations

import contextlib
import re

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from app.lib.normal_forms import nfc, nfkc
from app.lib.translation import gettext

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_+-]|\.(?!\.))*(?<!\.)@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
"""What 99 of 100 addresses look like; the validator takes 20 µs for one, which is 2 s for an import of 100,000."""
_RUINED = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_WHOLE_FLOAT = re.compile(r"(\+?\d{7,15})\.0")
_LOCAL = re.compile(r'[^\x00-\x20\x7f()<>\[\]:;@\\,"]+|"[^\x00-\x1f\x7f<>\\"]+"')
_DOMAIN = re.compile(r'[^\x00-\x20\x7f()<>@,;:\\"\[\].]+(?:\.[^\x00-\x20\x7f()<>@,;:\\"\[\].]+)*')
"""What both sides of the @ may hold on the wire, so that no mail server reads another address, a comment or a command out of it."""


MAX_ADDRESS, MAX_PHONE = 320, 100
"""64 characters before the @ and 255 behind it are what a mail server can be told."""


class BadAddress(ValueError):
    """The text is not an address; the message says what one looks like."""


class NeedsCountry(BadAddress):
    """A phone number in national notation without a country to read it by."""


def email(text: str) -> str:
    """The address in lower case, checked without asking any name server. Raises BadAddress."""
    if wrong := look_alike(text.strip()[:MAX_ADDRESS]):
        raise BadAddress(
            gettext(
                "This is not an email address: the character %(wrong)s (U+%(ord)s) only looks like a plain one.",
                wrong=wrong,
                ord=f"{ord(wrong):04X}",
            )
        )
    lookup_form = nfc(text.strip()).lower()
    if (
        len(lookup_form) <= 254
        and _PLAIN.fullmatch(lookup_form)
        and lookup_form.index("@") <= 64
        and "xn--" not in lookup_form
    ):
        return lookup_form
    if len(text) > MAX_ADDRESS:
        raise BadAddress(
            gettext(
                "This is not an email address: it is longer than %(max_address)s characters.", max_address=MAX_ADDRESS
            )
        )
    try:
        address = validate_email(
            lookup_form, check_deliverability=False, test_environment=True, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise BadAddress(gettext("This is not an email address: %(error)s", error=error)) from error
    if "." not in address.domain:
        raise BadAddress(
            gettext("This is not an email address: the part after the @ needs a dot, as in ada@example.com.")
        )
    return address.normalized.lower()


def spelled(text: str) -> str:
    """The address checked as `email` does, with the letters before the @ as they were written: how a sender shows it. Raises BadAddress."""
    domain = email(text).rpartition("@")[2]
    return f"{nfc(text.strip()).rpartition('@')[0]}@{domain}"


def comparable(text: str) -> str:
    """The form by which two spellings are the same address: case, composed or not, domain in letters or as ``xn--``.

    For looking up. It never raises: what is no address is only folded.
    """
    with contextlib.suppress(BadAddress):
        return email(text)
    return lookup_form(text)


def look_alike(text: str) -> str:
    """The first non-ASCII character that some program maps to an ASCII one; empty when there is none.

    The sign for kelvin becomes a `k` when it is written small, a wide `ａ` an `a` when it is composed for compatibility: whoever
    folds such an address has somebody else's.
    """
    if text.isascii():
        return ""
    return next((char for char in text if not char.isascii() and (nfkc(char).isascii() or char.lower().isascii())), "")


def lookup_form(text: str) -> str:
    """A text that may be an address as it is looked up: small letters, composed. What only looks like ASCII stays what it is."""
    text = text.strip()
    if look_alike(text):
        return "".join(char.lower() if char.isascii() else char for char in text)
    return nfc(text).lower()


def ascii_domain(domain: str) -> str:
    """A domain as mail servers and headers want it (``xn--…``). Raises BadAddress."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise BadAddress(gettext("This is not the name of a domain: %(domain)s", domain=domain)) from error


def phone(text: str, country: str | None = None) -> str:
    """The number as E.164 (`+4915112345678`). `country` (ISO 3166 alpha-2) is that of numbers in national notation.

    Raises BadAddress; NeedsCountry when only the country is missing.
    """
    written = text.strip()
    if len(written) > MAX_PHONE:
        raise BadAddress(gettext("This is not a phone number. Write it like +4915112345678."))
    if _RUINED.fullmatch(written):
        raise BadAddress(
            gettext(
                "A spreadsheet has shortened this number, so its last digits are lost. Format the column as text "
                "there and fill in the number again."
            )
        )
    if whole := _WHOLE_FLOAT.fullmatch(written):  # how data tools write a column of numbers with gaps
        written = whole[1]
    first = re.search(r"[+\d]", written)
    if not first or re.search(r"[^\W\d_]", written[: first.start()].lower().removeprefix("tel:")):
        raise BadAddress(gettext("This is not a phone number. Write it like +4915112345678."))
    if written[first.start()] == "+" or written.startswith("00"):  # no number at home begins with 00
        number = _parsed(re.sub(r"^00", "+", written), None)
        if not phonenumbers.is_possible_number(number):
            raise BadAddress(gettext("This number is too short or too long for its country code."))
    elif country is None:
        raise NeedsCountry(
            gettext(
                "Write the number with + and its country code, as in +4915112345678, or choose the country of your "
                "workspace in its settings."
            )
        )
    else:
        number = _national(written, country)
    if number.extension:
        raise BadAddress(gettext("Write the number without its extension."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str, country: str | None) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise BadAddress(gettext("Write the number with + and its country code, as in +4915112345678.")) from error


def _national(text: str, country: str) -> phonenumbers.PhoneNumber:
    """A number without `+`: one of the country, or one with a country code whose `+` got lost on the way."""
    number = _parsed(text, country)
    digits = re.sub(r"\D", "", text)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
    trunk = metadata.national_prefix if metadata is not None else None
    lost_plus = digits.startswith(str(phonenumbers.country_code_for_region(country)))
    if lost_plus and not (trunk and digits.startswith(trunk)):
        whole = _parsed(f"+{digits}", None)
        if phonenumbers.is_valid_number(whole) and (trunk or not phonenumbers.is_valid_number(number)):
            return whole
    if not phonenumbers.is_valid_number(number):
        raise BadAddress(
            gettext(
                "This is not a phone number of your workspace's country. Write it with + and its country code, as in "
                "+4915112345678."
            )
        )
    return number


def wire_address(value: str) -> str:
    """`value` as SMTP and mail headers carry it: the domain in its ASCII form. Raises BadAddress.

    Looser than `email`: a stored address is used whenever SMTP can carry it.
    """
    local, _, domain = value.strip().rpartition("@")
    domain = ascii_domain(domain)
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise BadAddress(gettext("No mail server can be told this address: %(value)s", value=value[:320]))
    return f"{local}@{domain}"


def is_mailable(value: str) -> bool:
    """Can a mail server be told this address?"""
    with contextlib.suppress(BadAddress):
        local, _, domain = wire_address(value).rpartition("@")
        return len(local) <= 64 and len(domain) <= 255
    return False
