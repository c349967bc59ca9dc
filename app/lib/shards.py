"""Which shard of a counter this process adds to, so that workers and people never wait for one row.

Whoever adds to several counters takes them in the order of workflow, version, node and key, compared byte by byte: two that
share a shard then wait for each other, and never in a circle.
"""

from __future__ import annotations

import os

PEOPLE = 0
"""What people and programs cause by a request."""
WORKERS = 15


def own() -> int:
    """The shard of this worker process, 1 to `WORKERS`."""
    return 1 + os.getpid() % WORKERS
