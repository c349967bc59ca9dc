"""Streams of single runs: their events follow from the rows of the run, so a client may come back at any time and misses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.lib.deadline import BoundedConnection
from app.live import live_repository
from app.live.events import RunEvent, events_of_run, sse
from app.live.live_repository import StepRow, WatchedRun
from app.live.stream import LiveStream

_Place = tuple[int, UUID]
MOST_STEPS = 200
"""Steps of a run that one look hands out to a stream; the next look goes on."""


class RunWatches:
    """What the streams of one process know of the runs that they are about."""

    def __init__(self) -> None:
        self._known: dict[_Place, WatchedRun] = {}

    async def look(self, connection: BoundedConnection, streams: Sequence[LiveStream]) -> None:
        """Hand out what is new: one statement for all runs, and one for the steps of those that have moved."""
        of_run: dict[_Place, list[LiveStream]] = {}
        for stream in streams:
            if stream.topic.run_id is not None:
                of_run.setdefault((stream.tenant_id, stream.topic.run_id), []).append(stream)
        self._known = {place: run for place, run in self._known.items() if place in of_run}
        if not of_run:
            return
        current = {(run.tenant_id, run.id): run for run in await live_repository.runs(connection, list(of_run))}
        moved = [
            place
            for place, run in current.items()
            if self._known.get(place) != run or any(stream.fresh for stream in of_run[place])
        ]
        listened = [
            (*place, _steps_told(of_run[place])) for place in moved if not all(one.topic.hints for one in of_run[place])
        ]
        steps = await live_repository.steps(connection, listened)
        for place, of_place in of_run.items():
            if place not in current:
                for stream in of_place:
                    stream.end("removed")
        for place in moved:
            run, was = current[place], self._known.get(place)
            if _hand_out(run, was, of_run[place], steps.get(run.id, [])):
                self._known[place] = run


def _steps_told(streams: Sequence[LiveStream]) -> int:
    """The last step that all streams of a run were told of the end of."""
    return min(max(stream.place, 0) // 2 for stream in streams if not stream.topic.hints)


def _hand_out(run: WatchedRun, was: WatchedRun | None, streams: Sequence[LiveStream], steps: Sequence[StepRow]) -> bool:
    """Hand out the events of a run that each stream has not had. False: there is more, for the next look."""
    whole = len(steps) <= MOST_STEPS
    events = [
        event
        for event in events_of_run(run, steps[:MOST_STEPS])
        if whole or event.place <= 2 * steps[MOST_STEPS - 1].seq
    ]
    for stream in streams:
        news = [event for event in events if event.place > stream.place] if not stream.topic.hints else []
        if news:
            stream.put([_encoded(event) for event in news])
            stream.place = news[-1].place
        elif was != run and (stream.topic.hints or (was is not None and not stream.fresh)):
            stream.put([sse("changed", {"runId": run.id, "workflowId": run.workflow_id})])
        stream.fresh = False
    return whole


def _encoded(event: RunEvent) -> bytes:
    return sse(event.name, event.data, str(event.place))
