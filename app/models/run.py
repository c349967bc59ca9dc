"""Hot tables of the engine: runs, steps, failed attempts, refusals, counters. No ids of their own, no foreign keys.

Runs that ended, steps and failed attempts are kept by month of the run's id (`app.lib.months`), so that old ones
leave at once. Each choice is measured: random ids, foreign keys and fat JSON cost 2-5x each. `check-integrity` proves what keys would.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json, View
from app.models.personal import About, personal, rows_go
from app.models.status import PERSON, RunStatus


class RunColumns:
    """One way through one version, of a contact or of nobody. The open step lives here; `status` is a RunStatus."""

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID | None]
    """NULL: the run has an input and no contact. An erased contact leaves its id behind."""
    workflow_id: Mapped[UUID]
    workflow_version: Mapped[int]
    trigger_event: Mapped[Json | None] = mapped_column(info=personal())
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    status: Mapped[int] = mapped_column(SmallInteger)
    seq: Mapped[int] = mapped_column(SmallInteger)
    current_node_id: Mapped[str | None]
    entry_key: Mapped[str | None] = mapped_column(info=personal())
    """'' keeps a contact to one active run, a value to one for each; NULL to none (policy `always`, and runs without a contact)."""
    resume_at: Mapped[datetime | None]
    resume_port: Mapped[str | None]
    """By which port the run goes on. Of a run that ended: `moved` when it goes on as another run."""
    step_started_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    error_message: Mapped[str | None] = mapped_column(info=personal())
    goal_reached_id: Mapped[str | None]
    context: Mapped[Json | None] = mapped_column(info=personal())
    """Outputs of steps that later steps of this version read, and vars; NULL when nothing reads them."""
    resume_output: Mapped[Json | None] = mapped_column(info=personal())
    """What the open step was answered, until the run goes on."""
    waits_for: Mapped[str | None]
    """The event that the run waits for, besides `resume_at`; NULL for all others."""
    waits_since: Mapped[datetime | None]
    """When what the wait began with happened: earlier events do not end it. Of a run that is held and waits for no event: since when."""
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    event_id: Mapped[UUID | None] = mapped_column(info=personal())
    occurred_at: Mapped[datetime | None]
    """When what it began with happened, which may be before it arrived; goals count from here."""
    trigger_id: Mapped[str | None]
    """Which trigger of its version started it; NULL is the one called `trigger`, a workflow's only one."""
    origin: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """A RunOrigin."""


class ActiveRun(RunColumns, Base):
    """A run under way. Small beside those that ended, and written to all the time."""

    __tablename__ = "active_runs"

    __table_args__ = (
        CheckConstraint(f"status < {RunStatus.COMPLETED:d}", name="status"),
        Index("active_runs_one", "tenant_id", "contact_id", "workflow_id", "entry_key", unique=True),
        Index(
            "active_runs_due", "tenant_id", "workflow_id", "resume_at", postgresql_where=text("resume_at is not null")
        ),
        Index("active_runs_place", "tenant_id", "workflow_id", "status", "id"),
        Index(
            "active_runs_waits", "tenant_id", "contact_id", "waits_for", postgresql_where=text("waits_for is not null")
        ),
        Index("active_runs_without_contact", "tenant_id", "id", postgresql_where=text("contact_id is null")),
        Index("active_runs_node", "tenant_id", "workflow_id", "current_node_id", "id"),
        Index("active_runs_asking", "tenant_id", "id", postgresql_where=text(f"waits_for = '{PERSON}'")),
        Index("active_runs_held", "tenant_id", "id", postgresql_where=text("status = 3")),
        # Empty while all is well.
        Index(
            "active_runs_timeless", "tenant_id", "id", postgresql_where=text("status in (0, 1) and resume_at is null")
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )


class EndedRun(RunColumns, Base):
    """A run that ended, in the part of the month that it began in."""

    __tablename__ = "ended_runs"

    __table_args__ = (
        CheckConstraint(f"status >= {RunStatus.COMPLETED:d}", name="status"),
        Index("ended_runs_place", "tenant_id", "workflow_id", "status", "id"),
        # Without more columns: equal keys share an entry. A unique one made the index several times as large.
        Index("ended_runs_contact", "tenant_id", "contact_id"),
        Index("ended_runs_without_contact", "tenant_id", "id", postgresql_where=text("contact_id is null")),
        # Most runs are completed: those write no entry here.
        Index("ended_runs_early", "tenant_id", "status", "id", postgresql_where=text("status > 4")),
        {"postgresql_partition_by": "RANGE (id)"},
    )


class Run(RunColumns, View):
    """Any run, to read: a view over both tables. Whoever writes or locks says which of the two."""

    __tablename__ = "runs"


class Step(Base):
    """One visit of a run to a node, written once, when it is over. `status` is a StepStatus."""

    __tablename__ = "steps"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    node_id: Mapped[str]
    status: Mapped[int] = mapped_column(SmallInteger)
    port: Mapped[str | None]
    output: Mapped[Json | None] = mapped_column(info=personal())
    error_message: Mapped[str | None] = mapped_column(info=personal())
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    occurrence: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime]

    __table_args__ = ({"postgresql_partition_by": "RANGE (run_id)"},)


