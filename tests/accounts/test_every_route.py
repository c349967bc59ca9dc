"""Deny by default: every registered route, asked by a stranger, by too low a role, and by the owner of another workspace.

A new route is walked by itself. It fails here when it is public and not in PUBLIC, changes something below marketer and is
not in HARMLESS, has a path parameter that tests/fixtures/filled.py has nothing for, or wants a body that BODIES or a query that QUERIES
does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from app.models.status import Role
from app.models.workspace import Workspace
from app.web import csrf
from tests.fixtures.filled import MARK
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.stripped import Stripped

PUBLIC = {
    "GET /docs",
    "GET /docs/api",
    "GET /docs/api/schemas/{name}",
    "GET /docs/api/{resource}",
    "GET /docs/openapi",
    "GET /docs/openapi/openapi.json",
    "GET /docs/openapi/{path}",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /session",
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/help",
    "GET /sign-in/link",
    "GET /sign-in/link/{token}",
    "POST /sign-in/link",
    "POST /sign-in/link/use",
    "GET /invitation",
    "POST /invitation",
    "POST /invitation/accept",
    "GET /static/{file_path}",
    "HEAD /static/{file_path}",
    "GET /u/{token}",
    "GET /unmatched",
    "POST /u/{token}",
    "GET /api/callbacks/{token}",
    "POST /api/callbacks/{token}",
    "GET /api/webhooks/{token}",
    "POST /api/webhooks/{token}",
    "GET /push/{site}/throughline-push.js",
    "GET /push/{site}/worker.js",
    "POST /push/{site}/devices",
    "POST /push/{site}/withdraw",
}
"""All that a stranger may ask. Each is a decision."""

HARMLESS = {
    "POST /workflows/{workflow_id}/presence",
    "POST /invitation/sign-out",
    "POST /sign-out",
    "POST /settings/profile",
    "POST /settings/password",
    "POST /settings/sessions/end-others",
    "POST /settings/sessions/{session_id}/end",
    "POST /settings/workspaces/{workspace_id}/open",
    "POST /api/v1/templates/{template_id}/preview",
    "POST /templates/preview",
    "POST /templates/preview/frame",
    "POST /workflows/{workflow_id}/texts",
    "POST /workflows/{workflow_id}/entry-rules",
    "POST /api/v1/segments/preview",
    "POST /api/v1/dates/preview",
    "POST /api/v1/held-runs/count",
    "POST /api/v1/held-runs/groups",
    "POST /runs/{run_id}/answer",
    "POST /lists/{list_name}/columns",
    "POST /lists/{list_name}/views",
    "POST /lists/{list_name}/views/{view_id}/update",
    "POST /lists/{list_name}/views/{view_id}/rename",
    "POST /lists/{list_name}/views/{view_id}/delete",
}
"""Unsafe methods that a viewer may use: they touch what is the viewer's own, or nothing; or a question names who may answer it, which
tests/approvals walk."""

ADMINS = re.compile(
    r"(POST|PUT|PATCH|DELETE) .*(/connectors|/api-keys|/webhook-endpoints|/settings/(keys|users|webhooks|workspace$|code$)|"
    r"/code-steps$|"
    r"/(rotate|activate|pause|resume|archive|revert|resubscribe|lift|trial)$)"
)
"""What only an admin may do."""

TRIED_CODE = {"language": "javascript", "code": "return 1", "milliseconds": "100", "data": "{}"}
DRAFT = {
    "client": "0b0f2f1e-0000-7000-8000-000000000000",
    "ops": [{"id": "0b0f2f1e-0000-7000-8000-000000000001", "kind": "rename", "name": "x"}],
}
BODIES: dict[str, Any] = {
    "POST /workflows/paste": {"nodes": "[]"},
    "POST /workflows/{workflow_id}/presence": {"tab": "tab", "step": ""},
    "PUT /api/v1/code-steps": {"allowed": False},
    "POST /workflows/{workflow_id}/code/run": TRIED_CODE,
    "POST /workflows/{workflow_id}/code/check": TRIED_CODE,
    "PATCH /api/v1/workflows/{workflow_id}": {"name": "x"},
    "PATCH /api/v1/workflows/{workflow_id}/draft": DRAFT,
    "PATCH /workflows/{workflow_id}/draft": DRAFT,
    "PUT /api/v1/workflows/{workflow_id}/sample": {},
    "POST /api/v1/workflows/{workflow_id}/test/call/look": {"place": "ask#1"},
    "POST /api/v1/workflows/{workflow_id}/test/call": {
        "place": "ask#1",
        "began": "2026-01-01T00:00:00Z",
        "runId": "0b0f2f1e-0000-7000-8000-000000000000",
        "approved": "x",
    },
    "POST /api/v1/workflows/{workflow_id}/trigger": {"contactId": "0b0f2f1e-0000-7000-8000-000000000000"},
    "POST /api/v1/workflows/{workflow_id}/runs/{run_id}/pass": {"port": "next"},
    "POST /api/v1/workflows/{workflow_id}/runs/{run_id}/answer": {"choice": "yes"},
    "POST /api/v1/workflows/{workflow_id}/runs/{run_id}/move": {"nodeId": "mail"},
    "POST /runs/{run_id}/move": {"place": "1:mail"},
    "POST /api/v1/workflows/{workflow_id}/runs/{run_id}/retry": {"version": "live"},
    "POST /runs/{run_id}/retry": {"version": "same"},
    "POST /api/v1/workflows/{workflow_id}/triggers": {"type": "manual"},
    "PATCH /api/v1/workflows/{workflow_id}/triggers/{trigger_id}": {"enabled": True},
    "POST /api/v1/connectors/{connector_id}/test": {"to": "ada@example.com"},
    "POST /api/v1/contacts/import/{import_id}/start": {},
    "POST /api/v1/contacts/import/{import_id}/format": {},
    "POST /contacts/import/{import_id}/format": {"delimiter": ",", "encoding": "utf-8", "hasHeader": "1"},
    "POST /api/v1/templates/{template_id}/preview": {},
    "PATCH /api/v1/contacts/{contact_id}": {"source": "x"},
    "POST /api/v1/contacts/{contact_id}/devices": {"token": "a-token-of-ada", "platform": "android"},
    "POST /api/v1/messages/{message_id}/settle": {"as": "sent"},
    "POST /messages/{text}/settle": {"as": "sent"},
    "POST /api/v1/messages/settle": {"as": "sent", "ids": ["x"]},
    "POST /api/v1/messages/resend": {"ids": ["x"]},
    "POST /messages/decide": {"verb": "sent", "id": ["x"]},
    "POST /lists/{list_name}/columns": {"usual": "1"},
    "POST /lists/{list_name}/views": {"name": "x"},
    "POST /lists/{list_name}/views/{view_id}/rename": {"name": "x"},
    "POST /api/v1/contacts/{contact_id}/resubscribe": {"reason": "x"},
    "POST /contacts/{contact_id}/resubscribe": {"reason": "x"},
    "PATCH /api/v1/templates/{template_id}": {"name": "x"},
    "PATCH /api/v1/workflow-folders/{folder_id}": {"name": "x"},
    "PATCH /api/v1/template-folders/{template_folder_id}": {"name": "x"},
    "PATCH /api/v1/connectors/{connector_id}": {"name": "x"},
    "PATCH /api/v1/webhook-endpoints/{endpoint_id}": {"description": "x"},
    "POST /settings/users/{user_id}/role": {"role": "viewer"},
    "POST /api/v1/api-keys/{key_id}/rotate": {},
    "PATCH /api/v1/segments/{segment_id}": {"name": "x"},
    "PATCH /api/v1/workspace": {"country": "DE"},
    "POST /api/v1/segments/preview": {"rule": {"conditions": []}},
    "POST /api/v1/dates/preview": {"type": "date", "data": {"field": "contact.created_at"}},
    "POST /api/v1/segments/{segment_id}/members": {"emails": ["ada@example.com"]},
    "DELETE /api/v1/segments/{segment_id}/members": {"emails": ["ada@example.com"]},
}
"""Bodies that fit, so that what refuses the request is not its body. JSON for the API and the canvas, forms for other pages."""

QUERIES = {"GET /api/v1/workflows/{workflow_id}/decisions": {"contactId": "contact_id"}}
"""What a route wants in its query: the name of a path parameter whose value it is."""

SHARED = {"type_": "send_email", "folder_kind": "workflow", "list_name": "contacts"}
"""Path parameters that name something of the product and not of a workspace, with a value that exists."""

HEADERS = {name: {"If-Match": '"1"'} for name, body in BODIES.items() if body is DRAFT}


class Route(NamedTuple):
    method: str
    path: str
    role: Role | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def of_api(self) -> bool:
        return self.path.startswith("/api/v1/")

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)


def routes(app: Litestar) -> list[Route]:
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and handler.handler_name != "options_handler":
                path = re.sub(r"{(\w+)(:\w+)?}", r"{\1}", route.path)
                role = None if handler.opt.get("public") else Role(handler.opt["role"])
                found += [Route(str(method), path, role) for method in handler.http_methods if method != "OPTIONS"]
    return sorted(found)


class Walk:
    """Asks routes with real ids of a filled workspace and collects what is not as it should be."""

    def __init__(self, app: Litestar, ids: dict[str, str]) -> None:
        self.routes, self.ids, self.wrong = routes(app), {**SHARED, **ids}, list[str]()

    def guarded(self) -> Iterator[Route]:
        return (route for route in self.routes if route.role is not None)

    async def ask(self, route: Route, program: httpx.AsyncClient, person: httpx.AsyncClient) -> httpx.Response:
        """Send the route's method with real ids: the program to the API, the person to pages."""
        missing = [name for name in route.parameters if name not in self.ids]
        assert not missing, f"{route.name}: tests/fixtures/filled.py has nothing for {missing}"
        url = re.sub(r"{(\w+)}", lambda found: self.ids[found[1]], route.path)
        body, headers = BODIES.get(route.name), HEADERS.get(route.name)
        query = {name: self.ids[of] for name, of in QUERIES.get(route.name, {}).items()}
        if route.of_api or route.method == "PATCH":
            caller = program if route.of_api else person
            return await caller.request(route.method, url, params=query or None, json=body, headers=headers)
        return await person.request(route.method, url, data=body, headers=headers)

    def expect(self, route: Route, answer: httpx.Response, *statuses: int) -> None:
        if answer.status_code not in statuses:
            self.wrong.append(f"{route.name}: {answer.status_code}, not {statuses}: {answer.text[:300]}")

    def done(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)


