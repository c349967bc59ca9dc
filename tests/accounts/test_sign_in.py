"""The doors: passwords, one-time links, rotation, limits, and where a sign-in may lead."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import jobs, pages, passwords, service, sessions, sign_in_links
from app.lib import crypto
from app.models.session import SignInFailure, SignInLink, UserSession
from app.models.status import Role
from app.models.user import User
from app.models.workspace import Workspace
from tests.accounts.doors import EMAIL, PASSWORD, form_of, open_link, sign_in
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> User:
    return await service.create_user(
        db_session, EMAIL, name="Ada", password=PASSWORD, tenant_id=workspace.id, role=Role.MARKETER
    )


async def test_signing_in_and_out(client: httpx.AsyncClient, ada: User, db_session: AsyncSession) -> None:
    answer = await sign_in(client, email=" Ada@Example.COM ", lasting="1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=" in cookie
    row = (await db_session.scalars(select(UserSession))).one()
    token = client.cookies["session"]
    assert row.token_hash == crypto.fingerprint(token)
    assert token.encode() not in row.token_hash
    page = await client.get("/settings/profile")
    assert "Ada" in page.text

    hidden = await form_of(client, "/settings/profile")
    out = await client.post("/sign-out", data=hidden)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert await db_session.scalar(select(func.count()).select_from(UserSession)) == 0
    client.cookies.set("session", token)
    assert (await client.get("/settings/profile")).status_code == 303


async def test_without_lasting_the_session_is_short(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession
) -> None:
    answer = await sign_in(client)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("session="))
    assert "Max-Age" not in cookie
    row = (await db_session.scalars(select(UserSession))).one()
    assert not row.lasting
    assert row.expires_at - row.created_at == sessions.IDLE_SHORT


async def test_every_sign_in_makes_a_new_session_and_ends_the_one_before(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession
) -> None:
    hidden = await form_of(client)
    planted = {"Cookie": f"session=planted-by-somebody-else; csrf={client.cookies['csrf']}"}
    await client.post("/sign-in", data={**hidden, "email": EMAIL, "password": PASSWORD}, headers=planted)
    first = client.cookies["session"]
    assert first != "planted-by-somebody-else"
    hidden = {
        "_csrf_token": re.findall(r'_csrf_token" value="([^"]+)', (await client.get("/settings/profile")).text)[0]
    }
    await client.post("/sign-in", data={**hidden, "email": EMAIL, "password": PASSWORD})
    assert client.cookies["session"] != first
    assert await db_session.scalar(select(func.count()).select_from(UserSession)) == 1


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("", ""), (EMAIL, "")]
)
async def test_a_wrong_password_and_an_unknown_person_look_the_same(
    client: httpx.AsyncClient, ada: User, email: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[bool] = []
    honest = passwords._verify

    def watched(stored: str | None, given: str) -> bool:
        hashes.append(stored is None)
        return honest(stored, given)

    monkeypatch.setattr(passwords, "_verify", watched)
    answer = await sign_in(client, email, password)
    assert answer.status_code == 401
    assert "Email or password is wrong." in answer.text
    assert "session" not in client.cookies
    assert len(hashes) == 1, "the same work, whoever it is"


async def test_who_has_no_password_or_is_disabled_stays_out(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession, clock: Clock
) -> None:
    await db_session.execute(update(User).values(disabled_at=clock.now()))
    assert (await sign_in(client)).status_code == 401
    await db_session.execute(update(User).values(disabled_at=None, password_hash=None))
    assert (await sign_in(client)).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/workflows?status=active", "/workflows?status=active"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nSet-Cookie: x=1", "/"),
        ("/sign-out", "/"),
        ("", "/"),
    ],
)
async def test_a_sign_in_leads_only_into_the_product(
    client: httpx.AsyncClient, ada: User, wanted: str, leads_to: str
) -> None:
    assert pages.safe_next(wanted) == leads_to
    answer = await sign_in(client, next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


async def test_sessions_are_listed_and_ended(
    browser: BrowserClients, ada: User, db_session: AsyncSession, workspace: Workspace
) -> None:
    here = await browser(Role.MARKETER, user=ada)
    elsewhere = await browser(Role.MARKETER, user=ada)
    stranger = await browser(Role.MARKETER)
    assert (await here.get("/settings/sessions")).text.count("<li>") == 2
    ids = {row.user_id: row.id for row in await db_session.scalars(select(UserSession))}
    stranger_id = next(id for user, id in ids.items() if user != ada.id)
    assert (await here.post(f"/settings/sessions/{stranger_id}/end")).status_code == 404
    assert (await here.post("/settings/sessions/end-others")).status_code == 303
    assert (await elsewhere.get("/settings/sessions")).status_code == 303
    assert (await here.get("/settings/sessions")).status_code == 200
    assert (await stranger.get("/settings/sessions")).status_code == 200


async def test_a_new_password_ends_other_sessions_and_links(
    browser: BrowserClients, ada: User, db_session: AsyncSession, client: httpx.AsyncClient
) -> None:
    here, elsewhere = await browser(Role.MARKETER, user=ada), await browser(Role.MARKETER, user=ada)
    token = await sign_in_links.create_sign_in_link(db_session, ada.id)
    wrong = await here.post("/settings/password", data={"current": "wrong", "new": "another few words"})
    assert wrong.status_code == 422
    assert "not your current password" in wrong.text
    short = await here.post("/settings/password", data={"current": PASSWORD, "new": "short"})
    assert short.status_code == 422
    assert "at least 10" in short.text
    done = await here.post("/settings/password", data={"current": PASSWORD, "new": "another few words"})
    assert done.status_code == 303
    assert (await here.get("/settings/profile")).status_code == 200
    assert (await elsewhere.get("/settings/profile")).status_code == 303
    assert (await open_link(client, token)).status_code == 410
    assert (await sign_in(client)).status_code == 401
    assert (await sign_in(client, password="another few words")).status_code == 303


async def test_hashes_are_argon2id_with_our_cost(real_passwords: None) -> None:
    stored = await passwords.hashed(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.outdated(stored)


async def test_what_is_over_is_swept(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession, clock: Clock
) -> None:
    await sign_in(client, password="wrong")
    await sign_in(client, lasting="1")
    await sign_in_links.create_sign_in_link(db_session, ada.id)
    left = []
    for days in (0, 6, 3, 90):
        clock.advance(days=days)
        await jobs.forget_sign_ins()
        tables = (SignInFailure, SignInLink, UserSession)
        left.append([await db_session.scalar(select(func.count()).select_from(table)) for table in tables])
    assert left == [[2, 1, 1], [0, 1, 1], [0, 1, 0], [0, 0, 0]]
