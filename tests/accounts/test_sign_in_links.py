"""One-time links: once, for a while, never seen by a server's log, and never made for somebody in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from app.accounts import service, sign_in_links
from app.accounts.principal import Principal
from app.errors import Forbidden
from app.lib import crypto
from app.models.invitation import AccountMail
from app.models.session import SignInLink
from app.models.status import Role
from app.models.user import User
from app.models.workspace import Workspace
from tests.accounts.doors import EMAIL, PASSWORD, hidden_of, open_link, sign_in
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> User:
    return await service.create_user(
        db_session, EMAIL, name="Ada", password=PASSWORD, tenant_id=workspace.id, role=Role.MARKETER
    )


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


async def test_a_link_signs_in_once_and_looking_at_it_costs_nothing(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession, not_local: None
) -> None:
    token = await sign_in_links.create_sign_in_link(db_session, ada.id)
    row = (await db_session.scalars(select(SignInLink))).one()
    assert row.token_hash == crypto.fingerprint(token)
    for _ in range(3):
        shown = await open_link(client, token)
        assert EMAIL in shown.text
        assert "session" not in client.cookies
    used = await client.post("/sign-in/link/use", data=hidden_of(shown.text))
    assert (used.status_code, used.headers["location"]) == (303, "/")
    assert (await client.get("/settings/profile")).status_code == 200
    client.cookies.clear()
    over = await open_link(client, token)
    assert over.status_code == 410
    assert "used already" in over.text


@pytest.mark.parametrize(
    "given", ["{}", "http://127.0.0.1:8000/sign-in/link#{}", "  {}\n", "https://x.example/sign-in/link/{}"]
)
async def test_a_person_may_paste_the_whole_link(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession, not_local: None, given: str
) -> None:
    token = await sign_in_links.create_sign_in_link(db_session, ada.id)
    assert (await open_link(client, given.format(token))).status_code == 200


async def test_a_link_of_an_older_release_still_leads_in(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession, not_local: None
) -> None:
    token = await sign_in_links.create_sign_in_link(db_session, ada.id)
    old = await client.get(f"/sign-in/link/{token}")
    assert (old.status_code, old.headers["location"]) == (303, f"/sign-in/link#{token}")
    assert (await open_link(client, token)).status_code == 200


async def test_a_link_ends_after_an_hour_and_when_a_newer_one_is_made(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession, clock: Clock
) -> None:
    first = await sign_in_links.create_sign_in_link(db_session, ada.id)
    second = await sign_in_links.create_sign_in_link(db_session, ada.id)
    assert (await open_link(client, first)).status_code == 410
    clock.advance(hours=1)
    assert (await open_link(client, second)).status_code == 410


async def test_on_ones_own_machine_opening_the_link_is_enough(
    client: httpx.AsyncClient, ada: User, db_session: AsyncSession
) -> None:
    token = await sign_in_links.create_sign_in_link(db_session, ada.id)
    await client.get("/sign-in/link")
    assert "session" not in client.cookies, "a page that is fetched ahead signs nobody in"
    opened = await open_link(client, token)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    again = await open_link(client, token)
    assert (again.status_code, again.headers["location"]) == (303, "/")


@pytest.mark.parametrize("role", [Role.MARKETER, Role.ADMIN])
async def test_nobody_acts_as_somebody_else_in_silence(
    browser: BrowserClients,
    client: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    logged: list[Any],
    role: Role,
) -> None:
    """Also an admin for another admin: it is logged, the person is signed out everywhere and sees who did it."""
    ada = await service.create_user(db_session, EMAIL, name="Ada", password=PASSWORD, tenant_id=workspace.id, role=role)
    here, admin = await browser(role, user=ada), await browser(Role.ADMIN)
    logged.clear()
    shown = await admin.post(f"/settings/users/{ada.id}/link")
    token = shown.text.partition("/sign-in/link#")[2][:43]
    assert shown.headers["cache-control"] == "no-store"
    assert (await here.get("/settings/profile")).status_code == 303

    [line] = [line for line in logged if line["event"] == "sign_in_link.made"]
    link = (await db_session.scalars(select(SignInLink))).one()
    assert (line["by"], line["user_id"], line["sessions_ended"]) == (str(link.created_by), str(ada.id), 1)
    assert line["address"] == "127.0.0.1"
    assert token not in str(logged)

    used = await open_link(client, token)
    assert used.status_code == 303
    await browser(role, user=ada)  # comes back, by a session of their own
    client.cookies.clear()
    back = await sign_in(client)
    assert "made a sign-in link for you" in back.headers["set-cookie"].replace("%20", " ")
    listed = (await client.get("/settings/sessions")).text
    assert "made a link for you" in listed and "shown to Admin" in listed and "used " in listed
    client.cookies.clear()
    assert "made" not in str((await sign_in(client)).headers.get_list("set-cookie")), "said once"


async def test_using_a_link_ends_what_began_since_it_was_made(
    browser: BrowserClients, client: httpx.AsyncClient, ada: User, db_session: AsyncSession
) -> None:
    admin = await browser(Role.ADMIN)
    token = (await admin.post(f"/settings/users/{ada.id}/link")).text.partition("/sign-in/link#")[2][:43]
    other = await browser(Role.MARKETER, user=ada)
    assert (await open_link(client, token)).status_code == 303
    assert (await other.get("/settings/profile")).status_code == 303
    assert (await client.get("/settings/profile")).status_code == 200


async def test_a_mailed_link_is_seen_by_nobody_here(
    browser: BrowserClients, ada: User, db_session: AsyncSession, mail_server: None
) -> None:
    admin = await browser(Role.ADMIN)
    answer = await admin.post(f"/settings/users/{ada.id}/link")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/users")
    mail = (await db_session.scalars(select(AccountMail))).one()
    assert (mail.recipient, mail.about) == (EMAIL, ada.id)
    text = crypto.unseal(mail.sealed or b"", f"account-mail:{mail.id}").decode()
    assert "/sign-in/link#" in text and "You were signed out everywhere" in text
    assert (await db_session.scalars(select(SignInLink.mailed))).one()


async def test_nobody_makes_one_for_themselves(principals: dict[Role, Principal], db_session: AsyncSession) -> None:
    owner = principals[Role.OWNER]
    with pytest.raises(Forbidden):
        await service.new_link(db_session, owner, owner.id)


async def test_the_server_still_lets_people_in(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    """`./dev user create`: an account of its own for a new address, a link for a member, an invitation for who has an account elsewhere."""
    new = await service.admit(db_session, EMAIL, tenant_id=workspace.id, role="admin")
    again = await service.admit(db_session, EMAIL, tenant_id=workspace.id, role="owner")
    assert new and again and new.startswith("/sign-in/link#") and again.startswith("/sign-in/link#")
    with pytest.raises(sign_in_links.LinkOver):
        await sign_in_links.link_owner(db_session, new.partition("#")[2])
    elsewhere = await service.admit(db_session, EMAIL, tenant_id=other_workspace.id, role="admin")
    assert elsewhere and elsewhere.startswith("/invitation#")
    assert await service.admit(db_session, EMAIL, tenant_id=other_workspace.id, role="admin", password=PASSWORD) is None
