"""`/api/v1/workflows/{id}/export` and `/api/v1/workflows/import`."""

from __future__ import annotations

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.deps import AppRequest
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.workflow_files.mapping import in_answer
from app.workflow_files.schemas import ImportedWorkflow, WorkflowFile, WorkflowImport
from app.workflow_files.service import MAX_FILE_BYTES, WorkflowFileService

PATH, TAGS = "/api/v1/workflows", ["Workflows"]
FILE_BODY_LIMIT = MAX_FILE_BYTES + 100_000
"""Bytes of a request, with what is around the file in a form."""
IMPORT_COST, IMPORT_DEADLINE = 20, 60
"""Up to 200 rows are made, each checked: requests of the limit, and seconds."""


@get(
    PATH + "/{workflow_id:uuid}/export",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_READ,
    tags=TAGS,
    summary="Export a workflow",
)
async def export_workflow(
    workflow_files: NamedDependency[WorkflowFileService],
    workflow_id: FromPath[UUID],
    version: FromQuery[int | None] = None,
) -> Envelope[WorkflowFile]:
    """The draft, or `version`, with the templates and segments that it names; connectors and other workflows by name. No secrets."""
    return ok(await workflow_files.export(workflow_id, version))


@post(
    PATH + "/import",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Import a workflow",
    request_max_body_size=FILE_BODY_LIMIT,
    cost=IMPORT_COST,
    deadline=IMPORT_DEADLINE,
)
async def import_workflow(
    request: AppRequest,
    workflow_files: NamedDependency[WorkflowFileService],
    data: JSONBody[WorkflowImport],
    ask: FromQuery[bool] = False,
) -> Envelope[ImportedWorkflow]:
    """A new draft. Templates and segments of the file are made where there are none like them; `toChoose` says what is missing here.

    With `ask=true` nothing is made while `mapping` leaves out something that is `missing`: the answer names it, with what may stand for
    it of the kinds that the key may read (templates, connectors, segments, workflows; for topics contacts and workflows).
    """
    loaded = await workflow_files.load(data, data.mapping, ask=ask)
    if isinstance(loaded, ImportedWorkflow):
        return ok(loaded)
    missing, name = in_answer(loaded, request.user), str(data.workflow.get("name", ""))
    return ok(ImportedWorkflow(None, name, [], [], [], missing, len(loaded) - len(missing)))


ROUTES = [export_workflow, import_workflow]
SERVICES = {"workflow_files": WorkflowFileService}
