"""No route passes over a query parameter that it does not know. A new route is walked by being there."""

from __future__ import annotations

import re

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.status import Role
from app.models.workspace import Workspace
from app.web import parameters
from tests.accounts.test_every_route import Route, Walk
from tests.fixtures.filled import fill
from tests.fixtures.people import ApiClients, BrowserClients

GARBLED = "no_such_parameter"
SENT_BACK = ("/connectors/consent",)
"""Pages that services send people back to, with parameters of their own (`iss`, `scope`, `authuser`)."""


@pytest.fixture
async def walk(app_under_test: Litestar, db_session: AsyncSession, workspace: Workspace) -> Walk:
    return Walk(app_under_test, await fill(db_session, workspace))


def test_only_what_is_public_takes_anything(test_app: Litestar) -> None:
    """Mail programs and monitors add parameters of their own to links that strangers follow; nothing else is tolerant."""
    handlers = [handler for route in test_app.routes for handler in getattr(route, "route_handlers", [])]
    mine = [handler for handler in handlers if handler.handler_name != "options_handler"]
    assert len(mine) > 100
    tolerant = [h for h in mine if bool(h.opt.get("any_query")) != bool(h.opt.get("public"))]
    assert [path for handler in tolerant for path in handler.paths] == list(SENT_BACK)


async def test_every_route_refuses_a_parameter_that_it_does_not_know(
    walk: Walk, api: ApiClients, browser: BrowserClients
) -> None:
    program, person = await api(Role.OWNER), await browser(Role.OWNER)
    walked = 0
    for route in walk.guarded():
        if route.path in SENT_BACK:
            continue
        if route.path == "/api/v1/contacts/import":  # a file: the body's type is looked at first
            csv = {"content-type": "text/csv"}
            answer = await program.post(f"{route.path}?{GARBLED}=1", content=b"email", headers=csv)
        else:
            answer = await walk.ask(_asked(route, f"?{GARBLED}=1"), program, person)
        walked += 1
        walk.expect(route, answer, 400)
        if route.of_api and answer.json().get("code") != "unknown_parameter":
            walk.wrong.append(f"{route.name}: {answer.text[:200]}")
        if GARBLED not in answer.text:
            walk.wrong.append(f"{route.name}: does not say which parameter")
    walk.done()
    assert walked > 100


def _asked(route: Route, query: str) -> Route:
    """The same route with a query; bodies are looked up by its name, so they are left out here: the guard comes first."""
    return route._replace(path=route.path + query)


async def test_strangers_are_not_told(walk: Walk, client: httpx.AsyncClient) -> None:
    for route in walk.guarded():
        if route.method == "GET":
            answer = await walk.ask(_asked(route, f"?{GARBLED}=1"), client, client)
            walk.expect(route, answer, 401 if route.of_api else 303)
    walk.done()


async def test_every_parameter_that_a_route_declares_is_taken_once_only(
    app_under_test: Litestar, walk: Walk, api: ApiClients, browser: BrowserClients
) -> None:
    """Aliases (`contactId`, `from`) are what counts, and one that is no list does not come twice."""
    program, person = await api(Role.OWNER), await browser(Role.OWNER)
    declared = 0
    for route in app_under_test.routes:
        for handler in getattr(route, "route_handlers", []):
            taken = handler.opt.get(parameters.OPTION) if route.path not in SENT_BACK else None
            for name in taken.known if taken and "GET" in handler.http_methods and handler.opt.get("role") else ():
                declared += 1
                asked = next(r for r in walk.routes if r.method == "GET" and r.path == _plain(route.path))
                twice = await walk.ask(_asked(asked, f"?{name}=1&{name}=1"), program, person)
                words = f"Send {name} once" if "html" in twice.headers["content-type"] else f"Send `{name}` once"
                repeated = twice.status_code == 400 and words in twice.text
                if repeated != (name not in taken.lists):
                    walk.wrong.append(f"{asked.name}?{name}: {twice.status_code} {twice.text[:200]}")
                once = await walk.ask(_asked(asked, f"?{name}=1"), program, person)
                if once.status_code == 400:
                    walk.wrong.append(f"{asked.name}?{name} once: {once.text[:200]}")
    walk.done()
    assert declared > 40