def test_public_routes_are_listed(test_app: Litestar) -> None:
    assert {route.name for route in routes(test_app) if route.role is None} == PUBLIC


def test_who_changes_something_is_a_marketer_at_least(test_app: Litestar) -> None:
    found = routes(test_app)
    low = {r.name for r in found if r.role == Role.VIEWER and r.method not in ("GET", "HEAD")}
    assert low == HARMLESS
    assert not [r.name for r in found if ADMINS.fullmatch(r.name) and not (r.role and r.role.covers(Role.ADMIN))]


def test_reading_is_get(test_app: Litestar) -> None:
    """GET never changes anything, so a link or a prefetch never does. One-time links on one's own machine are the exception."""
    verbs = (
        "create",
        "delete",
        "remove",
        "save",
        "update",
        "activate",
        "pause",
        "resume",
        "cancel",
        "revoke",
        "send",
        "start",
    )
    assert not [r.name for r in routes(test_app) if r.method == "GET" and r.path.rsplit("/", 1)[-1] in verbs]


async def test_strangers(walk: Walk, client: httpx.AsyncClient) -> None:
    await client.get("/sign-in")
    client.headers[csrf.HEADER] = client.cookies[csrf.COOKIE]
    for route in walk.guarded():
        answer = await walk.ask(route, client, client)
        walk.expect(route, answer, 401 if route.of_api or route.method == "PATCH" else 303)
        if answer.status_code == 303 and not answer.headers.get("location", "").startswith("/sign-in"):
            walk.wrong.append(f"{route.name}: leads to {answer.headers.get('location')}")
    walk.done()


