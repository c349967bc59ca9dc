"""`/find`: the palette and what fits a search; `/shortcuts`: the keys of pages."""

from __future__ import annotations

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest, Database
from app.finder.search import LONGEST, matching
from app.models.status import Role
from app.web.fragments import page


@get("/find", role=Role.VIEWER)
async def find(request: AppRequest, db_session: Database, search: FromQuery[str] = "") -> Template:
    """The palette; what fits the search alone for a request of the palette itself."""
    groups = await matching(db_session, request.user, search)
    return page(request, "finder/palette.html", block="options", groups=groups, search=search.strip()[:LONGEST])


@get("/shortcuts", role=Role.VIEWER)
async def shortcuts(request: AppRequest) -> Template:
    """The keys that work on pages; the builder has a list of its own."""
    return page(request, "finder/shortcuts.html")


ROUTES = [find, shortcuts]
