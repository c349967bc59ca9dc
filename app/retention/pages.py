"""`/settings/data`: what is kept, for how long, and since when there is any of it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.errors import Invalid
from app.lib.translation import gettext
from app.models.status import Role
from app.retention.rules import CHOICES, FIXED, RULES, days_from_form, words
from app.retention.service import RetentionService
from app.web import flash
from app.web.form_errors import errors_by_path
from app.web.fragments import page


async def _data(request: AppRequest, retention: RetentionService, error: Invalid | None = None) -> Template:
    return page(
        request,
        "retention/data.html",
        status_code=error.status_code if error else 200,
        rules=await retention.rules(),
        most={rule.name: rule.most for rule in RULES if rule.most},
        fixed=FIXED,
        choices=[(str(days), words(days)) for days in CHOICES],
        words=words,
        errors=errors_by_path(error),
    )


@get("/settings/data", role=Role.VIEWER)
async def data(request: AppRequest, retention: NamedDependency[RetentionService]) -> Template:
    """All that is kept, and what bounds it."""
    return await _data(request, retention)


@post("/settings/data", role=Role.ADMIN, status_code=200)
async def save_data(request: AppRequest, retention: NamedDependency[RetentionService]) -> Template | Response[bytes]:
    """Choose how long; what is older is deleted within minutes."""
    form = await request.form()
    try:
        wanted = days_from_form({rule.name: str(form.get(rule.name, "")) for rule in RULES})
    except Invalid as error:
        return await _data(request, retention, error)
    await retention.change(wanted)
    return flash.go(request, "/settings/data", gettext("Saved. What is older is deleted within a few minutes."))


ROUTES: list[Any] = [data, save_data]
