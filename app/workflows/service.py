"""Workflows: what may be done with one in which status. The API, the pages and the demo call the same functions.

    draft ──activate──▶ active ◀──resume/activate── paused ──archive──▶ archived
                          └────────pause───────────▶  ▲ └──restore──────────┘

Publishing never moves runs: each stays on the version it started on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox, wakes
from app.accounts.principal import Principal
from app.counters.run_counter_repository import RunCounterRepository
from app.counters.run_counters import Totals, running
from app.errors import Conflict, NotFound
from app.flow.diagnostic import Diagnostic
from app.flow.document import Flow
from app.flow.ops import AnyOp, SetPriority
from app.flow.references import CalledRow, called_rows
from app.flow.validation import references
from app.folders.service import FolderService
from app.folders.tags import checked_tags
from app.lib import clock, jobs
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.messaging.queue import FOLLOW
from app.messaging.repository import MessageRepository
from app.models import FolderKind, Workflow, WorkflowVersion
from app.models.status import Priority, PriorityWord, WorkflowStatus
from app.web.pagination import Page
from app.workflows.calls import require_not_called
from app.workflows.changes import Changes
from app.workflows.drafts import DraftResult, Drafts, WorkflowArchived
from app.workflows.existing import ExistingContacts
from app.workflows.listing import WorkflowLists
from app.workflows.loaded import LoadedFlow
from app.workflows.naming import workflow_description, workflow_name
from app.workflows.outbound import set_status
from app.workflows.preview import ActivationPreview, activation_preview
from app.workflows.repository import VersionRepository, WorkflowRepository, touch
from app.workflows.versions import Versions


class WorkflowNotFound(NotFound):
    """There is no such workflow. It may have been deleted, or belong to another workspace."""

    code = "workflow_not_found"


class WorkflowActive(Conflict):
    """Pause this workflow before you delete it."""

    code = "workflow_active"


class WrongStatus(Conflict):
    """This is not possible in the workflow's present status."""

    code = "wrong_status"


