"""What the author of a channel says of each of its providers: a `ConnectorType`, its settings and how messages are handed over.

How its form looks lies in `frontend-nodes/channels/<channel>/<type>/` (`presentation`).
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from app.lib.translation import gettext, translatable
from app.messaging.channels.reports import CallbackCall, CallbackReply
from app.messaging.channels.result import Transport

Settings = dict[str, Any]
"""Settings of a connector as they lie in the table: those of its `Config` without the secret."""


class Sender(msgspec.Struct, frozen=True):
    """A connector ready for use. `server` is what its transport opens; connectors with equal ones share connections."""

    id: UUID
    server: Any


class ConnectorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A connector in lists. `place`: where messages are handed over, `detail`: how; `sender`: who they come from, `address`: from where."""

    place: str
    detail: str = ""
    sender: str = ""
    address: str = ""


class ConnectorForm(msgspec.Struct, frozen=True, kw_only=True):
    """The words of the form of a connector: what it is called, and what is said where a field does not fit."""

    title: str
    """What is set up with it: `Mail server`."""
    about: str = ""
    """What it is for, in a line, where people choose one."""
    place: str = "Service"
    """What `ConnectorSummary.place` is called at the head of a list: `Server`."""
    trial_title: str
    """What the button beside it does: `Send a test email`."""
    trial_to: Literal["email", "tel", "text", ""]
    """What a test is sent to, as an input of HTML knows it; empty when it goes to nobody."""
    trial_taken: str = translatable("The service took it. See whether it arrived at {to}.")
    """What is said when a test was taken."""
    local_fields: Sequence[str] = ()
    """What can be changed of a connector to the product itself."""
    words: Mapping[str, str] = {}
    """Field → what to write there, said when what was written does not fit."""
    choices: Mapping[str, Sequence[tuple[str, str]]] = {}
    """Field → the values to choose from, each with its word."""
    defaults: Mapping[str, str] = {}
    """What stands in the form of a new one."""


class UsualLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much connectors of a type are used that say nothing else: so many at a time over all workers, and `rate` in `rate_seconds`."""

    max_concurrent: int | None = None
    rate: int | None = None
    rate_seconds: int = 1
    burst: int | None = None


class ConnectorType:
    """How one kind of provider is reached. Settings are checked here and nowhere else."""

    type: ClassVar[str]
    """The name in the API and in the table."""
    label: ClassVar[str]
    Config: ClassVar[builtins.type[msgspec.Struct]]
    """Settings of a new connector, the secret among them: the fields of its form and of the API."""
    Change: ClassVar[builtins.type[msgspec.Struct]]
    """The same for changing some of them, where what is absent stays. Made of `Config` when a type does not say its own."""
    secret: ClassVar[str] = ""
    """The field that is sealed and never shown; empty when there is none."""
    secret_word: ClassVar[str] = translatable("password")
    """What people call it."""
    asks_again: ClassVar[str] = translatable("Enter it again: a stored one is not sent anywhere else.")
    """The sentence for somebody who aims a stored secret elsewhere."""
    form: ClassVar[ConnectorForm]
    usual_limits: ClassVar[UsualLimits] = UsualLimits()
    reports: ClassVar[bool] = False
    """Its provider can call the address of a connector and tell what became of messages: `callbacks` reads that."""
    engagement: ClassVar[tuple[str, ...]] = ()
    """What it reports of people: `opened`, `clicked`. Conditions over what no connector of the workspace reports are warned of."""
    callback_secret: ClassVar[str] = ""
    """The field that verifies such calls, sealed and never shown, where the provider has a secret of its own for them."""
    callback_hint: ClassVar[str] = ""
    """Where to enter the address at the provider, as a sentence."""

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        """What a call of the provider says. Raises NotVerified when it is not the provider's.

        It may ask the outside: no transaction is open.
        """
        raise NotImplementedError

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        """The settings of a new connector, in the form in which they are stored. Raises Invalid with paths below `config`."""
        return settings

    @classmethod
    def completed(cls, settings: Settings, secret: str) -> tuple[Settings, str]:
        """Checked settings and the secret of a new connector, with what is made for it or read from its secret. Raises Invalid."""
        return settings, secret

    @classmethod
    def changed(cls, before: Settings, new_settings: Settings, *, secret_given: bool) -> Settings:
        """`before` with what is `given`, checked alike. Raises Invalid."""
        return cls.checked({**before, **new_settings})

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        """Where the secret goes: it is sealed together with this, and asked for again when this changes."""
        return ()

    @classmethod
    def wants_secret(cls, settings: Settings) -> bool:
        """Is a stored secret of any use with these settings?"""
        return True

    @classmethod
    def consent_terms(cls, settings: Settings) -> tuple[str, ...]:
        """What a person consents to before it works (OAuth2), and where the tokens of that go; empty where nobody has to.

        What the consent gave is sealed together with this, and void when this changes.
        """
        return ()

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> Any:
        """The settings as clients see them, as a struct or a mapping."""
        raise NotImplementedError

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        """The settings as people see them in a list, in a line or two."""
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
    def stand_in_refusal(
        cls, settings: Settings, first: Settings, options: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> str:
        """Why one with these settings may not take over a message of a connector with the settings `first`, as the end of a sentence.

        Empty when it may. `options`: what the step of the message says (sender, topic …), `content`: what its template says beside its
        text; None when no message is meant yet.
        """
        return ""

    @classmethod
    def sender(cls, connector_id: UUID, settings: Settings, secret: str) -> Sender:
        """A connector ready for use."""
        raise NotImplementedError

    @classmethod
    def reporting(cls, sender: Sender, url: str) -> Sender:
        """The same, that tells its provider with each message to report to this address; as it is where that is set up there."""
        return sender

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> Transport:
        """New connections; `deadline_s` is how long one message may take in all, DEADLINE_S when not said."""
        raise NotImplementedError

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """The names of its settings in documents and forms, in the order of `Config`."""
        return tuple(field.encode_name for field in msgspec.structs.fields(cls.Config))

    @classmethod
    def numbers(cls) -> tuple[str, ...]:
        """Those of them that hold whole numbers."""
        schema = msgspec.json.schema(cls.Config)["$defs"][cls.Config.__name__]["properties"]
        return tuple(name for name, about in schema.items() if about.get("type") == "integer")


def change_of_config(kind: builtins.type[ConnectorType]) -> builtins.type[msgspec.Struct]:
    """`Config` with every field as one that may be left out: what a type's `Change` is that says none of its own."""
    unset = msgspec.UnsetType
    fields = [
        (field.name, field.type | unset, msgspec.field(default=msgspec.UNSET, name=field.encode_name))
        for field in msgspec.structs.fields(kind.Config)
    ]
    return msgspec.defstruct(
        f"{kind.Config.__name__.removesuffix('Config')}Change",
        fields,
        kw_only=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": gettext("Settings to change; what is absent stays.")},
    )
