"""Calling the service of a step for real, within a test: what will be called is shown first, and only an admin makes the call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.walk_pages import ONE, chosen_ways, tested_page
from app.errors import AppError
from app.lib.translation import gettext
from app.models.status import Role
from app.outside import trials
from app.outside.trials import Exchange, RequestTrials
from app.test_runs.samples import SampleService
from app.test_runs.schemas import WalkRequest
from app.test_runs.service import DraftTestService
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
    place, exchange, problem = str(form.get("place", "")), None, ""
    try:
        wanted = WalkRequest(ways=chosen_ways(form))
        pending = await draft_tests.call_at(workflow, workflows.draft(workflow).flow, wanted, place)
        if pending is None or pending.place != place:
            problem = gettext("The test does not come to a call at this step any more. Nothing was called.")
        else:
            exchange = await request_trials.look(pending.call)
    except AppError as error:
        problem = for_people(error.errors[0]["message"]) if error.errors else for_people(error.for_people)
    exchange = exchange or Exchange({}, error=problem)
    context: dict[str, Any] = {
        "workflow_id": workflow_id,
        "place": place,
        "exchange": exchange,
        "may_call": request.user.may(Role.ADMIN),
        "safe": exchange.request.get("method") in trials.SAFE,
    }
    return page(request, "builder/call.html", **context)


@post(ONE + "/call", role=Role.ADMIN, status_code=200, deadline=60)
async def make_call(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    draft_tests: NamedDependency[DraftTestService],
    workflow_id: FromPath[UUID],
) -> Template:
    """Test the draft, and make the call at `place` for real. Admins only: it bears the connector's credentials and may change things."""
    workflow, form = await workflows.get(workflow_id), await request.form()
    flow = workflows.draft(workflow).flow
    return await tested_page(request, workflow, flow, samples, draft_tests, form, really=str(form.get("place", "")))


ROUTES = [show_call, make_call]
