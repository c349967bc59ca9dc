"""The buttons of a question, on Home and on the page of its run."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.accounts.deps import AppRequest
from app.approvals.schemas import MAX_COMMENT, AnswerIn
from app.approvals.service import ApprovalService
from app.lib.translation import gettext
from app.models.status import Role
from app.web.flash import go


@post("/runs/{run_id:uuid}/answer", role=Role.VIEWER, status_code=200)
async def answer(
    request: AppRequest, approvals: NamedDependency[ApprovalService], run_id: FromPath[UUID]
) -> Response[bytes]:
    """Take the answer of a person who is signed in, and send them back to where they gave it."""
    form = await request.form()
    given_answer = AnswerIn(str(form.get("choice") or ""), str(form.get("comment") or "")[:MAX_COMMENT])
    await approvals.answer(run_id, given_answer)
    return go(request, f"/runs/{run_id}" if form.get("page") == "run" else "/", gettext("Answered; the run continues"))


ROUTES = [answer]
