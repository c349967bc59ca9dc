"""Memberships begin as invitations. A link gives entry to its own workspace and to nothing else, whoever holds it."""

from __future__ import annotations

import re

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import CapturingLogger

from app.accounts import invitations, passwords, service, sign_in_links
from app.accounts.principal import Principal
from app.accounts.sign_in_links import LinkOver
from app.errors import Forbidden
from app.lib import crypto
from app.lib.ids import uuid7
from app.models.connector import Connector
from app.models.invitation import AccountMail, Invitation
from app.models.status import Role
from app.models.user import Membership, User
from app.models.workspace import Workspace
from app.web import csrf
from tests.accounts.doors import PASSWORD, hidden_of, open_link, sign_in
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients, make_user
from tests.fixtures.web import client_of

VICTIM = "victim@corp.example"


async def invited(admin: httpx.AsyncClient, email: str = VICTIM, role: str = "admin", name: str = "") -> str:
    """Invite somebody where no mail can be sent; the token that is shown."""
    answer = await admin.post("/settings/users", data={"email": email, "role": role, "name": name})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return re.findall(r"/invitation#([\w-]{43})", answer.text)[0]


async def accept(
    client: httpx.AsyncClient, token: str, how: str = "new", status: int = 303, **more: str
) -> httpx.Response:
    """Open the link and press the button of one way to accept."""
    shown = await open_link(client, token, "/invitation")
    assert shown.status_code == 200, shown.text
    data = {**hidden_of(shown.text), "how": how, "name": "", **more}
    answer = await client.post("/invitation/accept", data=data)
    assert answer.status_code == status, answer.text
    return answer


async def homes(session: AsyncSession, email: str) -> list[set[int]]:
    """The workspaces of each account that has this address."""
    rows = await session.execute(
        select(User.id, Membership.tenant_id).join(Membership).where(User.email == email).order_by(User.created_at)
    )
    found: dict[object, set[int]] = {}
    for user, tenant in rows:
        found.setdefault(user, set()).add(tenant)
    return list(found.values())


