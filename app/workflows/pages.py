"""`/workflows`: the list with its actions, and `/workflows/{id}/versions`: what was published, what changed, and going back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.card_title_repository import card_titles
from app.errors import Invalid
from app.flow import diagram
from app.flow.diff import compare, edge_marks, union
from app.flow.document import Flow
from app.flow.node_words import category_of
from app.folders.shelved import in_form
from app.lib.formats import word_inside
from app.lib.translation import gettext, of_stored
from app.models import Workflow, WorkflowVersion
from app.models.status import Role
from app.web.flash import go
from app.web.fragments import page
from app.web.wording import for_people
from app.workflows import list_pages
from app.workflows.service import WorkflowService

VERSIONS = 50
DRAFT = "draft"


# The list ---------------------------------------------------------------------------------------------------------


@post("/workflows", role=Role.MARKETER, status_code=200)
async def create(request: AppRequest, workflows: NamedDependency[WorkflowService]) -> Response[bytes] | Template:
    """Make an empty workflow and open it in the builder; a name that does not fit comes back in the dialog."""
    form = await request.form()
    name, description = str(form.get("name", "")), str(form.get("description", ""))
    try:
        workflow = await workflows.create(name=name, description=description, folder_id=in_form(form.get("folder")))
    except Invalid as error:
        field_error = for_people(error.errors[0]["message"]) if error.errors else for_people(error.for_people)
        return page(
            request,
            "workflows/new.html",
            block="form",
            status_code=422,
            name=name,
            description=description,
            folder=form.get("folder"),
            error=field_error,
        )
    return go(request, f"/workflows/{workflow.id}")


@post("/workflows/{workflow_id:uuid}/duplicate", role=Role.MARKETER, status_code=200)
async def duplicate(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Copy the draft into a new workflow and open it."""
    copy = await workflows.duplicate(workflow_id)
    return go(
        request,
        f"/workflows/{copy.id}",
        gettext("This is %(name)s. Runs and versions stayed with the original.", name=copy.name),
    )


@post("/workflows/{workflow_id:uuid}/archive", role=Role.ADMIN, status_code=200)
async def archive(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Archive a workflow; its open runs are cancelled."""
    done = await workflows.archive(workflow_id)
    return go(request, "/workflows", gettext("%(name)s is archived.", name=done.name))


@post("/workflows/{workflow_id:uuid}/restore", role=Role.ADMIN, status_code=200)
async def restore(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Take a workflow back out of the archive."""
    done = await workflows.restore(workflow_id)
    return go(
        request,
        "/workflows",
        gettext("%(name)s is back as %(status)s.", name=done.name, status=word_inside(done.status)),
    )


@post("/workflows/{workflow_id:uuid}/delete", role=Role.ADMIN, status_code=200)
async def delete(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Delete a workflow for good."""
    name = (await workflows.get(workflow_id)).name
    await workflows.delete(workflow_id)
    return go(request, "/workflows", gettext("%(name)s is deleted.", name=name))


# Versions ---------------------------------------------------------------------------------------------------------


class ComparedVersion(msgspec.Struct, frozen=True):
    """A line beside the comparison: the draft, or a version with the people who are in it."""

    key: str
    title: str
    note: str
    author: str
    at: Any
    live: bool
    in_flow: int


def entry_of(version: WorkflowVersion, workflow: Workflow, in_flow: dict[int, int]) -> ComparedVersion:
    """A version in the list beside the comparison."""
    return ComparedVersion(
        key=str(version.version),
        title=f"v{version.version}",
        note=of_stored(version.changelog or "") or gettext("No changelog"),
        author=version.author or gettext("Unknown"),
        at=version.created_at,
        live=version.version == workflow.live_version,
        in_flow=in_flow.get(version.version, 0),
    )


@get("/workflows/{workflow_id:uuid}/versions", role=Role.VIEWER)
async def versions(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    v: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """Every version with what it changed. `v` is a number or `draft`; without it the newest is shown."""
    workflow = await workflows.get(workflow_id)
    published = await workflows.versions(workflow, limit=VERSIONS, cursor=cursor)
    unpublished = await workflows.has_unpublished_changes(workflow)
    in_flow = await workflows.in_flow_by_version(workflow)
    chosen = v or (DRAFT if unpublished or not published.items else str(published.items[0].version))
    if chosen == DRAFT:
        after, base = workflows.draft(workflow).flow, workflow.live_version
        shown: WorkflowVersion | None = None
    else:
        shown = await workflows.version(workflow, int(chosen) if chosen.isdecimal() and len(chosen) < 9 else 0)
        after, base = workflows.published(shown).flow, shown.version - 1 or None
    before = workflows.published(await workflows.version(workflow, base)).flow if base else Flow()
    changes = compare(before, after, await workflows.referenced_names(before, after)) if base else []
    drawn = union(before, after).document() if base else after.document()
    return page(
        request,
        "workflows/versions.html",
        workflow=workflow,
        entries=[entry_of(version, workflow, in_flow) for version in published.items],
        unpublished=unpublished,
        next_cursor=published.next_cursor,
        chosen=chosen,
        shown=shown,
        base=base,
        changes=changes,
        diagram=diagram.draw(drawn, (await card_titles(request, workflows.session, {"": drawn}))[""]),
        marks={change.node_id: change.kind for change in changes},
        edge_marks=edge_marks(before, after) if base else {},
        document=after.document(),
        category_of=category_of,
    )


@post(
    "/workflows/{workflow_id:uuid}/versions/{number:int}/revert",
    role=Role.ADMIN,
    status_code=200,
)
async def revert(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    number: FromPath[int],
) -> Response[bytes]:
    """Make an old version the live one again, as a new version."""
    note = str((await request.form()).get("changelog", ""))
    published = await workflows.revert(workflow_id, number, note)
    return go(
        request,
        f"/workflows/{workflow_id}/versions?v={published.version}",
        gettext(
            "v%(version)s is live. It is the same as v%(number)s; runs stay on the version they started on.",
            version=published.version,
            number=number,
        ),
    )


@post("/workflows/{workflow_id:uuid}/discard", role=Role.MARKETER, status_code=200)
async def discard(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Put the draft back to what is live."""
    done = await workflows.discard_draft(workflow_id)
    return go(
        request,
        f"/workflows/{workflow_id}/versions",
        gettext("The draft is v%(live_version)s again.", live_version=done.live_version),
    )


ROUTES = [*list_pages.ROUTES, create, duplicate, archive, restore, delete, versions, revert, discard]
