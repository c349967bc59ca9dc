"""JSON routes of templates."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.accounts import guards
from app.accounts.deps import AppRequest
from app.folders.service import chosen_folder
from app.message_templates.repository import TemplateRepository
from app.message_templates.schemas import NewTemplate, PreviewRequest, PreviewView, TemplateChange, TemplateView
from app.message_templates.service import TemplateService, parts_of, template_view
from app.messaging.channels import registry
from app.models.scope import Scope
from app.models.status import Role
from app.web import pagination
from app.web.envelope import Envelope, ok

TEMPLATES = ["Templates"]


@get("/api/v1/templates", role=Role.VIEWER, scope=Scope.TEMPLATES_READ, tags=TEMPLATES, summary="List templates")
async def list_templates(
    templates: NamedDependency[TemplateService],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
    search: FromQuery[str | None] = None,
    folder: Annotated[
        str | None,
        QueryParameter(name="folderId", description="What lies in this folder or within it; `none`: in no folder."),
    ] = None,
    tag: Annotated[str | None, QueryParameter(max_length=200, description="What has this tag.")] = None,
    sort: Annotated[
        str | None, QueryParameter(description="`name`, `created` or `updated`, with a minus from the greatest.")
    ] = None,
) -> Envelope[list[TemplateView]]:
    page = await templates.list(limit, cursor, search or "", chosen_folder(folder), tag, sort)
    return ok(
        [template_view(row) for row in page.items], nextCursor=page.next_cursor, limit=pagination.clamp_limit(limit)
    )


@post("/api/v1/templates", role=Role.MARKETER, scope=Scope.TEMPLATES_WRITE, tags=TEMPLATES, summary="Add a template")
async def create_template(
    templates: NamedDependency[TemplateService], data: JSONBody[NewTemplate]
) -> Envelope[TemplateView]:
    return ok(template_view(await templates.create(data)))


@get(
    "/api/v1/templates/{template_id:uuid}",
    role=Role.VIEWER,
    scope=Scope.TEMPLATES_READ,
    tags=TEMPLATES,
    summary="Get a template",
)
async def get_template(
    templates: NamedDependency[TemplateService], template_id: FromPath[UUID]
) -> Envelope[TemplateView]:
    return ok(template_view(await templates.get(template_id)))


@patch(
    "/api/v1/templates/{template_id:uuid}",
    role=Role.MARKETER,
    scope=Scope.TEMPLATES_WRITE,
    tags=TEMPLATES,
    summary="Change a template",
)
async def update_template(
    templates: NamedDependency[TemplateService],
    template_id: FromPath[UUID],
    data: JSONBody[TemplateChange],
) -> Envelope[TemplateView]:
    return ok(template_view(await templates.update(template_id, data)))


@delete(
    "/api/v1/templates/{template_id:uuid}",
    role=Role.MARKETER,
    scope=Scope.TEMPLATES_WRITE,
    tags=TEMPLATES,
    summary="Delete a template",
)
async def delete_template(templates: NamedDependency[TemplateService], template_id: FromPath[UUID]) -> None:
    await templates.delete(template_id)


@post(
    "/api/v1/templates/{template_id:uuid}/preview",
    role=Role.VIEWER,
    scope=Scope.TEMPLATES_READ,
    tags=TEMPLATES,
    status_code=200,
    cost=20,
    summary="Render a template as a contact would get it",
)
async def preview_template(
    request: AppRequest,
    templates: NamedDependency[TemplateService],
    template_id: FromPath[UUID],
    data: JSONBody[PreviewRequest],
) -> Envelope[PreviewView]:
    if data.contact_id is not None and (refused := guards.missing_scope(request.user, Scope.CONTACTS_READ)):
        raise refused
    template = await templates.get(template_id)
    return ok(await templates.preview(parts_of(template), data, registry.shown(template.channel)))


API_TAGS = [
    Tag(name="Templates", description="What messages look like."),
]
ROUTES: list[Any] = [
    list_templates,
    create_template,
    get_template,
    update_template,
    delete_template,
    preview_template,
]
SERVICES = {"templates": TemplateService, "template_rows": TemplateRepository}
