"""What the stats endpoint and the pages say in numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.flow.document import ERROR
from app.insights.activity import Today
from app.troubles.schemas import Trouble
from app.web.structs import Camel


class ReportStats(Camel):
    """Messages about which the provider reported something, each once for each kind, however often it was told.

    Opens and clicks are of people: what a provider marks as a machine's is left out. `failed`: the provider took the message and could not
    hand it over. `unsubscribed`: by the link in the message, or by the provider's own link or list.
    """

    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0
    bounced: int = 0
    failed: int = 0
    complained: int = 0
    unsubscribed: int = 0

    @property
    def any(self) -> bool:
        """Was anything reported?"""
        return any(getattr(self, name) for name in self.__struct_fields__)

    @property
    def came_back(self) -> int:
        """Messages that a provider took and that did not arrive."""
        return self.bounced + self.failed


class ReportRates(Camel):
    """Shares in percent of the messages that were sent, with two decimals."""

    delivered: float
    opened: float
    clicked: float
    bounced: float
    complained: float
    unsubscribed: float


class MessageStats(Camel):
    """What became of messages; each is in one of the five. `queued` also while it is being sent or tried again."""

    queued: int = 0
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    suppressed: int = 0
    suppressed_by: dict[str, int] = msgspec.field(default_factory=dict)
    """Of the suppressed ones, by reason: `no_consent`, `unsubscribed`, `no_address` and so on."""
    reports: ReportStats = msgspec.field(default_factory=ReportStats)
    """What providers reported about those that were sent."""
    rates: ReportRates | None = None
    """`reports` in percent of those that were sent; null where nothing was sent, and in sums over many workflows."""

    @property
    def total(self) -> int:
        return self.queued + self.sent + self.failed + self.uncertain + self.suppressed

    def rate(self) -> None:
        """Work out the shares."""
        if self.sent:
            shares = {name: getattr(self.reports, name) for name in ReportRates.__struct_fields__}
            self.rates = ReportRates(
                **{name: round(100 * min(n, self.sent) / self.sent, 2) for name, n in shares.items()}
            )

    def add(self, other: MessageStats) -> None:
        """Count those of `other` too."""
        for name in ("queued", "sent", "failed", "uncertain", "suppressed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.suppressed_by.items():
            self.suppressed_by[reason] = self.suppressed_by.get(reason, 0) + count
        for name in ReportStats.__struct_fields__:
            setattr(self.reports, name, getattr(self.reports, name) + getattr(other.reports, name))


class VariantStats(Camel):
    """Contacts that a split gave one variant, each counted once, and those of them that reached a goal of the workflow since.

    Rates are in percent. The true `conversionRate` lies between `low` and `high` with 95% confidence (Wilson). `chanceBest` is the
    probability that no other variant of the split has a higher one.
    """

    contacts: int
    converted: int
    conversion_rate: float
    low: float
    high: float
    chance_best: float


class NodeStats(Camel):
    """Visits of one node that are over (`executed`) or not (`waiting`); `ports` says by which way runs left.

    `failed`: runs that left by `error` or ended here as failed, and runs that went on while their message failed later.
    `succeeded`: of a step that sends, its messages that were sent; of any other, runs that left by another port than `error`.
    `leftEarly`: runs that a goal, an exit or a cancel ended here. `messages` is null for a step that never sent.
    `variants`: contacts by variant, of a split; null for all other steps.
    """

    executed: int = 0
    succeeded: int = 0
    failed: int = 0
    waiting: int = 0
    left_early: int = 0
    ports: dict[str, int] = msgspec.field(default_factory=dict)
    messages: MessageStats | None = None
    variants: dict[str, VariantStats] | None = None

    @property
    def went_on(self) -> int:
        """Runs that left by another port than `error`."""
        return sum(self.ports.values()) - self.ports.get(ERROR, 0)

    @property
    def ended_failed(self) -> int:
        """Runs that ended here as failed."""
        return self.executed - sum(self.ports.values()) - self.left_early


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
    messages: MessageStats
    """Of all its steps together."""
    node_stats: dict[str, NodeStats]


class RefusedEntry(Camel):
    """Somebody whom a workflow did not let in. `reason` is a stable word, `message` the sentence; a start without a contact has none.

    The same refusal of the same contact is told once a day: it happened `times` times, first at `at` and last at `lastAt`. The ids are
    of the last time.
    """

    at: datetime
    last_at: datetime
    times: int
    reason: str
    message: str
    contact_id: UUID | None
    contact_name: str | None
    event_id: UUID | None
    trigger_id: str | None


class EntryDecision(Camel):
    """What a workflow decided about a contact that met a trigger: it entered (`runId`), it waits for its turn, or it was refused.

    `reason` is a stable word, null for who entered; `message` is the sentence. What was refused for the same reason on one day is one
    decision: it was taken `times` times, last at `at` and first at `firstAt`.
    """

    decision: Literal["entered", "waiting", "refused"]
    at: datetime
    first_at: datetime
    times: int
    reason: str | None
    message: str
    trigger_id: str | None
    run_id: UUID | None
    event_id: UUID | None
    version: int | None
    """On which the run is."""


class WorkflowPulse(Camel):
    """One workflow on the home page and in the list."""

    workflow_id: UUID
    entered: int
    in_flow: int
    completed: int
    failed: int
    """Runs that failed and were not retried."""
    failures: int
    """How often a run failed, also of those that were retried."""
    goal_reached: int
    messages: MessageStats


class UpcomingWaits(Camel):
    """Waits of one workflow that end within the next day, `next_hour` of them within the hour."""

    workflow_id: UUID
    workflow_name: str
    count: int
    next_hour: int
    at_least: bool
    """Counting stopped at `count`: there are as many, or more."""
    first_at: datetime


class PublishedVersion(Camel):
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
    messages: MessageStats
    troubles: list[Trouble]
    due: list[UpcomingWaits]
    due_by_hour: list[int]
    """Waits of all workflows that end in each of the next 24 hours."""
    today: Today | None
    publications: list[PublishedVersion]
    pulses: dict[UUID, WorkflowPulse]
    setup: Setup

    @property
    def due_count(self) -> int:
        """The waits that end within the day together."""
        return sum(self.due_by_hour)

    @property
    def due_at_least(self) -> bool:
        """Were some of them counted no further?"""
        return any(waits.at_least for waits in self.due)
