"""Where a document names rows: any text in it that is one of their keys. Keys cannot be mistaken for another text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from app.lib.conversions import quoted
from app.lib.translation import gettext

KINDS = {"templates": "template", "segments": "segment", "connectors": "connector", "workflows": "workflow"}
"""Part of `uses` → what people call one of it, and what a key of it begins with."""
_GONE = object()
"""What stands in place of a name that nothing stands for here: it is left out of its list or object."""


def key_fault(part: str, key: str) -> str | None:
    """Why a key of a part may be mistaken for another text of the workflow, as a sentence; None when it may not.

    An export uses ids, people `template:welcome`: ids of steps have no colon, and a tag `welcome` is no such key.
    """
    kind, _, name = key.partition(":")
    if (kind == KINDS[part] and name) or (len(key) == 36 and next(ids_in(key), None)):
        return None
    return gettext(
        "Call it %(value)s here and where it is used, so that no other text is taken for it.",
        value=quoted(f"{KINDS[part]}:{name or key}"),
    )


def ids_in(value: Any) -> Iterator[UUID]:
    """Every text in it that is an id."""
    if isinstance(value, dict):
        for part in value.values():
            yield from ids_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from ids_in(part)
    elif isinstance(value, str) and len(value) == 36:
        try:
            yield UUID(value)
        except ValueError:
            return


def replaced(value: Any, names: Mapping[str, str | None], missed: Callable[[str], None]) -> Any:
    """A copy in which each name is what `names` says; one that stands for nothing (None) is left out, and `missed` hears of it."""
    copy = _replaced(value, names, missed)
    return None if copy is _GONE else copy


def _replaced(value: Any, names: Mapping[str, str | None], missed: Callable[[str], None]) -> Any:
    if isinstance(value, dict):
        parts = {key: _replaced(part, names, missed) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not _GONE}
    if isinstance(value, list):
        return [part for item in value if (part := _replaced(item, names, missed)) is not _GONE]
    if not isinstance(value, str) or value not in names:
        return value
    row_id = names[value]
    if row_id is None:
        missed(value)
        return _GONE
    return row_id
