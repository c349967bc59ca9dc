"""What msgspec found wrong, as a path and a sentence: `Object missing required field `name` - at `$[3]`` is `[3].name`."""

from __future__ import annotations

import re

from app.errors import Complaint

_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")


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
    return {"path": path or "body", "message": f"{text}."}
