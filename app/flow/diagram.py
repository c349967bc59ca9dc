"""A small read-only drawing of a flow, for pages that show a path or a version. Pure: positions in, pixels out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from app.flow import node_words
from app.flow.document import triggers_of
from app.flow.node_type import NEXT_PORT, Port, port_label
from app.flow.trigger_registry import typed
from app.flow.trigger_type import CATEGORY
from app.lib.translation import gettext

WIDTH, HEIGHT = 176, 50
SCALE_X, SCALE_Y = 0.74, 0.62
CORNER, LABEL_AT = 8, 18
OPEN_END = 34
"""How far below its card a branch ends that leads nowhere: its label has to fit above the end."""
ASIDE = 14
"""How far to the right of both cards a way runs that leads back up."""


class Card(msgspec.Struct):
    """One node: its place in pixels, what it is called and what kind it is."""

    id: str
    type: str
    category: str
    title: str
    kind: str
    x: int
    y: int


class Line(msgspec.Struct):
    """One edge: `key` is `source:port`; `label` is empty for the only port of a step, `target` for a branch that leads nowhere."""

    key: str
    source: str
    target: str
    path: str
    label: str
    label_x: int
    label_y: int


class Diagram(msgspec.Struct):
    """All of it, on a sheet of `width` by `height` pixels."""

    cards: list[Card]
    lines: list[Line]
    width: int
    height: int


def draw(flow: dict[str, Any], titles: Mapping[str, str] = MappingProxyType({})) -> Diagram:
    """Scale the canvas positions down and route the edges as the canvas does: down, across, down.

    `titles`: by id, what cards are called; those that it leaves out by what can be known without the rows that they name.
    """
    cards: list[Card] = []
    ports: dict[str, tuple[Port, ...]] = {}
    for trigger in triggers_of(flow):
        kind, config = typed(trigger)
        title = titles.get(trigger.id) or kind.title(config)
        cards.append(_card(trigger.id, CATEGORY, title, msgspec.to_builtins(trigger.position)))
        ports[trigger.id] = (NEXT_PORT,)
    for node in flow["nodes"]:
        title = titles.get(node["id"]) or node_words.title_of_plain(node)
        cards.append(_card(node["id"], node["type"], title, node.get("position")))
        ports[node["id"]] = node_words.ports_of(node["type"], node.get("data") or {})
    left, top = min(card.x for card in cards), min(card.y for card in cards)
    for card in cards:
        card.x, card.y = card.x - left, card.y - top
    places = {card.id: card for card in cards}
    lines = [
        _line(edge, places[edge["source"]], places[edge["target"]], ports[edge["source"]])
        for edge in _ways(flow)
        if edge["source"] in places and edge["target"] in places
    ]
    leads_back = any(places[line.target].y <= places[line.source].y for line in lines)
    ends = _open_ends({line.key for line in lines}, places, ports)
    width = max(card.x for card in cards) + WIDTH + (ASIDE + CORNER if leads_back else 0)
    below = max([*(card.y + HEIGHT for card in cards), *(places[end.source].y + HEIGHT + OPEN_END for end in ends)])
    return Diagram(cards, [*lines, *ends], width, below)


def _open_ends(connected: set[str], places: Mapping[str, Card], ports: Mapping[str, tuple[Port, ...]]) -> list[Line]:
    """The branches that lead nowhere, of steps that have several: a short way down, and a ring where it ends."""
    ends = list[Line]()
    for source, declared in ports.items():
        for at, port in enumerate(declared, start=1):
            key = f"{source}:{port.id}"
            if len(declared) < 2 or key in connected:
                continue
            card = places[source]
            x, y = card.x + round(WIDTH * at / (len(declared) + 1)), card.y + HEIGHT
            path = f"M{x} {y}V{y + OPEN_END - 6}m-3 3a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"
            label = gettext(port_label(declared, port.id))
            ends.append(Line(key, source, "", path, label, x, y + LABEL_AT - 4))
    return ends


def _ways(flow: dict[str, Any]) -> list[dict[str, Any]]:
    """The edges, and where steps lead without one."""
    connected = {(edge["source"], edge.get("sourceHandle") or NEXT_PORT.id) for edge in flow["edges"]}
    jumps = [
        {"source": node["id"], "target": target, "sourceHandle": port}
        for node in flow["nodes"]
        for port, target in node_words.jumps_of(node["type"], node.get("data") or {})
        if (node["id"], port) not in connected
    ]
    return [*flow["edges"], *jumps]


def _card(node_id: str, kind: str, title: str, position: dict[str, Any] | None) -> Card:
    place = position or {}
    is_trigger = kind == CATEGORY
    category = CATEGORY if is_trigger else node_words.category_of(kind)
    label = gettext("Trigger") if is_trigger else node_words.kind_word(kind)
    return Card(
        node_id,
        kind,
        category,
        title,
        label,
        round(float(place.get("x", 0)) * SCALE_X),
        round(float(place.get("y", 0)) * SCALE_Y),
    )


def _line(edge: dict[str, Any], source: Card, target: Card, ports: tuple[Port, ...]) -> Line:
    port = edge.get("sourceHandle") or "next"
    port_ids = [declared.id for declared in ports]
    ways = [*port_ids, *([port] if port not in port_ids else [])]
    x1 = source.x + round(WIDTH * (ways.index(port) + 1) / (len(ways) + 1))
    y1, x2, y2 = source.y + HEIGHT, target.x + WIDTH // 2, target.y
    label = "" if port == NEXT_PORT.id else gettext(port_label(ports, port))
    path = _route(x1, y1, x2, y2) if y2 > y1 else _back(x1, y1, x2, y2, max(source.x, target.x) + WIDTH + ASIDE)
    return Line(f"{edge['source']}:{port}", edge["source"], edge["target"], path, label, x1, y1 + LABEL_AT)


def _route(x1: int, y1: int, x2: int, y2: int) -> str:
    """Down to half way, across, down; rounded where it turns."""
    if x1 == x2 and y2 > y1:
        return f"M{x1} {y1}V{y2}"
    middle = (y1 + y2) // 2 if y2 - y1 >= 2 * CORNER else y1 + CORNER
    side = 1 if x2 > x1 else -1
    corner = min(CORNER, abs(x2 - x1) // 2, abs(middle - y1), max(abs(y2 - middle), 1))
    down = 1 if y2 > middle else -1
    return (
        f"M{x1} {y1}V{middle - corner}Q{x1} {middle} {x1 + side * corner} {middle}"
        f"H{x2 - side * corner}Q{x2} {middle} {x2} {middle + down * corner}V{y2}"
    )


def _back(x1: int, y1: int, x2: int, y2: int, side: int) -> str:
    """Down a little, to the right of both cards, up, and into the target from above."""
    c = CORNER // 2
    low, high = y1 + CORNER, y2 - CORNER
    return (
        f"M{x1} {y1}V{low - c}Q{x1} {low} {x1 + c} {low}H{side - c}Q{side} {low} {side} {low - c}"
        f"V{high + c}Q{side} {high} {side - c} {high}H{x2 + c}Q{x2} {high} {x2} {high + c}V{y2}"
    )
