"""`/api/v1/workflows/{id}/sample` and `/api/v1/workflows/{id}/test`: whom a draft is tried with, and the trial."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.accounts import guards
from app.accounts.deps import AppRequest
from app.models.scope import Scope
from app.models.status import Role
from app.test_runs import call_api
from app.test_runs.key_scopes import OF_SAMPLE, OF_TEST, require_scopes
from app.test_runs.samples import SampleService
from app.test_runs.schemas import SampleIn, SampleOut, WalkOut, WalkRequest
from app.test_runs.service import DraftTestService
from app.web.envelope import Envelope, ok
from app.workflows.service import WorkflowService

ONE = "/api/v1/workflows/{workflow_id:uuid}"
TAGS = ["Workflows"]


@get(ONE + "/sample", role=Role.VIEWER, scope=Scope.CONTACTS_READ, tags=TAGS, summary="Get the sample of a workflow")
async def get_sample(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    workflow_id: FromPath[UUID],
) -> Envelope[SampleOut]:
    """The contact and the event that previews and tests of the draft use. Where nobody chose one, it is what came in last.

    Without the scope `events:read` it comes without the event.
    """
    workflow = await workflows.get(workflow_id)
    sample = (await samples.of(workflow, workflows.draft(workflow).flow)).view
    if guards.missing_scope(request.user, Scope.EVENTS_READ):
        sample = msgspec.structs.replace(sample, event=None)
    return ok(sample)


@put(
    ONE + "/sample",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Choose the sample of a workflow",
)
async def put_sample(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    workflow_id: FromPath[UUID],
    data: JSONBody[SampleIn],
) -> Envelope[SampleOut]:
    """Choose a contact and an event of the workspace, or invent them, for all who edit the workflow. An empty object forgets the choice."""
    require_scopes(request, OF_SAMPLE)
    workflow = await workflows.get(workflow_id)
    return ok((await samples.put(workflow, workflows.draft(workflow).flow, data)).view)


@post(
    ONE + "/test",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Test the draft",
    cost=20,
    status_code=200,
    deadline=60,
)
async def test_draft(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    draft_tests: NamedDependency[DraftTestService],
    workflow_id: FromPath[UUID],
    data: JSONBody[WalkRequest | None] = None,
) -> Envelope[WalkOut]:
    """Walk one person through the draft and answer each step: what came in, what went out, why, and when it would happen.

    Waits are skipped, nobody is written to, no service is called, nothing is stored; code runs shut in, as it does in a run.
    """
    require_scopes(request, OF_TEST)
    workflow = await workflows.get(workflow_id)
    return ok(await draft_tests.test(workflow, workflows.draft(workflow).flow, data or WalkRequest()))


ROUTES = [get_sample, put_sample, test_draft, *call_api.ROUTES]
SERVICES = {"samples": SampleService, "draft_tests": DraftTestService}
