"""Nodes that a run may come to more than once, because a way leads from them back to themselves."""

from __future__ import annotations

from collections.abc import Iterable


def repeatable(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Those of `nodes` that are on a circle of `edges` (source, target), or between two circles.

    Found by taking away, again and again, what nothing leads to and what leads to nothing. What is left needs counting.
    """
    left = set(nodes)
    ways = {(source, target) for source, target in edges if source in left and target in left}
    while True:
        inner = {source for source, _ in ways} & {target for _, target in ways}
        if inner == left:
            return frozenset(left)
        left = inner
        ways = {(source, target) for source, target in ways if source in left and target in left}
