"""How many runs a workflow had, read from the roll-up counters, never by counting history."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.messaging.counters import FAILED, UNCERTAIN

ENDED = ("completed", "failed", "goal_reached", "exited", "cancelled")


class Totals(msgspec.Struct, rename="camel", kw_only=True):
    """Runs since the workflow exists (or of one version). `runningRuns` are all that have not ended, waiting ones too.

    The messages of all its steps: those that failed, and those of which nobody knows whether they left.
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
    def of(cls, counters: Mapping[str, int]) -> Totals:
        """From the workflow's own counters (`entered`, `completed`, `failed` …) and those of its messages (`message.failed` …)."""
        entered = counters.get("entered", 0)
        return cls(
            total_runs=entered,
            running_runs=max(0, entered - sum(counters.get(key, 0) for key in ENDED)),
            completed_runs=counters.get("completed", 0),
            failed_runs=counters.get("failed", 0),
            goal_reached_runs=counters.get("goal_reached", 0),
            exited_runs=counters.get("exited", 0),
            cancelled_runs=counters.get("cancelled", 0),
            failed_messages=sum(n for key, n in counters.items() if key.startswith(FAILED)),
            uncertain_messages=counters.get(UNCERTAIN, 0),
        )
