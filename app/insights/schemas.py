"""What the stats endpoint and the pages say in numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec


class Camel(msgspec.Struct, rename="camel", kw_only=True):
    """JSON in camelCase."""


class NodeStats(Camel):
    """Visits of one node. `executed` = succeeded + failed + left early; `ports` says by which way runs left."""

    executed: int = 0
    succeeded: int = 0
    failed: int = 0
    waiting: int = 0
    ports: dict[str, int] = msgspec.field(default_factory=dict)


class WorkflowStats(Camel):
    """Seed fields of the stats answer, plus the statuses the seed does not have.

    `conversionRate` is the share of ended runs that reached a goal, in percent with two decimals; `avgDuration` is in seconds.
    """

    workflow_id: UUID
    version: int | None
    total_runs: int
    running_runs: int
    completed_runs: int
    failed_runs: int
    goal_reached_runs: int
    exited_runs: int
    cancelled_runs: int
    conversion_rate: float
    avg_duration: int
    node_stats: dict[str, NodeStats]


class WorkflowPulse(Camel):
    """One workflow on the home page and in the list."""

    workflow_id: UUID
    entered: int
    in_flow: int
    completed: int
    failed: int
    goal_reached: int


class Trouble(Camel):
    """One thing that needs somebody: `kind` is failing, late or paused; `count` runs are concerned since `since`."""

    kind: Literal["failing", "late", "paused"]
    workflow_id: UUID
    workflow_name: str
    count: int
    since: datetime | None
    node_id: str | None = None
    error_message: str = ""


class Due(Camel):
    """Waits of one workflow that end within the next hour."""

    workflow_id: UUID
    workflow_name: str
    count: int
    first_at: datetime


class Publication(Camel):
    """A version that went live."""

    workflow_id: UUID
    workflow_name: str
    version: int
    author: str
    note: str
    at: datetime


class Setup(Camel):
    """What a new workspace has done already."""

    connector: bool
    contacts: bool
    template: bool
    workflow: bool
    active: bool

    @property
    def done(self) -> int:
        """How many of the five are done."""
        return sum((self.connector, self.contacts, self.template, self.workflow, self.active))


class Overview(Camel):
    """The home page: what runs, what is wrong, what is due. All lists are capped."""

    active_workflows: int
    paused_workflows: int
    draft_workflows: int
    in_flow: int
    entered: int
    completed: int
    failed: int
    goal_reached: int
    messages_queued: int
    troubles: list[Trouble]
    due: list[Due]
    publications: list[Publication]
    pulses: dict[UUID, WorkflowPulse]
    setup: Setup