class StepAttempt(Base):
    """A failed attempt that was retried: what went wrong and when the next try was due."""

    __tablename__ = "step_attempts"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    error_message: Mapped[str] = mapped_column(info=personal("'Erased with the contact.'"))
    at: Mapped[datetime]
    next_at: Mapped[datetime | None]

    __table_args__ = ({"postgresql_partition_by": "RANGE (run_id)"},)


class RunLog(Base):
    """What a step said in the log of its run, in one transaction.

    `lines` are `{level, message, metadata}`, as `app.flow.log_lines` cuts them.
    `fence` is that of the run after the transaction, `part` numbers the outcomes within it, `seq` is the step.
    """

    __tablename__ = "run_logs"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger)
    node_id: Mapped[str]
    at: Mapped[datetime]
    lines: Mapped[Json]

    __table_args__ = (
        {
            "postgresql_partition_by": "RANGE (run_id)",
            "info": rows_go(About.RUN, names="lines::text", of_nobody=About.STEP_OF_NOBODY),
        },
    )


class SubRun(Base):
    """A run that another run called: `run_id` is to run `parent_workflow_id`'s step `parent_seq` of `parent_run_id`.

    Written with the question, so there is one for a run that was never let in. Kept in the month of the called run, and by that run's id
    first: that is how its end finds whom to tell.
    """

    __tablename__ = "sub_runs"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID]
    parent_run_id: Mapped[UUID]
    parent_seq: Mapped[int] = mapped_column(SmallInteger)
    """The number of the step that called."""
    parent_workflow_id: Mapped[UUID]
    awaited: Mapped[bool]
    """The calling run goes on when this one is over."""
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    """A RunStatus, once it is over; NULL of one that was not let in."""
    refused: Mapped[str | None]
    """Why it was not let in, as `entry_refusals.reason` says it."""

    __table_args__ = (
        Index("sub_runs_parent", "tenant_id", "parent_run_id", "parent_seq", "run_id"),
        Index("sub_runs_open", "tenant_id", "parent_run_id", "parent_seq", postgresql_where=text("ended_at is null")),
        {"postgresql_partition_by": "RANGE (run_id)"},
    )


