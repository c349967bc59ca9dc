"""Calling the service of a step for real, within a test: what will be called is shown first, and only an admin makes the call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.walk_pages import ONE, chosen_ways, tested_page
from app.errors import AppError
from app.models.status import Role
from app.outside import trials
from app.outside.trials import Exchange, RequestTrials
from app.test_runs.approval import WalkStart
from app.test_runs.samples import SampleService
from app.test_runs.schemas import WalkRequest
from app.test_runs.service import DraftTestService
from app.test_runs.shown_calls import CallChanged, ShownCall, agreed_call, shown_call, start_of
from app.web.fragments import page
from app.web.wording import for_people
from app.workflows.service import WorkflowService


@post(ONE + "/call/look", role=Role.MARKETER, status_code=200, deadline=60)
async def show_call(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    draft_tests: NamedDependency[DraftTestService],
    request_trials: NamedDependency[RequestTrials],
    workflow_id: FromPath[UUID],
) -> Template:
    """What the step at `place` would call for the sample, exactly as it would be sent. Nothing is called."""
    workflow, form = await workflows.get(workflow_id), await request.form()
    place = str(form.get("place", ""))
    try:
        wanted, flow = WalkRequest(ways=chosen_ways(form)), workflows.draft(workflow).flow
        shown = await shown_call(draft_tests, request_trials, workflow, flow, wanted, place)
    except AppError as error:
        problem = for_people(error.errors[0]["message"]) if error.errors else for_people(error.for_people)
        shown = ShownCall(place, WalkStart.now(), Exchange({}, error=problem))
    return _dialog(request, workflow_id, shown)


@post(ONE + "/call", role=Role.ADMIN, status_code=200, deadline=60)
async def make_call(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    draft_tests: NamedDependency[DraftTestService],
    request_trials: NamedDependency[RequestTrials],
    workflow_id: FromPath[UUID],
) -> Template:
    """Test the draft, and make the call at `place` for real. Admins only: it bears the connector's credentials and may change things.

    What is sent is what was shown: where the step asks for something else by now, that is shown instead, and nothing is called.
    """
    workflow, form = await workflows.get(workflow_id), await request.form()
    try:
        really = agreed_call(request_trials, str(form.get("place", "")), _start_of(form), str(form.get("approved", "")))
        return await tested_page(request, workflows, workflow, samples, draft_tests, form, really)
    except CallChanged as changed:
        return _dialog(request, workflow_id, changed.shown, {"HX-Retarget": "#dialogs", "HX-Reswap": "innerHTML"})


def _dialog(
    request: AppRequest, workflow_id: UUID, shown: ShownCall, headers: dict[str, str] | None = None
) -> Template:
    context: dict[str, Any] = {
        "workflow_id": workflow_id,
        "shown": shown,
        "exchange": shown.exchange,
        "may_call": request.user.may(Role.ADMIN),
        "safe": shown.exchange.request.get("method") in trials.SAFE,
    }
    return page(request, "builder/call.html", headers=headers, **context)


def _start_of(form: FormMultiDict) -> WalkStart:
    """Where the walk began that came to the shown request."""
    try:
        return start_of(datetime.fromisoformat(str(form.get("began", ""))), UUID(str(form.get("run", ""))))
    except ValueError:
        return WalkStart.now()


ROUTES = [show_call, make_call]
