"""How the work of a function grows with its input: processor time of two sizes, the smaller one doubled twice."""

from __future__ import annotations

import time
from collections.abc import Callable

RATIO = 3.0
"""What twice the input may cost at most. Linear work costs 2, quadratic work 4."""
DOUBTED = 2.5
"""What is measured again: once is seldom right."""
FLOOR_S = 0.004
"""Less than this for the largest input says nothing about growth, and harms nobody."""
ENOUGH_S = 0.03
"""An input that takes this long tells enough; no larger one is tried."""
CHARACTERS = 24 * 4**4


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this thread; other processes and threads do not count."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def growth(work: Callable[[int], Callable[[], object]], largest: int) -> float:
    """What a doubling costs when it costs too much: the mean of two doublings, each size at its best of some. Else 0.

    `work(n)` prepares an input of size n and returns what is measured. Sizes go up from few characters to `largest`, so that what
    grows fast is found before it takes long.
    """
    before, size = 0.0, 24
    while size <= largest:
        large = work(size)
        once = seconds(large)
        if once >= FLOOR_S and once >= DOUBTED**2 * before and (found := _doubling(work(size // 4), large)) >= RATIO:
            return found
        if once > ENOUGH_S:
            break
        before, size = once, size * 4
    return 0.0


def _doubling(little: Callable[[], object], large: Callable[[], object]) -> float:
    found = RATIO
    for times in (1, 3, 7):  # a machine that does other things makes one measurement slow, hardly eleven
        before = min(seconds(little) for _ in range(2 * times))
        after = min(seconds(large) for _ in range(times))
        found = (after / max(before, 1e-7)) ** 0.5
        if found < RATIO or found > 3 * RATIO or (times > 1 and found > 1.2 * RATIO):
            break
    return found
