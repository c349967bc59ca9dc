"""Let an event happen: to the contact, so that workflows hear of it, or to nobody, so that it is on record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import EmitEvent
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run, refused
from app.flow.placeholders import in_words
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.lib.translation import gettext, translatable
from app.values import event_fields
from app.values.event_fields import BadEvent

MAX_PROPERTIES = 100


class EmitEventConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    name: str = ""
    properties: dict[str, Any] = {}
    contact: Literal["this", "none"] = "this"


def _emitted(name: Any, properties: dict[str, Any], of_contact: bool) -> Outcome:
    """Raises BadEvent."""
    checked = event_fields.name(name)
    effect = EmitEvent(checked, event_fields.properties(properties), of_contact=of_contact)
    return Done(output={"name": checked}, effects=(effect,))


@registry.node
class EmitEventStep(NodeType):
    type, label, category = "emit_event", translatable("Send event"), "data"
    retryable, needs_contact = True, True
    description = translatable(
        "Lets an event happen to the contact, from which other workflows start and for which steps wait."
    )
    Config = EmitEventConfig

    @staticmethod
    def compile(config: EmitEventConfig, scope: CompileScope) -> Run | Outcome:
        of_contact = config.contact == "this"
        if is_constant(config.name) and is_constant(config.properties):
            try:
                return _emitted(config.name, config.properties, of_contact)
            except BadEvent as error:
                return refused(gettext("The event was not sent. %(error)s", error=error))
        name, properties = scope.value(config.name), scope.value(config.properties)

        def run(step: Any) -> Outcome:
            try:
                return _emitted(name(step), properties(step), of_contact)
            except BadEvent as error:
                return refused(gettext("The event was not sent. %(error)s", error=error))

        return run

    @classmethod
    def means_contact(cls, config: EmitEventConfig) -> bool:
        return config.contact == "this"

    @classmethod
    def emits(cls, config: EmitEventConfig) -> Iterable[str]:
        return (
            [config.name.strip()]
            if config.contact == "this" and config.name.strip() and is_constant(config.name)
            else ()
        )

    @classmethod
    def diagnostics(cls, config: EmitEventConfig) -> list[Diagnostic]:
        if not config.name.strip():
            return [incomplete("name", gettext("Write the name of the event."))]
        if len(config.properties) > MAX_PROPERTIES:
            return [
                Diagnostic(
                    "properties",
                    gettext("At most %(max_properties)s properties fit in one step.", max_properties=MAX_PROPERTIES),
                )
            ]
        diagnostics = []
        if is_constant(config.name):
            try:
                event_fields.name(config.name)
            except BadEvent as error:
                diagnostics.append(Diagnostic("name", str(error)))
        try:
            event_fields.properties(config.properties)
        except BadEvent as error:
            diagnostics.append(Diagnostic("properties", str(error)))
        return diagnostics

    @classmethod
    def summary(cls, config: EmitEventConfig) -> str:
        if not config.name.strip():
            return ""
        return gettext("Send %(name)s", name=in_words(config.name)) + (
            " for nobody" if config.contact == "none" else ""
        )

    @classmethod
    def explain(cls, config: EmitEventConfig | None, step: StepRecord) -> str:
        name = (step.output or {}).get("name")
        return gettext("The event %(name)s was sent.", name=name) if name else gettext("An event is sent.")
