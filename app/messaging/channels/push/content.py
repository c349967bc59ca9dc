"""What a notification says, filled for one contact. Needs no database: a child of the sandbox imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.errors import FieldError
from app.lib.formats import number
from app.lib.http_url import BadUrl, read_url
from app.lib.translation import gettext
from app.liquid.templates import LiquidError
from app.messaging.channels.filling import PartError, fill, one_line
from app.messaging.channels.parts import LiquidSource, Parts

MOST_TITLE, MOST_TEXT, MOST_DATA = 200, 1_500, 20
"""Characters of the title and the text, and fields of data. A push service takes 4 kB in all."""
LONGEST_TTL_S = 4 * 7 * 24 * 3600
"""No service keeps a notification for longer than four weeks."""
TAKEN_NAMES = ("from", "message_type", "collapse_key", "link", "messageId", "report")
TAKEN_BEGINNINGS = ("google", "gcm")
"""Names of data that Firebase or the product itself uses."""
Urgency = Literal["very-low", "low", "normal", "high"]
PushValue = Annotated[str, Meta(max_length=2_000)]


class PushData(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One value that the app or the page gets with the notification."""

    key: Annotated[str, Meta(max_length=60, pattern=r"^([A-Za-z_][A-Za-z0-9_.-]*)?\Z")] = ""
    value: PushValue = ""


class PushContent(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a notification has beside title and text.

    `link`: what a tap opens; `image`: the address of a picture; `collapse_key`: a later one with the same key takes its place;
    `ttl`: seconds for which it is kept for a device that is off, as digits; `urgency`: as Web Push has it.
    """

    link: PushValue = ""
    image: PushValue = ""
    data: Annotated[list[PushData], Meta(max_length=MOST_DATA)] = []
    collapse_key: Annotated[str, Meta(max_length=200)] = ""
    ttl: Annotated[str, Meta(max_length=7, pattern=r"^\d*\Z", description="Seconds, up to four weeks")] = "86400"
    urgency: Urgency = "normal"


def content_of_push(template: Parts) -> PushContent:
    """What the template says beside title and text, with the defaults of what is absent."""
    return msgspec.convert(template.content, PushContent)


def push_sources(template: Parts) -> list[LiquidSource]:
    """The texts of a template that hold Liquid."""
    content = content_of_push(template)
    sources = [LiquidSource("subject", template.subject), LiquidSource("text", template.text)]
    sources += [
        LiquidSource(f"content.{name}", value)
        for name, value in (("link", content.link), ("image", content.image), ("collapseKey", content.collapse_key))
    ]
    return sources + [LiquidSource(f"content.data[{at}].value", one.value) for at, one in enumerate(content.data)]


def push_faults(template: Parts) -> list[FieldError]:
    """What is wrong with a template beyond its Liquid, when it is saved."""
    content, wrong, names = content_of_push(template), list[FieldError](), set[str]()
    if not template.subject.strip():
        wrong.append(FieldError(path="subject", message=gettext("A notification needs a title.")))
    for at, one in enumerate(content.data):
        path = f"content.data[{at}].key"
        if not one.key:
            if one.value.strip():
                wrong.append(FieldError(path=path, message=gettext("Say what this value is called.")))
        elif one.key in TAKEN_NAMES or one.key.lower().startswith(TAKEN_BEGINNINGS):
            wrong.append(FieldError(path=path, message=gettext("%(key)s is taken. Choose another name.", key=one.key)))
        elif one.key in names:
            wrong.append(FieldError(path=path, message=gettext("%(key)s is there twice.", key=one.key)))
        names.add(one.key)
    if content.ttl and int(content.ttl) > LONGEST_TTL_S:
        message = gettext(
            "Write up to %(longest_ttl_s)s seconds, which are four weeks.", longest_ttl_s=f"{LONGEST_TTL_S:,}"
        )
        wrong.append(FieldError(path="content.ttl", message=message))
    return wrong


def render(template: Parts, data: Mapping[str, Any]) -> Parts:
    """The notification for `data`. Raises PartError, also where title or text is empty, or an address is none."""
    content = content_of_push(template)
    title = _bounded("subject", "title", one_line(fill("subject", template.subject, data)), MOST_TITLE)
    text = _bounded("text", "text", fill("text", template.text, data).replace("\r\n", "\n").strip(), MOST_TEXT)
    filled = {
        "link": _address("link", content.link, data, ("https", "http")),
        "image": _address("image", content.image, data, ("https",)),
        "data": [
            {"key": one.key, "value": _filled(f"content.data[{at}].value", one.key, one.value, data)}
            for at, one in enumerate(content.data)
            if one.key
        ],
        "collapseKey": one_line(_filled("content.collapseKey", "collapse key", content.collapse_key, data))[:200],
        "ttl": content.ttl or "0",
        "urgency": content.urgency,
    }
    return Parts(title, "", text, filled)


def _bounded(part: str, called: str, value: str, most: int) -> str:
    if not value:
        nothing = (
            gettext("Nothing is left of the title for this contact.")
            if called == "title"
            else gettext("Nothing is left of the text for this contact.")
        )
        raise PartError(part, LiquidError(nothing), called)
    if len(value) > most:
        message = gettext(
            "It has %(value)s characters. A notification takes %(most)s.",
            value=number(len(value)),
            most=number(most),
        )
        raise PartError(part, LiquidError(message), called)
    return value


def _filled(path: str, called: str, source: str, data: Mapping[str, Any]) -> str:
    try:
        return fill(path, source, data).strip()
    except PartError as error:
        raise PartError(path, LiquidError(error.message, error.line), called) from error


def _address(name: str, source: str, data: Mapping[str, Any], schemes: tuple[str, ...]) -> str:
    """An address that a device may open or load; empty stays empty. An app may have a scheme of its own for its links."""
    value = one_line(_filled(f"content.{name}", name, source, data))
    if not value:
        return ""
    scheme = value.partition(":")[0].lower()
    if (
        name == "link"
        and scheme.isidentifier()
        and scheme not in ("http", "https", "javascript", "data", "file", "vbscript")
    ):
        return value
    try:
        if read_url(value).scheme in schemes:
            return value
        message = gettext("It has to begin with https://.")
    except BadUrl as error:
        message = str(error)
    raise PartError(f"content.{name}", LiquidError(message), name)