async def test_somebody_new_is_a_member_when_they_have_accepted(
    browser: BrowserClients, client: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    admin = await browser(Role.ADMIN)
    token = await invited(admin, " Neo@Example.com ", "marketer", "Neo")
    assert await db_session.scalar(select(User.id).where(User.email == "neo@example.com")) is None
    listed = (await admin.get("/settings/users")).text
    assert "neo@example.com" in listed and "by Admin" in listed and token not in listed
    shown = await open_link(client, token, "/invitation")
    assert "Join Acme" in shown.text and "neo@example.com" in shown.text and "as marketer" in shown.text
    assert (await accept(client, token, password="short", status=422)).text.count("at least 10") == 1
    done = await accept(client, token, name="Thomas", password=PASSWORD)
    assert done.headers["location"] == "/"
    assert (await client.get("/settings/keys")).status_code == 403
    assert await homes(db_session, "neo@example.com") == [{workspace.id}]
    client.cookies.clear()
    assert (await open_link(client, token, "/invitation")).status_code == 410
    assert (await sign_in(client, "neo@example.com")).status_code == 303


@pytest.mark.parametrize("first", ["mallory", "owner"])
@pytest.mark.parametrize("role", ["admin", "viewer"])
async def test_a_password_set_elsewhere_opens_nothing_here(
    browser: BrowserClients,
    app_under_test: Litestar,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    first: str,
    role: str,
) -> None:
    """Mallory takes an address in her own workspace, before or after its owner is invited here. She gets nothing of it."""
    mallory, owner = await browser(Role.ADMIN, other_workspace), await browser(Role.OWNER)
    if first == "owner":
        token = await invited(owner, role=role)
    async with client_of(app_under_test) as fake, client_of(app_under_test) as victim:
        await accept(fake, await invited(mallory), password="mallorys own password")
        if first == "mallory":
            token = await invited(owner, role=role)
        await accept(victim, token, password=PASSWORD)
        assert await homes(db_session, VICTIM) == [{other_workspace.id}, {workspace.id}]
        for again in (False, True):  # her session, and a new one with her password
            if again:
                fake.cookies.clear()
                assert (await sign_in(fake, VICTIM, "mallorys own password")).status_code == 303
            page = (await fake.get("/settings/workspace")).text
            assert "Globex" in page and "Acme" not in page
            entry = await fake.post(f"/settings/workspaces/{workspace.id}/open", headers=_proof(fake))
            assert entry.status_code == 404
        assert (await victim.get("/settings/users")).status_code == 200
        victim.cookies.clear()
        assert (await sign_in(victim, VICTIM)).status_code == 303
        assert "Acme" in (await victim.get("/settings/workspace")).text


@pytest.mark.parametrize("how", ["new", "known", "signed-in"])
async def test_who_sees_an_invitation_of_their_own_reaches_nothing_of_the_person_elsewhere(
    browser: BrowserClients,
    client: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    how: str,
) -> None:
    """The other way round: an admin here invites the owner of another workspace and opens the link herself."""
    boss = await make_user(db_session, other_workspace, Role.OWNER)
    await db_session.execute(
        update(User).where(User.id == boss.id).values(password_hash=await passwords.hashed(PASSWORD))
    )
    admin = await browser(Role.ADMIN)
    token = await invited(admin, boss.email, "viewer")
    guess = await accept(
        client,
        token,
        how,
        status=422 if how == "known" else 303,
        password="some words of hers",
        current="a guess at it",
    )
    if how == "known":
        assert "The password is wrong." in guess.text
        assert await homes(db_session, boss.email) == [{other_workspace.id}]
        return
    assert "Globex" not in (await client.get("/settings/workspace")).text
    assert await homes(db_session, boss.email) == [{other_workspace.id}, {workspace.id}]
    members = (await (await browser(Role.OWNER, other_workspace)).get("/settings/users")).text
    assert members.count(boss.email) == 1


@pytest.mark.parametrize("how", ["signed-in", "known"])
async def test_a_known_person_joins_with_the_account_they_have(
    browser: BrowserClients,
    client: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    how: str,
) -> None:
    known = await make_user(db_session, other_workspace, Role.MARKETER)
    await db_session.execute(
        update(User).where(User.id == known.id).values(password_hash=await passwords.hashed(PASSWORD))
    )
    by_link = await sign_in_links.create_sign_in_link(db_session, known.id)
    elsewhere = await browser(Role.MARKETER, other_workspace, user=known)
    person = await browser(Role.MARKETER, other_workspace, user=known) if how == "signed-in" else client
    token = await invited(await browser(Role.ADMIN), known.email, "viewer")
    assert (await elsewhere.post(f"/settings/workspaces/{workspace.id}/open")).status_code == 404, "not before"
    person.headers.pop(csrf.HEADER, None)
    answer = await accept(person, token, how, current=PASSWORD)
    assert "Welcome%20to%20Acme" in str(answer.headers.get_list("set-cookie"))
    assert await homes(db_session, known.email) == [{workspace.id, other_workspace.id}]
    assert "Acme" in (await person.get("/settings/workspace")).text.partition("</nav>")[0]
    # Whoever else could use the account, for example an admin elsewhere by a link, does not come along.
    assert (await elsewhere.get("/settings/profile")).status_code == 303
    with pytest.raises(LinkOver):
        await sign_in_links.link_owner(db_session, by_link)
    with pytest.raises(Forbidden):
        await service.new_link(db_session, _principal(workspace, Role.OWNER), known.id)


async def test_somebody_else_who_is_signed_in_is_told(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    mara = await make_user(db_session, workspace, Role.MARKETER)
    person, token = await browser(Role.MARKETER, user=mara), await invited(await browser(Role.ADMIN))
    shown = await person.post("/invitation", data={"token": token})
    assert f"signed in as {mara.email}" in shown.text and f"for {VICTIM}" in shown.text
    assert "Choose a password" not in shown.text
    for how in ("new", "known", "signed-in"):
        refused = await person.post("/invitation/accept", data={"token": token, "how": how, "password": PASSWORD})
        assert "signed in as" in refused.text
    assert await homes(db_session, VICTIM) == []
    away = await person.post("/invitation/sign-out", data={"token": token})
    assert (away.status_code, away.headers["location"]) == (303, f"/invitation#{token}")
    assert (await person.get("/settings/profile")).status_code == 303


async def test_an_invitation_ends(
    browser: BrowserClients, client: httpx.AsyncClient, db_session: AsyncSession, clock: Clock
) -> None:
    admin = await browser(Role.ADMIN)
    first = await invited(admin)
    twice = await admin.post("/settings/users", data={"email": VICTIM, "role": "viewer"})
    assert twice.status_code == 422 and "invited already" in twice.text
    row = await db_session.scalar(select(Invitation.id))
    again = await admin.post(f"/settings/invitations/{row}/renew")
    second = re.findall(r"/invitation#([\w-]{43})", again.text)[0]
    assert (await open_link(client, first, "/invitation")).status_code == 410
    clock.advance(days=6, hours=23)
    assert (await open_link(client, second, "/invitation")).status_code == 200
    clock.advance(hours=1)
    assert (await open_link(client, second, "/invitation")).status_code == 410
    admin = await browser(Role.ADMIN)
    assert "Expired" in (await admin.get("/settings/users")).text
    third = re.findall(r"#([\w-]{43})", (await admin.post(f"/settings/invitations/{row}/renew")).text)[0]
    assert (await open_link(client, third, "/invitation")).status_code == 200
    assert (await admin.post(f"/settings/invitations/{row}/revoke")).status_code == 303
    assert (await open_link(client, third, "/invitation")).status_code == 410
    assert (await invited(admin)) not in (first, second, third)


async def test_one_of_two_who_accept_at_once_is_refused(
    principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    link = await service.invite(db_session, principals[Role.ADMIN], email=VICTIM, name="", role="viewer")
    assert link.token is not None
    await invitations.accept_new(db_session, link.token, name="", password_hash="x", address="")
    with pytest.raises(LinkOver):
        await invitations.accept_new(db_session, link.token, name="", password_hash="y", address="")
    assert len(await homes(db_session, VICTIM)) == 1


@pytest.mark.parametrize(
    ("before", "after", "stays"), [("owner", "admin", 1), ("admin", "marketer", 0), ("admin", None, 0)]
)
async def test_invitations_do_not_outlive_the_role_that_made_them(
    principals: dict[Role, Principal],
    db_session: AsyncSession,
    workspace: Workspace,
    before: str,
    after: str | None,
    stays: int,
) -> None:
    owner, mallory = principals[Role.OWNER], await make_user(db_session, workspace, Role(before))
    inviter = _principal(workspace, Role(before), mallory)
    for email, role in (("one@example.com", "admin"), ("two@example.com", before)):
        await service.invite(db_session, inviter, email=email, name="", role=role)
    if after:
        await service.change_role(db_session, owner, mallory.id, after, "revoke")
    else:
        await service.remove(db_session, owner, mallory.id, "revoke")
    left = await db_session.scalars(select(Invitation.email).where(Invitation.tenant_id == workspace.id))
    assert list(left) == ["one@example.com"][:stays]


async def test_an_admin_neither_sees_nor_ends_an_owners_invitation(
    principals: dict[Role, Principal], db_session: AsyncSession, workspace: Workspace
) -> None:
    await service.invite(db_session, principals[Role.OWNER], email=VICTIM, name="", role="owner")
    row = await db_session.scalar(select(Invitation.id))
    assert row is not None
    admin = principals[Role.ADMIN]
    for attempt in (
        invitations.renew(db_session, admin, row, show=True, address=""),
        invitations.revoke(db_session, admin, row, address=""),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_a_workspace_with_mail_mails_its_invitations(
    browser: BrowserClients, db_session: AsyncSession, mail_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, written = await browser(Role.ADMIN), CapturingLogger()
    monkeypatch.setattr(invitations, "log", written)
    answer = await admin.post("/settings/users", data={"email": VICTIM, "role": "viewer"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/users")
    mail = (await db_session.scalars(select(AccountMail))).one()
    text = crypto.unseal(mail.sealed or b"", f"account-mail:{mail.id}").decode()
    [token] = re.findall(r"/invitation#([\w-]{43})", text)
    assert VICTIM in text and token not in answer.text + str(written.calls)
    [line] = [call.kwargs for call in written.calls if call.args == ("invitation.made",)]
    assert line["mailed"] is True and line["address"] == "127.0.0.1" and line["invitation_id"] == str(mail.about)

    url = f"/settings/invitations/{mail.about}/renew"
    asked = await admin.post(url, data={"show": "1"})
    assert asked.status_code == 303, "a link that left by mail is shown to nobody"
    await db_session.execute(update(AccountMail).values(due_at=None, sealed=None, error="No such mailbox"))
    assert "No such mailbox" in (await admin.get("/settings/users")).text
    assert (await admin.post(url, data={"show": "1"})).text.count("/invitation#") >= 1
    await admin.post(url)
    await admin.post(f"/settings/invitations/{mail.about}/revoke")
    assert await db_session.scalar(select(func.count()).select_from(AccountMail)) == 0


@pytest.mark.parametrize("config", [{"local": True}, None])
async def test_the_mailbox_inside_the_product_carries_no_links(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, config: dict[str, bool] | None
) -> None:
    """Everybody in the workspace reads it; so does nobody where there is no connector, or one that is paused."""
    server = {"host": "smtp.example", "port": 25, "security": "none", "fromEmail": "a@b.example"}
    db_session.add(
        Connector(
            tenant_id=workspace.id, type="smtp", name="c", config=config or server, is_default=True,
            state="ok" if config else "paused",
        )
    )  # fmt: skip
    await db_session.flush()
    await invited(await browser(Role.ADMIN))
    assert await db_session.scalar(select(func.count()).select_from(AccountMail)) == 0


async def test_an_admin_lists_and_ends_sessions_of_members(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    mara = await make_user(db_session, workspace, Role.MARKETER)
    db_session.add(Membership(tenant_id=other_workspace.id, user_id=mara.id, role="viewer"))
    await db_session.flush()
    one, two = await browser(Role.MARKETER, user=mara), await browser(Role.MARKETER, user=mara)
    there = await browser(Role.VIEWER, other_workspace, user=mara)
    admin, url = await browser(Role.ADMIN), f"/settings/users/{mara.id}/sessions"
    page = (await admin.get(url)).text
    ids = re.findall(rf"{url}/([0-9a-f-]+)/end", page)
    assert len(ids) == 2
    assert (await (await browser(Role.MARKETER)).get(url)).status_code == 403
    assert (await (await browser(Role.ADMIN, other_workspace)).post(f"{url}/{ids[0]}/end")).status_code == 404
    assert (await admin.post(f"{url}/{uuid7()}/end")).status_code == 404
    assert (await admin.post(f"{url}/{ids[0]}/end")).status_code == 303
    alive = [(await who.get("/settings/profile")).status_code for who in (one, two)]
    assert sorted(alive) == [200, 303]
    assert (await admin.post(f"{url}/end")).status_code == 303
    assert (await two.get("/settings/profile")).status_code == 303
    assert (await there.get("/settings/profile")).status_code == 200, "what they do elsewhere is not ours to end"


async def test_an_admin_does_not_end_an_owners_sessions(
    browser: BrowserClients, principals: dict[Role, Principal]
) -> None:
    admin, url = await browser(Role.ADMIN), f"/settings/users/{principals[Role.OWNER].id}/sessions"
    assert (await admin.get(url)).status_code == 403
    assert (await admin.post(f"{url}/end")).status_code == 403


def _proof(client: httpx.AsyncClient) -> dict[str, str]:
    return {csrf.HEADER: client.cookies.get(csrf.COOKIE, "")}


def _principal(workspace: Workspace, role: Role, user: User | None = None) -> Principal:
    return Principal(kind="user", id=user.id if user else uuid7(), tenant_id=workspace.id, role=role, name="Mallory")
