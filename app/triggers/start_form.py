"""The form that a person starts a run with: made from what the trigger takes, one control for each field of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from app.flow.input_schema import InputSchema, ValueSchema
from app.lib.translation import gettext

PREFIX = "input."
Control = Literal["text", "number", "checkbox", "date", "select", "json"]


class InputField(NamedTuple):
    """One control."""

    name: str
    label: str
    hint: str
    control: Control
    required: bool
    value: str
    choices: list[tuple[str, str]]


def input_fields(schema: InputSchema, typed_in: Mapping[str, str] | None = None) -> list[InputField]:
    """The controls of a schema, with what was typed in before, or the defaults."""
    return [_field(name, value, name in schema.required, typed_in) for name, value in schema.properties.items()]


def _field(name: str, schema: ValueSchema, required: bool, typed_in: Mapping[str, str] | None) -> InputField:
    default = "" if schema.default is msgspec.UNSET else _text(schema.default)
    value = default if typed_in is None else typed_in.get(PREFIX + name, "")
    choices = [(_text(one), _text(one)) for one in schema.enum] if isinstance(schema.enum, list) else []
    hint = schema.description
    control = _control(schema)
    if control == "json" and not hint:
        hint = (
            gettext("A JSON list, like [1, 2].") if schema.type == "array" else gettext('JSON, like {"amount": 12.5}.')
        )
    return InputField(PREFIX + name, schema.title or name, hint, control, required, value, choices)


def _control(schema: ValueSchema) -> Control:
    if isinstance(schema.enum, list):
        return "select"
    match schema.type:
        case "number" | "integer":
            return "number"
        case "boolean":
            return "checkbox"
        case "array" | "object":
            return "json"
        case _:
            return "date" if schema.format == "date" else "text"


def input_values(schema: InputSchema, typed_in: Mapping[str, str]) -> dict[str, Any]:
    """What was typed in, as the values that the fields are of. What cannot be one stays text, and the schema says what it should be."""
    values: dict[str, Any] = {}
    for name, field in schema.properties.items():
        text = typed_in.get(PREFIX + name, "")
        if _control(field) == "checkbox":
            values[name] = bool(text)
        elif text.strip():
            values[name] = _value(field, text)
    return values


def _value(schema: ValueSchema, text: str) -> Any:
    if isinstance(schema.enum, list):
        return next((one for one in schema.enum if _text(one) == text), text)
    if schema.type in ("number", "integer", "array", "object"):
        try:
            return msgspec.json.decode(text.strip())
        except msgspec.MsgspecError:
            return text
    return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