async def test_options(walk: Walk, api: ApiClients, browser: BrowserClients, client: httpx.AsyncClient) -> None:
    """Which methods an address takes is told to whoever is signed in."""
    program, person = await api(Role.VIEWER), await browser(Role.VIEWER)
    for route in walk.guarded():
        asked = Route("OPTIONS", route.path, route.role)
        walk.expect(asked, await walk.ask(asked, program, person), 204)
        walk.expect(asked, await walk.ask(asked, client, client), 401, 303, 403)
    walk.done()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER, Role.ADMIN])
async def test_too_low_a_role(walk: Walk, api: ApiClients, browser: BrowserClients, role: Role) -> None:
    program, person = await api(role), await browser(role)
    for route in walk.guarded():
        assert route.role is not None
        if not role.covers(route.role):
            answer = await walk.ask(route, program, person)
            walk.expect(route, answer, 403)
            if answer.status_code == 403 and "did not come from here" in answer.text:
                walk.wrong.append(f"{route.name}: refused for its form, not for its role")
    walk.done()


async def test_a_viewer_reads_all_that_is_for_viewers(walk: Walk, api: ApiClients, browser: BrowserClients) -> None:
    program, person = await api(Role.VIEWER), await browser(Role.VIEWER)
    for route in walk.guarded():
        if route.method == "GET" and route.role == Role.VIEWER:
            missing = (404,) if route.parameters and set(route.parameters) <= set(SHARED) else ()
            answer = await walk.ask(route, program, person)
            walk.expect(route, answer, 200, 204, 303, *missing)
            kind = answer.headers.get("content-type", "")
            if "no-store" not in answer.headers["cache-control"] and "javascript" not in kind:
                walk.wrong.append(f"{route.name}: a cache may keep this: {answer.headers['cache-control']}")
    walk.done()


