"""What the author of a channel sees: a `ChannelType` in `channels/<type>/channel.py`, with a `ConnectorType` for each provider.

A channel says whom a message goes to, what it says and in which form it leaves; a connector type says how a provider is reached. The
ledger, the queue, the gateway and delivery ask them and know no channel by name. Nothing here reads a database: what a method needs, it
is given. Numbers and names are checked by `registry`.
"""

from __future__ import annotations

import builtins
import html
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from app.errors import FieldError, Invalid
from app.flow.retry import MAIL, Retry
from app.lib.addresses import BadAddress
from app.lib.formats import counted
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import ConnectorType, Sender
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.filling import fill_parts
from app.messaging.channels.parts import LiquidSource, Parts
from app.messaging.channels.result import Packet
from app.messaging.channels.sms_segments import SegmentCount


class Unsendable(Exception):
    """This message cannot be made: a stable reason and a sentence."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a message is made of."""

    run_id: UUID
    seq: int
    options: Mapping[str, Any]
    """What the step asked for beside the template."""
    contact: Mapping[str, Any]
    """The columns of the contact; at least its id, external_id, email and phone."""
    source: Parts
    """The template."""
    data: Mapping[str, Any]
    """What the template can read."""
    unsubscribe_url: str
    at: datetime
    senders: tuple[Sender, ...] = ()
    """Of a channel to devices: all connectors that this message may leave by, the one that it waited for among them."""


class Composed(msgspec.Struct, frozen=True):
    """A message that is ready to leave, and what lists show of it."""

    subject: str
    packet: Packet


