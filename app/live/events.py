"""Events of runs as server-sent events: their names, their data, and how they are made of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from app.live.live_repository import MoveRow, StepRow, WatchedRun
from app.models.status import RunStatus, StepStatus

HEARTBEAT = b": \n\n"
END = 1_000_000_000
"""The place of the last event of a run in its stream: behind those of all steps."""
_ENDS = {
    RunStatus.COMPLETED: "completed",
    RunStatus.GOAL_REACHED: "completed",
    RunStatus.EXITED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "cancelled",
}


class RunEvent(NamedTuple):
    """An event, and its place in the stream of its run: 0 began, 2n-1 step n began, 2n step n is over, `END`."""

    place: int
    name: str
    data: dict[str, Any]


def sse(name: str, data: Any, event_id: str = "") -> bytes:
    """One event as it is sent."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def instant_text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def events_of_run(run: WatchedRun, finished: Sequence[StepRow]) -> Iterator[RunEvent]:
    """The events of a run from its first step in `finished` on, with its beginning when that is the first step or there is none."""
    base = {"runId": run.id, "workflowId": run.workflow_id, "workflowVersion": run.version}
    yield RunEvent(0, "started", base | {"at": instant_text(run.started_at)})
    for step in finished:
        about = base | {"stepId": step.node_id, "seq": step.seq}
        yield RunEvent(2 * step.seq - 1, "step_started", about | {"at": instant_text(step.started_at)})
        yield RunEvent(2 * step.seq, *_step_over(about, step.status, step.port, step.error, step.completed_at))
    status = RunStatus(run.status)
    if status in _ENDS and run.completed_at is not None:
        outcome = {"status": status.word, "error": run.error, "at": instant_text(run.completed_at)}
        yield RunEvent(END, _ENDS[status], base | outcome)
    elif run.node_id is not None and run.step_started_at is not None:
        about = base | {"stepId": run.node_id, "seq": run.seq + 1, "at": instant_text(run.step_started_at)}
        yield RunEvent(2 * run.seq + 1, "step_started", about)


def _step_over(
    about: dict[str, Any], status: int, port: str | None, error: str | None, at: datetime
) -> tuple[str, dict[str, Any]]:
    name = "step_failed" if status == StepStatus.FAILED else "step_completed"
    return name, about | {"status": StepStatus(status).word, "port": port, "error": error, "at": instant_text(at)}


def events_of_moves(row: MoveRow, workflow_id: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events of what one transaction did, of one workflow or of all. Errors may be cut; the run has all of them."""
    at = instant_text(row.at)
    for move in row.moves:
        if workflow_id is not None and move["w"] != workflow_id:
            continue
        base = {"workflowId": move["w"], "at": at}
        if "v" not in move:
            yield "changed", base
            continue
        base["workflowVersion"] = move["v"]
        for run_id in move["fresh"]:
            yield from _events_of_way(base | {"runId": run_id}, move, fresh=True)
        for run_id in move["runs"]:
            yield from _events_of_way(base | {"runId": run_id}, move, fresh=False)
    if row.left_out:
        yield "left_out", {"runs": row.left_out, "at": at}


def _events_of_way(base: dict[str, Any], move: dict[str, Any], *, fresh: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """A run that went on had begun its first step before, and that was told then."""
    if fresh:
        yield "started", base
    begun = fresh
    for seq, node_id, status, port, *errors in move["steps"]:
        about = base | {"stepId": node_id, "seq": seq}
        if begun:
            yield "step_started", about
        begun = True
        name = "step_failed" if status == StepStatus.FAILED else "step_completed"
        yield name, about | {"status": StepStatus(status).word, "port": port, "error": errors[0] if errors else None}
    end = move["end"]
    status = RunStatus(end["status"])
    if status in _ENDS:
        yield _ENDS[status], base | {"status": status.word, "error": end.get("error")}
    elif begun and end["node"] is not None:
        yield "step_started", base | {"stepId": end["node"], "seq": end["seq"] + 1}
    else:
        yield "changed", base | {"status": status.word}


def workflows_of(row: MoveRow) -> set[str]:
    """Of which workflows it tells."""
    return {move["w"] for move in row.moves}


def known_place(last_event_id: str) -> int:
    """Behind which place of a run's stream a client goes on; -1 from its beginning, also for what is no place."""
    known = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 12
    return min(int(last_event_id), END) if known else -1
