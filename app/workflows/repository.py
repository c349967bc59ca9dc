"""All SQL of workflows, drafts and versions. Every query starts from what this workspace may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, cast, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.types import Text

from app.card_title_repository import REFERENCED
from app.contacts.known_name_repository import known_names
from app.flow.document import Trigger, triggers_of
from app.flow.field_reads import KnownNames
from app.flow.going_on import CAN_UNSUBSCRIBE, DEFAULT, REPORTS
from app.flow.lint.missing_fallbacks import PRINTED, unguarded
from app.flow.references import ReferencedRow
from app.lib import clock
from app.lib.database import execute
from app.live_moves import moved_sql
from app.messaging.channels import registry as channels
from app.models import Connector, Contact, DraftChange, Event, Template, Workflow, WorkflowVersion
from app.models.folder import FolderFilter, tagged, within_folder
from app.models.status import WorkflowStatus
from app.models.tenant_repository import TenantRepository, refers_to
from app.web.pagination import Page

KEPT_CHANGES = 200
"""Batches of ops kept for a draft: a client that is further behind has to load it again."""
_DRAFT_MOVED = moved_sql("(select %(tenant)s::int as tenant_id, %(workflow)s::uuid as workflow_id)")


LAST_CHANGED = "-updated"
ORDERS: dict[str, list[Any]] = {
    "updated": [Workflow.updated_at],
    "created": [Workflow.created_at],
    "name": [Workflow.name],
    "status": [Workflow.status, Workflow.name],
}
"""By what a list of workflows may be sorted; with a minus before it from the greatest. An index serves the first: others sort the few
hundred that a workspace has."""
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


class LiveDocument(NamedTuple):
    """What is live of a workflow; `graph` None: nothing yet."""

    name: str
    status: str
    graph: dict[str, Any] | None


class WorkflowRepository(TenantRepository[Workflow]):
    """The workflows of a workspace that were not deleted, and what their documents name."""

    model = Workflow

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        super().__init__(session, tenant_id)
        self._names: dict[frozenset[str], KnownNames] = {}

    @property
    def own(self) -> ColumnElement[bool]:
        return super().own & Workflow.deleted_at.is_(None)

    async def get(self, workflow_id: UUID, *, lock: bool = False) -> Workflow | None:
        """One workflow; with `lock` nobody else changes it until this transaction ends."""
        return await self.get_one_or_none(Workflow.id == workflow_id, lock=lock, fresh=lock)

    def listed(
        self, statuses: Iterable[WorkflowStatus], search: str | None, folder: FolderFilter | None, tag: str | None
    ) -> list[ColumnElement[bool]]:
        """What a list is narrowed to; `search` looks in name and description."""
        filters: list[ColumnElement[bool]] = [Workflow.status.in_([status.value for status in statuses])]
        if words := (search or "").replace("\0", "").strip():
            # Names are few a workspace; a scan of one tenant's workflows is cheaper than keeping a trigram index.
            filters.append(
                Workflow.name.icontains(words, autoescape=True) | Workflow.description.icontains(words, autoescape=True)
            )
        if folder is not None:
            filters.append(within_folder(Workflow.folder_id, self.tenant_id, folder))
        return [*filters, tagged(Workflow.tags, tag)] if tag else filters

    async def sorted_by(
        self, filters: Sequence[ColumnElement[bool]], cursor: str | None, limit: int, order: str = LAST_CHANGED
    ) -> Page[Workflow]:
        """A page of workflows, last changed first or by one of ORDERS."""
        columns = [*ORDERS[order.removeprefix("-")], Workflow.id]
        return await self.page(columns, cursor, limit, *filters, newest=order.startswith("-"))

    async def ids(self, filters: Sequence[ColumnElement[bool]], limit: int) -> Sequence[UUID]:
        """The ids of those that were changed last."""
        query = select(Workflow.id).where(self.own, *filters).order_by(Workflow.updated_at.desc(), Workflow.id.desc())
        return (await self.session.scalars(query.limit(limit))).all()

    async def count_by_status(self) -> dict[str, int]:
        """How many workflows there are of each status that occurs."""
        query = select(Workflow.status, func.count()).where(self.own).group_by(Workflow.status)
        return dict((await self.session.execute(query)).all())

    async def names(self, ids: Iterable[UUID]) -> dict[UUID, str]:
        """What workflows are called, deleted ones too: lists of runs name them."""
        query = select(Workflow.id, Workflow.name).where(super().own, Workflow.id.in_(list(ids)))
        return dict((await self.session.execute(query)).all())

    # Who would come ---------------------------------------------------------------------------------------------

    async def senders(self, events: Sequence[str], *, since: datetime, limit: int) -> tuple[list[RecentContact], bool]:
        """Contacts that sent one of `events` since then, with the last of each; and whether there are more than were looked at.

        Bounded on purpose: there is no index on the event's name, because one more index costs every event taken in.
        """
        newest = (
            select(Event.contact_id, Event.name, Event.properties, Event.occurred_at)
            .where(Event.tenant_id == self.tenant_id)
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
            .where(Contact.tenant_id == self.tenant_id)
            .limit(limit + 1)
        )
        rows = (await self.session.execute(query)).all()
        beyond = (await self.session.execute(newest.offset(SCANNED_EVENTS).limit(1))).first()
        more = len(rows) > limit or (beyond is not None and beyond.occurred_at >= since)
        return [
            RecentContact(contact, name, properties or {}, at) for contact, name, properties, at in rows[:limit]
        ], more

    # What a document names ------------------------------------------------------------------------------------

    async def hold(self, references: Mapping[str, Set[UUID]]) -> None:
        """Keep what a document names (kind → ids) from being deleted until this transaction is over.

        Workflows that call, are called or go take turns by `alone_with_calls` instead: two that are published and name each other would
        wait for each other here.
        """
        for kind, ids in sorted(references.items()):
            model = REFERENCED[kind]
            if model is Workflow:
                await self.alone_with_calls()
                continue
            query = (
                select(model.id).where(model.tenant_id == self.tenant_id, model.id.in_(list(ids))).order_by(model.id)
            )
            await self.session.execute(query.with_for_update(read=True, key_share=True))

    async def alone_with_calls(self) -> None:
        """Until this transaction is over nobody else publishes a workflow of this workspace that calls another, or takes one away.

        Asked after a workflow's own row is locked, and nothing is locked after it.
        """
        query = "select pg_advisory_xact_lock(hashtextextended('workflow calls', %(tenant)s))"
        await execute(self.session, query, tenant=self.tenant_id)

    async def live_documents(self, ids: Set[UUID]) -> dict[UUID, LiveDocument]:
        """Of these workflows those that were not deleted, with what is live of them."""
        query = (
            select(Workflow.id, Workflow.name, Workflow.status, WorkflowVersion.graph)
            .join(
                WorkflowVersion,
                (WorkflowVersion.tenant_id == Workflow.tenant_id)
                & (WorkflowVersion.workflow_id == Workflow.id)
                & (WorkflowVersion.version == Workflow.live_version),
                isouter=True,
            )
            .where(self.own, Workflow.id.in_(list(ids)))
        )
        return {row.id: LiveDocument(row.name, row.status, row.graph) for row in await self.session.execute(query)}

    async def known_names(self, events: Set[str]) -> KnownNames:
        """Names that contacts and these events have; asked once for a request."""
        event_names = frozenset(events)
        if event_names not in self._names:
            self._names[event_names] = await known_names(self.session, self.tenant_id, event_names)
        return self._names[event_names]

    async def referenced_rows(self, references: Mapping[str, Set[UUID]]) -> dict[str, dict[UUID, ReferencedRow]]:
        """Of what a document names (kind → ids), what is there, and the default connectors where something is sent; one query a kind."""
        rows: dict[str, dict[UUID, ReferencedRow]] = {}
        if "template" in references:  # whoever sends may mean the default connector, which is not named
            references = {"connector": set(), **references}
        for kind, ids in references.items():
            model = REFERENCED[kind]
            columns = [column for column in model.__table__.columns if column.name in _OF_ROW]
            wanted: ColumnElement[bool] = model.id.in_(list(ids))
            if model is Template:
                columns += [_CAN_UNSUBSCRIBE, _PRINTS]
            elif model is Connector:
                wanted = or_(wanted, Connector.is_default)
            query = select(*columns).where(model.tenant_id == self.tenant_id, wanted, *not_deleted(model))
            rows[kind] = {row.id: _row(row) for row in await self.session.execute(query)}
        return rows

    async def referenced_names(self, references: Mapping[str, Set[UUID]]) -> dict[str, dict[UUID, str]]:
        """Of what a document names (kind → ids), how that is called which is there; one query a kind."""
        names: dict[str, dict[UUID, str]] = {}
        for kind, ids in references.items():
            model = REFERENCED[kind]
            query = select(model.id, model.name).where(model.tenant_id == self.tenant_id, model.id.in_(list(ids)))
            names[kind] = dict((await self.session.execute(query.where(*not_deleted(model)))).all())
        return names


_CAN_UNSUBSCRIBE = or_(
    *(column.regexp_match("unsubscribe_?url", "i") for column in (Template.html, Template.text))
).label("can_unsubscribe")
_TEXTS = func.concat_ws(" ", Template.subject, Template.html, Template.text, cast(Template.content, Text))
_PRINTED = func.regexp_matches(_TEXTS, PRINTED, "g", type_=ARRAY(Text))
_PRINTS = func.array(select(func.array_to_string(_PRINTED, "|", "")).correlate(Template).scalar_subquery()).label(
    "prints"
)
_OF_ROW = ("id", "name", "channel", "kind", "type", "is_default")
"""Columns of a row that documents name, of those that it has."""


def not_deleted(model: Any) -> list[ColumnElement[bool]]:
    """The condition that a row is there for people: a segment that was deleted stays until its members are gone."""
    return [model.deleted_at.is_(None)] if hasattr(model, "deleted_at") else []


WEB, MESSAGES = "web", "message"
"""Varieties of connectors: to services that steps call, and to providers that messages leave by."""


def _row(row: Any) -> ReferencedRow:
    """Tables hold channels differently: connectors by its number, templates by its word; segments and workflows have none."""
    name, stored = row.name, getattr(row, "channel", None)
    if stored is None:
        return ReferencedRow(name, None, "", getattr(row, "kind", ""))
    if stored == channels.SERVICE:
        return ReferencedRow(name, None, "services", WEB)
    channel = channels.known(stored) if isinstance(stored, int) else channels.find(stored)
    if channel is None:
        return ReferencedRow(name, None, channels.word_of(stored) if isinstance(stored, int) else stored)
    variety = MESSAGES if isinstance(stored, int) else ""
    prints = frozenset(unguarded(pair.split("|") for pair in getattr(row, "prints", ())))
    return ReferencedRow(name, channel.number, channel.label, variety, _facts(row), prints)


def _facts(row: Any) -> frozenset[str]:
    """What steps want to know of a connector or a template."""
    kind = channels.connector_types().get(getattr(row, "type", ""))
    facts = {
        REPORTS: kind is not None and kind.reports,
        DEFAULT: getattr(row, "is_default", False),
        CAN_UNSUBSCRIBE: getattr(row, "can_unsubscribe", False),
    }
    return frozenset(fact for fact, holds in facts.items() if holds)


class VersionRepository(TenantRepository[WorkflowVersion]):
    """The published versions of a workspace's workflows."""

    model = WorkflowVersion

    async def get(self, workflow_id: UUID, version: int) -> WorkflowVersion | None:
        return await self.get_one_or_none(
            WorkflowVersion.workflow_id == workflow_id, WorkflowVersion.version == version
        )

    async def newest(self, workflow_id: UUID, cursor: str | None, limit: int) -> Page[WorkflowVersion]:
        """A page of versions of one workflow, newest first."""
        return await self.page(
            [WorkflowVersion.version], cursor, limit, WorkflowVersion.workflow_id == workflow_id, newest=True
        )

    async def last_number(self, workflow_id: UUID) -> int:
        """The highest version number in use, 0 before the first publication."""
        query = select(func.coalesce(func.max(WorkflowVersion.version), 0)).where(
            self.own, WorkflowVersion.workflow_id == workflow_id
        )
        return int((await self.session.execute(query)).scalar_one())

    async def live_hashes(self, workflows: Iterable[Workflow]) -> dict[UUID, bytes]:
        """Content hash of the live version of each workflow that has one; one query for all."""
        live = {(workflow.id, workflow.live_version) for workflow in workflows if workflow.live_version is not None}
        if not live:
            return {}
        query = select(WorkflowVersion.workflow_id, WorkflowVersion.content_hash).where(self.own, self._among(live))
        return dict((await self.session.execute(query)).all())

    async def triggers(self, pinned: Set[tuple[UUID, int]]) -> dict[tuple[UUID, int], tuple[Trigger, ...]]:
        """The triggers of some (workflow, version) pairs."""
        graph = WorkflowVersion.graph
        query = select(WorkflowVersion.workflow_id, WorkflowVersion.version, graph["trigger"], graph["triggers"])
        return {
            (workflow_id, version): triggers_of({"trigger": one, "triggers": several})
            for workflow_id, version, one, several in await self.session.execute(
                query.where(self.own, self._among(pinned))
            )
        }

    async def graphs(self, pinned: Set[tuple[UUID, int]]) -> dict[tuple[UUID, int], dict[str, Any]]:
        """The documents of some (workflow, version) pairs: lists name the steps that runs stand on by them."""
        return {(row.workflow_id, row.version): row.graph for row in await self.list(self._among(pinned))}

    async def last_published(self, limit: int) -> Sequence[Row[WorkflowVersion, str]]:
        """(version, workflow name) of what was published last, of workflows that were not deleted."""
        query = (
            select(WorkflowVersion, Workflow.name)
            .join(Workflow, refers_to(WorkflowVersion.workflow_id, Workflow))
            .where(self.own, Workflow.deleted_at.is_(None))
            .order_by(WorkflowVersion.created_at.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    @staticmethod
    def _among(pinned: Set[tuple[UUID, int]]) -> ColumnElement[bool]:
        return tuple_(WorkflowVersion.workflow_id, WorkflowVersion.version).in_(list(pinned))


class DraftChangeRepository(TenantRepository[DraftChange]):
    """The batches of ops that the draft of one workflow of a workspace took."""

    model = DraftChange

    def __init__(self, session: AsyncSession, tenant_id: int, workflow_id: UUID) -> None:
        super().__init__(session, tenant_id)
        self.workflow_id = workflow_id

    @property
    def own(self) -> ColumnElement[bool]:
        return super().own & (DraftChange.workflow_id == self.workflow_id)

    async def applied_op_ids(self, op_ids: Sequence[str]) -> set[str]:
        """Those of `op_ids` that an earlier batch brought already."""
        wanted = array(list(op_ids), type_=Text)
        query = select(DraftChange.op_ids).where(self.own, DraftChange.op_ids.op("&&")(wanted.cast(ARRAY(Text))))
        applied_ids = {op_id for ids in (await self.session.scalars(query)).all() for op_id in ids}
        return applied_ids & set(op_ids)

    async def since(self, rev: int) -> Sequence[DraftChange]:
        """The batches after revision `rev`, oldest first."""
        return await self.list(DraftChange.rev > rev, order_by=[DraftChange.rev])

    async def ring(self) -> None:
        """Pages that show this workflow learn at the commit that its draft moved; nothing is written where nobody watches."""
        await execute(self.session, _DRAFT_MOVED, tenant=self.tenant_id, workflow=self.workflow_id)

    async def forget(self, up_to_rev: int) -> None:
        """Drop batches that nobody can be rebased on any more."""
        await self.delete_where(DraftChange.rev <= up_to_rev)
