"""All SQL of workflows, drafts and versions. Every query starts from what this workspace may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.types import Text

from app.contacts.known_names import known_names
from app.flow.field_reads import KnownNames
from app.lib import clock
from app.models import Connector, Contact, DraftChange, Event, Template, Workflow, WorkflowVersion
from app.models.status import WorkflowStatus
from app.web.pagination import Page, cut, keyset

KEPT_CHANGES = 200
"""Batches of ops kept for a draft: a client that is further behind has to load it again."""


REFERENCED: dict[str, type[Template] | type[Connector]] = {"template": Template, "connector": Connector}
"""The rows that config fields may name: `Ref(kind)` → model."""
SCANNED_EVENTS = 50_000
"""Newest events of the workspace that a preview reads through; about 50 ms."""


def touch(workflow: Workflow) -> None:
    """Say that the workflow changed now. Flagged, because an equal time would be left out and read back lazily."""
    workflow.updated_at = clock.now()
    flag_modified(workflow, "updated_at")


class RecentContact(NamedTuple):
    """A contact with its last event of one of the wanted names."""

    contact: Contact
    event: str
    properties: dict[str, Any]
    occurred_at: datetime


class WorkflowRepository:
    """Rows of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id
        self._names: dict[frozenset[str], KnownNames] = {}

    def _visible(self) -> Select[Workflow]:
        return select(Workflow).where(Workflow.tenant_id == self._tenant_id, Workflow.deleted_at.is_(None))

    async def get(self, workflow_id: UUID, *, lock: bool = False) -> Workflow | None:
        """One workflow; with `lock` nobody else changes it until this transaction ends."""
        query = self._visible().where(Workflow.id == workflow_id)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).one_or_none()

    async def add(self, row: Workflow | WorkflowVersion | DraftChange) -> None:
        self._session.add(row)
        await self._session.flush()

    async def flush(self) -> None:
        await self._session.flush()

    async def page(
        self,
        *,
        statuses: Iterable[WorkflowStatus],
        search: str | None,
        cursor: str | None,
        limit: int,
    ) -> Page[Workflow]:
        """A page of workflows, last changed first."""
        query = self._visible().where(Workflow.status.in_([status.value for status in statuses]))
        if search:
            # Names are few a workspace; a scan of one tenant's workflows is cheaper than keeping a trigram index.
            pattern = "%" + search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
            query = query.where(Workflow.name.ilike(pattern) | Workflow.description.ilike(pattern))
        query = keyset(query, [Workflow.updated_at, Workflow.id], cursor, descending=True).limit(limit + 1)
        return cut((await self._session.scalars(query)).all(), limit, lambda row: (row.updated_at, row.id))

    async def count_by_status(self) -> dict[str, int]:
        """How many workflows there are of each status that occurs."""
        query = (
            select(Workflow.status, func.count())
            .where(Workflow.tenant_id == self._tenant_id, Workflow.deleted_at.is_(None))
            .group_by(Workflow.status)
        )
        return dict((await self._session.execute(query)).all())

    # Versions -------------------------------------------------------------------------------------------------

    async def version(self, workflow_id: UUID, version: int) -> WorkflowVersion | None:
        query = select(WorkflowVersion).where(
            WorkflowVersion.tenant_id == self._tenant_id,
            WorkflowVersion.workflow_id == workflow_id,
            WorkflowVersion.version == version,
        )
        return (await self._session.scalars(query)).one_or_none()

    async def versions(self, workflow_id: UUID, *, cursor: str | None, limit: int) -> Page[WorkflowVersion]:
        """A page of versions, newest first."""
        query = select(WorkflowVersion).where(
            WorkflowVersion.tenant_id == self._tenant_id, WorkflowVersion.workflow_id == workflow_id
        )
        query = keyset(query, [WorkflowVersion.version], cursor, descending=True).limit(limit + 1)
        return cut((await self._session.scalars(query)).all(), limit, lambda row: (row.version,))

    async def last_version(self, workflow_id: UUID) -> int:
        """The highest version number in use, 0 before the first publication."""
        query = select(func.coalesce(func.max(WorkflowVersion.version), 0)).where(
            WorkflowVersion.tenant_id == self._tenant_id, WorkflowVersion.workflow_id == workflow_id
        )
        return int((await self._session.execute(query)).scalar_one())

    async def live_hashes(self, workflows: Iterable[Workflow]) -> dict[UUID, bytes]:
        """Content hash of the live version of each workflow that has one; one query for all."""
        live = [(workflow.id, workflow.live_version) for workflow in workflows if workflow.live_version is not None]
        if not live:
            return {}
        query = select(WorkflowVersion.workflow_id, WorkflowVersion.content_hash).where(
            WorkflowVersion.tenant_id == self._tenant_id,
            tuple_(WorkflowVersion.workflow_id, WorkflowVersion.version).in_(live),
        )
        return dict((await self._session.execute(query)).all())

    # Draft changes --------------------------------------------------------------------------------------------

    async def applied_op_ids(self, workflow_id: UUID, op_ids: Sequence[str]) -> set[str]:
        """Those of `op_ids` that an earlier batch brought already."""
        wanted = array(list(op_ids), type_=Text)
        query = select(DraftChange.op_ids).where(
            DraftChange.workflow_id == workflow_id, DraftChange.op_ids.op("&&")(wanted.cast(ARRAY(Text)))
        )
        known = {op_id for ids in (await self._session.scalars(query)).all() for op_id in ids}
        return known & set(op_ids)

    async def changes_since(self, workflow_id: UUID, rev: int) -> Sequence[DraftChange]:
        """The batches after revision `rev`, oldest first."""
        query = (
            select(DraftChange)
            .where(DraftChange.workflow_id == workflow_id, DraftChange.rev > rev)
            .order_by(DraftChange.rev)
        )
        return (await self._session.scalars(query)).all()

    async def forget_changes(self, workflow_id: UUID, up_to_rev: int) -> None:
        """Drop batches that nobody can be rebased on any more."""
        await self._session.execute(
            delete(DraftChange).where(DraftChange.workflow_id == workflow_id, DraftChange.rev <= up_to_rev)
        )

    # Who would come ---------------------------------------------------------------------------------------------

    async def senders(self, events: Sequence[str], *, since: datetime, limit: int) -> tuple[list[RecentContact], bool]:
        """Contacts that sent one of `events` since then, with the last of each; and whether there are more than were looked at.

        Bounded on purpose: there is no index on the event's name, because one more index costs every event taken in.
        """
        newest = (
            select(Event.contact_id, Event.name, Event.properties, Event.occurred_at)
            .where(Event.tenant_id == self._tenant_id)
            .order_by(Event.id.desc())
        )
        scanned = newest.limit(SCANNED_EVENTS).subquery()
        last = (
            select(scanned.c.contact_id, scanned.c.name, scanned.c.properties, scanned.c.occurred_at)
            .where(scanned.c.name.in_(events), scanned.c.occurred_at >= since)
            .ext(distinct_on(scanned.c.contact_id, scanned.c.name))
            .order_by(scanned.c.contact_id, scanned.c.name, scanned.c.occurred_at.desc())
            .subquery()
        )
        query = (
            select(Contact, last.c.name, last.c.properties, last.c.occurred_at)
            .join(last, last.c.contact_id == Contact.id)
            .where(Contact.tenant_id == self._tenant_id)
            .limit(limit + 1)
        )
        rows = (await self._session.execute(query)).all()
        beyond = (await self._session.execute(newest.offset(SCANNED_EVENTS).limit(1))).first()
        more = len(rows) > limit or (beyond is not None and beyond.occurred_at >= since)
        return [
            RecentContact(contact, name, properties or {}, at) for contact, name, properties, at in rows[:limit]
        ], more

    # What a document names ------------------------------------------------------------------------------------

    async def hold(self, references: Mapping[str, Set[UUID]]) -> None:
        """Keep what a document names (kind → ids) from being deleted until this transaction is over."""
        for kind, ids in sorted(references.items()):
            model = REFERENCED[kind]
            query = (
                select(model.id).where(model.tenant_id == self._tenant_id, model.id.in_(list(ids))).order_by(model.id)
            )
            await self._session.execute(query.with_for_update(read=True, key_share=True))

    async def known_names(self, events: Set[str]) -> KnownNames:
        """Names that contacts and these events have; asked once for a request."""
        asked = frozenset(events)
        if asked not in self._names:
            self._names[asked] = await known_names(self._session, self._tenant_id, asked)
        return self._names[asked]

    async def referenced_names(self, references: Mapping[str, Set[UUID]]) -> dict[str, dict[UUID, str]]:
        """Of what a document names (kind → ids), what is there and how it is called; one query a kind."""
        names: dict[str, dict[UUID, str]] = {}
        for kind, ids in references.items():
            model = REFERENCED[kind]
            query = select(model.id, model.name).where(model.tenant_id == self._tenant_id, model.id.in_(list(ids)))
            names[kind] = {row.id: row.name for row in await self._session.execute(query)}
        return names
