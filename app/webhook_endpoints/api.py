"""JSON routes of webhook endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, FromQuery, JSONBody

from app.domain_events.examples import example_of
from app.domain_events.types import TYPES, VERSION, schema_of
from app.models.scope import Scope
from app.models.status import Role
from app.web import pagination
from app.web.envelope import Envelope, ok
from app.webhook_endpoints.schemas import (
    DeliveryDetails,
    DeliveryView,
    EndpointChange,
    EndpointView,
    EndpointWithSecret,
    EventTypeView,
    NewEndpoint,
)
from app.webhook_endpoints.service import EndpointService

TAGS = ["Webhook endpoints"]
_ONE = "/api/v1/webhook-endpoints/{endpoint_id:uuid}"
_READ: dict[str, Any] = {"role": Role.ADMIN, "scope": Scope.WEBHOOK_ENDPOINTS_READ, "tags": TAGS}
_WRITE: dict[str, Any] = {"role": Role.ADMIN, "scope": Scope.WEBHOOK_ENDPOINTS_WRITE, "tags": TAGS}


_SECRETS = ("secret", "secrets", "url")
"""An address may hold a key of the program that it belongs to."""


@get("/api/v1/event-types", role=Role.VIEWER, scope=Scope.WEBHOOK_ENDPOINTS_READ, tags=TAGS, summary="List event types")
async def list_event_types() -> Envelope[list[EventTypeView]]:
    """What endpoints can hear of, each with the JSON Schema of its data and an example."""
    return ok([EventTypeView(one.name, one.text, VERSION, schema_of(one.data), example_of(one)) for one in TYPES])


@get("/api/v1/webhook-endpoints", **_READ, summary="List webhook endpoints")
async def list_endpoints(endpoints: NamedDependency[EndpointService]) -> Envelope[list[EndpointView]]:
    return ok(list(await endpoints.list()))


@post("/api/v1/webhook-endpoints", **_WRITE, secret_answer=_SECRETS, summary="Add a webhook endpoint")
async def create_endpoint(
    endpoints: NamedDependency[EndpointService], data: JSONBody[NewEndpoint]
) -> Envelope[EndpointWithSecret]:
    """The secret is in this answer alone."""
    return ok(EndpointWithSecret(*await endpoints.create(data)))


@get(_ONE, **_READ, summary="Get a webhook endpoint")
async def get_endpoint(
    endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Envelope[EndpointView]:
    return ok(await endpoints.view(endpoint_id))


@patch(_ONE, **_WRITE, summary="Change a webhook endpoint")
async def update_endpoint(
    endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID], data: JSONBody[EndpointChange]
) -> Envelope[EndpointView]:
    """`enabled` switches it off and on. What happens while it is off is not sent to it later."""
    return ok(await endpoints.change(endpoint_id, data))


@delete(_ONE, **_WRITE, summary="Delete a webhook endpoint")
async def delete_endpoint(endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]) -> None:
    await endpoints.delete(endpoint_id)


@post(
    _ONE + "/rotate-secret",
    **_WRITE,
    status_code=200,
    secret_answer=_SECRETS,
    summary="Rotate the secret of a webhook endpoint",
)
async def rotate_secret(
    endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Envelope[EndpointWithSecret]:
    """For 24 hours both secrets sign."""
    return ok(EndpointWithSecret(*await endpoints.rotate(endpoint_id)))


@post(_ONE + "/test", **_WRITE, status_code=200, deadline=60, summary="Send a test event to a webhook endpoint")
async def test_endpoint(
    endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Envelope[DeliveryDetails]:
    return ok(await endpoints.test(endpoint_id))


@get(_ONE + "/deliveries", **_READ, summary="List deliveries of a webhook endpoint")
async def list_deliveries(
    endpoints: NamedDependency[EndpointService],
    endpoint_id: FromPath[UUID],
    status: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[DeliveryView]]:
    """`status`: waiting, delivered or failed."""
    page = await endpoints.log(endpoint_id, status=status, cursor=cursor, limit=limit)
    return ok(list(page.items), nextCursor=page.next_cursor, limit=pagination.clamp_limit(limit))


@get(_ONE + "/deliveries/{delivery_id:uuid}", **_READ, summary="Get a delivery")
async def get_delivery(
    endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID], delivery_id: FromPath[UUID]
) -> Envelope[DeliveryDetails]:
    return ok(await endpoints.details(endpoint_id, delivery_id))


@post(_ONE + "/deliveries/{delivery_id:uuid}/resend", **_WRITE, status_code=200, summary="Send an event again")
async def resend_delivery(
    endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID], delivery_id: FromPath[UUID]
) -> Envelope[DeliveryView]:
    """With the id that it had."""
    return ok(await endpoints.resend(endpoint_id, delivery_id))


API_TAGS = [
    Tag(name="Webhook endpoints", description="Programs that hear what happens in the workspace, by signed events."),
]
ROUTES: list[Any] = [
    list_event_types,
    list_endpoints,
    create_endpoint,
    get_endpoint,
    update_endpoint,
    delete_endpoint,
    rotate_secret,
    test_endpoint,
    list_deliveries,
    get_delivery,
    resend_delivery,
]
SERVICES = {"endpoints": EndpointService}
