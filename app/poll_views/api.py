"""`/api/v1/workflows/{id}/triggers/{triggerId}/poll`: how a trigger that asks for rows stands, and trials of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.models.scope import Scope
from app.models.status import Role
from app.poll_views.schemas import PollView, TriedPoll, TryPoll
from app.poll_views.service import PollService
from app.triggers.api import TRIGGER
from app.web.envelope import Envelope, ok

POLL = TRIGGER + "/poll"


@get(
    POLL,
    role=Role.VIEWER,
    scope=Scope.WORKFLOWS_READ,
    tags=["Triggers"],
    summary="How a trigger that asks for rows stands",
)
async def get_poll(
    polls: NamedDependency[PollService], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[PollView]:
    """When it asked last and asks next, how far it is, and why it cannot read."""
    return ok(await polls.view(workflow_id, trigger_id))


@post(
    POLL + "/trial",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_WRITE,
    deadline=60,
    tags=["Triggers"],
    summary="Try a trigger that asks for rows",
    status_code=200,
)
async def try_poll(
    polls: NamedDependency[PollService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    data: JSONBody[TryPoll | None] = None,
) -> Envelope[TriedPoll]:
    """Ask now for the 20 newest rows and say what each would do. Nothing is stored, nothing starts."""
    return ok(await polls.try_poll(workflow_id, trigger_id, data.data if data else None))


ROUTES: list[Any] = [get_poll, try_poll]
SERVICES = {"polls": PollService}
