"""What a start may hand over, as JSON Schema: the part of it that a form can show and a sentence can explain.

A schema is read into structs, so a keyword that is not known is refused by its name rather than passed over. Values are checked by
plain walking: no references, no alternatives; patterns are those of conditions (RE2, whatever the case). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import FieldError
from app.flow import patterns
from app.flow.diagnostic import Diagnostic
from app.lib.conversions import quoted
from app.lib.field_errors import joined
from app.lib.translation import gettext, translatable

MOST_FIELDS, MOST_DEPTH, MOST_PROBLEMS = 50, 5, 20
Kind = Literal["string", "number", "integer", "boolean", "array", "object"]
Format = Literal["date", "date-time", "email", "uri", "uuid"]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
_MISFITS: dict[str, str] = {
    "string": translatable("%(place)s must be a text; it was %(value)s."),
    "number": translatable("%(place)s must be a number; it was %(value)s."),
    "integer": translatable("%(place)s must be a whole number; it was %(value)s."),
    "boolean": translatable("%(place)s must be true or false; it was %(value)s."),
    "array": translatable("%(place)s must be a list; it was %(value)s."),
    "object": translatable("%(place)s must be an object; it was %(value)s."),
}
"""What is said of a value of another type."""
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}
_KINDS = {"string": "text", "number": "number", "integer": "number", "boolean": "boolean", "array": "list"}
_FORMATS: dict[str, tuple[str, str]] = {
    "email": (r"[^@\s]{1,64}@[^@\s]{1,253}", translatable("%(place)s must be an email address.")),
    "uri": (r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]{1,2000}", translatable("%(place)s must be a web address.")),
    "uuid": (r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", translatable("%(place)s must be a UUID.")),
}
Number = int | float


class ValueSchema(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """One value."""

    type: Kind | UnsetType = UNSET
    title: Annotated[str, Meta(max_length=200)] = ""
    description: Annotated[str, Meta(max_length=1_000)] = ""
    default: Any = UNSET
    examples: list[Any] = []
    enum: Annotated[list[Any], Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    const: Any = UNSET
    format: Format | UnsetType = UNSET
    pattern: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    min_length: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    max_length: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    minimum: Number | UnsetType = UNSET
    maximum: Number | UnsetType = UNSET
    exclusive_minimum: Number | UnsetType = UNSET
    exclusive_maximum: Number | UnsetType = UNSET
    min_items: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    max_items: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    items: ValueSchema | UnsetType = UNSET
    properties: dict[Name, ValueSchema] = {}
    required: list[Name] = []
    additional_properties: bool = True

    def problems(self, value: Any, place: str) -> Iterator[FieldError]:
        """Everything about `value` that does not fit, the outermost first."""
        if self.type is not UNSET and not _is(self.type, value):
            yield FieldError(
                path=place,
                message=gettext(_MISFITS[self.type], place=self._called(place), value=_instead(value)),
            )
            return
        if self.const is not UNSET and not _same(self.const, value):
            yield FieldError(
                path=place,
                message=gettext("%(place)s must be %(const)s.", place=self._called(place), const=_shown(self.const)),
            )
        if isinstance(self.enum, list) and not any(_same(one, value) for one in self.enum):
            choices = ", ".join(_shown(one) for one in self.enum[:20])
            yield FieldError(
                path=place,
                message=gettext(
                    "%(place)s must be one of %(choices)s; it was %(value)s.",
                    place=self._called(place),
                    choices=choices,
                    value=_instead(value),
                ),
            )
        if isinstance(value, str):
            wrong = self._of_text(value, self._called(place))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            wrong = self._of_number(value, self._called(place))
        elif isinstance(value, list):
            wrong = _of_entries(len(value), self.min_items, self.max_items, self._called(place))
        else:
            wrong = None
        if wrong is not None:
            yield FieldError(path=place, message=wrong)
        if isinstance(value, list) and isinstance(self.items, ValueSchema):
            for index, item in enumerate(value):
                yield from self.items.problems(item, f"{place}[{index}]")
        if isinstance(value, dict):
            yield from self.of_members(value, place)

    def of_members(self, value: dict[str, Any], place: str) -> Iterator[FieldError]:
        """What does not fit of an object's members, and what is missing."""
        for name in self.required:
            if name not in value:
                label = self.properties[name].title if name in self.properties else ""
                yield FieldError(
                    path=joined(place, name), message=gettext("%(value)s is missing.", value=quoted(label or name))
                )
        for name, item in value.items():
            if name in self.properties:
                yield from self.properties[name].problems(item, joined(place, name))
            elif not self.additional_properties:
                known = ", ".join(self.properties)
                message = (
                    gettext("%(name)s is not known here; %(known)s is.", name=quoted(name), known=known)
                    if known
                    else gettext("%(name)s is not known here, and nothing else is.", name=quoted(name))
                )
                yield FieldError(path=joined(place, name), message=message)

    def _called(self, place: str) -> str:
        return quoted(self.title or place.rpartition(".")[2])

    def _of_text(self, text: str, place: str) -> str | None:
        if (wrong := _of_characters(len(text), self.min_length, self.max_length, place)) is not None:
            return wrong
        if isinstance(self.pattern, str) and not patterns.pattern_of(self.pattern).found_in(text):
            return gettext("%(place)s must match the pattern %(pattern)s.", place=place, pattern=self.pattern)
        if self.format in ("date", "date-time"):
            try:
                (date if self.format == "date" else datetime).fromisoformat(text)
            except ValueError:
                return (
                    gettext("%(place)s must be a date such as 2026-05-31.", place=place)
                    if self.format == "date"
                    else gettext("%(place)s must be a time such as 2026-05-31T09:00:00Z.", place=place)
                )
        elif isinstance(self.format, str):
            shape, misfit = _FORMATS[self.format]
            if not patterns.pattern_of(f"^(?:{shape})$").found_in(text):
                return gettext(misfit, place=place)
        return None

    def _of_number(self, value: int | float, place: str) -> str | None:
        if not isinstance(self.minimum, UnsetType) and value < self.minimum:
            return gettext("%(place)s must be %(limit)s or more.", place=place, limit=f"{self.minimum:,}")
        if not isinstance(self.maximum, UnsetType) and value > self.maximum:
            return gettext("%(place)s must be %(limit)s or less.", place=place, limit=f"{self.maximum:,}")
        if not isinstance(self.exclusive_minimum, UnsetType) and value <= self.exclusive_minimum:
            return gettext("%(place)s must be more than %(limit)s.", place=place, limit=f"{self.exclusive_minimum:,}")
        if not isinstance(self.exclusive_maximum, UnsetType) and value >= self.exclusive_maximum:
            return gettext("%(place)s must be less than %(limit)s.", place=place, limit=f"{self.exclusive_maximum:,}")
        return None

    def diagnostics(self, place: str, depth: int = 1) -> Iterator[Diagnostic]:
        """What is wrong with the schema itself."""
        if depth > MOST_DEPTH:
            yield Diagnostic(place, gettext("An input nests at most %(most_depth)s levels.", most_depth=MOST_DEPTH))
            return
        if len(self.properties) > MOST_FIELDS:
            yield Diagnostic(place, gettext("An input has at most %(most_fields)s fields.", most_fields=MOST_FIELDS))
        if isinstance(self.pattern, str):
            try:
                patterns.pattern_of(self.pattern)
            except patterns.BadPattern as error:
                yield Diagnostic(joined(place, "pattern"), str(error))
        if self.default is not UNSET and (wrong := next(self.problems(self.default, "default"), None)) is not None:
            yield Diagnostic(
                joined(place, "default"), gettext("The default does not fit: %(wrong)s", wrong=wrong["message"])
            )
        for name, schema in self.properties.items():
            yield from schema.diagnostics(joined(place, f"properties.{name}"), depth + 1)
        if isinstance(self.items, ValueSchema):
            yield from self.items.diagnostics(joined(place, "items"), depth + 1)


