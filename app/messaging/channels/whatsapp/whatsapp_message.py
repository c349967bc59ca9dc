"""A WhatsApp message as it leaves: a template that Meta approved with its values, or a free text."""

from __future__ import annotations

import msgspec


class TemplateValue(msgspec.Struct, frozen=True):
    """The value of one placeholder: `name` is `1`, `2` … or a word, as the template at Meta has it."""

    name: str
    text: str


class ButtonValue(msgspec.Struct, frozen=True):
    """The value of one button: its place from 0, and of which kind it is (`url`, `quick_reply`, `copy_code`)."""

    index: int
    type: str
    text: str


class ApprovedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What a template is called at Meta (`name`, `language`) and at Twilio (`content_sid`), with its values.

    `header`: `none`, `text`, `image`, `video` or `document`; of the last three `header_value` is the address of the file.
    """

    name: str
    language: str
    content_sid: str
    header: str
    header_value: str
    values: tuple[TemplateValue, ...] = ()
    buttons: tuple[ButtonValue, ...] = ()


class WhatsappMessage(msgspec.Struct, frozen=True):
    """`id`: the message as the product calls it; `recipient`: E.164; `text`: what it says, also of a template, for lists."""

    id: str
    recipient: str
    text: str
    template: ApprovedTemplate | None = None
