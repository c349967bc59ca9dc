"""Nodes that a run may come to more than once, because a way leads from them back to themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


def repeatable(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Those of `nodes` that are on a circle of `edges` (source, target), or between two circles.

    Found by taking away what nothing leads to and what leads to nothing, until nothing of that kind is left. Each edge is looked at
    twice at most: a chain of 10,000 steps has 10,000 beginnings, one after the other.
    """
    remaining = set(nodes)
    following: dict[str, set[str]] = defaultdict(set)
    preceding: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        if source in remaining and target in remaining:
            following[source].add(target)
            preceding[target].add(source)
    waiting = [node for node in remaining if not following[node] or not preceding[node]]
    while waiting:
        node = waiting.pop()
        if node not in remaining:
            continue
        remaining.discard(node)
        for neighbour in following[node]:
            preceding[neighbour].discard(node)
            if not preceding[neighbour]:
                waiting.append(neighbour)
        for neighbour in preceding[node]:
            following[neighbour].discard(node)
            if not following[neighbour]:
                waiting.append(neighbour)
    return frozenset(remaining)
