"""Users, roles and workspaces: who may do what to whom."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository, service
from app.accounts.principal import Principal
from app.errors import Forbidden, Invalid, NotFound
from app.models.status import Role
from app.models.user import Membership, User
from app.models.workspace import Workspace
from app.web import csrf
from tests.fixtures.people import ApiClients, BrowserClients, make_user


async def role_of(session: AsyncSession, workspace: Workspace, user_id: UUID) -> str | None:
    return await session.scalar(
        select(Membership.role).where(Membership.tenant_id == workspace.id, Membership.user_id == user_id)
    )


@pytest.mark.parametrize(("asked", "status"), [("owner", 403), ("emperor", 422), ("", 422)])
async def test_nobody_gives_more_than_they_have(browser: BrowserClients, asked: str, status: int) -> None:
    admin = await browser(Role.ADMIN)
    answer = await admin.post("/settings/users", data={"email": "neo@example.com", "role": asked})
    assert answer.status_code == status


async def test_an_admin_does_not_touch_an_owner(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession, workspace: Workspace
) -> None:
    admin, owner = await browser(Role.ADMIN), principals[Role.OWNER]
    for path, data in (("role", {"role": "viewer"}), ("remove", {}), ("link", {})):
        assert (await admin.post(f"/settings/users/{owner.id}/{path}", data=data)).status_code == 403
    marketer = principals[Role.MARKETER]
    assert (await admin.post(f"/settings/users/{marketer.id}/role", data={"role": "owner"})).status_code == 403
    assert (await admin.post(f"/settings/users/{marketer.id}/role", data={"role": "admin"})).status_code == 303
    assert await role_of(db_session, workspace, marketer.id) == "admin"


async def test_the_last_owner_stays(
    principals: dict[Role, Principal], db_session: AsyncSession, workspace: Workspace
) -> None:
    owner, admin = principals[Role.OWNER], principals[Role.ADMIN]
    for attempt in (
        service.change_role(db_session, owner, owner.id, "admin"),
        service.remove(db_session, owner, owner.id),
    ):
        with pytest.raises(service.LastOwner):
            await attempt
    await service.change_role(db_session, owner, admin.id, "owner")
    await service.remove(db_session, owner, owner.id)
    assert await repository.owners(db_session, workspace.id) == 1


async def test_a_removed_person_is_out_at_once_and_stays_elsewhere(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    owner = await browser(Role.OWNER)
    mara = await make_user(db_session, workspace, Role.MARKETER)
    db_session.add(Membership(tenant_id=other_workspace.id, user_id=mara.id, role="admin"))
    await db_session.flush()
    here = await browser(Role.MARKETER, user=mara)
    there = await browser(Role.ADMIN, other_workspace, user=mara)
    assert (await owner.post(f"/settings/users/{mara.id}/remove")).status_code == 303
    assert (await here.get("/settings/users")).status_code == 303
    assert (await there.get("/settings/users")).status_code == 200


async def test_a_new_role_counts_from_the_next_request(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    mara = await make_user(db_session, workspace, Role.ADMIN)
    client, owner = await browser(Role.ADMIN, user=mara), await browser(Role.OWNER)
    assert (await client.get("/settings/keys")).status_code == 200
    await owner.post(f"/settings/users/{mara.id}/role", data={"role": "viewer"})
    assert (await client.get("/settings/keys")).status_code == 403


async def test_people_elsewhere_are_nowhere(
    browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    stranger = await make_user(db_session, other_workspace, Role.VIEWER)
    owner = await browser(Role.OWNER)
    assert stranger.email not in (await owner.get("/settings/users")).text
    for path in ("role", "remove", "link"):
        assert (await owner.post(f"/settings/users/{stranger.id}/{path}", data={"role": "viewer"})).status_code == 404


async def test_viewers_see_and_change_nothing(browser: BrowserClients) -> None:
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/settings/users")).text
    assert "Invite" not in page
    assert "<select" not in page
    assert "API keys" not in page
    assert "<form" not in (await viewer.get("/settings/workspace")).text.partition('id="main"')[2]


async def test_switching_workspaces(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    mara = await make_user(db_session, workspace, Role.OWNER)
    client = await browser(Role.OWNER, user=mara)
    away = await client.post(f"/settings/workspaces/{other_workspace.id}/open")
    assert away.status_code == 404
    db_session.add(Membership(tenant_id=other_workspace.id, user_id=mara.id, role="viewer"))
    await db_session.flush()
    assert (await client.post(f"/settings/workspaces/{other_workspace.id}/open")).status_code == 303
    assert "Globex" in (await client.get("/settings/workspace")).text.partition("</nav>")[0]
    assert (await client.get("/settings/keys")).status_code == 403


async def test_an_owner_makes_a_further_workspace(browser: BrowserClients, db_session: AsyncSession) -> None:
    client = await browser(Role.OWNER)
    assert (await client.post("/settings/workspaces", data={"new_name": " "})).status_code == 422
    assert (await client.post("/settings/workspaces", data={"new_name": "Acme"})).status_code == 303
    # A page of the workspace before saves nothing into the new one; the next page brings a proof of its own.
    assert (await client.post("/settings/workspaces", data={"new_name": "Acme"})).status_code == 403
    page = (await client.get("/settings/workspace")).text
    client.headers[csrf.HEADER] = re.findall(r'name="_csrf_token" value="([^"]+)"', page)[0]
    assert (await client.post("/settings/workspaces", data={"new_name": "Acme"})).status_code == 303
    slugs = list(await db_session.scalars(select(Workspace.slug).where(Workspace.name == "Acme")))
    assert {"acme", "acme-2"} <= set(slugs)
    assert (await client.get("/settings/keys")).status_code == 200


async def test_the_workspace_has_a_name_and_a_zone(browser: BrowserClients, workspace: Workspace) -> None:
    admin = await browser(Role.ADMIN)
    bad = await admin.post("/settings/workspace", data={"name": "Acme", "timezone": "Mars/Olympus"})
    assert bad.status_code == 422
    assert "Europe/Berlin" in bad.text
    saved = await admin.post("/settings/workspace", data={"name": "Acme GmbH", "timezone": "Europe/Berlin"})
    assert saved.status_code == 303
    assert "Acme GmbH" in (await admin.get("/settings/workspace")).text


async def test_names_are_text_and_never_markup(browser: BrowserClients) -> None:
    client = await browser(Role.OWNER)
    await client.post("/settings/profile", data={"name": '<img src=x onerror="alert(1)">'})
    for path in ("profile", "users", "workspace"):
        assert "<img" not in (await client.get(f"/settings/{path}")).text


@pytest.mark.parametrize("email", ["", "ada", "ada@", "a b@c.example", "a@b@c.example", "x" * 300 + "@c.example"])
async def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid):
        service.clean_email(email)


class TestFirstAdmin:
    async def test_local_start_makes_one_without_a_password(self, db_session: AsyncSession) -> None:
        made = await service.ensure_first_admin(db_session)
        assert made is not None
        assert made.created
        again = await service.ensure_first_admin(db_session)
        assert again == made._replace(created=False)
        user = await db_session.get_one(User, made.user_id)
        assert user.password_hash is None
        assert await repository.owners(db_session, made.tenant_id) == 1

    async def test_who_is_there_already_is_left_alone(
        self, db_session: AsyncSession, principals: dict[Role, Principal]
    ) -> None:
        assert await service.ensure_first_admin(db_session) is None


async def test_rules_hold_below_the_pages_too(db_session: AsyncSession, principals: dict[Role, Principal]) -> None:
    with pytest.raises(Forbidden):
        await service.invite(db_session, principals[Role.ADMIN], email="neo@example.com", name="", role="owner")
    with pytest.raises(NotFound):
        await service.remove(db_session, principals[Role.OWNER], UUID(int=7))


async def test_a_workspace_has_a_country(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, api: ApiClients
) -> None:
    admin, program = await browser(Role.ADMIN), await api(Role.VIEWER)
    url, kept = "/settings/workspace", {"name": "Acme", "timezone": "Europe/Vienna"}
    assert '<option value="AT">Austria</option>' in (await admin.get(url)).text
    assert (await admin.post(url, data={**kept, "country": "AT"})).status_code == 303
    assert '<option value="AT" selected>' in (await admin.get(url)).text
    assert "Austria" in (await (await browser(Role.VIEWER)).get(url)).text
    assert (await program.get("/api/v1/me")).json()["data"]["workspace"]["country"] == "AT"
    wrong = await admin.post(url, data={**kept, "country": "Austria"})
    assert wrong.status_code == 422 and "Choose a country of the list." in wrong.text
    await db_session.refresh(workspace)
    assert workspace.settings["country"] == "AT"
    await admin.post(url, data={**kept, "country": ""})
    assert (await program.get("/api/v1/me")).json()["data"]["workspace"]["country"] is None
