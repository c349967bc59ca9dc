"""`/api/v1/workflows`, their drafts and versions, and `/api/v1/node-types`. Runs and stats of a workflow are in `app.runs`
and `app.insights`, starting one by hand is in `app.triggers`.
"""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from app.errors import BadRequest
from app.folders.service import chosen_folder
from app.models import Workflow
from app.models.scope import Scope
from app.models.status import Role
from app.web import openapi
from app.web.envelope import Envelope, ok
from app.workflows.code_look import look_at_code_of
from app.workflows.drafts import RevisionMissing
from app.workflows.openapi import SCHEMAS
from app.workflows.preview import ActivationPreview
from app.workflows.schemas import (
    Copy,
    DraftAnswer,
    DraftPatch,
    NewWorkflow,
    PublishRequest,
    VersionDetail,
    VersionSummary,
    WorkflowDetail,
    WorkflowPatch,
    WorkflowSummary,
)
from app.workflows.service import WorkflowService
from app.workflows.statuses import workflow_order, workflow_statuses
from app.workflows.type_api import list_node_types, list_trigger_types

PATH = "/api/v1/workflows"
ONE = PATH + "/{workflow_id:uuid}"
TAGS = ["Workflows"]
IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description='The draft revision you edited, as `"17"`.')
]
InFolder = Annotated[
    str | None,
    QueryParameter(name="folderId", description="What lies in this folder or within it; `none`: in no folder."),
]
OfTag = Annotated[str | None, QueryParameter(max_length=200, description="What has this tag.")]
Sort = Annotated[
    str | None, QueryParameter(description="`name`, `created`, `updated` or `status`, with a minus from the greatest.")
]
Limit = Annotated[int | None, QueryParameter(description="1 to 100; 25 when left out.")]
Cursor = Annotated[str | None, QueryParameter(description="`meta.nextCursor` of the last answer.")]
_REV = re.compile(r'^(?:W/)?"?(\d{1,9})"?$')


def revision(if_match: str | None) -> int | None:
    """The draft revision in an `If-Match` header; None without one. Raises BadRequest for anything else."""
    if if_match is None:
        return None
    match = _REV.match(if_match.strip())
    if match is None:
        raise BadRequest(f'`If-Match` must be the draft revision in quotes, as in "17"; it was {if_match!r}.')
    return int(match[1])


async def _detail(service: WorkflowService, workflow: Workflow) -> Envelope[WorkflowDetail]:
    return ok(
        WorkflowDetail.of(
            workflow,
            document=service.draft(workflow).document,
            diagnostics=await service.diagnostics(workflow),
            has_unpublished_changes=await service.has_unpublished_changes(workflow),
            stats=await service.totals(workflow),
        )
    )


@post(PATH, role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="Create a workflow")
async def create_workflow(
    workflows: NamedDependency[WorkflowService], data: JSONBody[NewWorkflow]
) -> Envelope[WorkflowDetail]:
    """Save a new workflow as a draft. Nothing is saved when `errors` names a fault; unfinished parts come back as `issues`."""
    workflow = await workflows.create(
        name=data.name,
        description=data.description,
        flow=data.flow(),
        priority=data.priority,
        folder_id=data.folder_id,
        tags=data.tags,
    )
    return await _detail(workflows, workflow)


