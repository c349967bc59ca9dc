"""Pages of webhook endpoints under /settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response, Template

from app.accounts.deps import AppRequest
from app.domain_events.types import TYPES, DomainEventType
from app.errors import FieldError, Invalid
from app.lib import formats
from app.lib.translation import gettext
from app.models.status import DeliveryStatus, Role
from app.web import flash
from app.web.form_errors import errors_by_path
from app.web.fragments import is_partial, page
from app.webhook_endpoints.schemas import EndpointChange, NewEndpoint
from app.webhook_endpoints.service import EndpointService

_HOME = "/settings/webhooks"
_ONE = "/settings/webhooks/{endpoint_id:uuid}"
_PRIVATE = {"Cache-Control": "no-store"}


def _by_group() -> dict[str, list[DomainEventType]]:
    groups: dict[str, list[DomainEventType]] = {}
    for one in TYPES:
        groups.setdefault(one.group, []).append(one)
    return groups


async def _typed(request: AppRequest) -> dict[str, Any]:
    form = await request.form()
    sent = {name: str(form.get(name, "")).strip() for name in ("url", "description")}
    return {**sent, "types": [str(name) for name in form.getall("types", [])]}


def _new_endpoint(typed: dict[str, Any]) -> NewEndpoint:
    """The form as the API takes it. Raises Invalid with a sentence a field."""
    errors = list[FieldError]()
    if not typed["url"] or len(typed["url"]) > 2_000:
        errors.append({"path": "url", "message": gettext("Write the address that events are sent to.")})
    if not typed["types"]:
        errors.append({"path": "eventTypes", "message": gettext("Choose at least one event.")})
    if len(typed["description"]) > 200:
        errors.append({"path": "description", "message": gettext("Use at most 200 characters.")})
    if errors:
        raise Invalid(gettext("Some fields need another look."), errors=errors)
    return NewEndpoint(url=typed["url"], event_types=typed["types"], description=typed["description"])


async def _list(
    request: AppRequest, endpoints: EndpointService, error: Invalid | None = None, typed: dict[str, Any] | None = None
) -> Template:
    return page(
        request,
        "webhook_endpoints/list.html",
        status_code=error.status_code if error else 200,
        rows=await endpoints.list(),
        groups=_by_group(),
        typed=typed or {},
        errors=errors_by_path(error),
    )


async def _one(
    request: AppRequest,
    endpoints: EndpointService,
    endpoint_id: UUID,
    *,
    error: Invalid | None = None,
    typed: dict[str, Any] | None = None,
    status: str | None = None,
    cursor: str | None = None,
) -> Template:
    row = await endpoints.view(endpoint_id)
    log = await endpoints.log(endpoint_id, status=status, cursor=cursor, limit=25)
    return page(
        request,
        "webhook_endpoints/one.html",
        block="rows",
        status_code=error.status_code if error else 200,
        row=row,
        log=log.items,
        next_cursor=log.next_cursor,
        first=cursor is None,
        partial=is_partial(request),
        status=status or "",
        statuses=[("", gettext("All")), *((one.word, formats.words(one.word)) for one in DeliveryStatus)],
        groups=_by_group(),
        typed=typed or {"url": row.url, "description": row.description, "types": row.event_types},
        errors=errors_by_path(error),
    )


@get(_HOME, role=Role.ADMIN)
async def list_webhooks(request: AppRequest, endpoints: NamedDependency[EndpointService]) -> Template:
    """All endpoints."""
    return await _list(request, endpoints)


@post(_HOME, role=Role.ADMIN, status_code=200)
async def add_webhook(request: AppRequest, endpoints: NamedDependency[EndpointService]) -> Template:
    """Add one and show its secret, once."""
    typed = await _typed(request)
    try:
        row, secret = await endpoints.create(_new_endpoint(typed))
    except Invalid as error:
        return await _list(request, endpoints, error, typed)
    return page(request, "webhook_endpoints/secret.html", headers=_PRIVATE, row=row, value=secret, rotated=False)


@get(_ONE, role=Role.ADMIN)
async def show_webhook(
    request: AppRequest,
    endpoints: NamedDependency[EndpointService],
    endpoint_id: FromPath[UUID],
    status: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """One endpoint with its log."""
    return await _one(request, endpoints, endpoint_id, status=status, cursor=cursor)


@post(_ONE, role=Role.ADMIN, status_code=200)
async def save_webhook(
    request: AppRequest, endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Change its address and what it hears of."""
    typed = await _typed(request)
    try:
        new = _new_endpoint(typed)
        changes = EndpointChange(url=new.url, event_types=new.event_types, description=new.description)
        await endpoints.change(endpoint_id, changes)
    except Invalid as error:
        return await _one(request, endpoints, endpoint_id, error=error, typed=typed)
    return flash.go(request, f"{_HOME}/{endpoint_id}", gettext("Saved."))


