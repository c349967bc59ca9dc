"""The page Settings → Code: the switch, who turned it when, and how code is shut in on this server."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Template

from app.accounts.deps import AppRequest, Database
from app.code_steps import service
from app.lib import held_connections
from app.lib.code_runner import pool as code_runner
from app.lib.translation import gettext
from app.models.status import Role
from app.web.flash import go
from app.web.fragments import page


@get("/settings/code", role=Role.VIEWER)
async def show_code_settings(request: AppRequest, db_session: Database) -> Template:
    """May steps run code here, and can they?"""
    switch = await service.code_switch(db_session, request.user.tenant_id)
    await held_connections.release_connection(db_session)
    isolation, reason = await code_runner.isolation()
    return page(request, "code_steps/settings.html", switch=switch, isolation=isolation, reason=reason)


@post("/settings/code", role=Role.ADMIN)
async def save_code_settings(request: AppRequest, db_session: Database) -> Response[bytes]:
    """Turn the switch."""
    form = await request.form()
    allowed = str(form.get("allowed", "")) == "1"
    await service.turn_code_switch(db_session, request.user, allowed=allowed)
    message = (
        gettext("Steps may run code.") if allowed else gettext("Steps of code are off. Runs that come to one are held.")
    )
    return go(request, "/settings/code", message)


ROUTES: list[Any] = [show_code_settings, save_code_settings]