@get(PATH, role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="List workflows")
async def list_workflows(
    workflows: NamedDependency[WorkflowService],
    status: Annotated[str | None, QueryParameter(description="One or more statuses, separated by commas.")] = None,
    search: Annotated[
        str | None, QueryParameter(max_length=200, description="Part of the name or description.")
    ] = None,
    folder: InFolder = None,
    tag: OfTag = None,
    sort: Sort = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Envelope[list[WorkflowSummary]]:
    """Last changed first, or as `sort` says. Archived workflows are listed only when `status` asks for them."""
    page = await workflows.lists.page(
        statuses=workflow_statuses(status),
        search=search,
        limit=limit,
        cursor=cursor,
        folder=chosen_folder(folder),
        tag=tag,
        order=workflow_order(sort),
    )
    return ok([WorkflowSummary.of(row) for row in page.items], nextCursor=page.next_cursor, limit=limit or 25)


@get(ONE, role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="Get a workflow")
async def get_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[WorkflowDetail]:
    """The workflow with its draft; `GET …/versions/{version}` shows what is live."""
    return await _detail(workflows, await workflows.get(workflow_id))


@patch(ONE, role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="Edit a workflow")
async def update_workflow(
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    data: JSONBody[WorkflowPatch],
    if_match: IfMatch = None,
) -> Envelope[WorkflowDetail]:
    """Change the name, the description, the priority or whole parts of the draft.

    The priority holds at once; what is live stays until the draft is published.
    """
    return await _detail(workflows, await workflows.update(workflow_id, data, revision(if_match)))


@delete(ONE, role=Role.ADMIN, scope=Scope.WORKFLOWS_PUBLISH, tags=TAGS, summary="Delete a workflow", status_code=200)
async def delete_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[dict[str, UUID]]:
    """Delete a workflow that is not active; contacts that are still in it are cancelled."""
    await workflows.delete(workflow_id)
    return ok({"id": workflow_id})


@get(ONE + "/activation-preview", role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="Preview activation")
async def preview_activation(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[ActivationPreview]:
    """How many contacts would have entered lately, who may enter again, and what is still missing."""
    await look_at_code_of(workflows, workflow_id)
    return ok(await workflows.activation_preview(await workflows.get(workflow_id)))


@post(
    ONE + "/activate",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Activate a workflow",
    status_code=200,
)
async def activate_workflow(
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    data: JSONBody[PublishRequest | None] = None,
) -> Envelope[WorkflowDetail]:
    """Publish the draft when it differs from the live version, and let contacts in. Also resumes a paused workflow."""
    await look_at_code_of(workflows, workflow_id)
    return await _detail(workflows, await workflows.activate(workflow_id, data.changelog if data else None))


@post(
    ONE + "/pause",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Pause a workflow",
    status_code=200,
)
async def pause_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[WorkflowDetail]:
    """Let nobody in and hold everybody where they are."""
    return await _detail(workflows, await workflows.pause(workflow_id))


@post(
    ONE + "/resume",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Resume a paused workflow",
    status_code=200,
)
async def resume_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[WorkflowDetail]:
    """Go on with the live version; unlike activating, this leaves the draft unpublished."""
    return await _detail(workflows, await workflows.resume(workflow_id))


@post(
    ONE + "/archive",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Archive a workflow",
    status_code=200,
)
async def archive_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[WorkflowDetail]:
    """Put a workflow away that is not active; contacts that are still in it are cancelled."""
    return await _detail(workflows, await workflows.archive(workflow_id))


@post(
    ONE + "/restore",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Restore an archived workflow",
    status_code=200,
)
async def restore_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[WorkflowDetail]:
    """Take a workflow out of the archive: paused when it was published before, else a draft."""
    return await _detail(workflows, await workflows.restore(workflow_id))


@post(ONE + "/duplicate", role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="Duplicate a workflow")
async def duplicate_workflow(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID], data: JSONBody[Copy | None] = None
) -> Envelope[WorkflowDetail]:
    """A new workflow with a copy of this one's draft."""
    return await _detail(workflows, await workflows.duplicate(workflow_id, data.name if data else None))


@patch(ONE + "/draft", role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="Apply ops to the draft")
async def patch_draft(
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    data: JSONBody[DraftPatch],
    if_match: IfMatch = None,
) -> Envelope[DraftAnswer]:
    """Apply a batch of ops, all or nothing. Ops on steps that nobody else touched since `If-Match` are accepted on an older
    revision too; else the answer is 409 `draft_conflict` with what happened since. An op id that was seen before is not
    applied again.
    """
    base = revision(if_match)
    if base is None:
        raise RevisionMissing
    result = await workflows.apply_ops(workflow_id, base, data.client, data.ops)
    diagnostics = [diagnostic.view() for diagnostic in result.diagnostics]
    return ok(DraftAnswer(rev=result.rev, applied=result.applied, issues=diagnostics, changed=result.changed))


@delete(
    ONE + "/draft",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Discard the draft",
    status_code=200,
)
async def discard_draft(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Envelope[WorkflowDetail]:
    """Put the draft back to the live version."""
    return await _detail(workflows, await workflows.discard_draft(workflow_id))


@post(ONE + "/versions", role=Role.ADMIN, scope=Scope.WORKFLOWS_PUBLISH, tags=TAGS, summary="Publish the draft")
async def publish_version(
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    data: JSONBody[PublishRequest | None] = None,
) -> Envelope[VersionDetail]:
    """Freeze the draft as the next version, live for new runs. Runs in flight stay on theirs."""
    version = await workflows.publish(workflow_id, data.changelog if data else None)
    return ok(VersionDetail.of(version, version.version, workflows.published(version).document))


@get(ONE + "/versions", role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="List versions")
async def list_versions(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID], limit: Limit = None, cursor: Cursor = None
) -> Envelope[list[VersionSummary]]:
    """Newest first."""
    workflow = await workflows.get(workflow_id)
    page = await workflows.versions(workflow, limit=limit, cursor=cursor)
    rows = [VersionSummary.of(row, workflow.live_version) for row in page.items]
    return ok(rows, nextCursor=page.next_cursor, limit=limit or 25)


@get(ONE + "/versions/{version:int}", role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="Get a version")
async def get_version(
    workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID], version: FromPath[int]
) -> Envelope[VersionDetail]:
    """One version with its whole flow."""
    workflow = await workflows.get(workflow_id)
    row = await workflows.version(workflow, version)
    return ok(VersionDetail.of(row, workflow.live_version, workflows.published(row).document))


