"""The progress of enrolments, a part of the list of a workflow's runs, and the button that stops one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.enrolments.service import EnrolmentService
from app.lib.translation import gettext
from app.models.status import Role
from app.web.flash import go
from app.web.fragments import page

SHOWN = 3
"""How many that are over are shown beside those under way."""
WAITING_SHOWN = 10
"""How many starts without a contact that wait for their turn are shown."""


@get("/workflows/{workflow_id:uuid}/enrolments", role=Role.VIEWER)
async def show_enrolments(
    request: AppRequest, enrolments: NamedDependency[EnrolmentService], workflow_id: FromPath[UUID]
) -> Template:
    """Those under way with their progress, and the last ones that are over. Nothing when there are none."""
    running = await enrolments.running(workflow_id)
    newest = await enrolments.list(workflow_id, limit=SHOWN)
    running_ids = {row.id for row in running}
    ended = [row for row in newest.items if row.id not in running_ids]
    return page(
        request,
        "enrolments/progress.html",
        block="progress",
        workflow_id=workflow_id,
        running=running,
        ended=ended,
        waiting=await enrolments.waiting_of_nobody(workflow_id, WAITING_SHOWN),
    )


@post("/enrolments/{enrolment_id:uuid}/stop", role=Role.MARKETER, status_code=200)
async def stop_enrolment_page(
    request: AppRequest, enrolments: NamedDependency[EnrolmentService], enrolment_id: FromPath[UUID]
) -> Response[bytes]:
    """Let nobody else in."""
    row = await enrolments.stop(enrolment_id)
    address = f"/runs/{row.run_id}" if row.run_id else f"/workflows/{row.workflow_id}/runs"
    return go(request, address, gettext("Stopped. Whoever is in stays."))


@post("/contacts/{contact_id:uuid}/waiting/{workflow_id:uuid}/withdraw", role=Role.MARKETER, status_code=200)
async def withdraw_waiting_start_page(
    request: AppRequest,
    enrolments: NamedDependency[EnrolmentService],
    contact_id: FromPath[UUID],
    workflow_id: FromPath[UUID],
) -> Response[bytes]:
    """Take a contact out of the line of a workflow."""
    count = await enrolments.withdraw(workflow_id, contact_id)
    text = gettext("Withdrawn. It does not enter by this.") if count else gettext("It did not wait any more.")
    return go(request, f"/contacts/{contact_id}", text)


@post("/workflows/{workflow_id:uuid}/waiting/{run_id:uuid}/withdraw", role=Role.MARKETER, status_code=200)
async def withdraw_waiting_run_page(
    request: AppRequest,
    enrolments: NamedDependency[EnrolmentService],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
) -> Response[bytes]:
    """Take a start without a contact out of the line of a workflow."""
    count = await enrolments.withdraw_run(workflow_id, run_id)
    text = gettext("Withdrawn. This run never begins.") if count else gettext("It did not wait any more.")
    return go(request, f"/workflows/{workflow_id}/runs", text)


ROUTES: list[Any] = [
    show_enrolments,
    stop_enrolment_page,
    withdraw_waiting_start_page,
    withdraw_waiting_run_page,
]
