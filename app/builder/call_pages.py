"""Calling the service of a step for real, within a test: what will be called is shown first, and only an admin makes the call."""

from __future__ import annotations

from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, NamedTuple
from uuid import UUID

from litestar import post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.walk_pages import ONE, chosen_ways, tested_page
from app.errors import AppError
from app.lib import clock
from app.lib.translation import gettext
from app.models.status import Role
from app.outside import trials
from app.outside.trials import Exchange, RequestTrials
from app.test_runs.approval import RealCall, WalkStart, shown_digest
from app.test_runs.samples import SampleService
from app.test_runs.schemas import WalkRequest
from app.test_runs.service import DraftTestService
from app.test_runs.spec import PendingCall
from app.web.fragments import page
from app.web.wording import for_people
from app.workflows.service import WorkflowService

STANDS_FOR = timedelta(minutes=10)
"""How long the time that a shown request tells is the time of the call."""


class ShownCall(NamedTuple):
    """A call as its dialog shows it: `approved` is what the press sends back, from the same start of a walk. `changed`: shown again."""

    place: str
    start: WalkStart
    exchange: Exchange
    approved: str = ""
    changed: bool = False


class CallChanged(Exception):
    """The request is not the one that was agreed to: no problem of the test, its dialog is shown again."""

    def __init__(self, shown: ShownCall) -> None:
        super().__init__(shown.place)
        self.shown = shown


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
    place, start, approved = str(form.get("place", "")), WalkStart.now(), ""
    exchange = Exchange({})
    try:
        wanted = WalkRequest(ways=chosen_ways(form))
        pending = await draft_tests.call_at(workflow, workflows.draft(workflow).flow, wanted, place, start)
        if pending is None or pending.place != place:
            not_there = gettext("The test does not come to a call at this step any more. Nothing was called.")
            exchange = Exchange({}, error=not_there)
        else:
            exchange = await request_trials.look(pending.call)
            approved = shown_digest(pending.call, exchange.request)
    except AppError as error:
        problem = for_people(error.errors[0]["message"]) if error.errors else for_people(error.for_people)
        exchange = Exchange({}, error=problem)
    return _dialog(request, workflow_id, ShownCall(place, start, exchange, approved))


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
    flow = workflows.draft(workflow).flow
    start, place = _start_of(form), str(form.get("place", ""))

    async def approve(pending: PendingCall) -> None:
        exchange = await request_trials.look(pending.call)
        approved = shown_digest(pending.call, exchange.request)
        if exchange.error or not compare_digest(approved.encode(), str(form.get("approved", "")).encode()):
            raise CallChanged(ShownCall(place, start, exchange, approved, changed=True))

    try:
        really = RealCall(place, start, approve)
        return await tested_page(request, workflow, flow, samples, draft_tests, form, really)
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
    """Where the walk began that came to the shown request; a new start when that is too long ago."""
    try:
        start = WalkStart(datetime.fromisoformat(str(form.get("began", ""))), UUID(str(form.get("run", ""))))
    except ValueError:
        return WalkStart.now()
    is_aware, now = start.began.tzinfo is not None, clock.now()
    return start if is_aware and now - STANDS_FOR <= start.began <= now else WalkStart.now()


ROUTES = [show_call, make_call]
