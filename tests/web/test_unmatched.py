"""Addresses that no route fits: an error page with the navigation of who is signed in, plain errors for programs."""

from __future__ import annotations

import httpx
import pytest
from litestar import Litestar

from app.models.status import Role
from app.web import unmatched
from tests.fixtures.people import ApiClients, BrowserClients

NOWHERE = (
    "/nowhere",
    "/contacts/import/a/b/c",  # below a route
    "/runs/not-an-id",  # an id that cannot be one
    "/settings/nothing?x=1",
    "/%7B%7B7*7%7D%7D",
    unmatched.ADDRESS,
)
NAVIGATION = 'class="rail'


@pytest.mark.parametrize("address", NOWHERE)
async def test_who_is_signed_in_has_their_navigation_and_language(browser: BrowserClients, address: str) -> None:
    person = await browser(Role.VIEWER)
    answer = await person.get(address, headers={"accept-language": "de"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert NAVIGATION in answer.text and "Seite nicht gefunden" in answer.text


@pytest.mark.parametrize("address", NOWHERE)
async def test_a_stranger_has_a_plain_page_and_is_not_asked_to_sign_in(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(address)
    assert answer.status_code == 404 and NAVIGATION not in answer.text and "Page not found" in answer.text


async def test_where_only_forms_are_sent_the_methods_are_said_with_navigation(browser: BrowserClients) -> None:
    person = await browser(Role.VIEWER)
    answer = await person.get("/sign-out")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST") and NAVIGATION in answer.text
    assert "POST" in answer.text


async def test_a_part_of_a_page_leaves_the_page_as_it_is(browser: BrowserClients) -> None:
    answer = await (await browser(Role.VIEWER)).get("/nowhere", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-reswap"]) == (404, "none") and NAVIGATION not in answer.text


async def test_programs_read_problems_as_before(api: ApiClients, client: httpx.AsyncClient) -> None:
    program = await api(Role.OWNER)
    for method, path, status in (
        ("GET", "/api/v1/nowhere", 404),
        ("GET", "/api/v1/runs/x/y", 404),
        ("PUT", "/api/v1/me", 405),
    ):
        for asks in (program, client):
            answer = await asks.request(method, path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (await client.get("/health/nothing")).headers["content-type"] == "application/problem+json"
    assert (await client.get("/static/nothing.js")).status_code == 404


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused_as_they_were(browser: BrowserClients, method: str) -> None:
    assert (await (await browser(Role.OWNER)).request(method, "/nowhere")).status_code == 404


def test_the_reference_does_not_list_it(test_app: Litestar) -> None:
    assert unmatched.ADDRESS not in test_app.openapi_schema.to_schema()["paths"]
