"""The list of trigger types. Modules in `app/triggers/types` are found automatically; two types of one name are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from app.flow import discovery
from app.flow.diagnostic import Diagnostic
from app.flow.document import Trigger
from app.flow.references import Reference, references_in
from app.flow.segment_membership import segments_named
from app.flow.trigger_type import ContactRule, TriggerPreview, TriggerType
from app.lib.field_errors import all_field_errors
from app.lib.translation import gettext, ngettext, translatable

PLUGINS = "triggers"
SAYS = ("type", "label", "description", "Config")
_list: discovery.TypeList[type[TriggerType]] = discovery.TypeList("trigger type", PLUGINS, SAYS)
_types, _failures = _list.by_name, _list.failures
look_in = _list.look_in


def trigger(cls: type[TriggerType]) -> type[TriggerType]:
    """Put a trigger type on the list. Raises ValueError when its name is taken or something is missing that every type says."""
    _list.check(cls)
    _types[cls.type] = cls
    return cls


def failures() -> dict[str, str]:
    """Modules that could not be loaded, each with a sentence that says why."""
    _list.discover()
    return dict(_failures)


def types() -> dict[str, type[TriggerType]]:
    """All trigger types by name, in the order of their labels."""
    _list.discover()
    return dict(sorted(_types.items(), key=lambda item: item[1].label))


def find(name: str) -> type[TriggerType] | None:
    """The type called `name`; None when it is not installed (any more)."""
    _list.discover()
    return _types.get(name)


def diagnostics(kind: type[TriggerType], data: dict[str, Any]) -> list[Diagnostic]:
    """All that is wrong with `data`; paths begin below `data` (`event`, `conditions[0].operator`)."""
    if faults := all_field_errors(data, kind.Config):
        return [Diagnostic(fault["path"], fault["message"]) for fault in faults]
    return kind.diagnostics(msgspec.convert(data, kind.Config))


def references(name: str, data: dict[str, Any]) -> list[Reference]:
    """The rows of the workspace that a trigger of this type names; none of a type that is not installed."""
    kind = find(name)
    return [*references_in(kind.Config, data), *segments_named(data)] if kind else []


def fields(name: str) -> list[str]:
    """Names of the fields that a config of this type may have."""
    kind = find(name)
    return [field.encode_name for field in msgspec.structs.fields(kind.Config)] if kind else []


class UnknownTrigger(TriggerType):
    """Stands for a type that is not installed here, or a config that it does not understand: nothing starts by it."""

    type, label = "unknown", translatable("Unknown trigger")
    description = translatable("This type is not installed here. The trigger is kept as it is.")
    Config = msgspec.defstruct("UnknownConfig", [])

    @classmethod
    def title(cls, config: Any) -> str:
        return cls.label

    @classmethod
    def summary(cls, config: Any) -> str:
        return gettext("A trigger that is not installed here")

    @classmethod
    def explain(cls, config: Any, event: Mapping[str, Any]) -> str:
        return gettext("Started by a trigger that is not installed here.")

    @classmethod
    def preview(cls, config: Any) -> TriggerPreview:
        return TriggerPreview(gettext("A trigger is not installed here"), gettext("Nobody enters by it."))


class TypedTrigger(NamedTuple):
    """A trigger of a document as its type reads it: ask `kind` about `config`."""

    kind: type[TriggerType]
    config: Any


def typed(trigger: Trigger) -> TypedTrigger:
    """The type and config of a trigger; `UnknownTrigger` when there is no such type, or it does not understand the data."""
    kind = find(trigger.type)
    if kind is not None:
        try:
            return TypedTrigger(kind, msgspec.convert(trigger.data, kind.Config))
        except msgspec.ValidationError:
            pass
    return TypedTrigger(UnknownTrigger, UnknownTrigger.Config())


def contact_rule(trigger: Trigger) -> ContactRule:
    """Are the runs of this trigger about a contact?"""
    kind, config = typed(trigger)
    return kind.contact_rule(config)


def by_hand(triggers: Iterable[Trigger], *, by_program: bool | None = None) -> list[Trigger]:
    """Those that are switched on and made for starts from outside, in the order in which a start asks them.

    `by_program`: a program asks, or a person; None leaves them in the order of the document, as the engine does.
    """
    on = [trigger for trigger in triggers if trigger.enabled and typed(trigger).kind.by_hand]
    if by_program is not None:
        on.sort(key=lambda trigger: typed(trigger).kind.for_programs is not by_program)
    return on


def trigger_by_hand(triggers: Sequence[Trigger], *, of_contact: bool, by_program: bool | None = None) -> Trigger | None:
    """The trigger by which a start from outside begins a run, of a contact or without one; None: nothing does.

    Whoever starts runs asks this, whatever the door: a person, a program, a step of another workflow. One that is made for such starts,
    and switched on; of contacts any other that is switched on, as long as none is made for it: a switch that is off lets nobody past.
    """
    trigger = next(
        (one for one in by_hand(triggers, by_program=by_program) if of_contact in contact_rule(one).takes), None
    )
    if trigger is not None or not of_contact or switched_off(triggers, of_contact=True):
        return trigger
    return next((one for one in triggers if one.enabled and contact_rule(one) is not ContactRule.NONE), None)


def switched_off(triggers: Sequence[Trigger], *, of_contact: bool) -> bool:
    """Is every trigger that is made for starts from outside of such runs switched off? False without any."""
    candidates = [one for one in triggers if typed(one).kind.by_hand and of_contact in contact_rule(one).takes]
    candidates = candidates or [one for one in triggers if of_contact and contact_rule(one) is not ContactRule.NONE]
    return bool(candidates) and not any(one.enabled for one in candidates)


def subscriptions(triggers: Iterable[Trigger]) -> tuple[str, ...]:
    """The events that those of `triggers` that are switched on listen for, each once."""
    on = [typed(trigger) for trigger in triggers if trigger.enabled]
    return tuple(dict.fromkeys(event for kind, config in on for event in kind.subscribes(config)))


def summary(triggers: Sequence[Trigger]) -> str:
    """What starts a workflow, as the list of workflows says it: the first that is switched on, and how many there are besides."""
    on = [typed(trigger) for trigger in triggers if trigger.enabled]
    if not on:
        return gettext("No trigger is switched on")
    (kind, config), *others = on
    first = kind.summary(config)
    if not others:
        return first
    return ngettext(
        "%(first)s and %(number)s more trigger", "%(first)s and %(number)s more triggers", len(others), first=first
    )
