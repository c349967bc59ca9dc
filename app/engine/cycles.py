"""Nodes that a run may come to more than once, because a way leads from them back to themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


def repeatable(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Those of `nodes` that are on a circle of `edges` (source, target), or between two circles.

    Found by taking away what nothing leads to and what leads to nothing, until nothing of that kind is left. Each edge is looked at
    twice at most: a chain of 10,000 steps has 10,000 beginnings, one after the other.
    """
    left = set(nodes)
    following: dict[str, set[str]] = defaultdict(set)
    preceding: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        if source in left and target in left:
            following[source].add(target)
            preceding[target].add(source)
    waiting = [node for node in left if not following[node] or not preceding[node]]
    while waiting:
        node = waiting.pop()
        if node not in left:
            continue
        left.discard(node)
        for other in following[node]:
            preceding[other].discard(node)
            if not preceding[other]:
                waiting.append(other)
        for other in preceding[node]:
            following[other].discard(node)
            if not following[other]:
                waiting.append(other)
    return frozenset(left)
