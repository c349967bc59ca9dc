"""Filters of our own, safe stand-ins for stock ones that can be made to hang, and the scale that stops filter bombs."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal, InvalidOperation
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from babel import Locale, UnknownLocaleError
from babel import dates as babel_dates
from babel import numbers as babel_numbers
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context
from liquid.undefined import Undefined
from markupsafe import Markup

from app.lib import clock
from app.lib.conversions import as_date, is_blank, printed, printed_json, quoted
from app.lib.formats import number as written
from app.lib.translation import gettext
from app.lib.zones import known_zone, zone_of
from app.liquid.dates import strftime

SIZE_LIMIT = 256 * 1024
"""Characters that a filter may take or give."""
_MAIL = SMTP.clone(cte_type="7bit")
ITEMS_LIMIT = 10_000
BITS_LIMIT = 1024
REMOVED = ("safe", "base64_decode", "base64_url_safe_decode", "escapejs")


class TooMuch(FilterArgumentError):
    """A limit was reached."""

    def __init__(self, message: str) -> None:
        super().__init__(message, token=None)


def _size(value: object, room: int, depth: int = 0) -> int:
    """Characters that printing `value` would take, counted no further than `room`."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int) and value.bit_length() > BITS_LIMIT:
        raise TooMuch(gettext("this number is too large"))
    if isinstance(value, range | list | tuple | dict) and (len(value) > ITEMS_LIMIT or depth > 32):
        raise TooMuch(gettext("a list may have at most %(number)s items", number=written(ITEMS_LIMIT)))
    used = 1
    if isinstance(value, list | tuple | dict):
        for item in value.items() if isinstance(value, dict) else value:
            used += _size(item, room - used, depth + 1) + 1
            if used > room:
                break
    return used


