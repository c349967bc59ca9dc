"""`/settings/data`: what is kept, for how long, and since when there is any of it."""

from __future__ import annotations

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.errors import Invalid
from app.models import Workspace
from app.models.status import Role
from app.retention import repository
from app.retention.rules import CHOICES, FIXED, RULES, chosen, days_from_form, words
from app.web import flash
from app.web.form_errors import errors_by_path
from app.web.fragments import page

log = structlog.get_logger()


async def _data(request: AppRequest, session: AsyncSession, error: Invalid | None = None) -> Template:
    place = await session.get_one(Workspace, request.user.tenant_id)
    return page(
        request,
        "retention/data.html",
        status_code=error.status_code if error else 200,
        rules=RULES,
        fixed=FIXED,
        days=chosen(place.settings),
        oldest=await repository.oldest(session, place.id),
        choices=[(str(days), words(days)) for days in CHOICES],
        words=words,
        errors=errors_by_path(error),
    )


@get("/settings/data", role=Role.VIEWER)
async def data(request: AppRequest, db_session: Database) -> Template:
    """All that is kept, and what bounds it."""
    return await _data(request, db_session)


@post("/settings/data", role=Role.ADMIN, status_code=200)
async def save_data(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Choose how long; what is older is deleted within minutes."""
    form = await request.form()
    try:
        wanted = days_from_form({rule.name: str(form.get(rule.name, "")) for rule in RULES})
    except Invalid as error:
        return await _data(request, db_session, error)
    place = await db_session.get_one(Workspace, request.user.tenant_id, with_for_update=True)
    place.settings = {**place.settings, "retention": wanted}
    await db_session.flush()
    log.info("retention.changed", tenant_id=place.id, by=str(request.user.id), days=wanted)
    return flash.go(request, "/settings/data", "Saved. What is older is deleted within a few minutes.")


ROUTES: list[Any] = [data, save_data]
