"""The channel push: notifications to each device of a contact, by the connectors that reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from app.errors import FieldError
from app.lib.ids import uuid7
from app.lib.translation import countable, gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType, Composed, Letter, Unsendable
from app.messaging.channels.connector import Sender
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.parts import LiquidSource, Parts
from app.messaging.channels.push import content
from app.messaging.channels.push.fcm import FcmConnector
from app.messaging.channels.push.notification import (
    PushDelivery,
    PushPacket,
    account_for,
    devices_in,
    notification_of,
)
from app.messaging.channels.push.picture import notification_picture
from app.messaging.channels.push.web_push import WebPushConnector
from app.models.status import Channel

NO_DEVICE = translatable("The contact has no device that this notification could go to.")


@registry.channel
class PushChannel(ChannelType):
    type, number, label, noun, icon = "push", int(Channel.PUSH), "Push", countable("notification"), "bell"
    identifier = "external_id"
    to_devices = True
    connectors = (FcmConnector, WebPushConnector)
    parts = ("subject", "text")
    Content = content.PushContent
    content_words = {
        "content.link": "Link", "content.image": "Image", "content.data": "Data", "content.collapseKey": translatable("Collapse key"),
        "content.ttl": translatable("Kept for"), "content.urgency": "Urgency",
    }  # fmt: skip
    starter = Parts(translatable("News for you"), "", "Hello {{ contact.first_name | default: 'there' }}")
    look_up = translatable("Look at the device")
    arrived = translatable("What was sent is on the recipient’s devices.")
    no_address = translatable("The contact has no device that takes notifications.")

    @classmethod
    def address_of(cls, contact: Mapping[str, Any]) -> str | None:
        if "devices" in contact and not contact["devices"]:
            return None
        return contact.get("external_id") or contact.get("email") or None

    @classmethod
    def part_word(cls, path: str) -> str:
        return translatable("Title") if path == "subject" else super().part_word(path)

    @classmethod
    def rendering(cls) -> tuple[Callable[..., Parts], tuple[Any, ...]]:
        return content.render, ()

    @classmethod
    def liquid_sources(cls, template: Parts) -> list[LiquidSource]:
        return content.push_sources(template)

    @classmethod
    def content_faults(cls, template: Parts) -> list[FieldError]:
        return content.push_faults(template)

    @classmethod
    def picture(cls, shown: Parts) -> str:
        return notification_picture(shown)

    @classmethod
    def compose(cls, letter: Letter, sender: Sender) -> Composed:
        note = notification_of(content.render(letter.source, letter.data))
        wanted = letter.options.get("platforms") or ()
        devices = [
            device for device in devices_in(letter.contact.get("devices")) if not wanted or device.platform in wanted
        ]
        deliveries = _deliveries(devices, letter.senders or (sender,), only=bool(letter.options.get("connectorId")))
        if not deliveries:
            raise Unsendable("no_address", NO_DEVICE)
        packet = PushPacket(
            id=message_id(letter.run_id, letter.seq),
            recipient=cls.wire(cls.address_of(letter.contact) or ""),
            notification=note,
            deliveries=deliveries,
            report_to=sender.server.report_to,
            secret=sender.server.secret,
            expires_at=int(letter.at.timestamp()) + note.ttl_s,
        )
        return Composed(note.title, packet)

    @classmethod
    def sample(cls, parts: Parts, sender: Sender, recipient: str) -> PushPacket:
        filled = msgspec.structs.replace(parts, content={**msgspec.to_builtins(content.PushContent()), **parts.content})
        note = notification_of(filled)
        if not note.title:
            note = msgspec.structs.replace(note, title="A test from Throughline")
        return PushPacket(id=f"test-{uuid7()}", recipient=recipient, notification=note)

    @classmethod
    def for_devices(cls, packet: PushPacket, sender: Sender, devices: Sequence[PushDevice]) -> PushPacket:
        deliveries = _deliveries(devices, (sender,), only=True)
        if not deliveries:
            raise Unsendable("no_address", gettext("No device of this contact is reached by this connector."))
        return msgspec.structs.replace(packet, deliveries=deliveries)


def _deliveries(devices: Sequence[PushDevice], senders: Sequence[Sender], *, only: bool) -> tuple[PushDelivery, ...]:
    """Each device with the connector that reaches it. `only`: those that none of `senders` reaches are not meant."""
    accounts = {str(sender.id): sender.server for sender in senders}
    pairs = [PushDelivery(device, account_for(device, accounts)) for device in devices]
    return tuple(one for one in pairs if one.account is not None or not only)
