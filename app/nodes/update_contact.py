"""Set, empty, count up and add to fields of the contact. What does not fit its field fails in words and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import CONTACT_COLUMNS, Increment, SetFields
from app.flow.field_names import field_name
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, IfRoom, Outcome, Read, Run, refused
from app.flow.placeholders import in_words
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib import jsonlimits
from app.lib.conversions import as_list, as_number, is_blank, printed, quoted
from app.lib.translation import gettext, translatable
from app.values import contact_fields
from app.values.contact_fields import BadField, CountryDecides
from app.values.increments import NotCountable, added

FIXED = {"email", "external_id", "externalId", "id", "tags", "created_at", "createdAt", "consent", "attributes"}
MAX_FIELDS = 50
_NUMBER_BYTES = 64
"""What counting adds to attributes at most: a number that is not there yet, with its punctuation."""
_UNCHANGED = {
    "phone": translatable("The phone number was not changed. %(reason)s"),
    "timezone": translatable("The time zone was not changed. %(reason)s"),
    "locale": translatable("The language was not changed. %(reason)s"),
    "source": translatable("The source was not changed. %(reason)s"),
}


class UpdateContactConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    set: dict[str, Any] = {}
    increment: dict[str, float | str] = {}
    append: dict[str, Any] = {}
    unset: list[Annotated[str, Verbatim("names of fields")]] = []

    def parts(self) -> Iterator[tuple[str, str, Any]]:
        """Each field that is changed: by which part, under which name, and the value given for it."""
        for part, fields in (("set", self.set), ("increment", self.increment), ("append", self.append)):
            yield from ((part, name, value) for name, value in fields.items())
        yield from (("unset", name, None) for name in self.unset)


def _amount(by: float | str) -> str:
    """`+ 3`, `− 0.5`, `+ event total`: what is added to a number, behind its name."""
    if isinstance(by, str):
        return f"+ {in_words(by)}"
    return f"{'+' if by >= 0 else '−'} {printed(abs(by))}"


_SUMMARIES: dict[str, Callable[[Any], str]] = {
    "set": lambda value: f"= {in_words(value)}",
    "increment": _amount,
    "append": lambda value: f"gets {in_words(value)}",
    "unset": lambda _: "removed",
}
"""What a card says of a field, by the part that changes it."""


def _plain(name: str) -> str:
    return name.removeprefix("attributes.")


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
    if name in _UNCHANGED:
        return gettext(_UNCHANGED[name], reason=reason)
    return gettext("The attribute %(name)s was not changed. %(reason)s", name=name, reason=reason)


def _no_amount(value: Any) -> str:
    if is_blank(value):
        return gettext("Nothing can be added to it: the amount came out empty.")
    return gettext("Nothing can be added to it: %(value)s is not a number.", value=quoted(value, 60))


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
    """What a step writes: values that are the same for everybody, readers of the others, what it counts and what it adds to lists."""

    def __init__(self, config: UpdateContactConfig, scope: CompileScope) -> None:
        self.values: dict[str, Any] = {}
        self.readers: dict[str, Read] = {}
        for field, value in config.set.items():
            name = _plain(field)
            try:
                if is_constant(value):
                    self.values[name] = _fitting(name, value, None)
                else:
                    self.readers[name] = scope.value(value)
            except CountryDecides:
                self.readers[name] = scope.value(value)
        self.values |= {_plain(name): None for name in config.unset}
        amounts = {_plain(name): by for name, by in config.increment.items()}
        # Whole numbers stay whole: 4 and 4.0 are different JSON.
        self.counts = {
            name: int(by) if float(by).is_integer() else by for name, by in amounts.items() if not isinstance(by, str)
        }
        self.amounts = {name: scope.value(by) for name, by in amounts.items() if isinstance(by, str)}
        """Readers of what is added to numbers, where that is not the same for everybody."""
        self.items = {_plain(name): scope.value(value) for name, value in config.append.items()}
        names = {*self.values, *self.readers, *self.counts, *self.amounts, *self.items}
        self.attributes = bool(names - set(CONTACT_COLUMNS))
        """Does it write any?"""
        self.unset = list(config.unset)
        self.personal = bool(self.readers or self.amounts or self.items)
        self.grows = sum(len(name.encode()) + _NUMBER_BYTES for name in (*self.counts, *self.amounts))
        self.size = _size_at_most(self.values)

    def outcome(self, values: dict[str, Any], totals: Mapping[str, Any], counts: Mapping[str, Any]) -> Outcome:
        """`totals` are written as they are; what else is counted is added to what is stored. `counts`: all that is added to numbers."""
        unset = set(map(_plain, self.unset))
        shown = {name: value for name, value in values.items() if name not in unset}
        appended = {name: totals[name] for name in self.items}
        output = {"set": shown, "increment": dict(counts), "append": appended, "unset": self.unset}
        put = {**values, **totals}
        effects = [Increment(name, by) for name, by in counts.items() if name not in totals]
        changes = (SetFields(put), *effects) if put else tuple(effects)
        return Done(output={part: what for part, what in output.items() if what}, effects=changes)

    def read(self, step: Any) -> dict[str, Any]:
        """The values for one person. Raises BadField."""
        values = dict(self.values)
        for name, read in self.readers.items():
            try:
                values[name] = _fitting(name, read(step), step.country)
            except CountryDecides as error:
                raise BadField(_sentence(name, str(error))) from error
        return values

    def counted(self, step: Any) -> dict[str, float | Decimal]:
        """What is added to numbers for one person. Raises BadField."""
        counts: dict[str, float | Decimal] = dict(self.counts)
        for name, read in self.amounts.items():
            amount = as_number(value := read(step))
            if amount is None:
                raise BadField(_sentence(name, _no_amount(value)))
            counts[name] = int(amount) if amount == int(amount) else amount
        return counts

    def totals(self, step: Any, values: Mapping[str, Any], counts: Mapping[str, float | Decimal]) -> dict[str, Any]:
        """What counting makes of attributes that are text, are set by this step, or get another amount from each person; and lists
        with what is added to them. Other numbers are added to where they are stored.

        Raises BadField when something cannot be added on.
        """
        stored, totals = step.contact.attributes, dict[str, Any]()
        for name, by in counts.items():
            before = values[name] if name in values else stored.get(name)
            try:
                total = added(before, by)
            except NotCountable as error:
                raise BadField(_sentence(name, str(error))) from error
            if name in values or name in self.amounts or isinstance(before, str):
                totals[name] = total
        for name, read in self.items.items():
            before = values[name] if name in values else stored.get(name)
            if not isinstance(before, list | None):
                raise BadField(_sentence(name, gettext("Nothing can be added to it: its value is not a list.")))
            totals[name] = _fitting(name, [*(before or ()), *as_list(read(step))], None)
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
    shared = shared or (None if changes.personal else changes.outcome(changes.values, {}, changes.counts))
    looks = bool(changes.counts or changes.amounts or changes.items)

    def run(step: Any) -> Outcome:
        try:
            values = changes.read(step) if changes.readers else changes.values
            counts = changes.counted(step) if changes.amounts else changes.counts
            totals = changes.totals(step, values, counts) if looks else {}
        except BadField as error:
            return refused(str(error))
        if changes.attributes:
            size = _size_at_most(values) if changes.readers else changes.size
            size += sum(len(jsonlimits.encode(totals[name])) + 4 * len(name) + 4 for name in changes.items)
            if refusal := _too_large(step.contact, {**values, **totals}, size + changes.grows):
                return refused(gettext("Nothing was changed. %(refusal)s", refusal=refusal))
        return changes.outcome(values, totals, counts) if shared is None or totals else shared

    return run


def _problem(part: str, name: str, value: Any) -> str | None:
    """What is wrong with one field of the configuration; None when nothing is."""
    plain = _plain(name)
    if name in FIXED:
        return gettext("%(name)s cannot be changed by a workflow.", name=name)
    if part in ("increment", "append") and plain in CONTACT_COLUMNS:
        if part == "increment":
            return gettext("%(name)s is no number. Choose an attribute to count.", name=name)
        return gettext("%(name)s is no list. Choose an attribute to add to.", name=name)
    if part == "increment" and isinstance(value, str) and is_constant(value):
        return gettext("Write a number, or type {{ to insert a field that holds one.")
    try:
        if plain not in CONTACT_COLUMNS:
            contact_fields.attribute_name(plain)
        if part == "set" and is_constant(value):
            _fitting(plain, value, None)
        elif part == "append":
            contact_fields.attribute(value)
    except CountryDecides:
        return None  # whether it fits is known when it is written
    except BadField as error:
        return str(error)
    return None


def _changed_twice(config: UpdateContactConfig) -> Iterator[Diagnostic]:
    """A field that two parts change, where it could not be said which comes first. What is set may be counted and added to as well."""
    parts_of: dict[str, set[str]] = {}
    for part, name, _ in config.parts():
        parts_of.setdefault(_plain(name), set()).add(part)
    for name, parts in parts_of.items():
        if {"increment", "append"} <= parts or ("unset" in parts and len(parts) > 1):
            yield Diagnostic(
                "unset" if "unset" in parts else f"append.{name}",
                gettext("%(name)s is changed twice here. Keep one of them.", name=name),
            )


@registry.node
class UpdateContact(NodeType):
    type, label, category = "update_contact", translatable("Update contact"), "data"
    retryable = needs_contact = True
    description = translatable(
        "Sets or removes fields of the contact, counts one up or adds to a list, with values of the event or earlier steps."
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
        elif not changes.personal:
            return changes.outcome(changes.values, {}, {})
        if changes.personal or changes.counts:
            return _run_of(changes)
        shared = changes.outcome(changes.values, {}, {})
        return IfRoom(shared, _run_of(changes, shared), size=changes.size)

    @classmethod
    def diagnostics(cls, config: UpdateContactConfig) -> list[Diagnostic]:
        parts = list(config.parts())
        if not parts:
            return [incomplete("set", gettext("Choose at least one field to change."))]
        if len(parts) > MAX_FIELDS:
            return [Diagnostic("set", gettext("At most %(max_fields)s fields fit in one step.", max_fields=MAX_FIELDS))]
        return [
            *(
                Diagnostic("unset" if part == "unset" else f"{part}.{name}", sentence)
                for part, name, value in parts
                if (sentence := _problem(part, name, value)) is not None
            ),
            *_changed_twice(config),
        ]

    @classmethod
    def summary(cls, config: UpdateContactConfig) -> str:
        return ", ".join(
            f"{field_name(name)} {_SUMMARIES[part](value)}".strip() for part, name, value in config.parts()
        )

    @classmethod
    def explain(cls, config: UpdateContactConfig | None, step: StepRecord) -> str:
        output = step.output or {}
        changed = [*output.get("set", {}), *output.get("increment", {}), *output.get("append", {})]
        removed = [_plain(name) for name in output.get("unset", ())]
        sentences = [gettext("Changed %(changed)s.", changed=", ".join(changed))] if changed else []
        sentences += [gettext("Removed %(removed)s.", removed=", ".join(removed))] if removed else []
        return " ".join(sentences) or gettext("Nothing to change.")

    @classmethod
    def writes(cls, config: UpdateContactConfig) -> Iterable[str]:
        names = (_plain(name) for part, name, _ in config.parts() if part != "unset")
        return [name for name in names if name not in CONTACT_COLUMNS]
