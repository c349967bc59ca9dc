"""Another program sends JSON to an address of the trigger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import trigger_registry
from app.flow.conditions import Match
from app.flow.diagnostic import Diagnostic
from app.flow.document import Conditions
from app.flow.reception import HeaderName, Identity, Path, Reception, Signature
from app.flow.trigger_type import Admission, ContactRule, TriggerPreview, TriggerType
from app.lib.translation import gettext, translatable


class WebhookConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A run starts when JSON comes to the address and the conditions hold.

    `identity` says where the JSON names the contact; left empty, runs have no contact. `attributes` are written to the contact,
    `properties` are what steps read as `event.…`, with those that `headers` name. `signature`: how the sender proves that it is one;
    `deliveryId`: where the JSON says which delivery it is, for senders that send the same one again with another body or time.
    """

    identity: Identity = Identity()
    attributes: dict[str, Path] = {}
    properties: dict[str, Path] | str = "all"
    signature: Signature = "standard"
    create_contact: bool = True
    headers: dict[str, HeaderName] = {}
    delivery_id: Annotated[Path, Meta(title="id of the delivery")] = ""
    conditions: Conditions = []
    match: Match = "all"

    def __post_init__(self) -> None:
        if isinstance(self.properties, str) and self.properties != "all":
            raise ValueError("`properties` is `all`, or an object of names and paths")


@trigger_registry.trigger
class WebhookTrigger(TriggerType):
    type, label = "webhook", translatable("A webhook is received")
    description = translatable("Starts when another program sends JSON to the address of this trigger.")
    Config = WebhookConfig

    @classmethod
    def event_name(cls, config: WebhookConfig) -> str:
        return "webhook.received"

    @classmethod
    def admission(cls, config: WebhookConfig) -> Admission:
        return Admission(config.conditions, config.match)

    @classmethod
    def contact_rule(cls, config: WebhookConfig) -> ContactRule:
        return ContactRule.REQUIRED if config.identity.paths_by_field() else ContactRule.NONE

    @classmethod
    def brings(cls, config: WebhookConfig) -> Mapping[str, str]:
        properties = config.properties if isinstance(config.properties, dict) else {}
        return dict.fromkeys([*properties, *config.headers], "")

    @classmethod
    def reception(cls, config: WebhookConfig) -> Reception:
        properties = config.properties
        return Reception(
            identity=config.identity,
            attributes=dict(config.attributes),
            properties=dict(properties) if isinstance(properties, dict) else "all",
            signature=config.signature,
            create_contact=config.create_contact,
            headers=dict(config.headers),
            delivery_id=config.delivery_id.strip(),
        )

    @classmethod
    def title(cls, config: WebhookConfig) -> str:
        return gettext("A webhook is received")

    @classmethod
    def summary(cls, config: WebhookConfig) -> str:
        return gettext("A program calls its address")

    @classmethod
    def explain(cls, config: WebhookConfig, event: Mapping[str, Any]) -> str:
        return gettext("A program sent JSON to the trigger’s address.")

    @classmethod
    def preview(cls, config: WebhookConfig) -> TriggerPreview:
        text = (
            gettext("Each call starts a run for the contact that the JSON names. Activating starts none.")
            if config.identity.paths_by_field()
            else gettext("Each call starts a run without a contact. Activating starts none.")
        )
        return TriggerPreview(gettext("It waits to be called"), text)

    @classmethod
    def diagnostics(cls, config: WebhookConfig) -> list[Diagnostic]:
        return [*super().diagnostics(config), *cls.reception(config).diagnostics()]
