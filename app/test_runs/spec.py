"""What a walk through a draft is given, and what it comes to. Plain values: nothing here knows a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.flow.document import Flow
from app.flow.effects import CallWorkflow, SendMessage
from app.flow.log_lines import LogLine
from app.flow.outcomes import Call
from app.flow.segment_membership import SegmentStanding
from app.lib import ids
from app.test_runs.entry_facts import NOTHING_KNOWN, EntryFacts
from app.test_runs.real_answers import RealAnswer


@dataclass(frozen=True)
class WalkContact:
    """Whom a walk is about. `columns` by the names of `app.values.contact_view.COLUMNS`."""

    id: UUID
    columns: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    consent: Mapping[str, Any] = field(default_factory=dict)
    segments: Mapping[UUID, SegmentStanding] = field(default_factory=dict)
    """Where they stand with the segments that the draft asks for."""
    assigned: Mapping[str, str] = field(default_factory=dict)
    """The variant that a step gave them before, by node."""


@dataclass(frozen=True)
class WalkSpec:
    """One walk. `event`: properties of what it begins with; `trigger_id`: where. `began`: when, and what clocks of the walk show first.

    `ways`: the way out of a step that somebody chose, by node, where the world decides: which variant, whether an event comes, what a
    person answers. `answers`: of calls that were made, by the step's number. `outputs`: what steps put out lately, by node, which stands in
    for the answer of a service that is not called. `events`: properties of events that are known, by name; those that `happened` to the
    contact are assumed to come. `until`: the node behind whose step it stops.
    """

    flow: Flow
    workflow_id: UUID
    tenant_id: int
    timezone: str
    country: str | None
    contact: WalkContact | None
    trigger_id: str
    event: Mapping[str, Any]
    began: datetime
    run_id: UUID = field(default_factory=ids.uuid7)
    """Of the run that is walked: walks of one test are of one run, and come to the same requests."""
    ways: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    events: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    happened: frozenset[str] = frozenset()
    performed: frozenset[str] = frozenset()
    """Kinds of calls that a test makes, because they leave nothing outside."""
    until: str = ""
    real: Mapping[str, RealAnswer] = field(default_factory=dict)
    """What services really answered before, by the visit of a step (`visit_place`)."""
    facts: EntryFacts = NOTHING_KNOWN
    """What the engine would look up before it lets the contact in."""
    really: str = ""
    """The visit whose service is to be called now."""


class WalkedMessage(NamedTuple):
    """A message that a step asks for, and all that its template can read then."""

    effect: SendMessage
    data: dict[str, Any]


class WalkedAttempt(NamedTuple):
    """A try that failed, and when the next one would be."""

    attempt: int
    error: str
    at: datetime
    next_at: datetime | None


class WalkedStep(NamedTuple):
    """One visit of a node. `status`: a StepStatus. `vars`: the variables that the step found. `assumed`: what the walk took for granted
    there, a word of `rests`; `ways`: the ways that somebody may choose instead."""

    seq: int
    node_id: str
    occurrence: int
    status: int
    port: str | None
    output: Any
    error: str | None
    attempt: int
    started_at: datetime
    completed_at: datetime | None
    vars: dict[str, Any]
    assumed: str
    ways: tuple[str, ...]
    message: WalkedMessage | None
    starts: tuple[CallWorkflow, ...]
    logs: tuple[LogLine, ...]
    attempts: tuple[WalkedAttempt, ...]


class PendingCall(NamedTuple):
    """A call that a walk needs the answer of: made by whoever walks, who then walks again. `seq` of the step, `place`: of its visit."""

    seq: int
    node_id: str
    place: str
    call: Call


@dataclass
class Walk:
    """What a walk came to. `status`: a RunStatus of the run at its end; `ended`: it is over, else it was left where it stands, for the
    reason `stopped` (a word of `walk`). `refused`: why its trigger would not let the contact in, with the `rules` that were asked."""

    steps: list[WalkedStep] = field(default_factory=list)
    status: int = 0
    error: str | None = None
    goal: str | None = None
    goal_event: str = ""
    """The event that reached the goal; empty where the contact met it by itself."""
    stopped: str = ""
    pending: PendingCall | None = None
    node_id: str = ""
    """Where it stands, when it does not go on."""
    refused: str = ""
    refused_detail: dict[str, Any] | None = None
    """What the engine would note of it."""
    waits: int = 0
    """The limit of runs at a time, when as many are under way: the contact would wait in line."""
    rules: list[dict[str, Any]] = field(default_factory=list)
    at: datetime | None = None
    """What the clock shows at the end."""
    columns: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    """The contact as the walk would leave it."""
