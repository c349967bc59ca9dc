"""What is wrong with a value that should have been of a msgspec type: each fault as a path and a sentence.

msgspec stops at the first fault. `all_field_errors` goes on: field by field through objects and lists, taken only when something
is wrong. `Object missing required field `name` - at `$[3]`` is `[3].name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from app.errors import FieldError
from app.lib import single_line, time_of_day
from app.lib.nearest import did_you_mean, nearest
from app.lib.translation import gettext, translatable

MAX_FIELD_ERRORS = 2_000
"""At most so many faults of one value are reported: nobody reads more, and each costs time."""
LEFT_OUT = "left out"
"""`Meta(extra={LEFT_OUT: True})` marks a field that is accepted and ignored: it is not told as a known one."""
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")
_OTHER = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_RANGE = re.compile(r"Expected `([^`]*)` (>=|<=|>|<) (\S+)")
_LENGTH = re.compile(r"Expected `([^`]*)` of length (?:(>=|<=) )?(\d+)")
_MULTIPLE = re.compile(r"Expected `[^`]*` that's a multiple of (\S+)")
_CHOICE = re.compile(r"Invalid (?:enum )?value (.*)")
_TWO_LINES = f"Expected `str` matching regex {single_line.PATTERN!r}"
_NO_TIME = f"Expected `str` matching regex {time_of_day.PATTERN!r}"
_KINDS = {
    "int": translatable("a whole number"),
    "float": translatable("a number"),
    "str": translatable("text"),
    "bool": translatable("true or false"),
    "object": translatable("an object"),
    "array": translatable("a list"),
    "uuid": translatable("an id (UUID)"),
    "datetime": translatable("a time such as 2026-11-25T09:00:00Z"),
    "date": translatable("a date such as 2026-11-25"),
    "time": translatable("a time of day such as 09:00:00"),
    "duration": translatable("a duration such as PT2H"),
    "decimal": translatable("a number"),
    "bytes": translatable("base64 text"),
    "null": translatable("null"),
}
_PLAIN = {
    "Expected `datetime` with a timezone component": translatable(
        "Send a time with its zone, like 2026-11-25T09:00:00Z."
    ),
    "Expected `datetime` with no timezone component": translatable(
        "Send a time without a zone, like 2026-11-25T09:00:00."
    ),
    "Expected `time` with a timezone component": translatable("Send a time of day with its zone, like 09:00:00Z."),
    "Expected `time` with no timezone component": translatable("Send a time of day without a zone, like 09:00:00."),
    "Invalid RFC3339 encoded datetime": translatable("Send a time with its zone, like 2026-11-25T09:00:00Z."),
    "Invalid RFC3339 encoded date": translatable("Send a date, like 2026-11-25."),
    "Invalid RFC3339 encoded time": translatable("Send a time of day, like 09:00:00."),
    "Invalid ISO8601 duration": translatable("Send a duration, like PT2H or P7D."),
    "Invalid UUID": translatable("Send an id (UUID), like 0198f2a4-5c1e-7d3a-9b7e-2f6c1d0e8a4b."),
    "Invalid base64 encoded string": translatable("Send base64 text."),
    "Invalid decimal string": translatable("Send a number."),
    "Number out of range": translatable("This number is too large."),
    "Integer value out of range": translatable("This number is too large."),
}
"""msgspec's sentences that name its types, as what to send."""
_LIMITS = {
    ">=": translatable("at least"),
    "<=": translatable("at most"),
    ">": translatable("more than"),
    "<": translatable("less than"),
    "": translatable("exactly"),
}
REQUIRED = translatable("This field is required.")
NO_FIELD = translatable("There is no field of this name. Check its spelling.")


def joined(*parts: str) -> str:
    """One path from its parts: `nodes`, `[2]`, `data` is `nodes[2].data`."""
    path = ""
    for part in parts:
        path += part if not path or not part or part.startswith("[") else f".{part}"
    return path


def field_error(message: str, prefix: str = "") -> FieldError:
    """The field error that a msgspec message stands for; `prefix` is the path of the value that was read."""
    text, _, where = message.partition(" - at `")
    path = joined(prefix, where.rstrip("`").removeprefix("$").removeprefix("."))
    if match := _MISSING.fullmatch(text):
        return {"path": joined(path, match[1]), "message": REQUIRED}
    if match := _UNKNOWN.fullmatch(text):
        return {"path": joined(path, match[1]), "message": NO_FIELD}
    return {"path": path or "body", "message": _sentence(text)}


def all_field_errors(value: Any, kind: Any, path: str = "", *, strict: bool = True) -> list[FieldError]:
    """Everything that keeps plain JSON `value` from being a `kind`, at most MAX_FIELD_ERRORS; empty when it is one."""
    return list(islice(_faults(value, kind, path, strict), MAX_FIELD_ERRORS))


def _faults(value: Any, kind: Any, path: str, strict: bool) -> Iterator[FieldError]:
    try:
        msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        inside = _inside(value, _told_apart(kind, value), path, strict)
        first = next(inside, None)
        yield _of_whole(str(error), value, kind, path) if first is None else first
        yield from inside