class WorkflowService:
    """The workflows of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self._principal = session, principal
        self._repository = WorkflowRepository(session, principal.tenant_id)
        self._version_rows = VersionRepository(session, principal.tenant_id)
        self._counters = RunCounterRepository(session, principal.tenant_id)
        self._drafts = Drafts(self._repository, principal)
        self._versions = Versions(self._repository, self._version_rows, self._drafts, principal)
        self._existing = ExistingContacts(session, self._versions, principal)
        self._folders = FolderService(session, principal)
        self.lists = WorkflowLists(self._repository, self._version_rows, self._counters, self._drafts)

    # Reading --------------------------------------------------------------------------------------------------

    async def referenced_names(self, *graphs: Flow) -> dict[str, dict[UUID, str]]:
        """What the rows are called that steps of these documents refer to: kind → id → name, of those that are there."""
        wanted: dict[str, set[UUID]] = {}
        for flow in graphs:
            for kind, ids in references(flow).items():
                wanted.setdefault(kind, set()).update(ids)
        return await self._repository.referenced_names(wanted)

    async def called_rows(self, flow: Flow) -> dict[str, CalledRow]:
        """By id, what the rows are called that a document names; of those that are gone, what says so."""
        return called_rows(references(flow), await self.referenced_names(flow))

    async def get(self, workflow_id: UUID) -> Workflow:
        """One workflow. Raises WorkflowNotFound, also for another workspace's."""
        workflow = await self._repository.get(workflow_id)
        if workflow is None:
            raise WorkflowNotFound
        return workflow

    async def status_counts(self) -> dict[WorkflowStatus, int]:
        """How many workflows there are of each status, zeros included; for the filter of the list."""
        counted = await self._repository.count_by_status()
        return {status: counted.get(status, 0) for status in WorkflowStatus}

    async def totals(self, workflow: Workflow) -> Totals:
        """The run counters of one workflow, all versions together."""
        return Totals.of((await self._counters.of_workflows([workflow.id])).get(workflow.id, {}))

    async def in_flow_by_version(self, workflow: Workflow) -> dict[int, int]:
        """How many runs of each version have not ended; versions without runs are missing."""
        counters = await self._counters.of_versions(workflow.id)
        return {version: running(counted) for version, counted in counters.items()}

    async def diagnostics(self, workflow: Workflow) -> Sequence[Diagnostic]:
        """What is unfinished or wrong in the draft, as of now; those of severity `error` block activation."""
        return (await self._drafts.diagnostics(self._drafts.of(workflow))).all

    def draft(self, workflow: Workflow) -> LoadedFlow:
        """Its draft, read once for a request."""
        return self._drafts.of(workflow)

    def published(self, version: WorkflowVersion) -> LoadedFlow:
        """The document of a version, read once for a request."""
        return self._versions.of(version)

    async def has_unpublished_changes(self, workflow: Workflow) -> bool:
        """Would activating publish a new version?"""
        return await self._versions.unpublished(workflow)

    async def activation_preview(self, workflow: Workflow) -> ActivationPreview:
        """What activating would do now; for the dialog that asks for it."""
        publishes = await self._versions.unpublished(workflow)
        return await activation_preview(
            self._repository,
            self._drafts.of(workflow).flow,
            diagnostics=await self.diagnostics(workflow),
            publishes_version=await self._version_rows.last_number(workflow.id) + 1 if publishes else None,
            in_flow=(await self.totals(workflow)).running_runs,
            timezone=self._principal.timezone,
            entering=await self._existing.expected(workflow, self._drafts.of(workflow).flow),
        )

    # Editing --------------------------------------------------------------------------------------------------

    async def create(
        self,
        *,
        name: str,
        description: str | None = None,
        flow: Flow | None = None,
        priority: PriorityWord = "normal",
        folder_id: UUID | None = None,
        tags: Sequence[str] = (),
    ) -> Workflow:
        """A new workflow in status draft. Raises Invalid for a flow that contradicts itself, and for a folder that is not there."""
        draft = await self._drafts.checked((flow or Flow()).normal())
        filed = {"folder_id": folder_id, "tags": checked_tags(tags)}
        await self._folders.check(FolderKind.WORKFLOW, folder_id)
        workflow = await self._add(
            workflow_name(name), workflow_description(description), draft.stored, Priority.of(priority), filed
        )
        await self._drafts.begin(workflow, draft)
        return workflow

    async def _add(
        self, name: str, description: str | None, draft: dict[str, Any], priority: int, filed: dict[str, Any]
    ) -> Workflow:
        now = clock.now()
        return await self._repository.add(
            Workflow(
                id=uuid7(),
                name=name,
                description=description,
                status=WorkflowStatus.DRAFT.value,
                priority=priority,
                draft=draft,
                **filed,
                draft_rev=1,
                draft_by=self._principal.name,
                draft_at=now,
                created_by=self._principal.user_id,
                created_by_key=self._principal.key_id,
                created_at=now,
                updated_at=now,
            )
        )

    async def update(self, workflow_id: UUID, changes: Changes, base_rev: int | None = None) -> Workflow:
        """Change name, description, priority or whole parts of the draft. `base_rev`, when given, must be the draft's revision.

        Renaming alone leaves `draft_rev`: nobody's unsaved edit clashes with it.
        """
        workflow = await (self._locked if changes.only_files else self._editable)(workflow_id)
        await self._drafts.require(workflow, base_rev)
        await self._folders.file(workflow, changes.folder_id, changes.tags)
        before = self._drafts.of(workflow)
        if parts := changes.parts(before.flow):
            flow = msgspec.structs.replace(before.flow, **parts).normal()
            if flow != before.flow:
                draft = await self._drafts.checked(flow, before)
                await self._drafts.replace(workflow, draft, "replaced by a program")
        if not isinstance(changes.name, UnsetType):
            workflow.name = workflow_name(changes.name)
        if not isinstance(changes.description, UnsetType):
            workflow.description = workflow_description(changes.description)
        if not isinstance(changes.priority, UnsetType):
            workflow.priority_word = changes.priority
            self._notify(FOLLOW)
        return await self._changed(workflow)

    async def apply_ops(self, workflow_id: UUID, base_rev: int, client: str, ops: Sequence[AnyOp]) -> DraftResult:
        """Apply a batch of canvas ops, all or nothing. Raises DraftConflict or Invalid; see `drafts`."""
        result = await self._drafts.apply(await self._locked(workflow_id), base_rev, client, ops)
        if any(isinstance(op, SetPriority) for op in ops):
            self._notify(FOLLOW)
        return result

    async def discard_draft(self, workflow_id: UUID) -> Workflow:
        """Put the draft back to the live version. Raises WrongStatus before the first publication."""
        workflow = await self._editable(workflow_id)
        live = await self._versions.live(workflow)
        if live is None:
            raise WrongStatus(gettext("Nothing is published yet, so there is nothing to go back to."))
        published = self._versions.of(live)
        if published.flow != self._drafts.of(workflow).flow:
            await self._drafts.replace(workflow, published.normal(), "discarded")
        return workflow

    async def duplicate(self, workflow_id: UUID, name: str | None = None) -> Workflow:
        """A copy of the draft as a new workflow; versions, runs and counters stay behind."""
        source = await self.get(workflow_id)
        copy_name = name if name is not None else f"{source.name[:240]} (copy)"
        filed = {"folder_id": source.folder_id, "tags": source.tags}
        return await self._add(workflow_name(copy_name), source.description, source.draft, source.priority, filed)

    # Status ---------------------------------------------------------------------------------------------------

    async def activate(self, workflow_id: UUID, changelog: str | None = None) -> Workflow:
        """Let contacts in; publishes the draft first when it differs from the live version. Raises NotReady."""
        workflow = await self._editable(workflow_id)
        async with self._existing.enter(workflow):
            if await self._versions.unpublished(workflow):
                await self._versions.publish(workflow, changelog)
            else:  # what is live is the same but for where things lie
                await self._versions.require_ready(self._drafts.of(workflow))
            return await self._go(workflow)

    async def resume(self, workflow_id: UUID) -> Workflow:
        """Go on after a pause, on the live version; the draft stays unpublished. Timers that ran out fire now."""
        workflow = await self._editable(workflow_id)
        if workflow.status == WorkflowStatus.DRAFT:
            raise WrongStatus(gettext("This workflow was never active. Activate it."))
        live = await self._versions.live(workflow)
        if live is not None:
            await self._versions.require_ready(self._versions.of(live))
        return await self._go(workflow)

    async def _go(self, workflow: Workflow) -> Workflow:
        if await set_status(self.session, workflow, WorkflowStatus.ACTIVE, self._principal):
            await wakes.resumed(self.session, workflow.tenant_id, workflow.id)
            self._notify(inbox.ENGINE)
        workflow = await self._changed(workflow)
        await self._free_messages(workflow)
        return workflow

    async def _free_messages(self, workflow: Workflow) -> None:
        """Release what the pause held, to be judged again. After the flush: from then on nothing more can be held for this pause."""
        await MessageRepository(self.session, workflow.tenant_id).free_those_of(workflow.id)
        self._notify("deliver")

    async def pause(self, workflow_id: UUID) -> Workflow:
        """Pause: no entries, and runs stop where they are. No run is cancelled and no timer is lost."""
        workflow = await self._editable(workflow_id)
        if workflow.status == WorkflowStatus.DRAFT:
            raise WrongStatus(gettext("Only an active workflow can be paused; this one is a draft."))
        await set_status(self.session, workflow, WorkflowStatus.PAUSED, self._principal)
        return await self._changed(workflow)

    async def archive(self, workflow_id: UUID) -> Workflow:
        """Archive: read-only, not listed, and its open runs are cancelled. Raises WorkflowActive, WorkflowInUse."""
        workflow = await self._locked(workflow_id)
        if workflow.status == WorkflowStatus.ACTIVE:
            raise WorkflowActive(gettext("Pause this workflow before you archive it."))
        await require_not_called(self._repository, workflow)
        if workflow.status != WorkflowStatus.ARCHIVED:
            workflow.status = WorkflowStatus.ARCHIVED.value
            self._notify("end_removed_runs")
        workflow = await self._changed(workflow)
        await self._free_messages(workflow)
        return workflow

    async def restore(self, workflow_id: UUID) -> Workflow:
        """Take it back out of the archive: paused when it was ever published, else a draft."""
        workflow = await self._locked(workflow_id)
        if workflow.status != WorkflowStatus.ARCHIVED:
            raise WrongStatus(gettext("Only an archived workflow can be restored."))
        restored_status = WorkflowStatus.DRAFT if workflow.live_version is None else WorkflowStatus.PAUSED
        workflow.status = restored_status.value
        return await self._changed(workflow)

    async def delete(self, workflow_id: UUID) -> None:
        """Delete. Raises WorkflowActive, WorkflowInUse; the open runs of a paused one are cancelled."""
        workflow = await self._locked(workflow_id)
        if workflow.status == WorkflowStatus.ACTIVE:
            raise WorkflowActive
        await require_not_called(self._repository, workflow)
        workflow.deleted_at = clock.now()
        self._notify("end_removed_runs")
        await self._free_messages(await self._changed(workflow))

    # Versions -------------------------------------------------------------------------------------------------

    async def publish(self, workflow_id: UUID, changelog: str | None = None) -> WorkflowVersion:
        """Freeze the draft as the next version, live for new runs. Raises NotReady, NothingToPublish."""
        workflow = await self._editable(workflow_id)
        async with self._existing.enter(workflow):
            return await self._versions.publish(workflow, changelog)

    async def publish_variant(self, workflow_id: UUID, flow: Flow, changelog: str) -> WorkflowVersion:
        """Make `flow`, the live document with a small change, the next version; the draft stays as it is. Raises NotReady."""
        return await self._versions.publish_variant(await self._editable(workflow_id), flow, changelog)

    async def publish_again(self, workflow_id: UUID, number: int, changelog: str | None = None) -> WorkflowVersion:
        """Version `number` is what new runs start on, and they may: the workflow is active. Raises NoSuchVersion, NotReady."""
        workflow = await self._editable(workflow_id)
        version = await self._versions.publish_again(workflow, number, changelog)
        await self._go(workflow)
        return version

    async def versions(
        self, workflow: Workflow, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[WorkflowVersion]:
        """Its versions, newest first."""
        return await self._versions.page(workflow, limit, cursor)

    async def version(self, workflow: Workflow, number: int) -> WorkflowVersion:
        """One version with its flow. Raises NoSuchVersion."""
        return await self._versions.get(workflow, number)

    async def revert(self, workflow_id: UUID, number: int, changelog: str | None = None) -> WorkflowVersion:
        """Make a new version out of version `number`, live at once; the draft follows. Raises VersionIsLive."""
        workflow = await self._editable(workflow_id)
        async with self._existing.enter(workflow):
            return await self._versions.revert(workflow, number, changelog)

    # ----------------------------------------------------------------------------------------------------------

    async def _locked(self, workflow_id: UUID) -> Workflow:
        workflow = await self._repository.get(workflow_id, lock=True)
        if workflow is None:
            raise WorkflowNotFound
        return workflow

    async def _editable(self, workflow_id: UUID) -> Workflow:
        workflow = await self._locked(workflow_id)
        if workflow.status == WorkflowStatus.ARCHIVED:
            raise WorkflowArchived
        return workflow

    async def _changed(self, workflow: Workflow) -> Workflow:
        if self.session.is_modified(workflow):
            touch(workflow)
        await self.session.flush()
        return workflow

    def _notify(self, *names: str) -> None:
        for name in names:
            jobs.enqueue(self.session, name)
