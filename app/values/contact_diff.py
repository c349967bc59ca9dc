"""What differs between two states of a contact: one rule for changes by the API, by pages, by files and by steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """Paths like `email` or `attributes.plan` that differ, with their old and new values nested alike."""

    changed: list[str]
    previous: dict[str, Any]
    current: dict[str, Any]


def same_value(one: Any, other: Any) -> bool:
    """Are two JSON values equal as jsonb stores them, at any depth? `1` is `1.0`, but neither is `true`."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_value(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_value, one, other))
    return bool(one == other)


def difference(
    columns: Mapping[str, tuple[Any, Any]],
    groups: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    tags: tuple[Iterable[str], Iterable[str]],
) -> Difference:
    """Compare (old, new) of each column by its public name, of each group (`attributes`, `consent`) key by key, and of the tags.

    A key that is missing differs from one that holds null, though both are told as null. Tags in another order are the same.
    """
    changed, previous, current = Difference([], {}, {})
    for name, (old, new) in columns.items():
        if old != new:
            changed.append(name)
            previous[name], current[name] = old, new
    for group, (old, new) in groups.items():
        keys = [key for key in {**old, **new} if key not in old or key not in new or not same_value(old[key], new[key])]
        if keys:
            changed += [f"{group}.{key}" for key in keys]
            previous[group] = {key: old.get(key) for key in keys}
            current[group] = {key: new.get(key) for key in keys}
    before, after = list(tags[0]), list(tags[1])
    if set(before) != set(after):
        changed.append("tags")
        previous["tags"], current["tags"] = before, after
    return Difference(changed, previous, current)
