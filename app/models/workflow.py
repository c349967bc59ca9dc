"""The thing on the canvas: a name, a status, one draft, and numbered versions that never change."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import JSONB, Base, HasTenantKey, HasTimes, Json
from app.models.folder import kept_in_folder
from app.models.personal import rows_go
from app.models.status import Priority, PriorityWord


class Workflow(HasTenantKey, HasTimes, Base):
    """`draft` is the graph document; `draft_rev` moves on graph edits only. `live_version` is what new runs start on."""

    __tablename__ = "workflows"

    name: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="draft")
    live_version: Mapped[int | None]
    draft: Mapped[Json]
    draft_rev: Mapped[int] = mapped_column(server_default="1")
    draft_by: Mapped[str] = mapped_column(server_default="")
    draft_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by_key: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="SET NULL"))
    """The API key that made it, when no user did."""
    deleted_at: Mapped[datetime | None]
    listens_since: Mapped[datetime | None]
    """When it became active, or was resumed, last; written by a trigger. Earlier events start nothing."""
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=str(int(Priority.NORMAL)))
    """A Priority: what its runs and messages get of the workspace's share."""

    entries_complete: Mapped[bool | None]
    """Are all its entries among `Entry`? None: nobody has looked since the policy of re-entry was published last."""

    folder_id: Mapped[UUID | None]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")

    @property
    def priority_word(self) -> PriorityWord:
        """The same as the API and the pages say it."""
        return cast(PriorityWord, Priority(self.priority).word)

    @priority_word.setter
    def priority_word(self, word: PriorityWord) -> None:
        self.priority = Priority.of(word)

    __table_args__ = (
        CheckConstraint("priority between 0 and 2", name="priority"),
        *kept_in_folder("workflows"),
        Index("workflows_status", "tenant_id", "status", postgresql_where=text("deleted_at is null")),
        Index("workflows_changed", "tenant_id", "updated_at", "id", postgresql_where=text("deleted_at is null")),
    )


def _of_workflow() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"
    )


class WorkflowVersion(Base):
    __tablename__ = "workflow_versions"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    graph: Mapped[Json]
    content_hash: Mapped[bytes]
    changelog: Mapped[str | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by_key: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="SET NULL"))
    author: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))

    __table_args__ = (_of_workflow(), Index("workflow_versions_newest", "tenant_id", "created_at"))


class DraftChange(Base):
    """One accepted batch of canvas ops: what a client with an older `rev` is rebased on."""

    __tablename__ = "draft_changes"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(primary_key=True)
    client: Mapped[str]
    author: Mapped[str]
    op_ids: Mapped[list[str]]
    ops: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))

    __table_args__ = (_of_workflow(),)


class StepChange(Base):
    """Who changed a step of a draft last: a user, or a key; neither for the product itself.

    Names are looked up: they are those of now, and nobody's stays behind who was erased.
    """

    __tablename__ = "step_changes"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    step_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None]
    key_id: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))

    __table_args__ = (_of_workflow(),)


class WorkflowSample(Base):
    """Whom and which event a workflow is tried with: a contact of the workspace or an invented one, and an event with its properties.

    `contact`: an invented one, as the API takes contacts; it has no `contact_id`. An event that is no `event_id` is invented.
    """

    __tablename__ = "workflow_samples"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID | None]
    contact: Mapped[Json | None]
    event_id: Mapped[UUID | None]
    event_name: Mapped[str] = mapped_column(server_default="")
    event: Mapped[Json] = mapped_column(server_default="{}")
    updated_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    answers: Mapped[Json] = mapped_column(server_default="{}", deferred=True, deferred_raiseload=True)
    """What services really answered in tests of this contact and event, by the visit of a step (`test_runs.real_calls`).
    Up to 1 MB: it is asked for by name, and only what a test comes to."""

    __table_args__ = (
        _of_workflow(),
        Index("workflow_samples_contact", "tenant_id", "contact_id"),
        {"info": rows_go(names="coalesce(contact::text, '') || event::text || answers::text")},
    )


class WorkflowEpoch(Base):
    """A number of each workspace that a trigger raises when one of its workflows changes status or live version, or its zone changes.

    Workers compare it in each claim. There is no row before the first change.
    """

    __tablename__ = "workflow_epochs"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    n: Mapped[int] = mapped_column(BigInteger, server_default="0")
    compared: Mapped[int | None] = mapped_column(BigInteger)
    """At which of these numbers the rows of `app.schedules` and `app.dates` were last brought to what its workflows are."""

    stale: Mapped[bool] = mapped_column(Computed("n is distinct from compared", persisted=True))
    """They are not what its workflows are. Stored, because the planner knows nothing of how often two columns differ."""

    __table_args__ = (Index("workflow_epochs_stale", "tenant_id", postgresql_where=text("stale")),)
