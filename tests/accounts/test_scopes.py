"""Scopes: what a key may touch, declared on every route of the API, told in refusals and in the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import guards, keys
from app.models.scope import Scope
from app.models.status import Role
from app.models.workspace import Workspace
from tests.accounts.test_every_route import HARMLESS, Walk
from tests.fixtures.people import ApiClients, make_key


def of_api(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and route.path.startswith("/api/v1/"):
                path = re.sub(r"{(\w+)(:\w+)?}", r"{\1}", route.path)
                yield from ((f"{method} {path}", handler) for method in handler.http_methods - {"OPTIONS"})


def program(client: httpx.AsyncClient, key: str) -> httpx.AsyncClient:
    client.headers["authorization"] = f"Bearer {key}"
    return client


async def test_every_scope_opens_something_and_its_least_role_is_true(test_app: Litestar) -> None:
    lowest: dict[Scope, Role] = {}
    for _, handler in of_api(test_app):
        if handler.opt["scope"] is not None:
            scope, role = Scope(handler.opt["scope"]), Role(handler.opt["role"])
            lowest[scope] = role if scope not in lowest or lowest[scope].covers(role) else lowest[scope]
    assert lowest == {scope: scope.least_role for scope in Scope}


async def test_what_needs_no_scope_is_a_decision(test_app: Litestar) -> None:
    assert [name for name, handler in of_api(test_app) if handler.opt["scope"] is None] == ["GET /api/v1/me"]


async def test_reading_scopes_read_and_only_they_do(test_app: Litestar) -> None:
    """But for what shows the address of a trigger: whoever has it starts runs. Questions too long for an address are POST."""
    for name, handler in of_api(test_app):
        if handler.opt["scope"] is not None:
            of_address = "/triggers/{trigger_id}/webhook" in name
            reads = (name.startswith("GET") or name.endswith("/preview") or name in HARMLESS) and not of_address
            assert handler.opt["scope"].endswith(":read") == reads, name


async def test_a_key_that_lacks_a_scope_is_refused_where_it_is_needed(
    walk: Walk, test_app: Litestar, db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient
) -> None:
    """Keys of the highest role: one lacks only what the route needs, one holds something else only, one just what is needed."""
    needed = {name: handler.opt["scope"] for name, handler in of_api(test_app)}
    made: dict[str, tuple[str, str, str]] = {}
    for scope in Scope:
        others = [other.value for other in Scope if other != scope]
        held = (others, [Scope.CONNECTORS_READ if scope != Scope.CONNECTORS_READ else Scope.RUNS_READ], [scope.value])
        lacking, another, only = [
            await make_key(db_session, workspace, Role.OWNER, scopes=[str(one) for one in scopes]) for scopes in held
        ]
        made[scope] = lacking, another, only
    for route in walk.guarded():
        if not route.of_api or (wanted := needed[route.name]) is None:
            continue
        for key in made[wanted][:2]:
            caller = program(client, key)
            answer = await walk.ask(route, caller, caller)
            walk.expect(route, answer, 403)
            if (answer.json().get("code"), answer.json().get("scope")) != ("missing_scope", wanted):
                walk.wrong.append(f"{route.name}: {answer.text[:200]}")
            elif wanted not in answer.json()["detail"] or f'scope="{wanted}"' not in answer.headers["www-authenticate"]:
                walk.wrong.append(f"{route.name}: does not name {wanted}")
        if route.method == "GET":
            caller = program(client, made[wanted][2])
            walk.expect(route, await walk.ask(route, caller, caller), 200, 404)
    walk.done()


async def test_an_ingest_key_sends_events_and_reads_nothing(
    walk: Walk,
    db_session: AsyncSession,
    workspace: Workspace,
    client: httpx.AsyncClient,
) -> None:
    preset = keys.PRESETS["ingest"]
    caller = program(client, await make_key(db_session, workspace, preset.role, scopes=list(preset.scopes)))
    for route in walk.guarded():
        if route.of_api and route.name not in ("GET /api/v1/me", "POST /api/v1/events"):
            walk.expect(route, await walk.ask(route, caller, caller), 403)
    walk.done()
    sent = await caller.post("/api/v1/events", json={"event": "signed_up", "contact": {"email": "ada@example.com"}})
    assert sent.status_code in (200, 202, 422)
    assert sent.status_code != 422 or sent.json()["code"] != "missing_scope"
    me = (await caller.get("/api/v1/me")).json()["data"]
    assert me["scopes"] == ["events:write"]


async def test_a_preview_with_a_contact_reads_that_contact(
    walk: Walk,
    db_session: AsyncSession,
    workspace: Workspace,
    client: httpx.AsyncClient,
) -> None:
    caller = program(client, await make_key(db_session, workspace, Role.VIEWER, scopes=["templates:read"]))
    path = f"/api/v1/templates/{walk.ids['template_id']}/preview"
    assert (await caller.post(path, json={})).status_code == 200
    answer = await caller.post(path, json={"contactId": walk.ids["contact_id"]})
    assert (answer.status_code, answer.json()["scope"]) == (403, "contacts:read")


async def test_the_document_names_role_and_scope_of_each_operation(
    client: httpx.AsyncClient, test_app: Litestar
) -> None:
    paths = (await client.get("/docs/openapi/openapi.json")).json()["paths"]
    for name, handler in of_api(test_app):
        method, path = name.split(" ")
        operation = paths[path][method.lower()]
        scope = handler.opt["scope"]
        assert operation["security"] == [{"key": [str(scope)] if scope else []}], name
        assert f"Role: `{handler.opt['role']}`" in operation["description"], name
        assert not scope or f"Scope: `{scope}`" in operation["description"], name


async def test_an_api_route_without_a_scope_does_not_start() -> None:
    from litestar import get

    @get("/api/v1/forgotten", role=Role.VIEWER)
    async def forgotten() -> None:
        """No scope."""

    @get("/page", role=Role.VIEWER)
    async def told() -> None:
        """Pages know no scopes."""

    assert guards.undeclared(Litestar([forgotten, told], openapi_config=None)) == ["/api/v1/forgotten (forgotten)"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"role": "viewer", "scopes": ["events:write"]}, "scopes"),
        ({"role": "marketer", "scopes": ["workflows:publish", "events:read"]}, "scopes"),
        ({"role": "admin", "scopes": []}, "scopes"),
        ({"role": "admin", "scopes": ["everything:write"]}, "scopes[0]"),
        ({"preset": "ingest", "role": "admin"}, "preset"),
        ({"preset": "read-only", "scopes": ["runs:read"]}, "preset"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"expiresInDays": 3651}, "expiresInDays"),
    ],
)
async def test_what_does_not_fit_is_told(api: ApiClients, body: dict[str, Any], path: str) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/api-keys", json={"name": "x", **body})
    assert answer.status_code == 422, answer.text
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_presets_over_the_api(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    for name, preset in keys.PRESETS.items():
        made = (await admin.post("/api/v1/api-keys", json={"name": name, "preset": name})).json()["data"]
        assert (made["role"], made["scopes"]) == (preset.role, list(preset.scopes))
    assert keys.PRESETS["ingest"].scopes == (Scope.EVENTS_WRITE,)
    assert not [scope for scope in keys.PRESETS["read-only"].scopes if not scope.endswith(":read")]


async def test_a_key_makes_no_key_above_its_own_scopes(
    db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient
) -> None:
    held = ["api-keys:write", "events:write", "contacts:read"]
    caller = program(client, await make_key(db_session, workspace, Role.ADMIN, scopes=held))
    for wanted in (
        {},
        {"scopes": ["contacts:write"]},
        {"scopes": ["events:write", "runs:read"]},
        {"preset": "read-only"},
    ):
        body = {"name": "x", **wanted, **({} if "preset" in wanted else {"role": "marketer"})}
        assert (await caller.post("/api/v1/api-keys", json=body)).status_code == 403, wanted
    assert (await caller.post("/api/v1/api-keys", json={"name": "x", "preset": "ingest"})).status_code == 201
