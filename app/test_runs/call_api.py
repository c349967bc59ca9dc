"""`/api/v1/workflows/{id}/test/call`: have a test call the service of a step for real. What will be called is shown first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.accounts.deps import AppRequest
from app.errors import Conflict
from app.models.scope import Scope
from app.models.status import Role
from app.outside.trials import RequestTrials
from app.test_runs.key_scopes import OF_TEST, require_scopes
from app.test_runs.schemas import NodeId, WalkOut, WalkRequest
from app.test_runs.service import DraftTestService
from app.test_runs.shown_calls import CallChanged, ShownCall, agreed_call, shown_call, start_of
from app.web.envelope import Envelope, ok
from app.web.structs import Camel
from app.workflows.service import WorkflowService

CALL = "/api/v1/workflows/{workflow_id:uuid}/test/call"
TAGS = ["Workflows"]


class CallLook(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which call: `place` is a step and which visit of it, such as `ask#1`; `ways` as of a test. It is made for the sample."""

    place: Annotated[str, Meta(min_length=3, max_length=120)]
    ways: Annotated[dict[NodeId, Annotated[str, Meta(max_length=100)]], Meta(max_length=200)] = {}


class CallAgreed(CallLook):
    """The call that was shown: `began`, `runId` and `approved` as they were answered."""

    began: datetime
    run_id: UUID
    approved: Annotated[str, Meta(max_length=100)]


class CallShownOut(Camel):
    """The request as it would be sent, credentials hidden. `error`: why nothing can be called."""

    place: str
    request: dict[str, Any]
    error: str | None
    began: datetime
    run_id: UUID
    approved: str


class ShownCallChanged(Conflict):
    """The step asks for something else than what was shown. Nothing was called; `shown` is what it asks for now."""

    code = "call_changed"


def _shown(shown: ShownCall) -> CallShownOut:
    began, run_id = shown.start
    exchange = shown.exchange
    return CallShownOut(
        place=shown.place,
        request=exchange.request,
        error=exchange.error or None,
        began=began,
        run_id=run_id,
        approved=shown.approved,
    )


@post(
    CALL + "/look",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="See what a step of the draft would call",
    cost=20,
    status_code=200,
    deadline=60,
)
async def look_at_call(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    draft_tests: NamedDependency[DraftTestService],
    request_trials: NamedDependency[RequestTrials],
    workflow_id: FromPath[UUID],
    data: JSONBody[CallLook],
) -> Envelope[CallShownOut]:
    """Walk the sample to a call and answer the request exactly as it would be sent. Nothing is called."""
    require_scopes(request, OF_TEST)
    workflow = await workflows.get(workflow_id)
    flow, wanted = workflows.draft(workflow).flow, WalkRequest(ways=data.ways)
    return ok(_shown(await shown_call(draft_tests, request_trials, workflow, flow, wanted, data.place)))


@post(
    CALL,
    role=Role.ADMIN,
    scope=Scope.CONNECTORS_WRITE,
    tags=TAGS,
    summary="Test the draft with a real call",
    cost=20,
    status_code=200,
    deadline=60,
)
async def call_in_test(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    draft_tests: NamedDependency[DraftTestService],
    request_trials: NamedDependency[RequestTrials],
    workflow_id: FromPath[UUID],
    data: JSONBody[CallAgreed],
) -> Envelope[WalkOut]:
    """Test the draft, and make one call for real, as it was shown. It bears the connector's credentials and may change something there.

    The answer is kept with the sample: further tests go on with it while the step asks the same. Where it asks for something else by now
    nothing is called, and 409 `call_changed` answers what it asks for, as `shown`. Also needs `workflows:write`.
    """
    require_scopes(request, (Scope.WORKFLOWS_WRITE, *OF_TEST))
    workflow = await workflows.get(workflow_id)
    really = agreed_call(request_trials, data.place, start_of(data.began, data.run_id), data.approved)
    try:
        walked = await draft_tests.test(workflow, workflows.draft(workflow).flow, WalkRequest(ways=data.ways), really)
    except CallChanged as changed:
        raise ShownCallChanged(shown=msgspec.to_builtins(_shown(changed.shown))) from changed
    return ok(walked)


ROUTES = [look_at_call, call_in_test]
