"""The smallest picture of a workflow: one square a step in the colour of its kind, 76 by 28 pixels. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from app.flow.document import Edge, Flow
from app.flow.edges import leading_on
from app.flow.trigger_type import CATEGORY

WIDTH, HEIGHT, SQUARE = 76, 28, 7
COLUMN, GAP = 16, 3
ROWS = {1: (14.0,), 2: (8.0, 20.0), 3: (5.0, 14.0, 23.0)}
"""The middles of the squares of a column; a fourth arm is not drawn."""


class Dot(msgspec.Struct, frozen=True):
    """One step: the middle of its square and its category."""

    x: float
    y: float
    category: str


class Thumbnail(msgspec.Struct, frozen=True):
    """Squares of `size` pixels, and the lines between them as one SVG path."""

    dots: list[Dot]
    path: str
    size: float


def _columns(flow: Flow) -> list[list[str]]:
    """Node ids by their distance from the triggers along the longest way, arms from left to right on the canvas."""
    depth = {trigger.id: 0 for trigger in flow.triggers}
    order = list(depth)
    following: dict[str, list[Edge]] = {}
    for edge in leading_on(flow):
        following.setdefault(edge.source, []).append(edge)
    for source in order:
        for edge in following.get(source, ()):
            if depth.get(edge.target, -1) <= depth[source]:
                depth[edge.target] = depth[source] + 1
                order.append(edge.target)
    lies = {card.id: card.position.x for card in flow.cards}
    columns: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node_id, level in depth.items():
        columns[level].append(node_id)
    return [sorted(column, key=lambda node_id: (lies.get(node_id, 0), node_id))[: len(ROWS)] for column in columns]


def draw(flow: Flow, category_of: Callable[[str], str]) -> Thumbnail:
    """The thumbnail of `flow`; `category_of` names the category of a step type."""
    columns = _columns(flow)
    step = min(COLUMN, (WIDTH - SQUARE) / max(len(columns) - 1, 1))
    left = (WIDTH - SQUARE - step * (len(columns) - 1)) / 2 if step < COLUMN else 0
    types = {node.id: node.type for node in flow.nodes}
    places: dict[str, Dot] = {}
    for level, column in enumerate(columns):
        for node_id, y in zip(column, ROWS.get(len(column), ()), strict=False):
            category = CATEGORY if flow.trigger_of(node_id) else category_of(types.get(node_id, ""))
            places[node_id] = Dot(round(left + level * step + SQUARE / 2, 1), y, category)
    path = "".join(
        f"M{places[edge.source].x} {places[edge.source].y}L{places[edge.target].x} {places[edge.target].y}"
        for edge in flow.edges
        if edge.source in places and edge.target in places
    )
    return Thumbnail(list(places.values()), path, round(max(min(SQUARE, step - GAP), 2), 1))
