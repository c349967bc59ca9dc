"""Which shard of a counter this process adds to, so that workers and people never wait for one row.

Writers of several counters update them in the order of workflow, version, node and key, compared byte by byte: two processes of
one shard then wait for each other, but never deadlock.
"""

from __future__ import annotations

import os

PEOPLE = 0
"""What people and programs cause by a request."""
WORKERS = 15


def own() -> int:
    """The shard of this worker process, 1 to `WORKERS`."""
    return 1 + os.getpid() % WORKERS