def _plain(path: str) -> str:
    return re.sub(r"{(\w+)(:\w+)?}", r"{\1}", path)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("/api/v1/contacts?q=zzzz", "search"),
        ("/api/v1/contacts?Search=zzzz", "search"),
        ("/api/v1/contacts?external_id=7", "externalId"),
        ("/api/v1/messages?contactID=7", "contactId"),
        ("/api/v1/messages?run=7", "runId"),
        ("/api/v1/runs?state=failed", "status"),
        ("/api/v1/runs?since=2026-01-01", "from"),
        ("/api/v1/runs?workflow_id=7", "workflowId"),
        ("/api/v1/workflows?serach=x", "search"),
        ("/api/v1/templates?per_page=3", "limit"),
        ("/api/v1/events?contact_id=7", "contactId"),
    ],
)
async def test_the_nearest_name_is_said(api: ApiClients, address: str, near: str) -> None:
    answer = await (await api(Role.VIEWER)).get(address)
    assert answer.status_code == 400 and answer.json()["code"] == "unknown_parameter"
    [field_error] = answer.json()["errors"]
    assert f"Did you mean `{near}`?" in field_error["message"] and "Known are: " in field_error["message"]


@pytest.mark.parametrize(
    "address",
    ["/api/v1/runs?status=", "/api/v1/contacts?tag=", "/api/v1/contacts?search=%20", "/api/v1/messages?status"],
)
async def test_a_program_that_sends_nothing_does_not_get_everything(api: ApiClients, address: str) -> None:
    answer = await (await api(Role.VIEWER)).get(address)
    assert answer.status_code == 400 and "is empty" in answer.json()["errors"][0]["message"]


async def test_the_root_of_a_post_is_no_place_for_parameters(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    answer = await client.post("/api/v1/events?dryRun=true", json={"name": "x", "email": "ada@example.com"})
    assert answer.status_code == 400 and "takes none" in answer.text
    assert (await client.get("/api/v1/events")).json()["data"] == []


async def test_old_bookmarks_get_a_page_that_helps(browser: BrowserClients) -> None:
    client = await browser(Role.VIEWER)
    answer = await client.get("/contacts?q=okafor&tag=beta")
    assert answer.status_code == 400
    assert "Invalid link" in answer.text and "Did you mean “search”?" in answer.text
    assert 'href="/contacts"' in answer.text and "`" not in answer.text
    part = await client.get("/workflows?q=x", headers={"HX-Request": "true"})
    assert part.status_code == 400 and part.headers["hx-reswap"] == "none"


@pytest.mark.parametrize(
    "address",
    [
        "/workflows?status=bogus",
        "/messages?status=bogus",
        "/messages?workflow=not-a-uuid",
        "/messages?contact=7",
        "/runs?status=bogus",
        "/runs?contact=x",
        "/contacts?cursor=x",
    ],
)
async def test_pages_do_not_pass_over_values_either(browser: BrowserClients, address: str) -> None:
    answer = await (await browser(Role.VIEWER)).get(address)
    assert answer.status_code == 422 and "Invalid link" in answer.text


async def test_a_version_that_is_none_is_refused(walk: Walk, api: ApiClients, browser: BrowserClients) -> None:
    flow = walk.ids["workflow_id"]
    page = await browser(Role.VIEWER)
    assert (await page.get(f"/workflows/{flow}/stats?version=abc")).status_code == 422
    assert (await page.get(f"/workflows/{flow}/stats?version=999")).status_code == 404
    assert (await page.get(f"/contacts/{walk.ids['contact_id']}?show=mails")).status_code == 422
    program = await api(Role.VIEWER)
    assert (await program.get(f"/api/v1/workflows/{flow}/stats?version=999")).status_code == 404
    assert (await program.get(f"/api/v1/workflows/{flow}/stats?version=1.5")).status_code == 422


async def test_public_pages_take_what_mail_programs_add(client: httpx.AsyncClient) -> None:
    for address in ("/sign-in?utm_source=mail", "/health/live?x=1", "/docs/api?fbclid=1", "/static/app.css?v=3"):
        assert (await client.get(address)).status_code == 200, address
