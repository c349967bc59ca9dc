"""The channel SMS: whom a text message goes to, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.lib.ids import uuid7
from app.lib.translation import countable, translatable
from app.messaging.channels import registry
from app.messaging.channels.bubble import bubble
from app.messaging.channels.channel import Composed, Letter
from app.messaging.channels.connector import Sender
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.number_channel import NumberChannel
from app.messaging.channels.parts import Parts
from app.messaging.channels.sms import content
from app.messaging.channels.sms.text_message import TextMessage
from app.messaging.channels.sms.twilio import TwilioConnector
from app.messaging.channels.sms.vonage import VonageConnector
from app.messaging.channels.sms_segments import SegmentCount, count_segments
from app.models.status import Channel

SUBJECT = 80
"""Characters of a text that lists of messages show."""


@registry.channel
class SmsChannel(NumberChannel):
    type, number, label, noun, icon = "sms", int(Channel.SMS), "SMS", countable("text message"), "smartphone"
    connectors = (TwilioConnector, VonageConnector)
    parts = ("text",)
    Content = content.SmsContent
    content_words = {"content.optOut": "Opt-out line"}
    look_up = translatable("Look into the provider’s message log")
    arrived = translatable("What was sent is on the recipient’s phone.")

    @classmethod
    def rendering(cls) -> tuple[Callable[..., Parts], tuple[Any, ...]]:
        return content.render, ()

    @classmethod
    def segments_of(cls, shown: Parts) -> SegmentCount:
        return count_segments(shown.text)

    @classmethod
    def picture(cls, shown: Parts) -> str:
        return bubble(shown.text)

    @classmethod
    def compose(cls, letter: Letter, sender: Sender) -> Composed:
        marketing = letter.options.get("class") != "transactional"
        text = content.render(letter.source, letter.data, marketing=marketing).text
        packet = TextMessage(message_id(letter.run_id, letter.seq), cls.wire(str(letter.contact["phone"])), text)
        return Composed(" ".join(text.split())[:SUBJECT], packet)

    @classmethod
    def sample(cls, parts: Parts, sender: Sender, recipient: str) -> TextMessage:
        return TextMessage(f"test-{uuid7()}", recipient, parts.text.strip())
