"""Set fields and attributes of the contact, or count an attribute up. What does not fit its field fails in words and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import CONTACT_COLUMNS, Increment, SetFields
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, IfRoom, Outcome, Read, Run, refused
from app.flow.paths import label_of
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.lib import jsonlimits
from app.lib.conversions import printed
from app.lib.formats import readable
from app.values import contact_fields
from app.values.contact_fields import BadField, CountryDecides
from app.values.increments import NotCountable, added

FIXED = {"email", "external_id", "externalId", "id", "tags", "created_at", "createdAt", "consent", "attributes"}
MAX_FIELDS = 50
_NUMBER_BYTES = 32
"""What counting adds to attributes at most: a number that is not there yet, with its punctuation."""
_CALLED = {"phone": "The phone number", "timezone": "The time zone", "locale": "The language", "source": "The source"}


class UpdateContactConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    set: dict[str, Any] = {}
    increment: dict[str, float] = {}


def _fitting(name: str, value: Any, country: str | None) -> Any:
    """A value as its field stores it. Raises BadField."""
    try:
        if name not in CONTACT_COLUMNS:
            return contact_fields.attribute(value)
        # A number is text here as it is in a mail: forms and events make one of digits.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return contact_fields.text(name, printed(value) if is_number else value, country)
    except CountryDecides:
        raise
    except BadField as error:
        raise BadField(_sentence(name, str(error))) from error


def _sentence(name: str, reason: str) -> str:
    return f"{_CALLED.get(name, f'The attribute {name}')} was not changed. {reason}"


def _attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in CONTACT_COLUMNS}


def _size_at_most(values: Mapping[str, Any]) -> int:
    """No fewer bytes than the attributes among the values take as JSON; cheap for scalars."""
    size = 2
    for name, value in values.items():
        if name not in CONTACT_COLUMNS:
            value_size = contact_fields.size_of_scalar(value)
            size += 4 * len(name) + 4 + (len(jsonlimits.encode(value)) if value_size is None else value_size)
    return size


class _Changes:
    """What a step writes: values that are the same for everybody, readers of the others, and what it counts."""

    def __init__(self, config: UpdateContactConfig, scope: CompileScope) -> None:
        self.values: dict[str, Any] = {}
        self.readers: dict[str, Read] = {}
        for field, value in config.set.items():
            name = field.removeprefix("attributes.")
            try:
                if is_constant(value):
                    self.values[name] = _fitting(name, value, None)
                else:
                    self.readers[name] = scope.value(value)
            except CountryDecides:
                self.readers[name] = scope.value(value)
        # Whole numbers stay whole: 4 and 4.0 are different JSON.
        self.counts = {
            name.removeprefix("attributes."): int(by) if float(by).is_integer() else by
            for name, by in config.increment.items()
        }
        names = {*self.values, *self.readers, *self.counts}
        self.attributes = bool(names - set(CONTACT_COLUMNS))
        """Does it write any?"""
        self.grows = sum(len(name.encode()) + _NUMBER_BYTES for name in self.counts)
        self.size = _size_at_most(self.values)

    def outcome(self, values: dict[str, Any], totals: Mapping[str, Any]) -> Outcome:
        """`totals` are written as they are; what else is counted is added to what is stored."""
        output: dict[str, Any] = {"set": values} if values else {}
        if self.counts:
            output["increment"] = self.counts
        put = {**values, **totals}
        effects = [Increment(name, by) for name, by in self.counts.items() if name not in totals]
        return Done(output=output, effects=(SetFields(put), *effects) if put else tuple(effects))

    def read(self, step: Any) -> dict[str, Any]:
        """The values for one person. Raises BadField."""
        values = dict(self.values)
        for name, read in self.readers.items():
            try:
                values[name] = _fitting(name, read(step), step.country)
            except CountryDecides as error:
                raise BadField(_sentence(name, str(error))) from error
        return values

    def totals(self, contact: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """What counting makes of attributes that are text or set by this step; others are added to where they are stored.

        Raises BadField when something cannot be added on.
        """
        totals: dict[str, Any] = {}
        for name, by in self.counts.items():
            before = values[name] if name in values else contact.attributes.get(name)
            try:
                total = added(before, by)
            except NotCountable as error:
                raise BadField(_sentence(name, f"Nothing can be added to it: {error}.")) from error
            if name in values or isinstance(before, str):
                totals[name] = total
        return totals


def _too_large(contact: Any, values: Mapping[str, Any], grows: int) -> str | None:
    """Why the contact cannot take the values; None when it can. `grows`: no fewer bytes than its attributes get more."""
    if contact.attributes_size + grows <= contact_fields.MAX_ATTRIBUTES_BYTES:
        return None
    before = contact.attributes
    after = {**before, **_attributes(values)}
    return contact_fields.too_large(before, {name: value for name, value in after.items() if value is not None})


def _run_of(changes: _Changes, shared: Outcome | None = None) -> Run:
    """`shared`: what it comes to for everybody whom the values fit."""
    shared = shared or changes.outcome(changes.values, {})

    def run(step: Any) -> Outcome:
        try:
            values = changes.read(step) if changes.readers else changes.values
            totals = changes.totals(step.contact, values) if changes.counts else {}
        except BadField as error:
            return refused(str(error))
        if changes.attributes:
            size = _size_at_most(values) if changes.readers else changes.size
            if refusal := _too_large(step.contact, {**values, **totals}, size + changes.grows):
                return refused(f"Nothing was changed. {refusal}")
        return changes.outcome(values, totals) if changes.readers or totals else shared

    return run


def _problem(part: str, name: str, value: Any) -> str | None:
    """What is wrong with one field of the configuration; None when nothing is."""
    plain = name.removeprefix("attributes.")
    if name in FIXED:
        return f"{name} cannot be changed by a workflow."
    if part == "increment" and plain in CONTACT_COLUMNS:
        return f"{name} is no number. Choose an attribute to count."
    try:
        if plain not in CONTACT_COLUMNS:
            contact_fields.attribute_name(plain)
        if part == "set" and is_constant(value):
            _fitting(plain, value, None)
    except CountryDecides:
        return None  # whether it fits is known when it is written
    except BadField as error:
        return str(error)
    return None


@registry.node
class UpdateContact(NodeType):
    type, label, category = "update_contact", "Update contact", "data"
    retryable = needs_contact = True
    description = (
        "Sets attributes and fields of the contact, with values of the event or earlier steps, or counts one up."
    )
    Config = UpdateContactConfig

    @staticmethod
    def compile(config: UpdateContactConfig, scope: CompileScope) -> Run | Outcome | IfRoom:
        try:
            changes = _Changes(config, scope)
        except BadField as error:
            return refused(str(error))
        if changes.attributes:
            scope.reads.add("contact.attributes")
        elif not changes.readers:
            return changes.outcome(changes.values, {})
        if changes.readers or changes.counts:
            return _run_of(changes)
        shared = changes.outcome(changes.values, {})
        return IfRoom(shared, _run_of(changes, shared), size=changes.size)

    @classmethod
    def diagnostics(cls, config: UpdateContactConfig) -> list[Diagnostic]:
        if not config.set and not config.increment:
            return [incomplete("set", "Choose at least one field to change.")]
        if len(config.set) + len(config.increment) > MAX_FIELDS:
            return [Diagnostic("set", f"At most {MAX_FIELDS} fields fit in one step.")]
        return [
            Diagnostic(f"{part}.{name}", sentence)
            for part, fields in (("set", config.set), ("increment", config.increment))
            for name, value in fields.items()
            if (sentence := _problem(part, name, value)) is not None
        ]

    @classmethod
    def summary(cls, config: UpdateContactConfig) -> str:
        parts = [f"{label_of(name)} = {readable(value, '…')}" for name, value in config.set.items()]
        parts += [
            f"{label_of(name)} {'+' if by >= 0 else '−'} {printed(abs(by))}" for name, by in config.increment.items()
        ]
        return ", ".join(parts)

    @classmethod
    def explain(cls, config: UpdateContactConfig | None, step: StepRecord) -> str:
        output = step.output or {}
        changed = [*output.get("set", {}), *output.get("increment", {})]
        return f"Changed {', '.join(changed)}." if changed else "Nothing to change."

    @classmethod
    def writes(cls, config: UpdateContactConfig) -> Iterable[str]:
        names = (name.removeprefix("attributes.") for name in (*config.set, *config.increment))
        return [name for name in names if name not in CONTACT_COLUMNS]
