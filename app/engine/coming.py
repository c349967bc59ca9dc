"""How a run has come to a step: which visit it is, and which error brought it. Told only to steps that runs may come back to, or that
handle errors; all others pay nothing for it.
"""

from __future__ import annotations

from app.engine.compiled_node import CompiledNode
from app.engine.paths import SharedPath
from app.engine.state import RunState
from app.flow.document import ERROR
from app.flow.outcomes import Fail
from app.models.status import StepStatus


def note_coming(run: RunState, path: SharedPath, node: CompiledNode) -> None:
    """Let `node`, which `run` comes to along `path`, know the visit and the error."""
    run.visit = path.visits.get(node.id, 0) + 1
    if not node.handles or not path.steps:
        return  # a run that stood here already knows what brought it
    last = path.steps[-1]
    failed = last.status == StepStatus.FAILED and last.node.ports[ERROR].target is node
    context = {**(run.context or {})}
    if failed and isinstance(last.outcome, Fail):
        own = path.has_own_times and len(path.steps) == 1
        context["failure"] = {
            "nodeId": last.node.id,
            "nodeType": last.node.type,
            "error": last.outcome.error,
            "attempt": run.attempt if own else 1,
            "port": next((name for name, way in node.ports.items() if way.target is last.node), None),
        }
    elif "failure" in context:
        del context["failure"]
    run.context = context or None
