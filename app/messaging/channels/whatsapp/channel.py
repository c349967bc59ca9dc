"""The channel WhatsApp: whom a message goes to, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.errors import FieldError
from app.lib.ids import uuid7
from app.lib.translation import countable, gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.bubble import bubble
from app.messaging.channels.channel import Composed, Letter
from app.messaging.channels.connector import Sender
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.number_channel import NumberChannel
from app.messaging.channels.parts import LiquidSource, Parts
from app.messaging.channels.whatsapp import content
from app.messaging.channels.whatsapp.meta import MetaConnector
from app.messaging.channels.whatsapp.twilio import TwilioWhatsappConnector
from app.messaging.channels.whatsapp.whatsapp_message import (
    ApprovedTemplate,
    ButtonValue,
    TemplateValue,
    WhatsappMessage,
)
from app.models.status import Channel

SUBJECT = 80
"""Characters of a text that lists of messages show."""
_BUTTONS = {
    "url": translatable("Link to …%(value)s"),
    "quick_reply": translatable("Reply that brings “%(value)s”"),
    "copy_code": translatable("Copy code %(value)s"),
}


@registry.channel
class WhatsappChannel(NumberChannel):
    type, number, label, noun, icon = (
        "whatsapp",
        int(Channel.WHATSAPP),
        "WhatsApp",
        countable("WhatsApp message"),
        "phone",
    )
    connectors = (MetaConnector, TwilioWhatsappConnector)
    parts = ("text",)
    Content = content.WhatsappContent
    content_words = {
        "content.kind": translatable("Kind"),
        "content.name": translatable("Template name"),
        "content.language": translatable("Language"),
        "content.contentSid": "Content SID",
        "content.header": translatable("Header"),
        "content.headerValue": translatable("Header"),
        "content.variables": translatable("Value"),
        "content.buttons": translatable("Button"),
    }
    text_hint = translatable(
        "For a template the wording as Meta approved it, with {{1}}, {{2}} … in it. For free text, what it says."
    )
    starter = Parts("", "", "Hello {{1}}, ", {"variables": ["{{ contact.first_name | default: 'there' }}"]})
    look_up = translatable("Look into the provider’s message log")
    arrived = translatable("What was sent is on the recipient’s phone.")

    @classmethod
    def rendering(cls) -> tuple[Callable[..., Parts], tuple[Any, ...]]:
        return content.render, ()

    @classmethod
    def liquid_sources(cls, template: Parts) -> list[LiquidSource]:
        return content.value_sources(template)

    @classmethod
    def content_faults(cls, template: Parts) -> list[FieldError]:
        return content.faults(template)

    @classmethod
    def placeholders(cls, text: str) -> list[str]:
        return content.placeholders(text)

    @classmethod
    def as_liquid(cls, template: Parts) -> str:
        return content.as_liquid(template)

    @classmethod
    def picture(cls, shown: Parts) -> str:
        filled = content.content_of_parts(shown)
        media = "" if filled.header in ("none", "text") else f"{filled.header.capitalize()}: {filled.header_value}"
        return bubble(
            shown.text,
            ground="#efeae2",
            fill="#fff",
            head=filled.header_value if filled.header == "text" else "",
            media=media,
            buttons=[gettext(_BUTTONS[one.type], value=one.value) for one in filled.buttons if one.type != "none"],
        )

    @classmethod
    def compose(cls, letter: Letter, sender: Sender) -> Composed:
        filled = content.render(letter.source, letter.data)
        to = cls.wire(str(letter.contact["phone"]))
        packet = _message(message_id(letter.run_id, letter.seq), to, filled)
        return Composed(" ".join(filled.text.split())[:SUBJECT], packet)

    @classmethod
    def sample(cls, parts: Parts, sender: Sender, recipient: str) -> WhatsappMessage:
        filled = parts if parts.content else Parts("", "", parts.text, {"kind": "text"})
        return _message(f"test-{uuid7()}", recipient, filled)


def _message(message: str, to: str, filled: Parts) -> WhatsappMessage:
    """The message that says a filled template."""
    values = content.content_of_parts(filled)
    if values.kind == "text":
        return WhatsappMessage(message, to, filled.text)
    names = filled.content.get(content.NAMES, ())
    template = ApprovedTemplate(
        name=values.name,
        language=values.language,
        content_sid=values.content_sid,
        header=values.header,
        header_value=values.header_value,
        values=tuple(TemplateValue(name, text) for name, text in zip(names, values.variables, strict=False)),
        buttons=tuple(
            ButtonValue(at, one.type, one.value) for at, one in enumerate(values.buttons) if one.type != "none"
        ),
    )
    return WhatsappMessage(message, to, filled.text, template)
