"""What msgspec found wrong, as a path and a sentence: `Object missing required field `name` - at `$[3]`` is `[3].name`."""

from __future__ import annotations

import re

from app.errors import Complaint

_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")
_OTHER = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_RANGE = re.compile(r"Expected `([^`]*)` (>=|<=|>|<) (\S+)")
_LENGTH = re.compile(r"Expected `([^`]*)` of length (?:(>=|<=) )?(\d+)")
_MULTIPLE = re.compile(r"Expected `[^`]*` that's a multiple of (\S+)")
_CHOICE = re.compile(r"Invalid (?:enum )?value (.*)")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "uuid": "an id (UUID)",
    "datetime": "a time such as 2026-11-25T09:00:00Z",
    "date": "a date such as 2026-11-25",
    "time": "a time of day such as 09:00:00",
    "duration": "a duration such as PT2H",
    "decimal": "a number",
    "bytes": "base64 text",
    "null": "null",
}
_PLAIN = {
    "Expected `datetime` with a timezone component": "Send a time with its zone, like 2026-11-25T09:00:00Z.",
    "Expected `datetime` with no timezone component": "Send a time without a zone, like 2026-11-25T09:00:00.",
    "Expected `time` with a timezone component": "Send a time of day with its zone, like 09:00:00Z.",
    "Expected `time` with no timezone component": "Send a time of day without a zone, like 09:00:00.",
    "Invalid RFC3339 encoded datetime": "Send a time with its zone, like 2026-11-25T09:00:00Z.",
    "Invalid RFC3339 encoded date": "Send a date, like 2026-11-25.",
    "Invalid RFC3339 encoded time": "Send a time of day, like 09:00:00.",
    "Invalid ISO8601 duration": "Send a duration, like PT2H or P7D.",
    "Invalid UUID": "Send an id (UUID), like 0198f2a4-5c1e-7d3a-9b7e-2f6c1d0e8a4b.",
    "Invalid base64 encoded string": "Send base64 text.",
    "Invalid decimal string": "Send a number.",
    "Number out of range": "This number is too large.",
    "Integer value out of range": "This number is too large.",
}
"""msgspec's sentences that name its types, as what to send."""
_LIMITS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def joined(*parts: str) -> str:
    """One path from its parts: `nodes`, `[2]`, `data` is `nodes[2].data`."""
    path = ""
    for part in parts:
        path += part if not path or not part or part.startswith("[") else f".{part}"
    return path


def complaint(message: str, prefix: str = "") -> Complaint:
    """The complaint that a msgspec message stands for; `prefix` is the path of the value that was read."""
    text, _, where = message.partition(" - at `")
    path = joined(prefix, where.rstrip("`").removeprefix("$").removeprefix("."))
    if found := _MISSING.fullmatch(text):
        return {"path": joined(path, found[1]), "message": "This field is required."}
    if found := _UNKNOWN.fullmatch(text):
        return {"path": joined(path, found[1]), "message": "There is no field of this name. Check its spelling."}
    return {"path": path or "body", "message": _sentence(text)}


def _kinds(words: str) -> str:
    return " or ".join(_KINDS.get(word.strip(), word.strip()) for word in words.split("|"))


def _sentence(text: str) -> str:
    """What to send instead, for the ways in which msgspec says that a value does not fit."""
    if text in _PLAIN:
        return _PLAIN[text]
    if found := _OTHER.fullmatch(text):
        return f"Send {_kinds(found[1])}, not {_kinds(found[2])}."
    if found := _RANGE.fullmatch(text):
        return f"Send {_kinds(found[1])} of {_LIMITS[found[2]]} {found[3]}."
    if found := _LENGTH.fullmatch(text):
        unit = "characters" if found[1] == "str" else "entries"
        return f"Send {_LIMITS.get(found[2], 'exactly')} {found[3]} {unit}."
    if found := _MULTIPLE.fullmatch(text):
        return f"Send a multiple of {found[1]}."
    if "matching regex" in text:
        return "This text does not have the form that this field takes."
    if found := _CHOICE.fullmatch(text):
        return f"{found[1]} is not one of the values this field knows."
    return text.replace("`", "").rstrip(".") + "."
