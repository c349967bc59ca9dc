"""Editing a draft: whole parts from programs, small ops from the canvas, and several people at once.

`draft_rev` moves with every accepted edit. A client sends the revision that its edit is based on; when others were faster and
changed other parts, its ops are applied after theirs, else it gets a DraftConflict that says who did what.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.accounts.principal import Principal
from app.code_steps.checks import code_diagnostics
from app.errors import AppError, Conflict, FieldError, Invalid
from app.flow.apply_ops import Draft, RefusedOp, applied
from app.flow.diagnostic import Diagnostic, Diagnostics
from app.flow.document import Flow
from app.flow.layout import placed
from app.flow.lint.silent_events import events_of
from app.flow.lint.warnings import reads_data
from app.flow.ops import AnyOp, changed, clash
from app.flow.step_types import INSTALLED
from app.flow.validation import NOTHING_KNOWN, crowding, references, validate
from app.lib import clock, jsonlimits
from app.lib.translation import gettext
from app.models import DraftChange, Workflow
from app.models.status import WorkflowStatus
from app.workflows.calls import call_diagnostics
from app.workflows.loaded import LoadedFlow
from app.workflows.repository import KEPT_CHANGES, DraftChangeRepository, WorkflowRepository, touch
from app.workflows.step_change_repository import StepChangeRepository, changed_steps

MAX_BATCH_BYTES, MAX_BATCH_DEPTH = 1_000_000, 30
REPLACED = "replace"
"""The kind of the op "the whole draft was replaced"; it conflicts with every other op."""


class WorkflowArchived(Conflict):
    """This workflow is archived. Restore it before you change it."""

    code = "workflow_archived"


class RevisionMissing(AppError):
    """Say which revision your change stands on: send `If-Match: "<draftRev>"` with the `draftRev` you loaded."""

    status_code = 428
    code = "revision_missing"
    people = "This page is too old to be saved. Load it again."


class DraftConflict(Conflict):
    """Somebody else changed the same steps in the meantime. Load the draft again, or repeat your change on its new revision."""

    code = "draft_conflict"


class DraftResult(msgspec.Struct, kw_only=True):
    """What an accepted batch led to. `document` and `workflow` are for rendering; programs get the rest."""

    rev: int
    applied: list[str]
    diagnostics: Sequence[Diagnostic]
    changed: list[str]
    document: dict[str, Any]
    workflow: Workflow


class Drafts:
    """The drafts of one workspace, edited by one principal."""

    def __init__(self, repository: WorkflowRepository, principal: Principal) -> None:
        self._repository, self._principal = repository, principal
        self._loaded: dict[UUID, LoadedFlow] = {}

    def of(self, workflow: Workflow) -> LoadedFlow:
        """The draft as it is now, read once for a request."""
        loaded = self._loaded.get(workflow.id)
        if loaded is None or loaded.stored is not workflow.draft:
            loaded = self._loaded[workflow.id] = LoadedFlow(workflow.draft, workflow.id)
        return loaded

    def _changes(self, workflow: Workflow) -> DraftChangeRepository:
        return DraftChangeRepository(self._repository.session, workflow.tenant_id, workflow.id)

    def put(self, workflow: Workflow, loaded: LoadedFlow) -> None:
        """Make a document the draft, without a new revision."""
        workflow.draft, self._loaded[workflow.id] = loaded.stored, loaded

    async def diagnostics(self, loaded: LoadedFlow) -> Diagnostics:
        """Everything wrong with a document, as of this request: templates may have been deleted since it was saved."""
        if loaded.diagnostics is None:
            loaded.diagnostics = await self._validated(loaded.flow, loaded.workflow_id)
        return loaded.diagnostics

    async def _validated(self, flow: Flow, workflow_id: UUID | None) -> Diagnostics:
        diagnostics = validate(
            flow,
            types=INSTALLED,
            rows=await self._repository.referenced_rows(references(flow)),
            known=await self._repository.known_names(events_of(flow)) if reads_data(flow) else NOTHING_KNOWN,
        )
        of_code = await code_diagnostics(self._repository.session, self._principal.tenant_id, flow)
        return diagnostics.with_more([*await call_diagnostics(self._repository, flow, workflow_id), *of_code])

    async def checked(self, flow: Flow, before: LoadedFlow | None = None) -> LoadedFlow:
        """`flow`, ready to be stored. Raises Invalid for what blocks saving and was not wrong in `before` already.

        Old faults do not lock a draft: when a template was deleted since, other steps can still be edited; when the operator has lowered
        a limit, a draft that is above it can be made smaller.
        """
        workflow_id = before.workflow_id if before else None
        cards = (*before.flow.cards, *before.flow.notes) if before else ()
        crowded_before = {one.path for one in crowding(before.flow)} if before else set()
        tolerated = {part for part in crowded_before if before and not _has_more(part, flow, before.flow)}
        if crowded := [one for one in crowding(flow) if one.path not in tolerated]:
            raise Invalid(errors=[one.field_error() for one in crowded])
        flow = placed(flow, {card.id: card.position for card in cards})
        diagnostics = await self._validated(flow, workflow_id)
        if blocking := diagnostics.blocking_save:
            old = {one.identity for one in (await self.diagnostics(before)).blocking_save} if before else set()
            if fresh := [one for one in blocking if one.identity not in old and one.path not in tolerated]:
                text = gettext("The workflow was not saved: %(message)s", message=fresh[0].message)
                raise Invalid(text, errors=[one.field_error() for one in fresh])
        return LoadedFlow.of(flow, diagnostics, workflow_id)

    async def begin(self, workflow: Workflow, loaded: LoadedFlow) -> None:
        """Make a document the draft of a workflow that is new: its steps are of this principal."""
        self.put(workflow, loaded)
        await self._note_changes(workflow, [card.id for card in loaded.flow.cards])

    async def _note_changes(self, workflow: Workflow, changed_ids: Sequence[str], gone_ids: Sequence[str] = ()) -> None:
        changes = StepChangeRepository(self._repository.session, workflow.tenant_id)
        await changes.write(workflow.id, self._principal, changed_ids, gone_ids, clock.now())

    async def replace(self, workflow: Workflow, loaded: LoadedFlow, why: str) -> None:
        """Put a document in place of the (locked) draft. Edits of an older revision then conflict."""
        await self._store(workflow, loaded, "", [], [{"kind": REPLACED, "why": why}])

    async def apply(self, workflow: Workflow, base_rev: int, client: str, ops: Sequence[AnyOp]) -> DraftResult:
        """Apply a batch to the (locked) draft. Raises DraftConflict, or Invalid with the op that does not fit."""
        if workflow.status == WorkflowStatus.ARCHIVED:
            raise WorkflowArchived
        sent = [(op, msgspec.to_builtins(op)) for op in ops]
        try:
            jsonlimits.storable([plain for _, plain in sent], max_bytes=MAX_BATCH_BYTES, max_depth=MAX_BATCH_DEPTH)
        except jsonlimits.Unstorable as error:
            raise Invalid(errors=[{"path": "ops", "message": str(error)}]) from error
        unique = list({op.id: op for op in reversed(ops)}.values())[::-1]
        applied_ids = await self._changes(workflow).applied_op_ids([op.id for op in unique])
        fresh = [op for op in unique if op.id not in applied_ids]
        draft = before = self.of(workflow)
        if fresh:
            rebased = base_rev != workflow.draft_rev
            if rebased:
                await self._make_room(workflow, base_rev, client, fresh, applied_ids)
            try:
                edited = applied(Draft(before.flow, workflow.name, workflow.description, workflow.priority_word), fresh)
                draft = await self.checked(edited.flow, before)
            except RefusedOp as refused:
                if rebased:
                    raise await self._conflict(workflow, base_rev, client) from refused
                path = f"ops[{[op.id for op in ops].index(fresh[refused.index].id)}].{refused.field}"
                errors: list[FieldError] = [{"path": path, "message": refused.message}]
                raise Invalid(
                    gettext("The change was not saved: %(message)s", message=refused.message), errors=errors
                ) from refused
            except Invalid as refused:
                if rebased:
                    raise await self._conflict(workflow, base_rev, client) from refused
                raise
            workflow.name, workflow.description = edited.name, edited.description
            workflow.priority_word = edited.priority
            plain = {op.id: plain for op, plain in sent[::-1]}
            await self._store(workflow, draft, client, [op.id for op in fresh], [plain[op.id] for op in fresh])
        return DraftResult(
            rev=workflow.draft_rev,
            applied=[op.id for op in unique],
            diagnostics=(await self.diagnostics(draft)).all,
            changed=changed(unique, draft.flow),
            document=draft.document,
            workflow=workflow,
        )

    async def _make_room(
        self, workflow: Workflow, base_rev: int, client: str, fresh: Sequence[AnyOp], applied_ids: set[str]
    ) -> None:
        """Return when `fresh` may stand behind what happened since `base_rev`; else raise DraftConflict."""
        changes = await self._changes(workflow).since(base_rev)
        if base_rev > workflow.draft_rev or len(changes) != workflow.draft_rev - base_rev:
            raise await self._conflict(workflow, base_rev, client, changes)
        for change in changes:
            if (change.client and change.client == client) or applied_ids & set(change.op_ids):
                continue  # the client's own earlier batches: it made these ops knowing them
            if any(op.get("kind") == REPLACED for op in change.ops):
                raise await self._conflict(workflow, base_rev, client, changes)
            if clash(fresh, msgspec.convert(change.ops, list[AnyOp])):
                raise await self._conflict(workflow, base_rev, client, changes)

    async def _conflict(
        self, workflow: Workflow, base_rev: int, client: str, changes: Sequence[DraftChange] | None = None
    ) -> DraftConflict:
        if changes is None:
            changes = await self._changes(workflow).since(base_rev)
        foreign_changes = [change for change in changes if not client or change.client != client]
        by = foreign_changes[-1].author if foreign_changes else workflow.draft_by
        at: datetime = foreign_changes[-1].at if foreign_changes else workflow.draft_at
        ops: list[Any] = [op for change in foreign_changes for op in change.ops]
        return DraftConflict(conflict={"rev": workflow.draft_rev, "by": by, "at": at, "ops": ops})

    async def require(self, workflow: Workflow, base_rev: int | None) -> None:
        """Raise DraftConflict when the draft is not at `base_rev` any more; None asks for nothing."""
        if base_rev is not None and base_rev != workflow.draft_rev:
            raise await self._conflict(workflow, base_rev, "")

    async def _store(
        self, workflow: Workflow, loaded: LoadedFlow, client: str, op_ids: list[str], ops: list[dict[str, Any]]
    ) -> None:
        now = clock.now()
        await self._note_changes(workflow, *changed_steps(self.of(workflow).flow, loaded.flow))
        self.put(workflow, loaded)
        workflow.draft_rev += 1
        workflow.draft_by, workflow.draft_at = self._principal.name, now
        touch(workflow)
        changes = self._changes(workflow)
        await changes.add(
            DraftChange(
                workflow_id=workflow.id,
                rev=workflow.draft_rev,
                client=client,
                author=self._principal.name,
                op_ids=op_ids,
                ops=ops,
                at=now,
            )
        )
        await changes.ring()
        if workflow.draft_rev % 20 == 0:  # trim now and then; one delete for twenty edits
            await changes.forget(workflow.draft_rev - KEPT_CHANGES)


def _has_more(part: str, flow: Flow, before: Flow) -> bool:
    return len(getattr(flow, part)) > len(getattr(before, part))
