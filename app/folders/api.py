"""`/api/v1/workflow-folders` and `/api/v1/template-folders`: each kind has its folders, opened by the scopes of what lies in them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody

from app.folders.schemas import FolderChange, FolderView, NewFolder
from app.folders.service import FolderService
from app.models import FolderKind
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok

TAGS = ["Folders"]
WORKFLOWS, TEMPLATES = "/api/v1/workflow-folders", "/api/v1/template-folders"
ONE_OF_WORKFLOWS, ONE_OF_TEMPLATES = WORKFLOWS + "/{folder_id:uuid}", TEMPLATES + "/{template_folder_id:uuid}"


async def _all(folders: FolderService, kind: FolderKind) -> Envelope[list[FolderView]]:
    shelf = await folders.shelf(kind)
    return ok([FolderView.of(one) for one in shelf.folders], unfiled=shelf.unfiled, total=shelf.total)


async def _one(folders: FolderService, kind: FolderKind, folder_id: UUID) -> Envelope[FolderView]:
    shelf = await folders.shelf(kind)
    return ok(next(FolderView.of(one) for one in shelf.folders if one.folder.id == folder_id))


@get(WORKFLOWS, role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="List folders of workflows")
async def list_workflow_folders(folders: NamedDependency[FolderService]) -> Envelope[list[FolderView]]:
    """All of them, each behind the one that it lies in. `meta.unfiled` counts workflows that are in none."""
    return await _all(folders, FolderKind.WORKFLOW)


@post(WORKFLOWS, role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="Add a folder of workflows")
async def create_workflow_folder(
    folders: NamedDependency[FolderService], data: JSONBody[NewFolder]
) -> Envelope[FolderView]:
    """A folder may hold folders, which hold none."""
    folder = await folders.create(FolderKind.WORKFLOW, data.name, data.parent_id)
    return await _one(folders, FolderKind.WORKFLOW, folder.id)


@patch(
    ONE_OF_WORKFLOWS,
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Rename or move a folder of workflows",
)
async def update_workflow_folder(
    folders: NamedDependency[FolderService], folder_id: FromPath[UUID], data: JSONBody[FolderChange]
) -> Envelope[FolderView]:
    """What is in it stays in it."""
    await folders.change(FolderKind.WORKFLOW, folder_id, data.name, data.parent_id)
    return await _one(folders, FolderKind.WORKFLOW, folder_id)


@delete(
    ONE_OF_WORKFLOWS,
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Delete a folder of workflows",
    status_code=200,
)
async def delete_workflow_folder(
    folders: NamedDependency[FolderService], folder_id: FromPath[UUID]
) -> Envelope[dict[str, UUID]]:
    """What was in it lies where the folder lay. No workflow is deleted."""
    await folders.delete(FolderKind.WORKFLOW, folder_id)
    return ok({"id": folder_id})


@get(TEMPLATES, role=Role.VIEWER, scope=Scope.TEMPLATES_READ, tags=TAGS, summary="List folders of templates")
async def list_template_folders(folders: NamedDependency[FolderService]) -> Envelope[list[FolderView]]:
    """All of them, each behind the one that it lies in. `meta.unfiled` counts templates that are in none."""
    return await _all(folders, FolderKind.TEMPLATE)


@post(TEMPLATES, role=Role.MARKETER, scope=Scope.TEMPLATES_WRITE, tags=TAGS, summary="Add a folder of templates")
async def create_template_folder(
    folders: NamedDependency[FolderService], data: JSONBody[NewFolder]
) -> Envelope[FolderView]:
    """A folder may hold folders, which hold none."""
    folder = await folders.create(FolderKind.TEMPLATE, data.name, data.parent_id)
    return await _one(folders, FolderKind.TEMPLATE, folder.id)


@patch(
    ONE_OF_TEMPLATES,
    role=Role.MARKETER,
    scope=Scope.TEMPLATES_WRITE,
    tags=TAGS,
    summary="Rename or move a folder of templates",
)
async def update_template_folder(
    folders: NamedDependency[FolderService], template_folder_id: FromPath[UUID], data: JSONBody[FolderChange]
) -> Envelope[FolderView]:
    """What is in it stays in it."""
    await folders.change(FolderKind.TEMPLATE, template_folder_id, data.name, data.parent_id)
    return await _one(folders, FolderKind.TEMPLATE, template_folder_id)


@delete(
    ONE_OF_TEMPLATES,
    role=Role.MARKETER,
    scope=Scope.TEMPLATES_WRITE,
    tags=TAGS,
    summary="Delete a folder of templates",
    status_code=200,
)
async def delete_template_folder(
    folders: NamedDependency[FolderService], template_folder_id: FromPath[UUID]
) -> Envelope[dict[str, UUID]]:
    """What was in it lies where the folder lay. No template is deleted."""
    await folders.delete(FolderKind.TEMPLATE, template_folder_id)
    return ok({"id": template_folder_id})


API_TAGS = [Tag(name="Folders", description="Where workflows and templates are kept; each kind has its folders.")]
ROUTES: list[Any] = [
    list_workflow_folders,
    create_workflow_folder,
    update_workflow_folder,
    delete_workflow_folder,
    list_template_folders,
    create_template_folder,
    update_template_folder,
    delete_template_folder,
]
SERVICES = {"folders": FolderService}