def _of_whole(message: str, value: Any, kind: Any, path: str) -> FieldError:
    """The fault of a value that has no parts; of one that is not on a list of values, with the nearest of them or all."""
    error = field_error(message, path)
    if isinstance(value, str) and _CHOICE.match(message) and (hint := did_you_mean(value, _choices(kind))):
        error["message"] += f" {hint}"
    return error


def _choices(kind: Any) -> list[str]:
    """The texts that a type takes, of an enumeration or of literals, inside unions too."""
    if get_origin(kind) is Literal:
        return [str(one) for one in get_args(kind) if one is not None]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(one.value) for one in kind]
    inner = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    return (
        []
        if get_origin(kind) not in (Annotated, Union, UnionType)
        else [text for one in inner for text in _choices(one)]
    )


def _inside(value: Any, kind: Any, path: str, strict: bool) -> Iterator[FieldError]:
    """The faults of the parts of a value; none when the fault is of the value as a whole."""
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _of_object(value, kind, path, strict)
    elif isinstance(value, list) and get_origin(kind) in (list, tuple, set, frozenset) and get_args(kind):
        for number, item in enumerate(value):
            yield from _faults(item, get_args(kind)[0], f"{path}[{number}]", strict)
    elif isinstance(value, dict) and get_origin(kind) is dict:
        for name, item in value.items():
            yield from _faults(item, get_args(kind)[1], joined(path, str(name)), strict)


def _of_object(value: dict[Any, Any], kind: type[msgspec.Struct], path: str, strict: bool) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    config = kind.__struct_config__
    if config.forbid_unknown_fields:
        known = [name for name, field in fields.items() if not is_left_out(field.type)]
        for name in value:
            if name not in fields and name != config.tag_field:
                yield {"path": joined(path, str(name)), "message": _no_field(str(name), known)}
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, joined(path, name), strict)
        elif field.required:
            yield {"path": joined(path, name), "message": REQUIRED}


def _no_field(name: str, known: list[str]) -> str:
    if not known:
        return gettext("There is no field of this name; there are no settings here.")
    near = nearest(name, known)
    hint = f" {gettext('Did you mean `%(near)s`?', near=near)}" if near else ""
    return gettext("There is no field of this name.%(hint)s Known are: %(known)s.", hint=hint, known=", ".join(known))


def is_left_out(kind: Any) -> bool:
    """Is a field of this type accepted and ignored?"""
    return get_origin(kind) is Annotated and any(
        LEFT_OUT in (meta.extra or {}) for meta in kind.__metadata__ if isinstance(meta, msgspec.Meta)
    )


def _told_apart(kind: Any, value: Any) -> Any:
    """`kind` without annotations; of a union the member that `value` was meant to be."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) not in (Union, UnionType):
        return kind
    members = [_told_apart(member, value) for member in get_args(kind)]
    if isinstance(value, dict):
        structs = [one for one in members if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        tagged = [one for one in structs if one.__struct_config__.tag is not None]
        if tagged:
            return next(
                (s for s in tagged if value.get(s.__struct_config__.tag_field) == s.__struct_config__.tag), None
            )
        return next(iter([*structs, *(one for one in members if get_origin(one) is dict)]), None)
    lists = [one for one in members if get_origin(one) in (list, tuple)]
    return lists[0] if isinstance(value, list) and lists else None


def _kinds(words: str) -> str:
    return gettext(" or ").join(gettext(_KINDS.get(word.strip(), word.strip())) for word in words.split("|"))


def _sentence(text: str) -> str:
    """What to send instead, for the ways in which msgspec says that a value does not fit."""
    if text in _PLAIN:
        return gettext(_PLAIN[text])
    if match := _OTHER.fullmatch(text):
        return gettext("Send %(wanted)s, not %(sent)s.", wanted=_kinds(match[1]), sent=_kinds(match[2]))
    if match := _RANGE.fullmatch(text):
        return gettext(
            "Send %(wanted)s of %(least)s %(limit)s.",
            wanted=_kinds(match[1]),
            least=gettext(_LIMITS[match[2]]),
            limit=match[3],
        )
    if match := _LENGTH.fullmatch(text):
        sentence = (
            gettext("Send %(least)s %(limit)s characters.")
            if match[1] == "str"
            else gettext("Send %(least)s %(limit)s entries.")
        )
        return sentence % {"least": gettext(_LIMITS[match[2] or ""]), "limit": match[3]}
    if match := _MULTIPLE.fullmatch(text):
        return gettext("Send a multiple of %(number)s.", number=match[1])
    if text == _TWO_LINES:
        return gettext(single_line.SENTENCE)
    if text == _NO_TIME:
        return gettext(time_of_day.SENTENCE)
    if "matching regex" in text:
        return gettext("This text does not have the form that this field takes.")
    if match := _CHOICE.fullmatch(text):
        return gettext("The value %(value)s is not one of those that this field knows.", value=match[1])
    return text.replace("`", "").rstrip(".") + "."
