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
    counts[first_trigger_id] = counts.get(first_trigger_id, 0) + stats.total_runs - sum(counts.values())
    return [(trigger, counts.get(trigger.id, 0)) for trigger in flow.triggers]
