"""Runs that sleep until an event: which events wake them, and events that had happened before they fell asleep.

An event is asked of the outcome that the step comes to now: functions of steps are pure, so it is the one that put the run to sleep.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog

from app.engine import history, rows
from app.engine.calls import ANSWERED
from app.engine.claim import Cursor
from app.engine.parking import keep_answer
from app.engine.state import NOBODY, GoalView, RunState
from app.engine.stored_rows import Item
from app.engine.walk import WAITING, Batch
from app.flow.operators import ConditionError
from app.flow.outcomes import WaitFor

log = structlog.get_logger()


class _StepOnEvent:
    """What conditions of a step are handed: the run, with the event that arrived in place of the one that it began with."""

    __slots__ = ("state",)

    def __init__(self, state: GoalView) -> None:
        self.state = state


def answer(run: RunState, item: Item, event: dict[str, Any]) -> WaitFor | None:
    """The wait that this event ends; None when the run does not wait for it. `event`: its properties."""
    node = run.node if run.path is None else run.path.end.node
    if run.awaited != item.name or run.status != WAITING or node is None or item.tenant_id != run.flow.tenant_id:
        return None
    try:
        wait = node.run(run)
        if not isinstance(wait, WaitFor) or wait.event != item.name:
            return None
        if item.occurred_at < (run.occurred_at if wait.since == "run_start" else run.moved_at):
            return None
        if wait.conditions is None or wait.conditions(_StepOnEvent(GoalView(run, item.name, event))).held:
            return wait
    except ConditionError as error:
        log.warning("wait.unanswered", node=node.id, error=str(error))
    except Exception as error:  # of this run alone: it goes on waiting, and its time-out says what is the matter
        log.error("wait.broke", node=node.id, exc_info=error)
    return None


def output_of(item: Item, event: dict[str, Any]) -> dict[str, Any]:
    """What a step puts out that waited for this event."""
    return {
        "name": item.name,
        "id": str(UUID(bytes=item.event_id)) if item.event_id else None,
        "occurredAt": rows.instant(item.occurred_at).isoformat(),
        "properties": event,
    }


def wake(batch: Batch, runs: Iterable[RunState], item: Item, *, paused: Iterable[bytes] = ()) -> None:
    """Let those of `runs` go on that wait for this event. Of `paused` workflows the answer is kept on the run, for when they go on."""
    event: dict[str, Any] | None = None
    for run in runs:
        if run.awaited != item.name:
            continue
        if event is None:
            event = rows.decode(item.payload) if item.payload else {}
        lane, run.lane = run.lane, run.lane or item.lane  # what woke it and what follows wait in one lane
        if _looks_again(run):
            _look_again(batch, run, item, event, paused=run.flow.workflow_id in paused)
            continue
        wait = answer(run, item, event)
        if wait is None:
            run.lane = lane
            continue
        output = output_of(item, event)
        run.moved_at = item.occurred_at
        if run.flow.workflow_id in paused:
            keep_answer(batch, run, wait.port, output)
        else:
            batch.go_on(run, wait.port, output)


def _looks_again(run: RunState) -> bool:
    """Is an event no answer to its step, but a reason to decide again?"""
    node = run.node if run.path is None else run.path.end.node
    return node is not None and node.concerns is not None


def _look_again(batch: Batch, run: RunState, item: Item, event: dict[str, Any], *, paused: bool) -> None:
    """Let a stored run decide again. One that fell asleep in this batch has seen the contact as the event left it."""
    node = run.node
    if run.path is not None or node is None or run.status != WAITING or item.tenant_id != run.flow.tenant_id:
        return
    if node.concerns is None or not node.concerns(event):
        return
    if paused:
        keep_answer(batch, run, ANSWERED, run.resume_output)
    else:
        run.resume_port = ANSWERED  # also where a loop would have woken it
        batch.resume(run)  # as it does when its time has come


def look_back(cursor: Cursor, batch: Batch) -> None:
    """Ask what happened since their start of runs that have just fallen asleep and count from there."""
    past_events: dict[tuple[bytes, str], list[Item]] = {}
    while batch.looking_back:
        asleep, batch.looking_back = batch.looking_back, []
        asleep = [run for run in asleep if run.awaited is not None and run.contact.id]  # nothing happens to nobody
        places: dict[tuple[bytes, str], tuple[int, bytes, str, int]] = {}
        for run in asleep:
            place = run.contact.id, run.awaited or ""
            if place not in past_events:
                earlier = places.get(place)
                since = run.occurred_at if earlier is None else min(run.occurred_at, earlier[3])
                places[place] = run.flow.tenant_id, *place, since
        past_events |= {place: [] for place in places}
        for item in history.past_of(cursor, places.values()) if places else ():
            past_events[item.contact_id or NOBODY, item.name].append(item)
        for run in asleep:
            for item in past_events[run.contact.id, run.awaited or ""]:
                if item.event_id != run.event_id and run.awaited == item.name:
                    path = run.path
                    wake(batch, [run], item)
                    if run.path is not path:
                        break  # where it stands now is a matter of the next round
