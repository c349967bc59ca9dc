"""JSON of the workflow API, camelCase. Field names are those of the public contract; see the API guide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.counters.run_counters import Totals
from app.flow.diagnostic import Diagnostic, DiagnosticView
from app.flow.document import Edge, Flow, Goal, Node, Note, SingleTrigger, Trigger, one_of, triggers_of
from app.flow.editor_fields import Ignored
from app.flow.ops import MAX_OPS, AnyOp, OpId
from app.flow.settings import FlowSettings
from app.folders.tags import TagList
from app.models import Workflow, WorkflowVersion
from app.models.status import PriorityWord, WorkflowStatus
from app.web.structs import Camel
from app.workflows.changes import Changes
from app.workflows.loaded import WorkflowListItem

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S", description="1 to 255 characters.")]
Description = Annotated[str, Meta(max_length=5_000)]
Changelog = Annotated[str, Meta(max_length=2_000)]


class StrictBody(Camel, forbid_unknown_fields=True):
    """A request body; unknown fields are refused so that a typing error is noticed."""


Priority = Annotated[
    PriorityWord,
    Meta(
        description="What the runs and messages of this workflow get while there is more to do than the workers do at once: 60 % for"
        " `urgent`, 30 % for `normal` and 10 % for `bulk`. It holds at once, without being published."
    ),
]


FolderId = Annotated[UUID, Meta(description="One of `GET /workflow-folders`; null: in none.")]


class NewWorkflow(StrictBody):
    """A workflow as programs send it. Everything but the name may be left out and drawn later; an editor's `viewport` is.

    One trigger may be sent as `trigger`, with its settings beside its type.
    """

    name: Name
    description: Description | None = None
    priority: Priority = "normal"
    folder_id: FolderId | None = None
    tags: TagList = msgspec.field(default_factory=list)
    trigger: SingleTrigger | UnsetType = UNSET
    triggers: tuple[Trigger, ...] = ()
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    goals: tuple[Goal, ...] = ()
    settings: FlowSettings = msgspec.field(default_factory=FlowSettings)
    notes: tuple[Note, ...] = ()
    viewport: Ignored = UNSET

    def __post_init__(self) -> None:
        self.triggers = one_of(self.trigger, self.triggers)

    def flow(self) -> Flow:
        """The document in it."""
        return Flow(
            triggers=self.triggers,
            nodes=self.nodes,
            edges=self.edges,
            goals=self.goals,
            settings=self.settings,
            notes=self.notes,
        )


class WorkflowPatch(Changes, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to change; fields left out stay. Parts of the document are replaced whole."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET
    folder_id: FolderId | UnsetType | None = UNSET
    tags: TagList | UnsetType = UNSET
    viewport: Ignored = UNSET


class DraftPatch(StrictBody):
    """A batch of canvas ops. `client` names the tab that made them: its own earlier ops never clash with its later ones."""

    client: OpId
    ops: Annotated[list[AnyOp], Meta(min_length=1, max_length=MAX_OPS)]


class PublishRequest(StrictBody):
    """Body of publish, activate and revert; it may be left out."""

    changelog: Changelog | None = None


class Copy(StrictBody):
    """Body of duplicate; it may be left out."""

    name: Name | None = None


def first_trigger(triggers: Sequence[Trigger]) -> dict[str, Any]:
    """The first one in the form of workflows that have one."""
    plain: dict[str, Any] = msgspec.to_builtins(SingleTrigger.of(triggers[0]))
    return plain


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """A document as answers show it: the first trigger as `trigger` too."""
    return {**document, "trigger": first_trigger(triggers_of(document))}


class WorkflowSummary(Camel):
    """A row of the list. `version` is the live version, or 1, the number that the first publication will get."""

    id: UUID
    tenant_id: str
    name: str
    description: str | None
    priority: Priority
    folder_id: UUID | None
    tags: list[str]
    status: WorkflowStatus
    version: int
    live_version: int | None
    draft_rev: int
    has_unpublished_changes: bool
    trigger: dict[str, Any]
    node_count: int
    stats: Totals
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, listed: WorkflowListItem) -> WorkflowSummary:
        """From a row of the service's list."""
        workflow = listed.workflow
        return cls(
            **_head(workflow),
            has_unpublished_changes=listed.has_unpublished_changes,
            trigger=first_trigger(listed.flow.triggers),
            node_count=len(workflow.draft["nodes"]),
            stats=listed.totals,
        )


