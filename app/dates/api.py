"""`/api/v1/workflows/{id}/dates`: whose date comes when, and how far the reading of dates is; `/api/v1/dates/preview`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.deps import AppRequest
from app.dates.preview import AHEAD_DAYS, DatePreviews
from app.dates.schemas import ComingContact, DatePreviewOut, DateToPreview, WatchedDateOut
from app.dates.service import DateService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

TAGS = ["Workflows"]
OF_WORKFLOW = "/api/v1/workflows/{workflow_id:uuid}/dates"


@get(
    OF_WORKFLOW,
    role=Role.VIEWER,
    scope=Scope.WORKFLOWS_READ,
    tags=TAGS,
    summary="Dates of contacts that a workflow watches",
)
async def list_dates(
    request: AppRequest, dates: NamedDependency[DateService], workflow_id: FromPath[UUID]
) -> Envelope[list[WatchedDateOut]]:
    """Those of the live version, each with how far the reading of all contacts is."""
    return ok(
        [
            WatchedDateOut(
                trigger_id=one.trigger_id,
                title=one.title,
                reading=one.reading,
                read=one.done,
                contacts=one.total,
                unreadable=one.unreadable,
                next_at=one.next_at,
            )
            for one in await dates.watched(workflow_id)
        ]
    )


@get(
    OF_WORKFLOW + "/{trigger_id:str}/contacts",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    summary="Whose date comes next",
)
async def list_coming(
    request: AppRequest,
    dates: NamedDependency[DateService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    limit: FromQuery[int | None] = None,
) -> Envelope[list[ComingContact]]:
    """The next contacts for whom a run of the live version starts, soonest first; also those whose time has come and whose turn has not.
    404 `date_not_watched` when the trigger is none that watches a date."""
    most = clamp_limit(limit)
    coming = await dates.coming(workflow_id, trigger_id, most)
    return ok([ComingContact(contact_id=contact_id, at=at) for contact_id, at in coming], limit=most)


@post(
    "/api/v1/dates/preview",
    role=Role.VIEWER,
    scope=Scope.WORKFLOWS_READ,
    status_code=200,
    cost=20,
    tags=TAGS,
    summary="Count whom a date concerns",
)
async def preview_dates(
    request: AppRequest, date_previews: NamedDependency[DatePreviews], data: JSONBody[DateToPreview]
) -> Envelope[DatePreviewOut]:
    """Before a trigger goes live. Nothing is saved. 422 names what is wrong in `data`."""
    counts = await date_previews.of_trigger(data.type, data.data)
    return ok(
        DatePreviewOut(
            dated=counts.dated,
            soon=counts.soon,
            days=AHEAD_DAYS,
            at_once=counts.at_once,
            passed=counts.passed,
            unreadable=counts.unreadable,
            exact=counts.exact,
            coming=[ComingContact(contact_id=one.contact_id, at=one.at) for one in counts.coming],
        )
    )


ROUTES: list[Any] = [list_dates, list_coming, preview_dates]
