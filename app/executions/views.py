"""Runs and their steps, details as executions: statuses, durations, and a log made of what the rows of a run say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.executions.schemas import (
    ExecutionDetail,
    ExecutionLog,
    ExecutionOut,
    ExecutionState,
    ExecutionStatus,
    ExecutionStep,
)
from app.flow.log_lines import MAX_RUN_BYTES, MAX_RUN_LINES, Level
from app.models.status import RunStatus
from app.runs.schemas import OutboundCallOut, RunDetail, RunOut, StepOut

STATUSES: dict[ExecutionStatus, tuple[RunStatus, ...]] = {
    "running": tuple(status for status in RunStatus if status < RunStatus.COMPLETED),
    "completed": (RunStatus.COMPLETED, RunStatus.GOAL_REACHED, RunStatus.EXITED),
    "failed": (RunStatus.FAILED,),
    "cancelled": (RunStatus.CANCELLED,),
}
"""What runs an execution of each status may be."""
_OF_WORD: dict[str, ExecutionStatus] = {
    run_status.word: status for status, run_statuses in STATUSES.items() for run_status in run_statuses
}
_LEVELS: dict[str, Level] = {"failed": "error", "skipped": "warn", "cancelled": "warn"}
_OF_MESSAGE: dict[str, Level] = {"failed": "error", "suppressed": "warn", "uncertain": "warn"}
_ENDS: dict[str, tuple[Level, str]] = {
    "completed": ("info", "Completed."),
    "goal_reached": ("info", "A goal was reached."),
    "exited": ("info", "The contact left."),
    "failed": ("error", "Failed."),
    "cancelled": ("warn", "Cancelled."),
}


def execution_out(run: RunOut) -> ExecutionOut:
    """A run as lists show it."""
    return ExecutionOut(**_head(run))


def execution_detail(run: RunDetail) -> ExecutionDetail:
    """A run with its steps and its log."""
    steps = [_step(step) for step in run.steps]
    last = run.steps[-1].output if run.steps and run.status == "completed" else {}
    return ExecutionDetail(
        **_head(run),
        retry_count=sum(step.retry_count for step in steps),
        output=last,
        steps=steps,
        logs=sorted(_logs(run), key=lambda log: log.at),
    )


def _head(run: RunOut) -> dict[str, Any]:
    status = _OF_WORD["running" if run.waiting or run.held else run.status]
    return {
        "id": run.id,
        "workflow_id": run.workflow_id,
        "workflow_version": run.workflow_version,
        "trigger_id": run.trigger_id,
        "contact_id": run.contact_id,
        "status": status,
        "state": _state(run, status),
        "waiting": run.waiting,
        "held": run.held,
        "outcome": run.status if status == "completed" and run.status != status else None,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "duration_ms": _milliseconds(run.started_at, run.completed_at),
        "input": run.trigger_event.properties,
        "error": run.error_message,
        "parent_id": run.called_by.run_id if run.called_by else None,
    }


def _state(run: RunOut, status: ExecutionStatus) -> ExecutionState:
    if status != "running":
        return "completed" if status == "completed" else "failed" if status == "failed" else "cancelled"
    if run.held:
        return "held"
    if run.waiting:
        return "delayed"
    return "retrying" if run.error_message and run.resume_at else "running"


def _step(step: StepOut) -> ExecutionStep:
    return ExecutionStep(
        step_id=step.node_id,
        type=step.node_type,
        name=step.name,
        status=step.status,
        occurrence=step.occurrence,
        port=step.port,
        input=step.input,
        output=step.output,
        error=step.error_message,
        started_at=step.started_at,
        completed_at=step.completed_at,
        duration_ms=_milliseconds(step.started_at, step.completed_at),
        retry_count=len(step.attempts),
        called=[run.id for run in step.called.runs] if step.called else [],
    )


def _logs(run: RunDetail) -> Iterator[ExecutionLog]:
    yield _log("info", "Started.", run.started_at, None, triggerId=run.trigger_id, event=run.trigger_event.name)
    for step in run.steps:
        if step.started_at is not None:
            yield _log("debug", f"“{step.name}” began.", step.started_at, step, occurrence=step.occurrence)
        if step.scheduled_at is not None and step.started_at is not None and step.status != "retrying":
            until = step.scheduled_at.isoformat()
            yield _log("debug", f"“{step.name}” waits until {until}.", step.started_at, step, until=until)
        for call in step.calls:
            yield _called(step, call)
        for line in step.logs:
            yield ExecutionLog(
                level=line.level, message=line.message, metadata=line.metadata, at=line.at, step_id=step.node_id
            )
        for attempt in step.attempts:
            text = f"“{step.name}” did not work and is tried again: {attempt.error_message}"
            next_at = attempt.next_at.isoformat() if attempt.next_at else None
            yield _log("warn", text, attempt.at, step, attempt=attempt.attempt, nextAt=next_at)
        if step.completed_at is not None:
            yield _finished(step, step.completed_at)
        if step.message is not None and step.message.settled_at is not None:
            level = _OF_MESSAGE.get(step.message.status, "info")
            facts = {"messageId": step.message.id, "status": step.message.status, "reason": step.message.reason}
            why = f": {step.message.error_message.rstrip('.')}" if step.message.error_message else ""
            text = f"The message of “{step.name}” is {step.message.status}{why}."
            yield _log(level, text, step.message.settled_at, step, **facts)
    if run.logs_left_out:
        last = max((line.at for step in run.steps for line in step.logs), default=run.started_at)
        text = f"{run.logs_left_out:,} more lines were left out: a run keeps {MAX_RUN_LINES:,}, or {MAX_RUN_BYTES // 1024} kB."
        yield _log("warn", text, last, None, leftOut=run.logs_left_out)
    if run.completed_at is not None:
        level, text = _ENDS[run.status]
        yield _log(level, run.error_message or text, run.completed_at, None, status=run.status)


def _called(step: StepOut, call: OutboundCallOut) -> ExecutionLog:
    level: Level = "debug" if call.status == "answered" else "warn"
    where = " ".join(str(call.request[name]) for name in ("method", "url") if call.request.get(name)) or call.kind
    status = (call.response or {}).get("status")
    words = call.error or (f"answered {status}" if status is not None else call.status)
    facts = {"attempt": call.attempt, "status": status, "durationMs": _milliseconds(call.asked_at, call.ended_at)}
    return _log(level, f"“{step.name}” called {where}: {words.rstrip('.')}.", call.ended_at, step, **facts)


def _finished(step: StepOut, at: datetime) -> ExecutionLog:
    text = f"“{step.name}” is {step.status}." if not step.error_message else f"“{step.name}”: {step.error_message}"
    level = "error" if step.error_message else _LEVELS.get(step.status, "info")
    return _log(level, text, at, step, port=step.port, output=step.output)


def _log(level: Level, message: str, at: datetime, step: StepOut | None, **metadata: Any) -> ExecutionLog:
    details = {name: value for name, value in metadata.items() if value not in (None, {})}
    return ExecutionLog(level=level, message=message, metadata=details, at=at, step_id=step.node_id if step else None)


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else round((end - start).total_seconds() * 1_000)
