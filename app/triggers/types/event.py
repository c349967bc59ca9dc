"""An event happens to a contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.flow import trigger_registry
from app.flow.conditions import Match
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import Conditions, EventName
from app.flow.trigger_type import Admission, TriggerPreview, TriggerType
from app.lib.translation import gettext, translatable
from app.values.event_names import take_recorded_name


class EventConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Contacts enter when this event happens to them and the conditions hold."""

    event: EventName | None = None
    conditions: Conditions = []
    match: Match = "all"

    def __post_init__(self) -> None:
        take_recorded_name(self)


@trigger_registry.trigger
class EventTrigger(TriggerType):
    type, label = "event", translatable("An event occurs")
    description = translatable("Starts when an event arrives for a contact.")
    Config = EventConfig

    @classmethod
    def subscribes(cls, config: EventConfig) -> tuple[str, ...]:
        return (config.event,) if config.event else ()

    @classmethod
    def event_name(cls, config: EventConfig) -> str:
        return config.event or ""

    @classmethod
    def admission(cls, config: EventConfig) -> Admission:
        return Admission(config.conditions, config.match)

    @classmethod
    def title(cls, config: EventConfig) -> str:
        return config.event or gettext("No event chosen")

    @classmethod
    def summary(cls, config: EventConfig) -> str:
        return gettext("Event %(event)s", event=config.event) if config.event else gettext("No trigger chosen yet")

    @classmethod
    def explain(cls, config: EventConfig, event: Mapping[str, Any]) -> str:
        name = config.event
        did = gettext("Event %(name)s was received.", name=name) if name else gettext("An event was received.")
        met = gettext("The contact met the entry conditions.")
        return f"{did} {met}" if cls.admission(config).words else did

    @classmethod
    def preview(cls, config: EventConfig) -> TriggerPreview:
        words = cls.admission(config).words
        text = gettext("and lets in contacts when %(words)s.", words=words) if words else gettext("for everyone.")
        return TriggerPreview(gettext("Starts on the event “%(value)s”", value=config.event or ""), text)

    @classmethod
    def diagnostics(cls, config: EventConfig) -> list[Diagnostic]:
        if (config.event or "").strip():
            return super().diagnostics(config)
        unchosen = incomplete("event", gettext("Choose the event that starts this workflow."))
        return [*super().diagnostics(config), unchosen]
