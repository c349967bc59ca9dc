"""`/docs/api`: the OpenAPI document in a vendored reader that asks nothing of other hosts."""

from __future__ import annotations

from litestar import get
from litestar.response import Redirect, Template

from app.accounts.deps import AppRequest
from app.web.fragments import page


@get("/docs/api", public=True, any_query=True)
async def api_reference(request: AppRequest) -> Template:
    """The reader itself; it fetches `/docs/openapi/openapi.json`."""
    return page(request, "reference/api.html")


@get("/docs", public=True, any_query=True)
async def docs() -> Redirect:
    """The short address."""
    return Redirect("/docs/api")


ROUTES = [api_reference, docs]
