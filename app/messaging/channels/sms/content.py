"""What a text message says, filled for one contact. Needs no database: a child of the sandbox imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.lib import single_line
from app.lib.translation import gettext, translatable
from app.liquid.templates import LiquidError
from app.messaging.channels.filling import PartError, fill
from app.messaging.channels.parts import Parts

MOST_CHARACTERS = 1_600
"""What providers take as one message at most; they refuse longer ones."""


class SmsContent(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`opt_out`: the line that marketing messages end with, in a line of its own; empty for none."""

    opt_out: Annotated[str, Meta(max_length=160, pattern=single_line.PATTERN)] = translatable("Reply STOP to opt out.")


def render(template: Parts, data: Mapping[str, Any], *, marketing: bool = True) -> Parts:
    """The text for `data`, with the opt-out line of marketing messages. Raises PartError, also when there is no text or too much of it."""
    text = fill("text", template.text, data).replace("\r\n", "\n").strip()
    if not text:
        raise PartError("text", LiquidError(gettext("Nothing is left of the text for this contact.")))
    opt_out = msgspec.convert(template.content, SmsContent).opt_out.strip() if marketing else ""
    if opt_out and opt_out.casefold() not in text.casefold():
        text = f"{text}\n{opt_out}"
    if len(text) > MOST_CHARACTERS:
        message = gettext(
            "The message has %(text)s characters. Providers take %(most_characters)s.",
            text=f"{len(text):,}",
            most_characters=f"{MOST_CHARACTERS:,}",
        )
        raise PartError("text", LiquidError(message))
    return Parts("", "", text)
