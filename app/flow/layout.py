"""Places for cards that nobody has placed: a layered drawing from top to bottom, as *Tidy up* of the canvas makes one.

Ranks are the longest ways from what has no way in; the order within a rank follows the means of the neighbours, with the ways out of a
card in the order of its ports; across, each card stands as close to the middle of its neighbours as its row lets it. A few sweeps over rows
sorted by numbers: O(n log n + edges) for each, and the same drawing every time. What has a place keeps it, and the others stand beside it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from app.flow.document import UNPLACED, Edge, Flow, Position
from app.flow.node_words import ports_of

GRID, ROW, CARD, GAP = 8, 168, 240, 40
"""Pixels of the canvas: what places are rounded to, from row to row, and a card's width with what is free beside it."""
APART = CARD + GAP
CARD_ROW = 80
"""Cards whose tops are closer than that, and which overlap across, cover each other."""
SWEEPS = 4
Ways = Mapping[str, Sequence[str]]


def placed(flow: Flow, known: Mapping[str, Position] | None = None) -> Flow:
    """The same flow with a place for each trigger, step and note that says none. `known`: where cards of an id were before."""
    before = known or {}
    cards = (*flow.cards, *flow.notes)
    places = {card.id: before.get(card.id, UNPLACED) if card.position is UNPLACED else card.position for card in cards}
    if all(places[card.id] is card.position is not UNPLACED for card in cards):
        return flow
    fixed = {card.id: places[card.id] for card in flow.cards if places[card.id] is not UNPLACED}
    drawn = _beside(_drawing(flow), fixed, flow)
    places |= drawn
    right = max((place.x for place in (*drawn.values(), *fixed.values())), default=0) + APART
    loose = [note.id for note in flow.notes if places[note.id] is UNPLACED]
    places |= {note_id: Position(x=right, y=index * ROW) for index, note_id in enumerate(loose)}
    return _with(flow, places)


def _with(flow: Flow, places: Mapping[str, Position]) -> Flow:
    parts = {
        name: tuple(msgspec.structs.replace(card, position=places[card.id]) for card in getattr(flow, name))
        for name in ("triggers", "nodes", "notes")
    }
    return msgspec.structs.replace(flow, **parts)


def _drawing(flow: Flow) -> dict[str, tuple[float, int]]:
    """The middle and the row of each card, in pixels, when nothing has a place."""
    out, into = _ways(flow)
    ranks = _ranks(out, into)
    rows: dict[int, list[str]] = {}
    for name, rank in ranks.items():
        rows.setdefault(rank, []).append(name)
    order = [rows[rank] for rank in sorted(rows)]
    for _ in range(SWEEPS):
        _sort(order, into, out)
        _sort(order[::-1], out, into)
    _sort(order, into, out)
    middles = {name: float(index * APART) for row in order for index, name in enumerate(row)}
    for _ in range(SWEEPS):
        _spread(order, into, middles)
        _spread(order[::-1], out, middles)
    _spread(order, into, middles)
    return {name: (middles[name], ranks[name] * ROW) for row in order for name in row}


