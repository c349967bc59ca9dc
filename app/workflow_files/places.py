"""Where a document names rows: any text in it that is one of their names, whatever field it stands in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

_GONE = object()
"""What stands in place of a name that nothing stands for here: it is left out of its list or object."""


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
