"""A person or a program starts runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from app.flow import trigger_registry
from app.flow.conditions import Match
from app.flow.diagnostic import Diagnostic
from app.flow.document import Conditions
from app.flow.editor_fields import Ignored
from app.flow.input_schema import InputSchema
from app.flow.trigger_type import BY_HAND_WORDS, Admission, ContactRule, TriggerPreview, TriggerType
from app.lib.translation import gettext, translatable


class ManualConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Contacts enter when a person or a program starts them; conditions are checked then too.

    `contact`: whether a run is about a contact. With `optional` and `none` a run may have an input alone.

    `input`: what a start must hand over, as JSON Schema of an object; left out, it takes anything.

    `event` means nothing here: it is kept from when the trigger listened for one, for whoever goes back to it.
    """

    conditions: Conditions = []
    match: Match = "all"
    contact: Annotated[ContactRule, msgspec.Meta(title="Contact")] = ContactRule.REQUIRED
    input: InputSchema | UnsetType = UNSET
    event: Ignored = UNSET


@trigger_registry.trigger
class ManualTrigger(TriggerType):
    type, label = "manual", translatable("Started manually")
    description = translatable("Starts when somebody, or a program, puts a contact in.")
    by_hand = True
    Config = ManualConfig

    @classmethod
    def admission(cls, config: ManualConfig) -> Admission:
        return Admission(config.conditions, config.match)

    @classmethod
    def contact_rule(cls, config: ManualConfig) -> ContactRule:
        return config.contact

    @classmethod
    def input_schema(cls, config: ManualConfig) -> InputSchema | None:
        return config.input if isinstance(config.input, InputSchema) else None

    @classmethod
    def diagnostics(cls, config: ManualConfig) -> list[Diagnostic]:
        schema = cls.input_schema(config)
        return [*super().diagnostics(config), *(schema.diagnostics() if schema else ())]

    @classmethod
    def title(cls, config: ManualConfig) -> str:
        return gettext("Started manually")

    @classmethod
    def summary(cls, config: ManualConfig) -> str:
        return gettext(BY_HAND_WORDS)

    @classmethod
    def explain(cls, config: ManualConfig, event: Mapping[str, Any]) -> str:
        return f"{gettext(BY_HAND_WORDS)}."

    @classmethod
    def preview(cls, config: ManualConfig) -> TriggerPreview:
        if config.contact is ContactRule.NONE:
            return TriggerPreview(
                gettext("Runs are started by hand"),
                gettext("by a person or a program, with an input and no contact. Activating starts none."),
            )
        return TriggerPreview(
            gettext("Contacts are put in by hand"),
            gettext("by a person or a program. Nobody enters just by activating."),
        )