@post(_ONE + "/switch", role=Role.ADMIN)
async def switch_webhook(
    request: AppRequest, endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Response[bytes]:
    """Switch it on or off."""
    enabled = str((await request.form()).get("enabled", "")) == "1"
    await endpoints.change(endpoint_id, EndpointChange(enabled=enabled))
    return flash.go(request, f"{_HOME}/{endpoint_id}", gettext("Switched on.") if enabled else gettext("Switched off."))


@post(_ONE + "/secret", role=Role.ADMIN, status_code=200)
async def rotate_webhook(
    request: AppRequest, endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Template:
    """A new secret, shown once."""
    row, secret = await endpoints.rotate(endpoint_id)
    return page(request, "webhook_endpoints/secret.html", headers=_PRIVATE, row=row, value=secret, rotated=True)


@post(_ONE + "/test", role=Role.ADMIN, deadline=60)
async def test_webhook(
    request: AppRequest, endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Response[bytes]:
    """Send a test event and show what came of it."""
    details = await endpoints.test(endpoint_id)
    url = f"{_HOME}/{endpoint_id}/deliveries/{details.delivery.id}"
    if details.delivery.error:
        return flash.go(
            request, url, gettext("The test did not arrive. %(error)s", error=details.delivery.error), "err"
        )
    return flash.go(request, url, gettext("The test arrived."))


@post(_ONE + "/delete", role=Role.ADMIN)
async def delete_webhook(
    request: AppRequest, endpoints: NamedDependency[EndpointService], endpoint_id: FromPath[UUID]
) -> Response[bytes]:
    """Delete it with its log."""
    await endpoints.delete(endpoint_id)
    return flash.go(request, _HOME, gettext("The endpoint was deleted."))


@get(_ONE + "/deliveries/{delivery_id:uuid}", role=Role.ADMIN)
async def show_delivery(
    request: AppRequest,
    endpoints: NamedDependency[EndpointService],
    endpoint_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
) -> Template:
    """One delivery: what is sent, what was answered, each try."""
    return page(
        request,
        "webhook_endpoints/delivery.html",
        endpoint=await endpoints.view(endpoint_id),
        details=await endpoints.details(endpoint_id, delivery_id),
    )


@post(_ONE + "/deliveries/{delivery_id:uuid}/resend", role=Role.ADMIN)
async def send_again(
    request: AppRequest,
    endpoints: NamedDependency[EndpointService],
    endpoint_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
) -> Response[bytes]:
    """Send an event again, with its id."""
    await endpoints.resend(endpoint_id, delivery_id)
    return flash.go(request, f"{_HOME}/{endpoint_id}/deliveries/{delivery_id}", gettext("It is being sent again."))


ROUTES: list[Any] = [
    list_webhooks,
    add_webhook,
    show_webhook,
    save_webhook,
    switch_webhook,
    rotate_webhook,
    test_webhook,
    delete_webhook,
    show_delivery,
    send_again,
]
