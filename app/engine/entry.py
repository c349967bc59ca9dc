"""Who may enter: trigger conditions, dates, the re-entry policy, the entry key, limits. Refusals are kept with their reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from app.engine import rows
from app.engine.compiled import CompiledFlow, CompiledStart
from app.engine.goals import met_by_contact
from app.engine.records import Refusal, Remembered, TakenStart
from app.engine.state import NOBODY, RunState
from app.engine.stored_rows import PACED, Item
from app.engine.walk import Batch
from app.flow.entry_limits import Reason
from app.flow.operators import ConditionError
from app.flow.settings import REMEMBERED
from app.inbox import InboxKind
from app.lib.conversions import as_key
from app.liquid.templates import LiquidError

ASKED_FOR = frozenset((InboxKind.START, InboxKind.AT_TRIGGER, InboxKind.CALLED))
"""Kinds of items that ask for exactly one run."""
Key = tuple[bytes, bytes, str]
"""(contact, workflow, entry key or '')"""
LATEST = 7 * 86_400_000_000
"""Microseconds: an event that arrives later than that after it happened is history; it is kept and starts nothing."""


def reentry_refusal(reentry: str, cooldown: float, active: bool, last: datetime | None, now: datetime) -> Reason | None:
    """What the re-entry policy says; None lets in. `last`: when this contact (and key) last started, or what the cool-down is measured
    from; `cooldown` in seconds."""
    if reentry == "always":
        return None
    if active:
        return "already_active", None
    if last is None:
        return None
    if reentry == "once":
        return "entered_before", {"at": last.isoformat()}
    free = last + timedelta(seconds=cooldown)
    if reentry == "cooldown" and now < free:
        return "cooling_down", {"until": free.isoformat()}
    return None


class Entries:
    """Who may enter, for one batch. `on_turn`: all of it are starts that have waited and whose turn has come."""

    def __init__(self, batch: Batch, *, on_turn: bool = False) -> None:
        self.batch, self.on_turn = batch, on_turn
        self.history: dict[Key, int] = {}
        """When somebody last started."""
        self.ends: dict[Key, int] = {}
        """When the last run of somebody ended, of workflows that ask for it."""
        self.waiting: set[Key] = set()
        """Who waits to enter."""
        self.active: dict[Key, RunState | None] = {}
        """Active runs; None: one that is stored and that this batch does not touch."""

    def learn(self, standing: Iterable[Key], history: Mapping[Key, int]) -> None:
        """More of what is stored; what this batch did is newer."""
        for place in standing:
            self.active.setdefault(place, None)
        for place, at in history.items():
            self.history[place] = max(at, self.history.get(place, at))

    def remember(self, run: RunState) -> None:
        """An active run whose end within this batch must be seen."""
        self.active[run.contact.id, run.flow.workflow_id, run.entry_key or ""] = run

    def admitted(self, run: RunState, starts: list[CompiledStart], item: Item) -> bool:
        """Do the conditions of one of `starts` hold? The run begins by the first whose do.

        A refusal is kept when conditions cannot be checked, and when they do not hold for whoever asked for exactly this run.
        """
        broken, rules = "", None
        for start in starts:
            run.start, run.node = start, start.node
            if start.input_schema is not None and (wrong := start.input_schema.problems(run.event)):
                return self._refuse(run, "input_not_valid", {"errors": wrong})
            if start.admits is None:
                return True
            try:
                verdict = start.admits(run)
            except ConditionError as error:
                broken = broken or str(error)
                continue
            if verdict.held:
                return True
            rules = verdict.rules
        if broken:
            return self._refuse(run, "condition_error", {"error": broken})
        return (item.kind in ASKED_FOR or item.kind == PACED) and self._refuse(
            run, "conditions_not_met", {"rules": rules}
        )

    def admit(self, run: RunState, item: Item, *, paused: bool = False, reaches: bool = False) -> bool:
        """May this new run begin with `item`? Keeps the refusal when it may not; sets its entry key when it may.

        `reaches`: it is known to reach a goal after its entry, so that the contact may well meet one by now. A run of nobody has no
        entry key: who was in before, and who has reached a goal, is a question about a contact.
        """
        flow, nobody = run.flow, run.contact.id == NOBODY
        key = ""
        try:
            if flow.entry_key is not None and not nobody:
                key = as_key(flow.entry_key(run))
        except (ConditionError, LiquidError) as error:
            return self._refuse(run, "entry_key_error", {"error": str(error)})
        if item.at - item.occurred_at > LATEST:
            times = {"occurredAt": item.occurred_at, "arrivedAt": item.at}
            detail = {name: rows.instant(at).isoformat() for name, at in times.items()}
            return self._refuse(run, "event_too_old", detail)
        if flow.dated is not None and (reason := self._out_of_time(flow, item)) is not None:
            return self._refuse(run, *reason)
        if paused:
            return self._refuse(run, "workflow_paused", None)
        if nobody:
            return not self._waits(run, item, None)
        place = (run.contact.id, flow.workflow_id, key)
        if place in self.waiting:
            return self._refuse(run, "already_waiting", None)
        if (place in self.active or place in self.history) and (reason := self._reason(flow, place)) is not None:
            return self._refuse(run, *reason)
        if flow.contact_goals and not reaches and (met := met_by_contact(flow.contact_goals, run)) is not None:
            goal, rules = met
            return self._refuse(run, "goal_already_reached", {"goal": goal.id, "name": goal.name, "rules": rules})
        if self._waits(run, item, None if flow.reentry == "always" else key):
            return False
        if flow.reentry != "always":  # the index of active runs leaves runs without an entry key alone
            run.entry_key = key
            self.active[place] = run
            self.history[place] = run.started
            if flow.reentry in REMEMBERED:
                self.batch.remembered.append(
                    Remembered(flow.tenant_id, run.contact.id, flow.workflow_id, key, run.started)
                )
        return True

    def _out_of_time(self, flow: CompiledFlow, item: Item) -> Reason | None:
        return flow.opening().refusal(rows.instant(item.at), rows.instant(self.batch.now))

    def _waits(self, run: RunState, item: Item, key: str | None) -> bool:
        """Must this start wait for its turn? Then it is kept for it: where there is a limit, all enter by the one list, in order."""
        flow = run.flow
        if self.on_turn or not flow.limits.limited:
            return False
        self.batch.taken_starts.append(TakenStart(item, flow.workflow_id, key))
        if key is not None and run.contact.id != NOBODY:
            self.waiting.add((run.contact.id, flow.workflow_id, key))
        return True

    def _reason(self, flow: CompiledFlow, place: Key) -> Reason | None:
        run = self.active.get(place)
        active = place in self.active and (run is None or run.active)
        last = self.history.get(place)
        if flow.from_end:
            last = self.ends.get(place, last) if run is None else self.batch.now
        return reentry_refusal(
            flow.reentry,
            flow.cooldown,
            active,
            None if last is None else rows.instant(last),
            rows.instant(self.batch.now),
        )

    def _refuse(self, run: RunState, reason: str, detail: dict[str, Any] | None) -> bool:
        flow = run.flow
        self.batch.refusals.append(
            Refusal(
                flow.tenant_id,
                flow.workflow_id,
                run.contact.id or None,
                run.event_id,
                reason,
                detail,
                None if run.event_id else run.id,
                run.start.id,
            )
        )
        return False
