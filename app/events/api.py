"""`/api/v1/events`: say what happened, and read it back."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Litestar, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema, Tag
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromQuery, QueryParameter

from app.accounts.deps import AppRequest
from app.events.ingest import Ingest
from app.events.refusals import EventsInvalid
from app.events.schemas import MAX_EVENTS, EventOut, EventReceipt, place_of, read_events
from app.events.service import EventService
from app.events.storing import Recorded
from app.lib.database_roles import DatabaseRole
from app.models.event import Event
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

_TEXT = Schema(type=OpenAPIType.STRING)
_EVENT = Schema(
    type=OpenAPIType.OBJECT,
    required=["name"],
    description="Name the contact by one of contactId, externalId and email. An unknown externalId or email makes one.",
    properties={
        "name": Schema(type=OpenAPIType.STRING, min_length=1, max_length=200),
        "contactId": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID),
        "externalId": _TEXT,
        "email": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.EMAIL),
        "properties": Schema(type=OpenAPIType.OBJECT, description="At most 32 KB and 10 levels deep."),
        "occurredAt": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
        "id": Schema(type=OpenAPIType.STRING, description="Yours. The same id again answers the first result."),
    },
)


@dataclass
class _EventsOperation(Operation):
    """The body is read by `schemas.read`, so that one broken event of a thousand is named by its index."""

    def __post_init__(self) -> None:
        body = Schema(one_of=[_EVENT, Schema(type=OpenAPIType.ARRAY, items=_EVENT, max_items=MAX_EVENTS, min_items=1)])
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True)


PATH = "/api/v1/events"
FAILED = "throughline.events_failed"
"""In the scope: the error that the fast route came to, when the events may have been stored or not."""


def ingest_of(app: Litestar) -> Ingest:
    """The queue of this process; it stores through the sessions that the app was built with."""
    state = app.state
    ingest: Ingest | None = state.get("ingest")
    if ingest is None:
        ingest = state["ingest"] = Ingest(functools.partial(state["database"].session_by, DatabaseRole.ENGINE))
    return ingest


@post(
    PATH,
    role=Role.MARKETER,
    scope=Scope.EVENTS_WRITE,
    status_code=202,
    rate="events",
    operation_class=_EventsOperation,
    tags=["Events"],
    summary="Send one event or an array of up to 1,000",
)
async def send_events(request: AppRequest) -> Envelope[EventReceipt | list[EventReceipt]]:
    """Answered after the events are stored, all of them or none; a refusal names every event that does not fit by its index.

    An event with an `id` that was sent before with the same content answers the first result, with `duplicate: true`; with
    another contact, name, properties or occurredAt the answer is 409 `event_id_in_use`.
    """
    failure: Exception | None = cast("dict[str, Any]", request.scope).get(FAILED)
    if failure is not None:
        raise failure
    body, key = await request.body(), request.headers.get("idempotency-key")
    request_key = f"{request.user.kind}:{request.user.id}:{key}" if key is not None else None
    events, field_errors, many = read_events(body, request_key)
    ingest = ingest_of(request.app)
    if field_errors:
        field_errors += await ingest.look_at(request.user.tenant_id, events)
        raise EventsInvalid(errors=sorted(field_errors, key=place_of))
    recorded = await ingest.submit(request.user.tenant_id, events, len(body))
    return receipts_answer([_receipt(item) for item in recorded], many=many)


def receipts_answer(receipts: list[EventReceipt], *, many: bool) -> Envelope[EventReceipt | list[EventReceipt]]:
    """The answer to events that were stored; `many` when they came as an array."""
    if not many:
        return ok(receipts[0])
    duplicates = sum(receipt.duplicate for receipt in receipts)
    return ok(receipts, accepted=len(receipts) - duplicates, duplicates=duplicates)


@get(
    PATH,
    role=Role.VIEWER,
    scope=Scope.EVENTS_READ,
    tags=["Events"],
    summary="List events, the last received first",
)
async def list_events(
    request: AppRequest,
    events: NamedDependency[EventService],
    contact_id: Annotated[UUID | None, QueryParameter(name="contactId")] = None,
    name: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[EventOut]]:
    page = await events.list(contact_id=contact_id, name=name, limit=limit, cursor=cursor)
    return ok([_view(event) for event in page.items], nextCursor=page.next_cursor, limit=clamp_limit(limit))


def _receipt(item: Recorded) -> EventReceipt:
    return EventReceipt(item.id, item.contact_id, item.name, item.occurred_at, item.key, item.duplicate)


def _view(event: Event) -> EventOut:
    return EventOut(
        id=event.id,
        contact_id=event.contact_id,
        name=event.name,
        properties=event.properties or {},
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        client_id=event.key,
    )


API_TAGS = [
    Tag(name="Events", description="What happened to a contact; events start runs and reach goals."),
]
ROUTES: list[Any] = [send_events, list_events]
SERVICES = {"events": EventService}
