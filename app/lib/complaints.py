"""What msgspec found wrong, as a path and a sentence: `Object missing required field `name` - at `$[3]`` is `[3].name`."""

from __future__ import annotations

import re

from app.errors import Complaint

_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")
_OTHER = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_RANGE = re.compile(r"Expected `([^`]*)` (>=|<=|>|<) (\S+)")
_LENGTH = re.compile(r"Expected `([^`]*)` of length (>=|<=) (\d+)")
_CHOICE = re.compile(r"Invalid (?:enum )?value (.*)")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "uuid": "an id (UUID)",
}
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
    if found := _OTHER.fullmatch(text):
        return f"Send {_kinds(found[1])}, not {_kinds(found[2])}."
    if found := _RANGE.fullmatch(text):
        return f"Send {_kinds(found[1])} of {_LIMITS[found[2]]} {found[3]}."
    if found := _LENGTH.fullmatch(text):
        return f"Send {_LIMITS[found[2]]} {found[3]} {'characters' if found[1] == 'str' else 'entries'}."
    if found := _CHOICE.fullmatch(text):
        return f"{found[1]} is not one of the values this field knows."
    if text.startswith("Invalid RFC3339"):
        return "Write it as 2026-11-21T09:00:00Z."
    return text.rstrip(".") + "."
