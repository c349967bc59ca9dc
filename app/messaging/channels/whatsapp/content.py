"""What a WhatsApp message says, filled for one contact. Needs no database: a child of the sandbox imports it.

Outside 24 hours after the contact last wrote, WhatsApp takes templates only that Meta approved: a name, a language, and a value for each
placeholder of the wording. The wording itself is kept here as it was approved, for the preview; only the values are Liquid.
"""

from __future__ import annotations

import re
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

PLACEHOLDER = re.compile(r"\{\{\s*([1-9]\d?|[a-z][a-z0-9_]{0,60})\s*\}\}")
MOST_TEXT = 4_096
"""Characters of a free text."""
MOST_VALUE = 1_024
NAMES = "names"
"""In a filled template: what its placeholders are called, in the order of their values."""
Value = Annotated[str, Meta(max_length=2_000)]
Header = Literal["none", "text", "image", "video", "document"]


class WhatsappButton(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a button of the template needs: the end of its address, what a reply brings back, or a code. `none`: nothing."""

    type: Literal["none", "url", "quick_reply", "copy_code"] = "none"
    value: Value = ""


class WhatsappContent(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`kind`: a template that Meta approved, or a free text. `name`, `language`: as at Meta; `content_sid`: as at Twilio.

    `variables`: the values of the placeholders in the order of their numbers, or of their first appearance where they are words.
    """

    kind: Literal["template", "text"] = "template"
    name: Annotated[str, Meta(max_length=512, pattern=r"^[a-z0-9_]*\Z", description="Small letters, digits and _")] = ""
    language: Annotated[
        str,
        Meta(max_length=15, pattern=r"^[a-z]{2,3}(_[A-Za-z]{2,4})?\Z", description="A code of Meta: en_US, de, pt_BR"),
    ] = "en_US"
    content_sid: Annotated[
        str, Meta(pattern=r"^(HX[0-9a-fA-F]{32})?\Z", description="The Content SID at Twilio: HX and 32 characters")
    ] = ""
    header: Header = "none"
    header_value: Value = ""
    variables: Annotated[list[Value], Meta(max_length=40)] = []
    buttons: Annotated[list[WhatsappButton], Meta(max_length=10)] = []


def content_of_parts(template: Parts) -> WhatsappContent:
    """What the template says beside its wording, with the defaults of what is absent."""
    return msgspec.convert({name: value for name, value in template.content.items() if name != NAMES}, WhatsappContent)


def placeholders(wording: str) -> list[str]:
    """The names of the placeholders, each once: numbers in their order, words in that of their first appearance."""
    names = list(dict.fromkeys(PLACEHOLDER.findall(wording)))
    return sorted(names, key=int) if names and all(name.isdigit() for name in names) else names


def as_liquid(template: Parts) -> str:
    """The wording with the source of each value in place of its placeholder; nothing of one for which none is chosen."""
    content = content_of_parts(template)
    if content.kind == "text":
        return template.text
    values = dict(zip(placeholders(template.text), content.variables, strict=False))
    return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), template.text)


def value_sources(template: Parts) -> list[LiquidSource]:
    """The texts of a template that hold Liquid."""
    content = content_of_parts(template)
    if content.kind == "text":
        return [LiquidSource("text", template.text)]
    sources = [LiquidSource(f"content.variables[{at}]", value) for at, value in enumerate(content.variables)]
    sources += [LiquidSource("content.headerValue", content.header_value)] if content.header != "none" else []
    return sources + [
        LiquidSource(f"content.buttons[{at}].value", button.value)
        for at, button in enumerate(content.buttons)
        if button.type != "none"
    ]


