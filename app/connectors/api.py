"""JSON routes of connectors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, FromQuery, JSONBody

from app.connectors.consent import ConsentService
from app.connectors.openapi import SCHEMAS
from app.connectors.schemas import ConnectorChange, ConnectorView, NewConnector, TestMail, TestResult
from app.connectors.service import ConnectorService, view
from app.models.scope import Scope
from app.models.status import Role
from app.web import openapi, pagination
from app.web.envelope import Envelope, ok

TAGS = ["Connectors"]


@get("/api/v1/connectors", role=Role.VIEWER, scope=Scope.CONNECTORS_READ, tags=TAGS, summary="List connectors")
async def list_connectors(
    connectors: NamedDependency[ConnectorService],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[ConnectorView]]:
    page = await connectors.list(limit, cursor)
    carriers = await connectors.carriers(page.items)
    used = await connectors.rows.last_used([row.id for row in page.items])
    views = [view(row, carriers[row.id].id if row.id in carriers else None, used.get(row.id)) for row in page.items]
    return ok(views, nextCursor=page.next_cursor, limit=pagination.clamp_limit(limit))


@post(
    "/api/v1/connectors",
    role=Role.ADMIN,
    scope=Scope.CONNECTORS_WRITE,
    tags=TAGS,
    summary="Add a connector",
    secret_answer=("callbackUrl",),
)
async def create_connector(
    connectors: NamedDependency[ConnectorService], data: JSONBody[NewConnector]
) -> Envelope[ConnectorView]:
    return ok(await connectors.view_one(await connectors.create(data)))


@get(
    "/api/v1/connectors/{connector_id:uuid}",
    role=Role.VIEWER,
    scope=Scope.CONNECTORS_READ,
    tags=TAGS,
    summary="Get a connector",
)
async def get_connector(
    connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Envelope[ConnectorView]:
    return ok(await connectors.view_one(await connectors.get(connector_id)))


@patch(
    "/api/v1/connectors/{connector_id:uuid}",
    role=Role.ADMIN,
    scope=Scope.CONNECTORS_WRITE,
    tags=TAGS,
    summary="Change a connector",
)
async def update_connector(
    connectors: NamedDependency[ConnectorService],
    connector_id: FromPath[UUID],
    data: JSONBody[ConnectorChange],
) -> Envelope[ConnectorView]:
    return ok(await connectors.view_one(await connectors.update(connector_id, data)))


@delete(
    "/api/v1/connectors/{connector_id:uuid}",
    role=Role.ADMIN,
    scope=Scope.CONNECTORS_WRITE,
    tags=TAGS,
    summary="Delete a connector",
)
async def delete_connector(connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]) -> None:
    await connectors.delete(connector_id)


@post(
    "/api/v1/connectors/{connector_id:uuid}/test",
    role=Role.ADMIN,
    scope=Scope.CONNECTORS_WRITE,
    deadline=60,
    tags=TAGS,
    status_code=200,
    summary="Send a test mail through a connector",
)
async def test_connector(
    connectors: NamedDependency[ConnectorService],
    connector_id: FromPath[UUID],
    data: JSONBody[TestMail],
) -> Envelope[TestResult]:
    return ok(await connectors.send_test(connector_id, data.to))


@post(
    "/api/v1/connectors/{connector_id:uuid}/resume",
    role=Role.ADMIN,
    scope=Scope.CONNECTORS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Try a connector again that is paused or away",
    secret_answer=("callbackUrl",),
)
async def resume_connector(
    connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Envelope[ConnectorView]:
    return ok(await connectors.view_one(await connectors.resume(connector_id)))


openapi.OWN_SCHEMAS.update(SCHEMAS)
API_TAGS = [
    Tag(name="Connectors", description="Credentials of the services that carry messages."),
]
ROUTES: list[Any] = [
    list_connectors,
    create_connector,
    get_connector,
    update_connector,
    delete_connector,
    test_connector,
    resume_connector,
]
SERVICES = {"connectors": ConnectorService, "consents": ConsentService}