def weigh(*values: object) -> None:
    """Refuse what is too large to be worked on. Raises TooMuch."""
    room = SIZE_LIMIT
    for value in values:
        room -= _size(value, room)
        if room < 0:
            raise TooMuch(gettext("a filter may work on at most %(number)s KB", number=SIZE_LIMIT // 1024))


def _text(value: object) -> str:
    return "" if isinstance(value, Undefined) else printed(value)


class RequiredMissing(FilterArgumentError):
    """What must be there is not."""

    def __init__(self) -> None:
        super().__init__(gettext("a value that is required is missing"), token=None)


def or_fail(value: object) -> object:
    """The value, which must be there: `{{ event.order_id | or_fail }}` fails the step where it is missing or blank."""
    if isinstance(value, Undefined) or is_blank(value):
        raise RequiredMissing
    return value


@with_context
def replace(value: object, old: object, new: object = "", *, context: Any) -> str:
    """All occurrences; the result's size is known before it is made."""
    text, out, into = _text(value), _text(old), _text(new)
    if len(text) + (text.count(out) if out else len(text) + 1) * len(into) > SIZE_LIMIT:
        raise TooMuch(gettext("a filter may make at most %(number)s KB", number=SIZE_LIMIT // 1024))
    if context.env.autoescape and not isinstance(text, Markup):
        # A literal in the template counts as safe, data never does: escaping waits until the text is printed.
        return str(text).replace(str(out), str(into))
    return text.replace(out, into)


@with_context
def join(value: object, separator: object = " ", *, context: Any) -> str:
    """The items with `separator` between them; the result's size is known before it is made."""
    items = [_text(item) for item in value] if isinstance(value, list | tuple | range) else [_text(value)]
    between = _text(separator)
    if sum(map(len, items)) + len(between) * len(items) > SIZE_LIMIT:
        raise TooMuch(gettext("a filter may make at most %(number)s KB", number=SIZE_LIMIT // 1024))
    return between.join(items)  # a Markup separator escapes the items


def strip_html(value: object) -> str:
    """Without tags, comments, scripts and styles. One pass: the usual regular expressions are quadratic on ``<<<<``."""
    text, out, at = str(_text(value)), [], 0
    lowered = text.lower()
    while (start := text.find("<", at)) >= 0:
        out.append(text[at:start])
        for opening, closing in (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">")):
            if lowered.startswith(opening, start):
                end = lowered.find(closing, start)
                break
        if end < 0:
            at = start if closing == ">" else len(text)
            break
        at = end + len(closing)
    return "".join(out) + text[at:]


def json(value: object) -> str:
    """As JSON."""
    return printed_json(None if isinstance(value, Undefined) else value)


def email_message(value: object, to: object = "", subject: object = "") -> str:
    """``{{ text | email_message: contact.email, 'Your order' | base64_url_safe_encode }}``: a plain mail to one address (RFC 5322)."""
    mail = EmailMessage(policy=_MAIL)
    try:
        mail["To"] = Address(addr_spec=_text(to))
        mail["Subject"] = _text(subject)
        mail["MIME-Version"] = "1.0"
        mail.set_content(_text(value), cte="base64")
        return mail.as_string()
    except (ValueError, IndexError, HeaderParseError):  # another address, or a line that would be a header of its own
        raise FilterArgumentError(
            gettext("this is no address to write to, or no line for a subject"), token=None
        ) from None


def pluralize(value: object, one: object = "", many: object = "s") -> str:
    """``{{ n }} item{{ n | pluralize }}``, ``{{ n | pluralize: 'person', 'people' }}``."""
    number = _number(value)
    return _text(one if number is not None and abs(number) == 1 else many)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool | Undefined) or value is None:
        return None
    if isinstance(value, list | tuple | dict):
        return Decimal(len(value))
    try:
        number = Decimal(_text(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None


def _contact(context: Any) -> Any:
    contact = context.globals.get("contact")
    return contact if isinstance(contact, dict) else {}


def _locale(wanted: object, context: Any) -> Locale:
    for name in (wanted, _contact(context).get("locale")):
        if isinstance(name, str) and name:
            try:
                return Locale.parse(name.replace("-", "_"))
            except (UnknownLocaleError, ValueError):
                continue
    return Locale("en", "US")


@with_context
def money(value: object, currency: object = "USD", locale: object = None, *, context: Any) -> str:
    """``{{ 1234.5 | money: 'EUR' }}`` → €1,234.50, written as the contact's locale (or the one given) writes it."""
    number, code = _number(value), _text(currency).upper()
    if number is None:
        return _text(value)
    if len(code) != 3 or not code.isalpha():
        raise FilterArgumentError(gettext("money wants a currency of three letters, for example 'EUR'"), token=None)
    return babel_numbers.format_currency(number, code, locale=_locale(locale, context))


def _moment(value: object) -> dt.datetime | dt.date | None:
    if isinstance(value, str) and value.strip() in ("now", "today"):
        return clock.now()
    return None if isinstance(value, Undefined) else as_date(value)


def _zone(wanted: object, context: Any) -> dt.tzinfo:
    """The one asked for, else the contact's, else the workspace's."""
    if explicit := _text(wanted):
        if (zone := known_zone(explicit)) is None:
            why = gettext("there is no time zone called %(name)s", name=quoted(explicit, 60))
            raise FilterArgumentError(why, token=None)
        return zone
    workspace = context.globals.get("workspace")
    return zone_of(_contact(context).get("timezone"), workspace.get("timezone") if isinstance(workspace, dict) else "")


@with_context
def date(value: object, form: object = "medium", zone: object = None, *, context: Any) -> str:
    """``{{ event.due | date: '%d %B %Y' }}``; also ``'short' | 'medium' | 'long' | 'full'``. Names are in the contact's language.

    An instant is shown in the zone given, else in the contact's, else in the workspace's. What is no date is printed unchanged.
    """
    moment, wanted = _moment(value), _text(form) or "medium"
    if moment is None:
        return _text(value)
    locale = _locale(None, context)
    try:
        if isinstance(moment, dt.datetime) and moment.tzinfo is not None:
            moment = moment.astimezone(_zone(zone, context))
        if wanted in ("short", "medium", "long", "full"):
            return babel_dates.format_date(moment, wanted, locale=locale)
        if len(wanted) > 100 or any(a == "%" and b.isdigit() for a, b in itertools.pairwise(wanted)):
            raise FilterArgumentError(gettext("this date format is not understood"), token=None)
        return strftime(moment, wanted, locale)
    except (OverflowError, ValueError) as error:  # the edges of the calendar
        why = gettext("the date %(date)s cannot be shown like this", date=quoted(_text(value), 40))
        raise FilterArgumentError(why, token=None) from error


FILTERS: dict[str, Any] = {
    "or_fail": or_fail,
    "replace": replace,
    "join": join,
    "strip_html": strip_html,
    "json": json,
    "pluralize": pluralize,
    "money": money,
    "email_message": email_message,
    "date": date,
}
