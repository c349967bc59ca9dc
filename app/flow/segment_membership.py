"""“Is in segment” as a condition of steps, triggers and goals: `{"field": "segment", "operator": "in", "value": ["<id>", …]}`.

The form is that of rules (`app.flow.segment_rules`). Only ids make it one: with other values, or another operator, `segment` is a bare
name as any other, a property of the event or an attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.references import Reference
from app.lib.field_errors import joined
from app.lib.translation import gettext

ADDED, REMOVED = "segment.member.added", "segment.member.removed"
MOVES = (ADDED, REMOVED)
"""The events of a contact that enters or leaves a segment; their properties are `segmentId` and `segmentName`."""
SEGMENT = "segment"
IN, NOT_IN = "in", "not_in"
READ = "segments."
"""What a version reads of segments is written with this before the id."""
MOST_NAMED = 50
"""Segments that one condition names."""


class SegmentStanding(NamedTuple):
    """Where a contact stands with a segment. `is_built`: a dynamic one has no members before its rule was asked of everybody once."""

    name: str
    is_in: bool
    is_built: bool = True


NOT_THERE = SegmentStanding("", False)
"""Of a segment that was deleted: it has no members."""


def wanted_ids(field: Any, operator: Any, value: Any) -> list[UUID] | None:
    """The segments that a condition asks for, none while nothing is chosen; None: it is about something else."""
    if field != SEGMENT or operator not in (IN, NOT_IN):
        return None
    items = value if isinstance(value, list) else [] if value is None or value == "" else [value]
    ids: dict[UUID, None] = {}
    for item in items:
        try:
            ids[UUID(item)] = None
        except (ValueError, TypeError, AttributeError):
            return None
    return list(ids)


def membership_diagnostics(ids: list[UUID], path: str) -> list[Diagnostic]:
    """What is wrong with a condition that asks for these segments; whether they are there is asked with the other rows."""
    if not ids:
        return [incomplete(f"{path}.value", gettext("Choose a segment."))]
    if len(ids) > MOST_NAMED:
        return [
            Diagnostic(
                f"{path}.value",
                gettext(
                    "A condition names at most %(most_named)s segments; these are %(number)s.",
                    most_named=MOST_NAMED,
                    number=len(ids),
                ),
            )
        ]
    return []


def standings(ids: Iterable[UUID], reads: set[str]) -> Callable[[Any], tuple[SegmentStanding, ...]]:
    """A reader of where the contact of a step stands with these segments. Adds what it reads to `reads`."""
    wanted = tuple(ids)
    reads |= {f"{READ}{one}" for one in wanted}
    return lambda step: tuple([step.standing(one) for one in wanted])


def verdict(operator: str, ids: Iterable[UUID], stands: tuple[SegmentStanding, ...]) -> dict[str, Any]:
    """The answer of a condition, as a decision keeps it: with the names of the segments as they are now."""
    inside = [one.name for one in stands if one.is_in]
    return {
        "field": SEGMENT,
        "operator": operator,
        "segments": [str(one) for one in ids],
        "wanted": [one.name for one in stands],
        "actual": inside,
        "building": [one.name for one in stands if not one.is_built],
        "held": bool(inside) is (operator == IN),
    }


def segments_named(value: Any, path: str = "") -> Iterator[Reference]:
    """The segments that conditions anywhere inside a JSON value ask for; paths begin with `path`."""
    if isinstance(value, dict):
        ids = wanted_ids(value.get("field"), value.get("operator"), value.get("value"))
        if ids is not None:
            place = joined(path, "value")
            many = isinstance(value["value"], list)
            yield from (
                Reference("segment", f"{place}[{number}]" if many else place, one) for number, one in enumerate(ids)
            )
            return
        for name, inner in value.items():
            yield from segments_named(inner, joined(path, str(name)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from segments_named(inner, f"{path}[{number}]")
