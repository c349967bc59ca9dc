"""How many runs each trigger of a workflow started."""

from __future__ import annotations

from app.flow.document import TRIGGER, Flow, Trigger
from app.insights.schemas import WorkflowStats


def started_runs(flow: Flow, stats: WorkflowStats) -> list[tuple[Trigger, int]]:
    """Each trigger and how many runs it started. What no other one started, the one called `trigger` did, or the first one."""
    counts = {
        trigger.id: stats.node_stats[trigger.id].executed
        for trigger in flow.triggers
        if trigger.id != TRIGGER and trigger.id in stats.node_stats
    }
    first_trigger_id = TRIGGER if flow.trigger_of(TRIGGER) else flow.triggers[0].id
    # Of one version, whoever was moved from it to another is at their trigger, and not in the total.
    others = stats.total_runs - sum(counts.values())
    counts[first_trigger_id] = counts.get(first_trigger_id, 0) + max(0, others)
    return [(trigger, counts.get(trigger.id, 0)) for trigger in flow.triggers]