class CallIntent(Base):
    """A call to the outside that a run waits for; the row goes with the answer. Under way while `lease_until` is set.

    `policy`: when its worker dies it is made again (`resend`), or not before a person says so (`hold`).
    """

    __tablename__ = "calls"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    workflow_id: Mapped[UUID]
    node_id: Mapped[str]
    kind: Mapped[str]
    target: Mapped[str]
    """Who is called, as people know it. Calls of a workspace to one target share its connections."""
    policy: Mapped[str]
    timeout_s: Mapped[int]
    request: Mapped[Json | None]
    due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    lost: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How many workers were lost while they made it."""

    __table_args__ = (
        Index(
            "calls_due",
            "tenant_id",
            "workflow_id",
            "kind",
            "target",
            "due_at",
            postgresql_where=text("lease_until is null"),
        ),
        Index("calls_under_way", "tenant_id", "lease_until", postgresql_where=text("lease_until is not null")),
        {"info": rows_go(About.RUN, names="request::text", of_nobody=About.STEP_OF_NOBODY)},
    )


class OutboundCall(Base):
    """What came of one attempt of a step to call the outside, written in the transaction that hands its run the answer.

    `status`: `answered`, `failed` (there was no answer), or `uncertain`: nobody knows whether it arrived. `times`: so often a worker began
    it, with one key; more than once when workers were lost or stopped over it. `detail`: what was sent and answered, without credentials.
    """

    __tablename__ = "outbound_calls"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    node_id: Mapped[str]
    kind: Mapped[str]
    target: Mapped[str] = mapped_column(info=personal("'Erased with the contact.'"))
    status: Mapped[str]
    times: Mapped[int] = mapped_column(SmallInteger)
    detail: Mapped[Json | None] = mapped_column(info=personal())
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime]

    __table_args__ = ({"postgresql_partition_by": "RANGE (run_id)"},)


class EntryRefusal(Base):
    """A contact that met a trigger and was not let in, with the reason; a start without a contact has none.

    The same refusal of the same contact is one row a day: `times` counts, the rest is that of the last one. Rows of older releases have
    no `day`.
    """

    __tablename__ = "entry_refusals"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workflow_id: Mapped[UUID]
    contact_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    """The run that was asked for and never began."""
    reason: Mapped[str]
    detail: Mapped[Json | None]
    at: Mapped[datetime]
    """When it was refused first."""
    day: Mapped[date | None]
    times: Mapped[int] = mapped_column(server_default="1")
    last_at: Mapped[datetime | None]
    trigger_id: Mapped[str | None]
    """The trigger that it met; None where that was not known, and in rows of older releases."""

    __table_args__ = (
        Index("entry_refusals_workflow", "tenant_id", "workflow_id", "id"),
        Index("entry_refusals_contact", "tenant_id", "contact_id"),
        Index(
            "entry_refusals_day",
            "tenant_id",
            "workflow_id",
            "contact_id",
            "reason",
            "day",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("day is not null"),
        ),
        Index("entry_refusals_run", "tenant_id", "run_id", postgresql_where=text("run_id is not null")),
        {"info": rows_go(names="detail::text")},
    )


class Entry(Base):
    """When a contact, with this entry key or '', last started a workflow whose policy asks for it (`flow.settings.REMEMBERED`).

    Outlives the runs. Whether all entries of a workflow are here says `Workflow.entries_complete`. By contact first: that is how it is
    asked, and erased.
    """

    __tablename__ = "entries"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_key: Mapped[str] = mapped_column(primary_key=True)
    last_started: Mapped[datetime]
    last_ended: Mapped[datetime | None]
    """When the last of its runs that were removed had ended; those that are still there say it themselves."""

    __table_args__ = ({"info": rows_go()},)


class NodeStat(Base):
    """Counters, rolled up in the transaction that moved the runs.

    `node_id` is a node, or '' for the workflow. `key` of a node: a port (`next`, `true`, …: runs that left by it), `waiting`
    (+1 on parking, -1 on leaving), `failed`, `goal`, `exited`, `cancelled`; and `message.…`, what became of its messages
    (`app.counters.message_counters`). `key` of the workflow: `entered`, `completed`, `failed`,
    `goal_reached`, `exited`, `cancelled`, `seconds` (sum of the duration of ended runs). Shards keep workers from waiting.
    """

    __tablename__ = "node_stats"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)


class SplitExposure(Base):
    """Which variant of an A/B split a contact was given, kept whatever becomes of the weights, the version and the run.

    By contact first: that is how a batch asks, and how it is erased. `app.counters.variant_counters` counts the rows.
    """

    __tablename__ = "split_exposures"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    node_id: Mapped[str] = mapped_column(primary_key=True)
    variant: Mapped[str]
    run_id: Mapped[UUID]
    """The run that it was given in."""
    version: Mapped[int]
    """The version that gave it, in which it counts."""
    assigned_at: Mapped[datetime]
    converted_at: Mapped[datetime | None]
    """When a run of the contact in this workflow first reached a goal since."""

    __table_args__ = ({"info": rows_go()},)
