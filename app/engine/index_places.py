"""Places of the index over listeners: where a value is looked at, and who hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from app.engine.covers import EVENT, IS, PART, Key, Where, keys_of
from app.flow import paths
from app.flow.operators import answerable


class KnownContact(Protocol):
    """A contact as readers of paths see it."""

    id: bytes

    @property
    def columns(self) -> Mapping[str, Any]: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    @property
    def tags(self) -> list[str]: ...


class HappenedTo:
    """What a reader of a path is handed."""

    __slots__ = ("contact", "event")

    def __init__(self, event: Mapping[str, Any], contact: KnownContact | None) -> None:
        self.event, self.contact = event, contact


class IndexPlace:
    """A path, the listeners that hang there by key, and those that cannot be answered for some values, by operator."""

    def __init__(self, where: Where, fields: set[str]) -> None:
        """Adds the fields of the contact that it looks at to `fields`."""
        reads: set[str] = set()
        self.read = paths.reader(".".join((where.root, *where.names) if where.root else where.names), reads)
        if where.root != EVENT:
            fields |= {path.removeprefix("contact.") for path in reads if path.startswith("contact.")}
        self.by_key: dict[Key, list[int]] = {}
        self.by_item: dict[Key, list[int]] = {}
        self.in_text: list[int] = []
        """Those that hang on an item, and for which a part of a text will do."""
        self.guarded: dict[str, tuple[Callable[[Any], bool], list[int]]] = {}

    def hang(self, how: str, key: Key, number: int) -> None:
        (self.by_key if how == IS else self.by_item).setdefault(key, []).append(number)
        if how == PART:
            self.in_text.append(number)

    def guard(self, operator: str, number: int) -> None:
        test = answerable(operator)
        assert test is not None
        self.guarded.setdefault(test.__name__, (test, []))[1].append(number)

    def look(self, view: HappenedTo, numbers: set[int]) -> None:
        """Add who hangs on what is there now."""
        value = self.read(view)
        if value is None:
            return
        if self.by_key:
            for key in keys_of(value):
                numbers.update(self.by_key.get(key, ()))
        if self.by_item:
            several = isinstance(value, list | tuple | dict)
            for item in value if several else (value,):
                for key in keys_of(item):
                    numbers.update(self.by_item.get(key, ()))
            if not several:
                numbers.update(self.in_text)
        for is_answerable, guarded in self.guarded.values():
            if not is_answerable(value):
                numbers.update(guarded)