def _ways(flow: Flow) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Where ways lead from each card, and from where they come, without those that lead back."""
    names = [card.id for card in flow.cards]
    following: dict[str, list[str]] = {name: [] for name in names}
    for edge in _in_order_of_ports(flow):
        if edge.source in following and edge.target in following and edge.source != edge.target:
            following[edge.source].append(edge.target)
    out: dict[str, list[str]] = {name: [] for name in names}
    into: dict[str, list[str]] = {name: [] for name in names}
    done, on_way = set[str](), set[str]()
    for first in names:
        stack = [] if first in done else [(first, iter(following[first]))]
        on_way |= {first} if stack else set()
        while stack:
            name, ways = stack[-1]
            target = next(ways, None)
            if target is None:
                stack.pop()
                on_way.discard(name)
                done.add(name)
            elif target not in on_way:
                out[name].append(target)
                into[target].append(name)
                if target not in done:
                    on_way.add(target)
                    stack.append((target, iter(following[target])))
    return out, into


def _in_order_of_ports(flow: Flow) -> list[Edge]:
    """The edges as their ports stand on the cards, from left to right: a document may list No before Yes."""
    places = {
        (node.id, port.id): index for node in flow.nodes for index, port in enumerate(ports_of(node.type, node.data))
    }
    last = len(flow.edges)
    return sorted(flow.edges, key=lambda edge: places.get((edge.source, edge.source_handle), last))


def _ranks(out: Ways, into: Ways) -> dict[str, int]:
    """The row of each card: below all that lead to it. Triggers and what nothing leads to stand at the top."""
    missing = {name: len(sources) for name, sources in into.items()}
    ready, ranks = [name for name, count in missing.items() if not count], dict.fromkeys(into, 0)
    for name in ready:
        for target in out[name]:
            ranks[target] = max(ranks[target], ranks[name] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return ranks


def _sort(rows: Iterable[list[str]], before: Ways, after: Ways) -> None:
    """Order each row by the means of where the cards that were ordered before it stand; ways out count in the order of their ports."""
    at: dict[str, float] = {}
    for row in rows:
        places = {name: index for index, name in enumerate(row)}
        means = dict[str, float]()
        for name in row:
            others = [at[other] + _share(after[other], name) for other in before[name] if other in at]
            means[name] = sum(others) / len(others) if others else float(places[name])
        row.sort(key=lambda name: (means[name], places[name]))
        at |= {name: float(index) for index, name in enumerate(row)}


def _share(ways: Sequence[str], name: str) -> float:
    """A little to the left or the right, as the way to `name` stands among the ways out of a card."""
    return (ways.index(name) + 0.5) / len(ways) - 0.5 if name in ways else 0.0


def _spread(rows: Iterable[Sequence[str]], before: Ways, middles: dict[str, float]) -> None:
    """Move each card as close to the middle of its neighbours as the others in its row let it: the least squares of a monotone row."""
    for row in rows:
        wanted = []
        for index, name in enumerate(row):
            others = [middles[other] for other in before[name]]
            wanted.append((sum(others) / len(others) if others else middles[name]) - index * APART)
        blocks: list[list[float]] = []  # sum, count
        for value in wanted:
            blocks.append([value, 1])
            while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
                total, count = blocks.pop()
                blocks[-1][0] += total
                blocks[-1][1] += count
        free = [total / count for total, count in blocks for _ in range(int(count))]
        for index, name in enumerate(row):
            middles[name] = free[index] + index * APART


def _beside(drawing: Mapping[str, tuple[float, int]], fixed: Mapping[str, Position], flow: Flow) -> dict[str, Position]:
    """Where the cards without a place stand: as drawn, moved with the nearest neighbour that has one, and next to what is there."""
    near: dict[str, str] = {}
    for edge in flow.edges:
        for name, other in ((edge.target, edge.source), (edge.source, edge.target)):
            if other in fixed and name in drawing:
                near.setdefault(name, other)
    first = next(iter(drawing), None)
    anchor = next(iter(fixed), None)
    taken: dict[int, list[float]] = {}
    for place in fixed.values():
        insort(taken.setdefault(round(place.y / CARD_ROW), []), place.x)
    places: dict[str, Position] = {}
    for name, (middle, top) in drawing.items():
        if name in fixed:
            continue
        base = near.get(name, anchor)
        if base is not None:
            by = fixed[base].x - drawing[base][0], fixed[base].y - drawing[base][1]
        else:
            by = (-drawing[first][0], 0.0) if first is not None else (0.0, 0.0)
        y = _snapped(top + by[1])
        x = _free(taken, _snapped(middle + by[0]), y) if fixed else _snapped(middle + by[0])
        insort(taken.setdefault(round(y / CARD_ROW), []), x)
        places[name] = Position(x=x, y=y)
    return places


def _free(taken: Mapping[int, list[float]], x: int, y: int) -> int:
    """The first place from `x` to the right where no card of about the same height lies."""
    row = round(y / CARD_ROW)
    others = sorted(other for near in (row - 1, row, row + 1) for other in taken.get(near, ()))
    for other in others[bisect_left(others, x - CARD - GAP + 1) :]:
        if other >= x + APART:
            break
        x = _snapped(other + APART)
    return x


def _snapped(value: float) -> int:
    return round(value / GRID) * GRID
