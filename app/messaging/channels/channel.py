"""What the author of a channel sees: a `ChannelType` in `channels/<type>/channel.py`, with a `ConnectorType` for each provider.

A channel says whom a message goes to, what it says and in which form it leaves; a connector type says how a provider is reached. The
ledger, the queue, the gateway and delivery ask them and know no channel by name. Nothing here reads a database: what a method needs, it
is given. Numbers and names are checked by `registry`.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from app.errors import FieldError, Invalid
from app.flow.retry import MAIL, Retry
from app.lib.addresses import BadAddress
from app.messaging.channels.filling import fill
from app.messaging.channels.parts import Parts
from app.messaging.channels.result import Packet, Transport

Settings = dict[str, Any]
"""Settings of a connector as they lie in the table: those of its `Config` without the secret."""


class Unsendable(Exception):
    """This message cannot be made: a stable reason and a sentence."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class Sender(msgspec.Struct, frozen=True):
    """A connector ready for use. `server` is what its transport opens; connectors with equal ones share connections."""

    id: UUID
    server: Any


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


class Composed(msgspec.Struct, frozen=True):
    """A message that is ready to leave, and what lists show of it."""

    subject: str
    packet: Packet


class ConnectorForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of a connector: its fields by the names of `Config`, what people call them, and the words for what is wrong with them."""

    template: str = ""
    """A template below `frontend-nodes` that lays the fields out; without one they stand one below the other."""
    help: str = ""
    """A template that says how messages leave, beside the form."""
    title: str
    """What is set up with it: `Mail server`."""
    trial_title: str
    """What the button beside it does: `Send a test mail`."""
    trial_to: Literal["email", "tel", "text"]
    """What a test is sent to, as an input of HTML knows it."""
    fields: Sequence[str]
    labels: Mapping[str, str] = {}
    numbers: Sequence[str] = ()
    """Fields that hold whole numbers."""
    local_fields: Sequence[str] = ()
    """What can be changed of a connector to the product itself."""
    words: Mapping[str, str] = {}
    choices: Mapping[str, Sequence[tuple[str, str]]] = {}
    defaults: Mapping[str, str] = {}


class ConnectorType:
    """How one kind of provider is reached. Settings are checked here and nowhere else."""

    type: ClassVar[str]
    """The name in the API and in the table."""
    label: ClassVar[str]
    Config: ClassVar[builtins.type[msgspec.Struct]]
    """Settings of a new connector, the secret among them."""
    Change: ClassVar[builtins.type[msgspec.Struct]]
    """The same for changing some of them: what is UNSET stays."""
    secret: ClassVar[str] = ""
    """The field that is sealed and never shown; empty when there is none."""
    secret_word: ClassVar[str] = "password"  # noqa: S105  a word for people
    """What people call it."""
    asks_again: ClassVar[str] = "Enter it again: a stored one is not sent anywhere else."
    """The sentence for somebody who aims a stored secret elsewhere."""
    form: ClassVar[ConnectorForm]

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        """The settings of a new connector, in the form in which they are stored. Raises Invalid with paths below `config`."""
        return settings

    @classmethod
    def changed(cls, before: Settings, given: Settings, *, secret_given: bool) -> Settings:
        """`before` with what is `given`, checked alike. Raises Invalid."""
        return cls.checked({**before, **given})

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        """Where the secret goes: it is sealed together with this, and asked for again when this changes."""
        return ()

    @classmethod
    def wants_secret(cls, settings: Settings) -> bool:
        """Is a stored secret of any use with these settings?"""
        return True

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> Any:
        """The settings as clients see them, as a struct or a mapping."""
        raise NotImplementedError

    @classmethod
    def is_local(cls, settings: Settings) -> bool:
        """Does it lead to the product itself and to nobody outside?"""
        return False

    @classmethod
    def local(cls, tenant_id: int) -> tuple[str, Settings] | None:
        """Name and settings of the connector that a workspace has in local mode; None for types without one."""
        return None

    @classmethod
    def sender(cls, connector_id: UUID, settings: Settings, secret: str) -> Sender:
        """A connector ready for use."""
        raise NotImplementedError

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> Transport:
        """New connections; `deadline_s` is how long one message may take in all, DEADLINE_S when not said."""
        raise NotImplementedError


class ChannelType:
    """Base of all channels. Subclass it with `@registry.channel`."""

    type: ClassVar[str]
    """The word in the API, and the name of its consent."""
    number: ClassVar[int]
    """What stands in the tables. Below 100 are ours (`app.models.status.Channel`), above those of plugins; it never changes."""
    label: ClassVar[str]
    noun: ClassVar[str]
    """What one message is called inside a sentence: `mail`."""
    icon: ClassVar[str]
    """A name of the product's icons."""
    identifier: ClassVar[Literal["email", "phone", "external_id"]]
    """The column of a contact that is the address."""
    retry: ClassVar[Retry] = MAIL
    """How a message is tried whose step says nothing."""
    connectors: ClassVar[tuple[builtins.type[ConnectorType], ...]]
    """Its providers; the first is what a new connector is when nobody says."""
    parts: ClassVar[tuple[Literal["subject", "html", "text"], ...]] = ("text",)
    """What its templates consist of."""
    callbacks: ClassVar[tuple[Any, ...]] = ()
    """Routes of providers' webhooks."""
    not_an_address: ClassVar[str] = "The address of the contact cannot be used."

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
        filled = {name: fill(name, getattr(template, name), data, html=name == "html") for name in cls.parts}
        return Parts(**{"subject": "", "html": "", "text": "", **filled})

    @classmethod
    def compose(cls, letter: Letter, sender: Any) -> Composed:
        """Render, and put it into the form in which it leaves. Raises PartError, Unsendable."""
        raise NotImplementedError

    @classmethod
    def trial(cls, name: str, sender: Any, recipient: str) -> Packet:
        """The short message that shows that the connector called `name` works. Raises BadAddress for the sender's own address."""
        raise NotImplementedError
