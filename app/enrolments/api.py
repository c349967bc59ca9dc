"""`/api/v1/workflows/{id}/enrolments`: who is let into a workflow many at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from app.accounts.deps import AppRequest
from app.enrolments.schemas import EnrolmentOut, WithdrawalOut
from app.enrolments.service import EnrolmentService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

TAGS = ["Runs"]
ONE = "/api/v1/enrolments/{enrolment_id:uuid}"


@get(
    "/api/v1/workflows/{workflow_id:uuid}/enrolments",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    summary="Contacts that are let into a workflow many at once",
)
async def list_enrolments(
    request: AppRequest,
    enrolments: NamedDependency[EnrolmentService],
    workflow_id: FromPath[UUID],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[EnrolmentOut]]:
    """The newest first. Those that are over are listed for three months."""
    page = await enrolments.list(workflow_id, cursor=cursor, limit=limit)
    return ok([EnrolmentOut.of(row) for row in page.items], nextCursor=page.next_cursor, limit=clamp_limit(limit))


@get(ONE, role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="One enrolment and its progress")
async def get_enrolment(
    request: AppRequest, enrolments: NamedDependency[EnrolmentService], enrolment_id: FromPath[UUID]
) -> Envelope[EnrolmentOut]:
    return ok(EnrolmentOut.of(await enrolments.get(enrolment_id)))


@post(
    ONE + "/stop", role=Role.MARKETER, scope=Scope.RUNS_WRITE, status_code=200, tags=TAGS, summary="Stop an enrolment"
)
async def stop_enrolment(
    request: AppRequest, enrolments: NamedDependency[EnrolmentService], enrolment_id: FromPath[UUID]
) -> Envelope[EnrolmentOut]:
    """Nobody else enters by it. Whoever is in stays."""
    return ok(EnrolmentOut.of(await enrolments.stop(enrolment_id)))


@delete(
    "/api/v1/workflows/{workflow_id:uuid}/waiting-starts/{contact_id:uuid}",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Withdraw a contact that waits to enter",
)
async def withdraw_waiting_start(
    request: AppRequest,
    enrolments: NamedDependency[EnrolmentService],
    workflow_id: FromPath[UUID],
    contact_id: FromPath[UUID],
) -> Envelope[WithdrawalOut]:
    """It enters no more by what it waits for; why is kept among the decisions about it, with who said so. Asking again changes nothing."""
    return ok(WithdrawalOut(withdrawn=await enrolments.withdraw(workflow_id, contact_id)))


@delete(
    "/api/v1/workflows/{workflow_id:uuid}/waiting-starts/runs/{run_id:uuid}",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Withdraw a run that waits to begin",
)
async def withdraw_waiting_run(
    request: AppRequest,
    enrolments: NamedDependency[EnrolmentService],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
) -> Envelope[WithdrawalOut]:
    """By the id that whoever asked for it was answered, with a contact or without: it never begins. Asking again changes nothing."""
    return ok(WithdrawalOut(withdrawn=await enrolments.withdraw_run(workflow_id, run_id)))


ROUTES: list[Any] = [list_enrolments, get_enrolment, stop_enrolment, withdraw_waiting_start, withdraw_waiting_run]
SERVICES = {"enrolments": EnrolmentService}
