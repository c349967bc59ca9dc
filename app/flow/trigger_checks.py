"""What is wrong with the triggers of a document. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.flow import trigger_registry
from app.flow.diagnostic import Diagnostic, incomplete, warning
from app.flow.document import Flow, Trigger
from app.flow.references import ReferencedRows, reference_fault
from app.flow.step_types import StepTypes
from app.flow.trigger_registry import typed
from app.lib.nearest import did_you_mean
from app.lib.translation import gettext, translatable

NEVER_BY_HAND = translatable(
    "Whoever is put in by hand enters by the other trigger of this kind. Switch one of the two off, or remove it."
)


def check_triggers(flow: Flow, types: StepTypes, rows: ReferencedRows) -> Iterator[Diagnostic]:
    """All of it; `types` knows the trigger types, `rows` what they name. Of a trigger that is switched off only what contradicts itself."""
    single, covered = flow.single is not None, set[tuple[bool, bool]]()
    for index, trigger in enumerate(flow.triggers):
        place = "trigger" if single else f"triggers[{index}]"
        path = flow.trigger_path(index)
        faults = [*_of_type(trigger, place, path, types), *_references(trigger, path, rows)]
        if not trigger.enabled:
            yield from (fault for fault in faults if fault.blocks_save)
            continue
        yield from faults
        if not any(flow.leaving(trigger.id)):
            step = (
                gettext("Connect the trigger to the first step.")
                if flow.nodes
                else gettext("Add the first step: nothing happens yet.")
            )
            yield incomplete(place, step, trigger.id)
        kind, config = typed(trigger)
        if kind.by_hand:
            takes = {(kind.for_programs, takes) for takes in kind.contact_rule(config).takes}
            if takes <= covered:
                yield warning(place, NEVER_BY_HAND, trigger.id)
            covered |= takes
    if not any(trigger.enabled for trigger in flow.triggers):
        message = gettext("Switch a trigger on: as it is, nothing starts this workflow.")
        yield incomplete("triggers[0].enabled", message, flow.triggers[0].id)


def _references(trigger: Trigger, path: str, rows: ReferencedRows) -> Iterator[Diagnostic]:
    """What a trigger names that is not there, or does not fit."""
    for reference in trigger_registry.references(trigger.type, trigger.data):
        fault = reference_fault(reference, rows.get(reference.kind, {}).get(reference.id))
        if fault is not None:
            yield incomplete(f"{path}.{reference.path}", fault, trigger.id)


def _of_type(trigger: Trigger, place: str, path: str, types: StepTypes) -> Iterator[Diagnostic]:
    installed_types = types.trigger_names()
    if trigger.type not in installed_types:
        message = gettext(
            "There is no trigger type “%(type)s”. %(type_2)s",
            type=trigger.type,
            type_2=did_you_mean(trigger.type, installed_types),
        )
        yield Diagnostic(f"{place}.type", message, trigger.id)
        return
    for diagnostic in types.trigger_diagnostics(trigger.type, trigger.data):
        yield diagnostic.below(path, trigger.id)
