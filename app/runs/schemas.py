"""What the API and the pages say of a run and its steps."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta

from app.approvals.schemas import QuestionOut
from app.flow.log_lines import Level
from app.lib.translation import gettext
from app.messaging.schemas import DecisionView, ReportView
from app.values.input_words import input_in_words
from app.web.structs import Camel

WithoutContact = Annotated[
    bool, QueryParameter(name="withoutContact", description="`true`: only runs that have no contact.")
]
"""The filter of lists, in the API and in the addresses of pages."""


class RunContact(Camel):
    id: UUID
    email: str | None
    external_id: str | None
    name: str


class RunMessages(Camel):
    """How many messages of a run stand where. A run that is completed may have some that failed after it had gone on."""

    queued: int = 0
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    suppressed: int = 0


class TriggerEventOut(Camel):
    """What a run began with. `id` is the event's; a run that was started by hand is `manual` and has none.

    Nor has one that begins with what another run changed on the contact.
    """

    name: str
    id: UUID | None
    occurred_at: datetime
    properties: dict[str, Any]


class EventWait(Camel):
    """The event that a run waits for. At `until` it goes on without."""

    event: str
    until: datetime | None


class CallWait(Camel):
    """The call to the outside whose answer a run waits for. Until it is `under_way` it waits for its turn."""

    target: str
    asked_at: datetime
    under_way: bool


class CallerOut(Camel):
    """The run whose step called this one."""

    run_id: UUID
    workflow_id: UUID
    workflow_name: str


class CalledRunOut(Camel):
    """A run that a step called. `reason`: why it was not let in; such a run never began."""

    id: UUID
    status: str
    reason: str | None = None


class CalledOut(Camel):
    """What a step called: `counts` by status, and the first runs. Of a segment `expected` contacts get their turn, `had_turn` had it.

    `counted_first`: the counts are of so many, those that were asked for first, and there are more.
    """

    workflow_id: UUID
    workflow_name: str
    counts: dict[str, int]
    runs: list[CalledRunOut]
    counted_first: int | None = None
    enrolment_id: UUID | None = None
    enrolling: bool = False
    expected: int | None = None
    had_turn: int | None = None
    stopped_by: str | None = None
    error: str | None = None


class RunOut(Camel):
    """One contact in a workflow, or an input without one: then `contact_id` and `contact` are null.

    A run is `running` until it is over; `waiting` and `held` say that it rests meanwhile.

    `trigger_id` says which trigger of its version started it, `called_by` whose step called it, if one did.
    `resume_at` is set while it waits or retries; `waits_for` and `call` say what else it waits for, `asks_person` that a
    person has to answer.
    `messages` says what became of its messages.
    `context` is what the next step can read: `event`, `steps` and `vars`.
    """

    id: UUID
    tenant_id: str
    workflow_id: UUID
    workflow_version: int
    contact_id: UUID | None
    status: str
    waiting: bool
    held: bool
    current_node_id: str | None
    trigger_id: str
    trigger_event: TriggerEventOut
    context: dict[str, Any]
    goal_reached_id: str | None
    error_message: str | None
    started_at: datetime
    completed_at: datetime | None
    resume_at: datetime | None
    waits_for: EventWait | None = None
    asks_person: bool = False
    call: CallWait | None = None
    contact: RunContact | None = None
    messages: RunMessages = msgspec.field(default_factory=RunMessages)
    called_by: CallerOut | None = None

    @property
    def subject(self) -> str:
        """Whom the run is about, as pages say it."""
        if self.contact is not None:
            return self.contact.name
        return gettext("No contact") if self.contact_id is None else gettext("Deleted contact")

    @property
    def subject_detail(self) -> str:
        """The contact's address, or for a run without a contact its input."""
        if self.contact is not None:
            return self.contact.email or self.contact.external_id or gettext("No address")
        if self.contact_id is not None:
            return gettext("No address")
        return input_in_words(self.trigger_event.properties)

    @property
    def state(self) -> str:
        """The one word that pages show."""
        return "waiting" if self.waiting else "held" if self.held else self.status


