"""Who may enter: trigger conditions, the re-entry policy, the entry key. Refusals are kept with their reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.engine import rows
from app.engine.graph import Graph
from app.engine.walk import COMPLETED, Batch, Refusal, Run
from app.nodes.operators import ConditionError

Key = tuple[bytes, bytes, str]
"""(contact, workflow, entry key or '')"""
MAX_KEY = 200


class Entries:
    """The door of one batch. `standing`: active runs in the database; `history`: when somebody last started."""

    def __init__(self, batch: Batch, standing: set[Key], history: dict[Key, int]) -> None:
        self.batch, self.history = batch, history
        self.active: dict[Key, Run | None] = dict.fromkeys(standing)

    def know(self, run: Run) -> None:
        """An active run whose end within this batch must be seen."""
        self.active[run.contact.id, run.graph.workflow_id, run.entry_key or ""] = run

    def let_in(self, run: Run, event_id: bytes | None) -> bool:
        """May this new run begin? Keeps the refusal when it may not; sets its entry key when it may."""
        graph = run.graph
        try:
            if not graph.admits(run).held:
                return False
            key = _entry_key(graph, run)
        except ConditionError as error:
            return self._refuse(run, event_id, "condition_error", {"error": str(error)})
        place = (run.contact.id, graph.workflow_id, key)
        if graph.reentry == "always":
            # The index of active runs allows one a key; a key of its own keeps `always` honest.
            run.entry_key = f"{key}:{UUID(bytes=run.id)}" if key else str(UUID(bytes=run.id))
            return True
        reason = self._reason(graph, place)
        if reason is not None:
            return self._refuse(run, event_id, *reason)
        run.entry_key = key or None
        self.active[place] = run
        self.history[place] = run.started
        return True

    def _reason(self, graph: Graph, place: Key) -> tuple[str, dict[str, Any] | None] | None:
        if place in self.active:
            run = self.active[place]
            if run is None or run.status < COMPLETED:
                return "already_active", None
        last = self.history.get(place)
        if last is None:
            return None
        if graph.reentry == "once":
            return "entered_before", {"at": rows.instant(last).isoformat()}
        free = last + int(graph.cooldown * 1e6)
        if graph.reentry == "cooldown" and self.batch.now < free:
            return "cooling_down", {"until": rows.instant(free).isoformat()}
        return None

    def _refuse(self, run: Run, event_id: bytes | None, reason: str, detail: dict[str, Any] | None) -> bool:
        self.batch.refusals.append(Refusal(run.graph, run.contact.id, event_id, reason, detail))
        return False


def _entry_key(graph: Graph, run: Run) -> str:
    if graph.entry_key is None:
        return ""
    value = graph.entry_key(run)
    return "" if value is None else str(value)[:MAX_KEY]
