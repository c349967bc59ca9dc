"""The garbage collector stays out of batches, and makes up for it after them.

A batch makes some ten tracked objects a run. They hang together in circles (run and track, contact and its last run), so a batch
takes itself apart when it is over and its memory goes at once. What is left for the collector is what others made meanwhile.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MIDDLE_EVERY = 32
"""Batches after which objects that outlived one sweep are looked at again."""
FULL_EVERY_S = 60.0
"""Seconds between sweeps of everything. One takes some 100 ms of a worker, so a thousandth of its time or two."""
MOST_UNSWEPT = 4
"""Batches that may end without a sweep because another is under way: it looks at the objects of that one, all of which live."""


class Sweeper:
    """One process's, whose engines share the collector. Young objects are swept after batches, older ones now and then: else
    nobody would ever do it under load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way, self._was_on = 0, False
        self._batches = self._unswept = self._middle = 0
        self._full = time.monotonic()

    @contextmanager
    def kept_out(self) -> Iterator[None]:
        """No collection inside (measured: -25 % Python). Put it around the call that makes the batch, not into it: what a frame
        still holds is no garbage, and a sweep would only move it to the old generation, where nobody looks under load."""
        with self._lock:
            if not self._under_way:
                self._was_on = gc.isenabled()
                gc.disable()
            self._under_way += 1
        try:
            yield
        finally:
            if (generation := self._end()) is not None:
                gc.collect(generation)

    def _end(self) -> int | None:
        """A batch is over. What is to be swept now; None: nothing."""
        with self._lock:
            self._under_way -= 1
            self._batches += 1
            self._unswept += 1
            if not self._was_on:
                return None
            if not self._under_way:
                gc.enable()
            elif self._unswept < MOST_UNSWEPT:
                return None
            self._unswept = 0
            return self._generation()

    def _generation(self) -> int:
        now = time.monotonic()
        if now - self._full >= FULL_EVERY_S:
            self._full = now
            return 2
        if self._batches - self._middle >= MIDDLE_EVERY:
            self._middle = self._batches
            return 1
        return 0


sweeper = Sweeper()
"""That of this process."""