class InputSchema(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """JSON Schema of an object: what a start hands over. Steps read it as `event.…`."""

    type: Literal["object"] = "object"
    title: Annotated[str, Meta(max_length=200)] = ""
    description: Annotated[str, Meta(max_length=1_000)] = ""
    properties: dict[Name, ValueSchema] = {}
    required: list[Name] = []
    additional_properties: bool = True
    dialect: str | UnsetType = msgspec.field(default=UNSET, name="$schema")

    @property
    def _as_value(self) -> ValueSchema:
        return ValueSchema(
            type="object",
            properties=self.properties,
            required=self.required,
            additional_properties=self.additional_properties,
        )

    @property
    def kinds(self) -> dict[str, str]:
        """Its fields, each with its kind as conditions know it."""
        return {name: _KINDS.get(str(value.type), "") for name, value in self.properties.items()}

    def problems(self, value: dict[str, Any], place: str = "input") -> list[FieldError]:
        """What keeps `value` from being this input, in words; at most MOST_PROBLEMS."""
        wrong: list[FieldError] = []
        for problem in self._as_value.of_members(value, place):
            wrong.append(problem)
            if len(wrong) == MOST_PROBLEMS:
                break
        return wrong

    def filled(self, value: dict[str, Any]) -> dict[str, Any]:
        """`value` with the defaults of what it leaves out."""
        defaults = {name: schema.default for name, schema in self.properties.items() if schema.default is not UNSET}
        return {**defaults, **value}

    def diagnostics(self, place: str = "input") -> list[Diagnostic]:
        """What is wrong with the schema itself."""
        return list(self._as_value.diagnostics(place))


def _is(kind: Kind, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _of_characters(count: int, least: int | UnsetType, most: int | UnsetType, place: str) -> str | None:
    if isinstance(least, int) and count < least:
        return gettext("%(place)s must have %(limit)s characters or more.", place=place, limit=f"{least:,}")
    if isinstance(most, int) and count > most:
        return gettext("%(place)s must have %(limit)s characters or less.", place=place, limit=f"{most:,}")
    return None


def _of_entries(count: int, least: int | UnsetType, most: int | UnsetType, place: str) -> str | None:
    if isinstance(least, int) and count < least:
        return gettext("%(place)s must have %(limit)s entries or more.", place=place, limit=f"{least:,}")
    if isinstance(most, int) and count > most:
        return gettext("%(place)s must have %(limit)s entries or less.", place=place, limit=f"{most:,}")
    return None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _instead(value: Any) -> str:
    return quoted(_shown(value), 40)