@post(
    ONE + "/versions/{version:int}/revert",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Revert to a version",
)
async def revert_version(
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    version: FromPath[int],
    data: JSONBody[PublishRequest | None] = None,
) -> Envelope[VersionDetail]:
    """Copy an old version into a new one and make that live; the draft follows. Answers the new version."""
    published = await workflows.revert(workflow_id, version, data.changelog if data else None)
    return ok(VersionDetail.of(published, published.version, workflows.published(published).document))


@post(
    ONE + "/versions/{version:int}/publish",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=TAGS,
    summary="Publish a version",
    status_code=200,
)
async def publish_one_version(
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    version: FromPath[int],
    data: JSONBody[PublishRequest | None] = None,
) -> Envelope[VersionDetail]:
    """Let contacts in on this version: the workflow is active afterwards. One that is not live is copied into a new version, as by
    `…/revert`; the live one stays as it is. Answers the version that is live.
    """
    published = await workflows.publish_again(workflow_id, version, data.changelog if data else None)
    return ok(VersionDetail.of(published, published.version, workflows.published(published).document))


openapi.OWN_SCHEMAS.update(SCHEMAS)
API_TAGS = [
    Tag(name="Workflows", description="Draw, publish, activate, pause and revert workflows."),
    Tag(name="Types", description="The kinds of steps and triggers, with the JSON Schema of their settings."),
]
ROUTES = [
    create_workflow,
    list_workflows,
    get_workflow,
    update_workflow,
    delete_workflow,
    preview_activation,
    activate_workflow,
    pause_workflow,
    resume_workflow,
    archive_workflow,
    restore_workflow,
    duplicate_workflow,
    patch_draft,
    discard_draft,
    publish_version,
    list_versions,
    get_version,
    revert_version,
    publish_one_version,
    list_node_types,
    list_trigger_types,
]
SERVICES = {"workflows": WorkflowService}
