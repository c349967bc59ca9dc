"""`/docs/api`: the OpenAPI document as pages of our own, one for each resource and each schema. No script is needed to read them.

The document of a process does not change, so it is read once, at the first visit.
"""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Litestar, get
from litestar.params import FromPath
from litestar.response import Redirect, Template

from app.accounts.deps import AppRequest
from app.errors import NotFound
from app.lib.translation import gettext
from app.reference.document import ApiReference
from app.reference.operation_views import views
from app.settings import settings
from app.web import openapi
from app.web.fragments import page

SEARCH_LIMIT, SEARCH_LENGTH = 60, 100
READING_S = 60
"""Seconds until an answer: the first one of a process takes one of processor, which a busy machine gave in 12."""


def _read(app: Litestar) -> ApiReference:
    reference = ApiReference(msgspec.json.decode(openapi.document(app)), settings().web.base_url)
    reference.render()
    return reference


async def reference_of(app: Litestar) -> ApiReference:
    """The document of this app. Reading takes a second the first time: beside other requests, and once for all that wait for it."""
    reading: asyncio.Task[ApiReference] | None = app.state.get("reference")
    if reading is None or (reading.done() and (reading.cancelled() or reading.exception())):
        reading = app.state["reference"] = asyncio.create_task(asyncio.to_thread(_read, app))
    return await asyncio.shield(reading)


@get("/docs/api", public=True, any_query=True, deadline=READING_S)
async def api_reference(request: AppRequest) -> Template:
    """What holds for all operations, and the list of them; with `?q=` those that fit."""
    reference = await reference_of(request.app)
    text = " ".join(request.query_params.get("q", "")[:SEARCH_LENGTH].split())
    matches = reference.search(text, SEARCH_LIMIT) if text else []
    return page(request, "reference/api.html", reference=reference, q=text, matches=matches, most=SEARCH_LIMIT)


@get("/docs/api/{resource:str}", public=True, any_query=True, deadline=READING_S)
async def api_resource(request: AppRequest, resource: FromPath[str]) -> Template:
    """The operations of one resource."""
    reference = await reference_of(request.app)
    if (shown := reference.resources.get(resource)) is None:
        raise NotFound(gettext("The API has no such resource."))
    return page(request, "reference/resource.html", reference=reference, resource=shown, views=views(reference, shown))


@get("/docs/api/schemas/{name:str}", public=True, any_query=True, deadline=READING_S)
async def api_schema(request: AppRequest, name: FromPath[str]) -> Template:
    """The fields of one schema."""
    reference = await reference_of(request.app)
    if name not in reference.schemas:
        raise NotFound(gettext("The API has no such schema."))
    return page(request, "reference/schema.html", reference=reference, name=name)


@get("/docs", public=True, any_query=True)
async def docs() -> Redirect:
    """The short address."""
    return Redirect("/docs/api")


ROUTES = [api_reference, api_resource, api_schema, docs]
