"""No unsafe request of a page without proof that the page was ours, and no proof that somebody else could plant."""

from __future__ import annotations

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.status import Role
from app.models.user import Membership
from app.models.workspace import Workspace
from app.web import csrf
from tests.fixtures.people import BrowserClients, make_user
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
    proofs = re.findall(r'(?:name="_csrf_token" value="|"x-csrftoken": ")([^"]+)"', page)
    assert len(proofs) > 2 and {csrf.unmasked(proof) for proof in proofs} == {person.headers[csrf.HEADER]}


async def test_the_sign_in_form_needs_it_too(client: httpx.AsyncClient) -> None:
    assert (await client.post("/sign-in", data={"email": "a@b.example", "password": "x"})).status_code == 403
    await client.get("/sign-in")
    first = client.cookies[csrf.COOKIE]
    await client.get("/sign-in")
    assert client.cookies[csrf.COOKIE] == first


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://testserver", 303),
        ("http://127.0.0.1:8000", 303),  # the base URL: a proxy may have told us another host
        ("https://evil.example", 403),
        ("http://testserver.evil.example", 403),
        ("http://testserver:8443", 403),
        ("null", 403),
        ("", 303),
    ],
)
async def test_the_origin_counts_where_the_browser_says_no_more(
    browser: BrowserClients, origin: str, status: int
) -> None:
    person = await browser(Role.OWNER)
    headers = {"Origin": origin} if origin else {}
    assert (await person.post("/settings/profile", data=SAVE, headers=headers)).status_code == status
    newer = {**headers, "Sec-Fetch-Site": "same-origin"}
    assert (await person.post("/settings/profile", data=SAVE, headers=newer)).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_nobody_is_signed_in_from_elsewhere(client: httpx.AsyncClient, origin: str) -> None:
    await client.get("/sign-in")
    planted = {csrf.HEADER: client.cookies[csrf.COOKIE], "Origin": origin}
    assert (await client.post("/sign-in", data={"email": "a@b.example"}, headers=planted)).status_code == 403


@pytest.mark.parametrize("cookie", ["", "session=over-long-ago"])
@pytest.mark.parametrize("proof", ["", "made-up"])
async def test_who_has_no_session_is_asked_to_sign_in_before_any_proof_is_looked_at(
    client: httpx.AsyncClient, cookie: str, proof: str
) -> None:
    headers = {"Cookie": cookie, csrf.HEADER: proof}
    form = await client.post("/settings/profile", data=SAVE, headers=headers)
    assert (form.status_code, form.headers["location"]) == (303, "/sign-in")
    part = await client.post("/settings/profile", data=SAVE, headers={**headers, "HX-Request": "true"})
    assert part.status_code == 401
    program = await client.patch("/workflows/0b0f2f1e-0000-7000-8000-000000000000/draft", json={}, headers=headers)
    assert (program.status_code, program.json()["code"]) == (401, "not_authenticated")


async def test_another_site_cannot_tell_who_is_signed_in(browser: BrowserClients, client: httpx.AsyncClient) -> None:
    person, elsewhere = await browser(Role.OWNER), {"Sec-Fetch-Site": "cross-site"}
    answers = [await who.post("/settings/profile", data=SAVE, headers=elsewhere) for who in (person, client)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Location" not in answers[1].headers


@given(st.text(min_size=1, max_size=120, alphabet=st.characters(codec="ascii", exclude_characters="~")))
def test_what_pages_carry_differs_each_time_and_means_the_same(token: str) -> None:
    first, second = csrf.masked(token), csrf.masked(token)
    assert len(token) < 8 or first != second
    assert csrf.unmasked(first) == csrf.unmasked(second) == csrf.unmasked(token) == token


@given(st.text(max_size=60))
def test_what_nobody_masked_is_no_proof_and_no_error(text: str) -> None:
    assert csrf.unmasked("~" + text) != "the proof"


async def test_two_pages_carry_two_texts_and_both_are_taken(browser: BrowserClients) -> None:
    person = await browser(Role.OWNER)
    del person.headers[csrf.HEADER]
    proofs = [
        re.findall(r'name="_csrf_token" value="([^"]+)"', (await person.get("/settings/profile")).text)[0] for _ in "ab"
    ]
    assert proofs[0] != proofs[1]
    for proof in proofs:
        answer = await person.post("/settings/profile", data={**SAVE, csrf.FIELD: proof})
        assert answer.status_code == 303
    changed = proofs[0][:-3] + ("A" if proofs[0][-3] != "A" else "B") + proofs[0][-2:]
    assert (await person.post("/settings/profile", data={**SAVE, csrf.FIELD: changed})).status_code == 403


async def test_the_proof_of_one_workspace_is_worth_nothing_in_another(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    """Who went to another workspace in a second tab does not save the first tab's form there."""
    user = await make_user(db_session, workspace, Role.OWNER)
    db_session.add(Membership(tenant_id=other_workspace.id, user_id=user.id, role="owner"))
    person = await browser(Role.OWNER, user=user)
    names = {place.id: place.name for place in (workspace, other_workspace)}
    assert (await person.post(f"/settings/workspaces/{other_workspace.id}/open")).status_code == 303
    for path, body in (
        ("/settings/workspace", {"name": "Taken over", "timezone": "UTC", "country": ""}),
        ("/settings/keys", {"name": "x", "access": "ingest", "days": "30"}),
    ):
        answer = await person.post(path, data=body, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["x-session"]) == (403, "changed")
    for place in (workspace, other_workspace):
        await db_session.refresh(place)
        assert place.name == names[place.id]
    state = (await person.get("/session")).json()
    assert (state["workspace"], state["user"]) == (other_workspace.id, str(user.id))
    person.headers[csrf.HEADER] = state["csrf"]
    assert (await person.post("/settings/profile", data=SAVE)).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_htmx_is_told_that_nobody_is_signed_in_and_the_page_stays(client: httpx.AsyncClient, method: str) -> None:
    paths = {
        "GET": "/contacts",
        "POST": "/settings/profile",
        "PATCH": "/workflows/0b0f2f1e-0000-7000-8000-000000000000/draft",
    }
    answer = await client.request(method, paths[method], headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["x-session"]) == (401, "over")
    assert "hx-redirect" not in answer.headers
    assert answer.headers["hx-reswap"] == "none"


async def test_the_session_is_told_to_its_own_browser_only(browser: BrowserClients, client: httpx.AsyncClient) -> None:
    nobody = await client.get("/session")
    assert nobody.json() == {"user": None, "workspace": None}
    person = await browser(Role.MARKETER)
    told = await person.get("/session")
    assert told.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in told.headers
    assert (told.json()["role"], csrf.unmasked(told.json()["csrf"])) == ("marketer", person.headers[csrf.HEADER])
