"""No unsafe request of a page without proof that the page was ours, and no proof that somebody else could plant."""

from __future__ import annotations

import re

import httpx
import pytest
from litestar import Litestar

from app.lib import csrf
from app.models.status import Role
from tests.fixtures.people import BrowserClients
from tests.fixtures.web import client_of

SAVE = {"name": "Ada"}


@pytest.mark.parametrize("proof", ["", "made-up", "visitor's"])
async def test_a_form_without_our_proof_is_refused(
    browser: BrowserClients, app_under_test: Litestar, proof: str
) -> None:
    person = await browser(Role.OWNER)
    del person.headers[csrf.HEADER]
    if proof == "visitor's":  # a token that the attacker got for himself and planted together with its cookie
        async with client_of(app_under_test) as attacker:
            await attacker.get("/sign-in")
            proof = attacker.cookies[csrf.COOKIE]
        person.cookies = httpx.Cookies({**dict(person.cookies), csrf.COOKIE: proof})
    answer = await person.post("/settings/profile", data={**SAVE, csrf.FIELD: proof})
    assert answer.status_code == 403
    assert "did not come from here" in answer.text


async def test_header_and_field_both_do(browser: BrowserClients) -> None:
    person = await browser(Role.OWNER)
    assert (await person.post("/settings/profile", data=SAVE)).status_code == 303
    proof = person.headers.pop(csrf.HEADER)
    assert (await person.post("/settings/profile", data={**SAVE, csrf.FIELD: proof})).status_code == 303
    part = await person.post("/settings/profile", data={**SAVE, csrf.FIELD: proof}, files={"x": b"y"})
    assert part.status_code == 303


async def test_the_proof_of_one_session_is_worth_nothing_in_another(browser: BrowserClients) -> None:
    one, other = await browser(Role.OWNER), await browser(Role.OWNER)
    one.headers[csrf.HEADER] = other.headers[csrf.HEADER]
    assert (await one.post("/settings/profile", data=SAVE)).status_code == 403


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 303), ("none", 303), ("cross-site", 403), ("same-site", 403)]
)
async def test_the_browsers_word_on_the_origin_counts(browser: BrowserClients, site: str, status: int) -> None:
    person = await browser(Role.OWNER)
    answer = await person.post("/settings/profile", data=SAVE, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == status


async def test_pages_bring_the_proof_of_their_session(browser: BrowserClients) -> None:
    person = await browser(Role.OWNER)
    page = (await person.get("/settings/profile")).text
    assert set(re.findall(r'name="_csrf_token" value="([^"]+)"', page)) == {person.headers[csrf.HEADER]}
    assert person.headers[csrf.HEADER] in page.partition("hx-headers")[2][:200]


async def test_the_sign_in_form_needs_it_too(client: httpx.AsyncClient) -> None:
    assert (await client.post("/sign-in", data={"email": "a@b.example", "password": "x"})).status_code == 403
    await client.get("/sign-in")
    first = client.cookies[csrf.COOKIE]
    await client.get("/sign-in")
    assert client.cookies[csrf.COOKIE] == first
