"""How many runs workflows had and have, by the roll-up counters in `node_stats`; `run_counter_repository` reads them.

The engine adds to them in the transaction of what it counts, each process to a shard of its own. The counters of messages
(`app.counters.message_counters`) stand beside those of runs.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, case, func

from app.counters.message_counters import FAILED, UNCERTAIN
from app.models import NodeStat

ENTERED = "entered"
ENDS = ("completed", "failed", "goal_reached", "exited", "cancelled")
"""The counters of runs that are over, by how they ended."""
OF_WORKFLOW = NodeStat.node_id == ""
"""Rows that count runs of a whole workflow; the others count what passed one node."""
MOVED = "moved"
"""Of the cancelled runs those that a person moved to another step, where each goes on as a run of its own that entered too. So somebody
who is moved is counted once, in the version where the last run is."""
RETRIED = "retried"
"""Of the failed runs those that go on as a run of its own, which entered too: whoever counts entries takes them off."""
SECONDS = "seconds"
"""How long the runs that are over took, all together."""

Counters = Mapping[str, int]


GONE_ON = (MOVED, RETRIED)
"""Runs that go on as another one, which entered too: whoever is moved or retried entered once."""


def entries(counters: Counters) -> int:
    """How often somebody entered. Every number of entries is this one, or in SQL `ENTRIES_SQL`."""
    return counters.get(ENTERED, 0) - sum(counters.get(key, 0) for key in GONE_ON)


def running(counters: Counters) -> int:
    """Runs that have not ended, waiting ones too."""
    return max(0, entries(counters) - ended(counters))


def ended(counters: Counters) -> int:
    """Runs that are over; those that were moved or retried go on."""
    return sum(counters.get(key, 0) for key in ENDS) - sum(counters.get(key, 0) for key in GONE_ON)


ENTRIES: ColumnElement[int] = func.sum(
    case((NodeStat.key == ENTERED, NodeStat.n), (NodeStat.key.in_(GONE_ON), -NodeStat.n), else_=0)
)
"""`entries` in SQL, over rows OF_WORKFLOW."""
ENTRIES_SQL = f"sum(case when s.key = '{ENTERED}' then s.n when s.key in {GONE_ON} then -s.n else 0 end) filter (where s.node_id = '')"
"""The same for a statement in text, over rows `s` of `node_stats`."""
RUNNING: ColumnElement[int] = func.sum(
    case((NodeStat.key == ENTERED, NodeStat.n), (NodeStat.key.in_(ENDS), -NodeStat.n), else_=0)
)
"""`running` in SQL, over rows OF_WORKFLOW."""
RUNNING_SQL = f"sum(case when s.key = '{ENTERED}' then s.n when s.key in {ENDS} then -s.n else 0 end)"
"""The same for a statement in text, over rows `s` of `node_stats` whose `node_id` is empty."""


class Totals(msgspec.Struct, rename="camel", kw_only=True):
    """Runs since the workflow exists (or of one version). `runningRuns` are all that have not ended, waiting ones too. A run that was
    held and moved to another step, or failed and was retried, counts once, where it went.

    The messages of all its steps: those that failed, and those whose fate is uncertain.
    """

    total_runs: int = 0
    running_runs: int = 0
    completed_runs: int = 0
    failed_runs: int = 0
    goal_reached_runs: int = 0
    exited_runs: int = 0
    cancelled_runs: int = 0
    failed_messages: int = 0
    uncertain_messages: int = 0

    @classmethod
    def of(cls, counters: Counters) -> Totals:
        """From the workflow's own counters (`entered`, `completed`, `failed` …) and those of its messages (`message.failed` …)."""
        ends = {key: counters.get(key, 0) for key in ENDS}
        ends["cancelled"] -= counters.get(MOVED, 0)
        ends["failed"] -= counters.get(RETRIED, 0)
        return cls(
            total_runs=entries(counters),
            running_runs=running(counters),
            **{f"{key}_runs": number for key, number in ends.items()},
            failed_messages=sum(n for key, n in counters.items() if key.startswith(FAILED)),
            uncertain_messages=counters.get(UNCERTAIN, 0),
        )
