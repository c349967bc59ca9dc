"""Which shard of a counter this process adds to, so that workers and people never wait for one row.

Writers of several counters update them in the order of workflow, version, node and key, compared byte by byte: two processes of
one shard then wait for each other, but never deadlock.
"""

from __future__ import annotations

import os

PEOPLE = 0
"""What people and programs cause by a request."""
WORKERS = 31


def own(thread: int = 0) -> int:
    """The shard of this worker process, or of one of its threads that count apart: 1 to `WORKERS`.

    Processes that are started one after the other, with two threads each, have shards of their own.
    """
    return 1 + (2 * os.getpid() + thread) % WORKERS
