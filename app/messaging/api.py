"""JSON routes of messages: the ledger, and decisions of people about failed and uncertain messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.history_start_repository import OF_RUNS, meta
from app.messaging.bulk import MessageJobs, job_view
from app.messaging.schemas import MessageJobView, MessageView, MovedView, ResendRequest, Settlement, SettleRequest
from app.messaging.service import MessageService, message_view
from app.models.scope import Scope
from app.models.status import Role
from app.web import pagination
from app.web.envelope import Envelope, ok

TAGS = ["Messages"]


@get(
    "/api/v1/messages",
    role=Role.VIEWER,
    scope=Scope.MESSAGES_READ,
    tags=TAGS,
    summary="List messages, those of the newest runs first",
)
async def list_messages(
    messages: NamedDependency[MessageService],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
    contact_id: Annotated[UUID | None, QueryParameter(name="contactId")] = None,
    workflow_id: Annotated[UUID | None, QueryParameter(name="workflowId")] = None,
    version: Annotated[int | None, QueryParameter(ge=1, le=2_000_000_000)] = None,
    node_id: Annotated[str | None, QueryParameter(name="nodeId", max_length=100)] = None,
    run_id: Annotated[UUID | None, QueryParameter(name="runId")] = None,
    connector_id: Annotated[UUID | None, QueryParameter(name="connectorId")] = None,
    status: FromQuery[str | None] = None,
    reason: FromQuery[str | None] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
) -> Envelope[list[MessageView]]:
    """`since` and `until` are about `settledAt`.

    `meta.removedBefore` is there when older runs were removed with their messages: those that began before that instant.
    """
    page = await messages.list(
        limit,
        cursor,
        contact_id=contact_id,
        workflow_id=workflow_id,
        version=version,
        node_id=node_id,
        run_id=run_id,
        connector_id=connector_id,
        status=status,
        reason=reason,
        since=since,
        until=until,
    )
    return ok(
        [message_view(row) for row in page.items],
        nextCursor=page.next_cursor,
        limit=pagination.clamp_limit(limit),
        **meta(await messages.history.of(OF_RUNS)),
    )


@get(
    "/api/v1/messages/{message_id:str}",
    role=Role.VIEWER,
    scope=Scope.MESSAGES_READ,
    tags=TAGS,
    summary="Get a message",
)
async def get_message(messages: NamedDependency[MessageService], message_id: FromPath[str]) -> Envelope[MessageView]:
    return ok(await messages.detail(message_id))


@post(
    "/api/v1/messages/{message_id:str}/settle",
    role=Role.MARKETER,
    scope=Scope.MESSAGES_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Say what became of a message whose fate is uncertain",
)
async def settle_message(
    messages: NamedDependency[MessageService], message_id: FromPath[str], data: JSONBody[Settlement]
) -> Envelope[MessageView]:
    """A run that waits for it goes on: by `next` when it was sent, by `error` when it failed. Nothing is sent.

    A message that is not uncertain answers 409 `already_settled`.
    """
    await messages.settle(message_id, sent=data.outcome == "sent")
    return ok(await messages.detail(message_id))


@post(
    "/api/v1/messages/{message_id:str}/resend",
    role=Role.MARKETER,
    scope=Scope.MESSAGES_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Send a message again that failed or is uncertain",
)
async def resend_message(messages: NamedDependency[MessageService], message_id: FromPath[str]) -> Envelope[MessageView]:
    """It is queued again, with the same Message-ID, and leaves only if it may be sent then: consent, suppressions and the state of the
    workflow are looked at anew. An uncertain one may reach somebody twice. A run that went on is not moved again.

    A message that neither failed nor is uncertain answers 409 `nothing_to_resend`.
    """
    await messages.resend(message_id)
    return ok(await messages.detail(message_id))


@post(
    "/api/v1/messages/settle",
    role=Role.MARKETER,
    scope=Scope.MESSAGES_WRITE,
    tags=TAGS,
    status_code=202,
    summary="Say what became of many uncertain messages",
)
async def settle_messages(
    messages: NamedDependency[MessageService], data: JSONBody[SettleRequest]
) -> Envelope[MovedView]:
    """Those with `ids`, at once; or all that fit `filter`, by a job: `GET /message-jobs/{id}` says how far it is."""
    return ok(await messages.decide(data.outcome, data.ids, data.filter))


@post(
    "/api/v1/messages/resend",
    role=Role.MARKETER,
    scope=Scope.MESSAGES_WRITE,
    tags=TAGS,
    status_code=202,
    summary="Send many messages again that failed or are uncertain",
)
async def resend_messages(
    messages: NamedDependency[MessageService], data: JSONBody[ResendRequest]
) -> Envelope[MovedView]:
    """Those with `ids`, at once; or all that fit `filter` and have failed or become uncertain until now, by a job."""
    return ok(await messages.decide("resend", data.ids, data.filter))


@get(
    "/api/v1/message-jobs",
    role=Role.VIEWER,
    scope=Scope.MESSAGES_READ,
    tags=TAGS,
    summary="List what is done for many messages, the newest first",
)
async def list_jobs(
    message_jobs: NamedDependency[MessageJobs],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[MessageJobView]]:
    page = await message_jobs.list(limit, cursor)
    return ok([job_view(job) for job in page.items], nextCursor=page.next_cursor, limit=pagination.clamp_limit(limit))


@get(
    "/api/v1/message-jobs/{job_id:uuid}",
    role=Role.VIEWER,
    scope=Scope.MESSAGES_READ,
    tags=TAGS,
    summary="How far is it with many messages?",
)
async def get_job(message_jobs: NamedDependency[MessageJobs], job_id: FromPath[UUID]) -> Envelope[MessageJobView]:
    return ok(job_view(await message_jobs.get(job_id)))


@post(
    "/api/v1/message-jobs/{job_id:uuid}/stop",
    role=Role.MARKETER,
    scope=Scope.MESSAGES_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Stop what is done for many messages",
)
async def stop_job(message_jobs: NamedDependency[MessageJobs], job_id: FromPath[UUID]) -> Envelope[MessageJobView]:
    """The batch that is under way is the last one; what was done stays. A job that is over stays as it is."""
    return ok(job_view(await message_jobs.stop(job_id)))


API_TAGS = [Tag(name="Messages", description="What was sent, to whom, and what became of it.")]
ROUTES: list[Any] = [
    list_messages,
    get_message,
    settle_message,
    resend_message,
    settle_messages,
    resend_messages,
    list_jobs,
    get_job,
    stop_job,
]
SERVICES = {"messages": MessageService, "message_jobs": MessageJobs}