class WorkflowDetail(Camel):
    """One workflow with its draft. `issues` say what keeps it from being activated."""

    id: UUID
    tenant_id: str
    name: str
    description: str | None
    priority: Priority
    folder_id: UUID | None
    tags: list[str]
    status: WorkflowStatus
    version: int
    live_version: int | None
    draft_rev: int
    has_unpublished_changes: bool
    trigger: dict[str, Any]
    triggers: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    goals: list[dict[str, Any]]
    settings: dict[str, Any]
    notes: list[dict[str, Any]]
    issues: list[DiagnosticView]
    stats: Totals
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(
        cls,
        workflow: Workflow,
        *,
        document: dict[str, Any],
        diagnostics: Sequence[Diagnostic],
        has_unpublished_changes: bool,
        stats: Totals,
    ) -> WorkflowDetail:
        """From the row and what the service says about it."""
        return cls(
            **_head(workflow),
            **shown(document),
            issues=[diagnostic.view() for diagnostic in diagnostics],
            has_unpublished_changes=has_unpublished_changes,
            stats=stats,
        )


class VersionSummary(Camel):
    """A published version without its flow."""

    workflow_id: UUID
    version: int
    live: bool
    changelog: str | None
    node_count: int
    author: str
    created_by: UUID | None
    created_at: datetime

    @classmethod
    def of(cls, version: WorkflowVersion, live_version: int | None) -> VersionSummary:
        """From the row; `live_version` is the workflow's."""
        return cls(**_version_head(version, live_version))


class VersionDetail(Camel):
    """A published version. It never changes."""

    workflow_id: UUID
    version: int
    live: bool
    changelog: str | None
    node_count: int
    author: str
    created_by: UUID | None
    created_at: datetime
    trigger: dict[str, Any]
    triggers: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    goals: list[dict[str, Any]]
    settings: dict[str, Any]
    notes: list[dict[str, Any]]

    @classmethod
    def of(cls, version: WorkflowVersion, live_version: int | None, document: dict[str, Any]) -> VersionDetail:
        """From the row and its document in the present form; `live_version` is the workflow's."""
        return cls(**_version_head(version, live_version), **shown(document))


class DraftAnswer(Camel):
    """What an accepted batch led to: the new revision, the ops that count as applied, what is unfinished now."""

    rev: int
    applied: list[str]
    issues: list[DiagnosticView]
    changed: list[str]


class StepTypeInfo(Camel):
    """A step or trigger type. `schema` is the JSON Schema of its configuration, `ports` the ways out of it."""

    type: str
    label: str
    category: str
    description: str
    ports: list[str]
    schema: dict[str, Any]


def _head(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "tenant_id": str(workflow.tenant_id),
        "name": workflow.name,
        "description": workflow.description,
        "priority": workflow.priority_word,
        "folder_id": workflow.folder_id,
        "tags": workflow.tags,
        "status": WorkflowStatus(workflow.status),
        "version": workflow.live_version or 1,
        "live_version": workflow.live_version,
        "draft_rev": workflow.draft_rev,
        "created_by": workflow.created_by or workflow.created_by_key,
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
    }


def _version_head(version: WorkflowVersion, live_version: int | None) -> dict[str, Any]:
    return {
        "workflow_id": version.workflow_id,
        "version": version.version,
        "live": version.version == live_version,
        "changelog": version.changelog,
        "node_count": len(version.graph["nodes"]),
        "author": version.author,
        "created_by": version.created_by or version.created_by_key,
        "created_at": version.created_at,
    }
