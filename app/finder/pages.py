"""`/find`: what fits a search of the palette; `/shortcuts`: the keys of pages."""

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
    """What fits the search, as the options of the palette that every page has."""
    groups = await matching(db_session, request.user, search)
    return page(request, "finder/options.html", groups=groups, search=search.strip()[:LONGEST])


@get("/shortcuts", role=Role.VIEWER)
async def shortcuts(request: AppRequest) -> Template:
    """The keys that work on pages; the builder has a list of its own."""
    return page(request, "finder/shortcuts.html")


ROUTES = [find, shortcuts]