class AttemptOut(Camel):
    """A try that failed and was followed, or will be, by another."""

    attempt: int
    error_message: str
    at: datetime
    next_at: datetime | None


class OutboundCallOut(Camel):
    """One attempt of a step to call the outside. `status`: answered, failed (no answer), or uncertain: nobody knows whether it arrived.

    `request` and `response` are what was sent and answered, without credentials, bodies as far as 4,000 characters. `times`: how often
    it was begun with the same key, more than once when workers were lost over it.
    """

    attempt: int
    kind: str
    status: str
    times: int
    request: dict[str, Any]
    response: dict[str, Any] | None
    error: str | None
    asked_at: datetime
    ended_at: datetime


class LogLineOut(Camel):
    """A line that a step wrote into the log of its run."""

    level: Level
    message: str
    metadata: dict[str, Any]
    at: datetime


class StepMessageOut(Camel):
    """What became of the message that a send step queued."""

    id: str
    channel: str
    status: str
    recipient: str | None
    subject: str | None
    error_message: str | None
    reason: str | None
    attempt: int
    sent_at: datetime | None
    settled_at: datetime | None
    """Since when `status` is an outcome."""
    connector_id: UUID | None = None
    """By which it leaves or left, once that is known: a stand-in while the one that is meant did not work."""
    stood_in: str | None = None
    """The name of that connector, where it is not the one that the step names, or not the default now."""
    due_at: datetime | None = None
    """When it is tried next, or when what `ifUndecided` says happens to an uncertain one."""
    if_undecided: str | None = None
    """Of an uncertain one that somebody should decide about: assume_sent, resend or error; hold: only its run goes on, by `error`."""
    decision: DecisionView | None = None
    """The last decision about it: who settled it or sent it again, and when."""
    reports: list[ReportView] = []
    """What the provider reported about it, the first first."""


class RuleOut(Camel):
    """One condition as it was answered then."""

    field: str
    operator: str
    wanted: Any
    actual: Any
    held: bool


class StepOut(Camel):
    """One visit to a node. `input` is the pinned config and what the step before put out."""

    id: str
    run_id: UUID
    seq: int
    node_id: str
    node_type: str
    name: str
    status: str
    input: dict[str, Any]
    output: dict[str, Any]
    port: str | None
    error_message: str | None
    attempt: int
    attempts: list[AttemptOut]
    occurrence: int
    started_at: datetime | None
    completed_at: datetime | None
    scheduled_at: datetime | None
    rules: list[RuleOut] = []
    message: StepMessageOut | None = None
    called: CalledOut | None = None
    calls: list[OutboundCallOut] = []
    logs: list[LogLineOut] = []


class PassRun(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """How a held run goes on without its step: by which port."""

    port: Annotated[str, Meta(min_length=1, max_length=100)] = "next"


class GoesOn(Camel):
    """The run with which a run goes on that was moved or retried: at which step of which version, and who said so."""

    run_id: UUID
    node_id: str
    version: int
    by: str

    @classmethod
    def of_output(cls, output: Any) -> GoesOn | None:
        """As the last step of the run that ended says it; None where it says nothing: its contact may be erased."""
        try:
            return cls(
                run_id=UUID(output["movedTo"]),
                node_id=output["toNode"],
                version=output["toVersion"],
                by=output["movedBy"],
            )
        except (KeyError, TypeError, ValueError):
            return None


class RunDetail(RunOut, kw_only=True):
    """A run with all its steps; the last one may still be open. `question`: what it asks a person now.

    `logs_left_out`: lines of its steps' logs for which there was no room. `goes_on`: it ended, and goes on as another run.
    """

    workflow_name: str
    steps: list[StepOut]
    question: QuestionOut | None = None
    logs_left_out: int = 0
    goes_on: GoesOn | None = None
