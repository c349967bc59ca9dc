"""The part of a trigger's form in the builder that says how it stands, and tries it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.errors import AppError, NotFound
from app.models.status import Role
from app.poll_views.schemas import CountedPoll, TriedPoll
from app.poll_views.service import PollService
from app.web.fragments import page
from app.web.wording import for_people

PART = "/workflows/{workflow_id:uuid}/triggers/{trigger_id:str}/poll"


async def _part(
    request: AppRequest, polls: PollService, workflow_id: UUID, trigger_id: str, tried: TriedPoll | None = None
) -> Template:
    view = await polls.view(workflow_id, trigger_id)
    return page(
        request, "polls/state.html", workflow_id=workflow_id, trigger_id=trigger_id, view=view, tried=tried,
        may_try=request.user.may(Role.ADMIN),
    )  # fmt: skip


@get(PART, role=Role.VIEWER)
async def show_poll(
    request: AppRequest,
    polls: NamedDependency[PollService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """How it stands; it is asked again whenever the form was saved."""
    return await _part(request, polls, workflow_id, trigger_id)


@post(PART + "/trial", role=Role.ADMIN, status_code=200, deadline=60)
async def show_trial(
    request: AppRequest,
    polls: NamedDependency[PollService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """The newest rows, and what each would do."""
    try:
        tried = await polls.try_poll(workflow_id, trigger_id)
    except AppError as error:
        words = " ".join(for_people(one["message"]) for one in error.errors) or for_people(error.for_people)
        tried = TriedPoll(rows=[], error=words)
    return await _part(request, polls, workflow_id, trigger_id, tried)


@post(PART + "/count", role=Role.ADMIN, status_code=200, deadline=60)
async def show_count(
    request: AppRequest,
    polls: NamedDependency[PollService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """A line of the dialog before activating: how many rows there are now, and what becomes of them."""
    try:
        counted = await polls.count(workflow_id, trigger_id)
    except NotFound:
        raise
    except AppError as error:
        words = " ".join(for_people(one["message"]) for one in error.errors) or for_people(error.for_people)
        counted = CountedPoll(total=None, first="new", error=words)
    return page(request, "polls/count.html", counted=counted)


ROUTES: list[Any] = [show_poll, show_trial, show_count]