class ChannelType:
    """Base of all channels. Subclass it with `@registry.channel`."""

    type: ClassVar[str]
    """The word in the API, and the name of its consent."""
    number: ClassVar[int]
    """What stands in the tables. Below 100 are ours (`app.models.status.Channel`), above those of plugins; it never changes."""
    label: ClassVar[str]
    noun: ClassVar[str]
    """What one message is called inside a sentence: `email`."""
    plural: ClassVar[str] = ""
    """What several are called; the noun with an s when it is not said."""
    look_up: ClassVar[str] = translatable("Look into the provider’s log")
    """What to do to find out whether a message left of which nobody knows: the beginning of a sentence."""
    arrived: ClassVar[str] = translatable("What was sent is with its recipient.")
    """Where the text of a message is that was sent, since the product does not keep it."""
    icon: ClassVar[str]
    """A name of the product's icons."""
    identifier: ClassVar[Literal["email", "phone", "external_id"]]
    """The column of a contact that is the address."""
    to_devices: ClassVar[bool] = False
    """Messages go to each device of the contact: `contact["devices"]` lists them when one is made, as `PushDevice`s."""
    retry: ClassVar[Retry] = MAIL
    """How a message is tried whose step says nothing."""
    connectors: ClassVar[tuple[builtins.type[ConnectorType], ...]]
    """Its providers; the first is what a new connector is when nobody says."""
    parts: ClassVar[tuple[Literal["subject", "html", "text"], ...]] = ("text",)
    """What its templates consist of."""
    Content: ClassVar[builtins.type[msgspec.Struct] | None] = None
    """What its templates say beside their parts: a struct that is complete by its defaults. Its names are those of the API."""
    content_words: ClassVar[Mapping[str, str]] = {}
    """What people call the fields of `Content`, by their paths (`content.optOut`)."""
    text_hint: ClassVar[str] = ""
    """What is said below the text in the editor."""
    starter: ClassVar[Parts | None] = None
    """What a new template begins with; a greeting when it is not said."""
    not_an_address: ClassVar[str] = translatable("The address of the contact cannot be used.")
    no_address: ClassVar[str] = ""
    """The sentence for a contact without one; made of `type` when it is not said."""
    passes: ClassVar[frozenset[str]] = frozenset()
    """Reasons of the suppression list at which transactional messages still go."""

    @classmethod
    def address_of(cls, contact: Mapping[str, Any]) -> str | None:
        """Where messages to this contact go; None when it has no such address."""
        return contact.get(cls.identifier) or None

    @classmethod
    def is_address(cls, text: str) -> bool:
        """Could a message go there at all?"""
        return True

    @classmethod
    def comparable(cls, address: str) -> str:
        """The form by which two spellings are the same address; the suppression list is kept in it. Never raises."""
        return address.strip()

    @classmethod
    def normal(cls, address: str) -> str:
        """An address that somebody wrote, in the form in which contacts have it. Raises BadAddress."""
        return cls.comparable(address)

    @classmethod
    def in_country(cls, text: str, country: str | None) -> str:
        """An address as somebody of this country (ISO 3166 alpha-2) writes it, in full; else as it stands. Never raises."""
        return text

    @classmethod
    def wire(cls, address: str) -> str:
        """An address as providers are told it. Raises BadAddress."""
        return cls.comparable(address)

    @classmethod
    def recipient_of(cls, text: str) -> str:
        """One address that somebody wrote to try it out, as providers are told it. Raises Invalid for `to`."""
        try:
            return cls.wire(text)
        except BadAddress as error:
            raise Invalid(errors=[FieldError(path="to", message=str(error))]) from error

    @classmethod
    def render(cls, template: Parts, data: Mapping[str, Any]) -> Parts:
        """A template filled for one contact. Raises PartError."""
        function, first = cls.rendering()
        return function(*first, template, data)

    @classmethod
    def rendering(cls) -> tuple[Callable[..., Parts], tuple[Any, ...]]:
        """What `render` calls, and its first arguments: a function of a module that a process without database and settings imports.

        Previews are made in such a process, so that a template that costs too much stops nobody else.
        """
        return fill_parts, (cls.parts,)

    @classmethod
    def liquid_sources(cls, template: Parts) -> list[LiquidSource]:
        """The texts of a template that hold Liquid: they are checked when it is saved, and the fields that they read."""
        return [LiquidSource(part, getattr(template, part), part == "html") for part in ("subject", "html", "text")]

    @classmethod
    def content_faults(cls, template: Parts) -> list[FieldError]:
        """What is wrong with a template that neither its Liquid nor its types say, when it is saved."""
        return []

    @classmethod
    def part_doubts(cls, template: Parts) -> list[tuple[str, str]]:
        """(part, sentence) of what somebody may want to change in a template that can be saved and sent as it is."""
        return []

    @classmethod
    def placeholders(cls, text: str) -> list[str]:
        """Names that the text of a template leaves open, each with a value in its `content`."""
        return []

    @classmethod
    def as_liquid(cls, template: Parts) -> str:
        """The text of a template, in which the values of its `placeholders` stand in their places."""
        return template.text

    @classmethod
    def segments_of(cls, shown: Parts) -> SegmentCount | None:
        """How many pieces providers make of a filled template, and charge for; None where a message is one whatever it says."""
        return None

    @classmethod
    def part_word(cls, path: str) -> str:
        """What people call a part or a field of `Content` that is wrong: `content.variables[0]` is `Value 1`."""
        stem, _, place = path.partition("[")
        words = {
            "html": "HTML",
            "text": translatable("Text"),
            "subject": translatable("Subject"),
            "as": translatable("Preview"),
            "name": translatable("Name"),
        }
        word = cls.content_words.get(stem) or words.get(stem, stem)
        return f"{word} {int(place.partition(']')[0]) + 1}" if place else word

    @classmethod
    def picture(cls, shown: Parts) -> str:
        """How a filled template looks, as HTML for a frame that can run nothing."""
        style = "margin:0;padding:24px;font:16px/1.5 sans-serif;color:#1d1b26;white-space:pre-wrap"
        return shown.html or f'<!doctype html><body style="{style}">{html.escape(shown.text)}</body>'

    @classmethod
    def compose(cls, letter: Letter, sender: Any) -> Composed:
        """Render, and put it into the form in which it leaves. Raises PartError, Unsendable."""
        raise NotImplementedError

    @classmethod
    def sender_for(cls, sender: Any, options: Mapping[str, Any]) -> Any:
        """The sender of a connector with what a step says instead: who a message comes from, and where answers go."""
        return sender

    @classmethod
    def sample(cls, parts: Parts, sender: Any, recipient: str) -> Packet:
        """A message that says `parts` as they stand, for whoever tries out a connector, a template or a step.

        Raises BadAddress for the sender's own address.
        """
        raise NotImplementedError

    @classmethod
    def for_devices(cls, packet: Any, sender: Any, devices: Sequence[PushDevice]) -> Packet:
        """Of a channel to devices: a message of `sample` for these. Raises Unsendable when the sender reaches none of them."""
        raise NotImplementedError

    @classmethod
    def many(cls) -> str:
        """What several are called, in the reader's language: `emails`."""
        return gettext(cls.plural or f"{cls.noun}s")

    @classmethod
    def counted(cls, count: int) -> str:
        """`1 email`, `2 emails`."""
        return counted(count, cls.noun, cls.plural)