async def test_the_owner_of_another_workspace(
    walk: Walk, api: ApiClients, browser: BrowserClients, other_workspace: Workspace
) -> None:
    await _ask_for_what_is_of_others(walk, api, browser, other_workspace)


async def test_the_owner_of_another_workspace_before_the_database_alone(
    walk: Walk, api: ApiClients, browser: BrowserClients, other_workspace: Workspace, stripped: Stripped
) -> None:
    """The same when every filter by workspace is forgotten: its rows do not exist for the role by which requests work."""
    await _ask_for_what_is_of_others(walk, api, browser, other_workspace)
    assert len(stripped.statements) > 50


async def _ask_for_what_is_of_others(
    walk: Walk, api: ApiClients, browser: BrowserClients, other_workspace: Workspace
) -> None:
    program, person = await api(Role.OWNER, other_workspace), await browser(Role.OWNER, other_workspace)
    for route in walk.guarded():
        if set(route.parameters) - set(SHARED):
            answer = await walk.ask(route, program, person)
            walk.expect(route, answer, 404)
        elif route.method == "GET":
            answer = await walk.ask(route, program, person)
            walk.expect(route, answer, 200, 303, *((404,) if route.parameters else ()))
        else:
            continue
        if MARK in answer.text:
            walk.wrong.append(f"{route.name}: shows something of the other workspace")
    walk.done()


async def test_a_program_cannot_use_pages_nor_a_person_the_api(
    walk: Walk, api: ApiClients, browser: BrowserClients
) -> None:
    program, person = await api(Role.OWNER), await browser(Role.OWNER)
    for route in walk.guarded():
        answer = await walk.ask(route, person, program)
        walk.expect(route, answer, 401 if route.of_api or route.method == "PATCH" else 303)
    walk.done()
