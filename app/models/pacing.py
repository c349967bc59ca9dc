"""Starts that wait for their turn, where a workflow limits how many begin, and what it let in lately."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json
from app.models.personal import rows_go


class WaitingStart(Base):
    """A start that its workflow has taken and that has not begun, in the order of `id`. Deleted in the transaction that begins the run.

    Its fields are those of the inbox row that asked for it; `kind` is an `InboxKind`, or `PACED` where an event did.
    """

    __tablename__ = "waiting_starts"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str]
    contact_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    """The run that was promised to whoever asked; None where an event did."""
    entry_key: Mapped[str | None]
    """As of the run that will be: one waits for each contact and key. None where several may run at the same time."""
    payload: Mapped[Json | None]
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    occurred_at: Mapped[datetime]
    at: Mapped[datetime]
    """When what asked for it arrived."""
    since: Mapped[datetime]
    """Since when it waits."""
    lane: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Of the inbox: what the run causes waits there, as what asked for it did."""

    __table_args__ = (
        Index("waiting_starts_one", "tenant_id", "contact_id", "workflow_id", "entry_key", unique=True),
        Index("waiting_starts_run", "tenant_id", "run_id", postgresql_where=text("run_id is not null")),
        {"info": rows_go(names="payload::text")},
    )


class EntryPace(Base):
    """How a workflow with a limit lets starts begin. Locked by whoever does that, so that no two workers do it at once."""

    __tablename__ = "entry_paces"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    last_at: Mapped[datetime | None]
    """The instant for which the last start counts, evenly spread."""
    recent: Mapped[Json | None]
    """What began within the last minute: pairs of an instant (microseconds since 2000) and a number."""
    not_before: Mapped[datetime | None]
    """Before that nothing can begin; None: look."""

    __table_args__ = (
        Index("entry_paces_next", "not_before", postgresql_where=text("not_before is not null")),
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
    )