def faults(template: Parts) -> list[FieldError]:
    """What is wrong with a template beyond its Liquid, when it is saved."""
    content = content_of_parts(template)
    if content.kind == "text":
        return []
    wrong = []
    if not (content.name or content.content_sid):
        message = gettext("Write what the template is called at Meta, or its Content SID at Twilio.")
        wrong.append(FieldError(path="content.name", message=message))
    names = placeholders(template.text)
    if any(name.isdigit() for name in names) != all(name.isdigit() for name in names):
        wrong.append(FieldError(path="text", message=gettext("Placeholders are all numbers or all words, not both.")))
    for at, name in enumerate(names):
        if at >= len(content.variables) or not content.variables[at].strip():
            wrong.append(
                FieldError(
                    path=f"content.variables[{at}]", message=gettext("Say what {{%(name)s}} stands for.", name=name)
                )
            )
    if content.header != "none" and not content.header_value.strip():
        message = (
            gettext("Say what the header holds.")
            if content.header == "text"
            else gettext("Write the address of the file.")
        )
        wrong.append(FieldError(path="content.headerValue", message=message))
    for at, button in enumerate(content.buttons):
        if button.type != "none" and not button.value.strip():
            wrong.append(
                FieldError(path=f"content.buttons[{at}].value", message=gettext("Say what this button needs."))
            )
    return wrong


def render(template: Parts, data: Mapping[str, Any]) -> Parts:
    """The wording with the values of `data`, and in `content` the values. Raises PartError, also where one is empty."""
    content = content_of_parts(template)
    if content.kind == "text":
        text = fill("text", template.text, data).replace("\r\n", "\n").strip()
        if not text:
            raise PartError("text", LiquidError(gettext("Nothing is left of the text for this contact.")))
        if len(text) > MOST_TEXT:
            raise PartError(
                "text",
                LiquidError(
                    gettext(
                        "The text has %(text)s characters. WhatsApp takes %(most_text)s.",
                        text=f"{len(text):,}",
                        most_text=f"{MOST_TEXT:,}",
                    )
                ),
            )
        return Parts("", "", text, {"kind": "text"})
    names = placeholders(template.text)
    sources = (*content.variables, *[""] * len(names))
    values = {
        name: _value(f"content.variables[{at}]", f"variable {{{{{name}}}}}", sources[at], data)
        for at, name in enumerate(names)
    }
    header = ""
    if content.header != "none":
        header = _value("content.headerValue", "header", content.header_value, data)
        if content.header != "text":
            header = _address(header)
    buttons = [
        {"type": one.type, "value": _value(f"content.buttons[{at}].value", f"button {at + 1}", one.value, data)}
        if one.type != "none"
        else {"type": "none", "value": ""}
        for at, one in enumerate(content.buttons)
    ]
    text = PLACEHOLDER.sub(lambda match: values[match[1]], template.text).strip()
    filled = {
        "kind": "template", "name": content.name, "language": content.language, "contentSid": content.content_sid,
        "header": content.header, "headerValue": header, "variables": list(values.values()), "buttons": buttons, NAMES: names,
    }  # fmt: skip
    return Parts("", "", text, filled)


def _value(path: str, called: str, source: str, data: Mapping[str, Any]) -> str:
    """One value as WhatsApp takes it: without line breaks and runs of blanks, and never empty."""
    try:
        value = one_line(fill(path, source, data))
    except PartError as error:
        raise PartError(path, LiquidError(error.message, error.line), called) from error
    if not value:
        message = gettext(
            "It is empty for this contact. Say what stands there instead: add | default: and the words behind the field."
        )
        raise PartError(path, LiquidError(message), called)
    if len(value) > MOST_VALUE:
        message = gettext(
            "It has %(value)s characters. WhatsApp takes %(most_value)s.",
            value=number(len(value)),
            most_value=number(MOST_VALUE),
        )
        raise PartError(path, LiquidError(message), called)
    return value


def _address(value: str) -> str:
    try:
        if read_url(value).scheme == "https":
            return value
    except BadUrl as error:
        raise PartError("content.headerValue", LiquidError(str(error)), "header") from error
    raise PartError(
        "content.headerValue", LiquidError(gettext("The address of the file has to begin with https://.")), "header"
    )
