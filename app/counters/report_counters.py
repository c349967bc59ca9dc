"""What providers reported about the messages of each step, as counters in `node_stats`: a message counts once for each kind of report.

    message.reported.delivered   and opened, clicked, bounced, failed, complained, unsubscribed, replied

`messages.reported` has a bit for each kind, and whoever sets one counts it in the same statement (`reporting`), so no page counts
reports. The keys begin as those of messages do, so what sums, moves and checks those has them too.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable

from app.counters.message_counters import PREFIX
from app.models.status import ReportKind

REPORTED = f"{PREFIX}reported."
_KINDS = ", ".join(f"({1 << (kind - 1)}, '{REPORTED}{kind.word}')" for kind in ReportKind)
"""Rows (bit, key) of a `values`."""
COUNTED = f"lateral (values {_KINDS}) as k(bit, key)"
"""Each kind with its bit and the key of its counter, to be joined with messages."""


def bits_of(kinds: Iterable[int]) -> int:
    """The bits of these kinds together."""
    return functools.reduce(operator.or_, (1 << (kind - 1) for kind in kinds), 0)


UNDELIVERED = bits_of((ReportKind.BOUNCED, ReportKind.FAILED))
"""What says that a message did not arrive; every other report says that it did."""
