"""What the API says of an execution."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.flow.log_lines import Level
from app.web.structs import Camel

ExecutionStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
ExecutionState = Literal["idle", "running", "delayed", "retrying", "held", "completed", "failed", "cancelled"]


class ExecutionLog(Camel):
    """One thing that happened, or that a step said. `stepId` names the step.

    `metadata` holds what belongs to it: the port, the answer, the next try.
    """

    level: Level
    message: str
    metadata: dict[str, Any]
    at: datetime
    step_id: str | None


class ExecutionStep(Camel):
    """One visit of a step. `retryCount`: how often it was tried again; `called`: the first executions that it called."""

    step_id: str
    type: str
    name: str
    status: str
    occurrence: int
    port: str | None
    input: dict[str, Any]
    output: dict[str, Any]
    error: str | None
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    retry_count: int
    called: list[UUID] = []


class ExecutionOut(Camel):
    """A run in the words of programs.

    `pending`: accepted, and not begun. `state` says more of one that is under way. A completed one that ended early has an `outcome`
    (`goal_reached`, `exited`). `parentId` is the execution whose step called it.
    One that the rules of entry refused after it was accepted is `cancelled`, with the reason as its `error`.
    """

    id: UUID
    workflow_id: UUID
    workflow_version: int | None
    trigger_id: str | None
    contact_id: UUID | None
    status: ExecutionStatus
    state: ExecutionState
    waiting: bool
    held: bool
    outcome: str | None
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    input: dict[str, Any]
    error: str | None
    parent_id: UUID | None = None


class ExecutionDetail(ExecutionOut, kw_only=True):
    """With all that it did. `output` is what its last step handed over; `retryCount` counts the tries of all steps that were repeated."""

    retry_count: int
    output: dict[str, Any]
    steps: list[ExecutionStep]
    logs: list[ExecutionLog]
