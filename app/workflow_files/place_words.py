"""Where something in a file of a workflow is, in the words of people: the page of imports says it before what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable
from app.workflow_files.schemas import WorkflowFile

_PART = re.compile(r"[^.\[\]]+")
_LISTS = {
    "nodes": translatable("Step"), "triggers": translatable("Trigger"), "goals": translatable("Goal"),
    "edges": translatable("Connection"),
}  # fmt: skip
_SINGLE = {
    "trigger": translatable("Trigger"), "settings": translatable("Settings"), "name": translatable("Name"),
    "description": translatable("Description"),
}  # fmt: skip
_USED = {
    "templates": translatable("Template"), "segments": translatable("Segment"), "connectors": translatable("Connector"),
    "workflows": translatable("Workflow"),
}  # fmt: skip


def place_in_words(path: str, file: WorkflowFile | None) -> str:
    """`Step 2 “Tag”, tag` for `workflow.nodes[1].data.tag`; empty for the file as a whole."""
    parts = _PART.findall(path)
    if len(parts) > 2 and parts[0] == "uses" and parts[1] in _USED:
        # Keys may have dots, and one may begin another: the longest that fits is the one.
        keys = [key for key in _used(file, parts[1]) if path.startswith(f"uses.{parts[1]}.{key}")]
        key = max(keys, key=len, default=parts[2])
        fields = _PART.findall(path[len(f"uses.{parts[1]}.{key}") :])
        name = getattr(_used(file, parts[1]).get(key), "name", key)
        return _joined(f"{gettext(_USED[parts[1]])} {quoted(name)}", fields)
    if parts[:1] == ["workflow"]:
        return _in_document(parts[1:], file.workflow if file is not None else {})
    return ""


def _used(file: WorkflowFile | None, kind: str) -> dict[str, Any]:
    used: dict[str, Any] = getattr(file.uses, kind) if file is not None else {}
    return used


def _in_document(parts: Sequence[str], document: dict[str, Any]) -> str:
    if not parts:
        return ""
    first, number = parts[0], parts[1] if len(parts) > 1 and parts[1].isdigit() else None
    if first in _LISTS and number is not None:
        several = document.get(first)
        one = several[int(number)] if isinstance(several, list) and int(number) < len(several) else None
        name = _name(one)
        what = f"{gettext(_LISTS[first])} {int(number) + 1}" + (f" {quoted(name)}" if name else "")
        return _joined(what, parts[2:])
    return _joined(gettext(_SINGLE[first]) if first in _SINGLE else first.capitalize(), parts[1:])


def _name(part: Any) -> str:
    """What a step, trigger or goal is called."""
    if not isinstance(part, dict):
        return ""
    return next((text for key in ("name", "title", "id") if isinstance(text := part.get(key), str) and text), "")


def _joined(what: str, fields: Sequence[str]) -> str:
    names = [part for part in fields if part != "data"]
    return f"{what}, {' '.join(names)}" if names else what
