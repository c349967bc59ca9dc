"""The mail of a step to oneself: as the sample would get it, marked as a test, to the signed-in person's own address and nobody else's."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.accounts.deps import AppRequest, Database
from app.builder.walk_pages import ONE, chosen_ways
from app.connectors.schemas import TestResult
from app.errors import AppError
from app.lib.translation import gettext
from app.message_templates.send_test import send_test
from app.messaging.channels import registry
from app.messaging.channels.parts import Parts
from app.models.status import Role
from app.test_runs.schemas import WalkRequest
from app.test_runs.service import DraftTestService
from app.web.flash import toast
from app.web.wording import for_people
from app.workflows.service import WorkflowService


@post(ONE + "/nodes/{node_id:str}/mail", role=Role.MARKETER, status_code=200, deadline=60)
async def send_mail_to_oneself(
    request: AppRequest,
    db_session: Database,
    workflows: NamedDependency[WorkflowService],
    draft_tests: NamedDependency[DraftTestService],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Response[bytes]:
    """Walk up to the step, and send its mail to whoever is signed in, by the step's connector. The contact gets nothing."""
    workflow = await workflows.get(workflow_id)
    wanted = WalkRequest(until=node_id, ways=chosen_ways(await request.form()))
    try:
        walked = await draft_tests.test(workflow, workflows.draft(workflow).flow, wanted)
        message = next((step.message for step in reversed(walked.steps) if step.node_id == node_id), None)
        channel = registry.find(message.channel) if message is not None else None
        if message is None or channel is None or "html" not in channel.parts:
            result = TestResult("rejected", gettext("The test does not come to a mail at this step."))
        elif message.error:
            result = TestResult("rejected", message.error)
        else:
            parts = Parts(message.subject, message.html, message.text)
            result = await send_test(db_session, request.user, channel, request.user.email, parts, message.options)
    except AppError as error:
        text = error.errors[0]["message"] if error.errors else for_people(error.for_people)
        result = TestResult("rejected", text)
    return Response(
        b"", headers={**toast(result.message, "ok" if result.result == "sent" else "err"), "HX-Reswap": "none"}
    )


ROUTES = [send_mail_to_oneself]
