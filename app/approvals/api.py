"""`/api/v1/approvals` and `…/runs/{id}/answer`: questions that runs ask people, and the answers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody, QueryParameter

from app.approvals.schemas import AnswerIn, ApprovalOut
from app.approvals.service import ApprovalService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok

TAGS = ["Approvals"]
Limit = Annotated[int | None, QueryParameter(name="limit", description="1 to 100; 25 when left out.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`meta.nextCursor` of the last answer.")]


@get("/api/v1/approvals", role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="Open questions to people")
async def list_approvals(
    approvals: NamedDependency[ApprovalService], limit: Limit = None, cursor: Cursor = None
) -> Envelope[list[ApprovalOut]]:
    """What runs wait for a person to decide, those of the oldest runs first. `mayAnswer` says whether you may."""
    page = await approvals.open_questions(limit, cursor)
    return ok(page.items, nextCursor=page.next_cursor, limit=limit or 25)


@post(
    "/api/v1/workflows/{workflow_id:uuid}/runs/{run_id:uuid}/answer",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    summary="Answer a question",
    status_code=204,
)
async def answer_question(
    approvals: NamedDependency[ApprovalService],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
    data: JSONBody[AnswerIn],
) -> None:
    """The run goes on by `choice`, one of the question's. A question that is no longer open answers 409 or 404, one for others 403.
    People who only look at things may be asked as well: they answer on the page of the run."""
    await approvals.answer(run_id, data, workflow_id)


API_TAGS = [Tag(name="Approvals", description="Questions that runs ask people, and the answers by which they go on.")]
ROUTES = [list_approvals, answer_question]
SERVICES = {"approvals": ApprovalService}
