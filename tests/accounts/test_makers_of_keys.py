"""A key never reaches further than whoever made it does today, and who leaves does not leave keys behind unseen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys
from app.accounts.authentication import key_principal
from app.lib import clock
from app.models.api_key import ApiKey
from app.models.status import Role
from app.models.user import Membership, User
from app.models.workspace import Workspace
from tests.fixtures.people import BrowserClients, make_key, make_user


async def role_of(session: AsyncSession, key: str) -> Role | None:
    """The role that a key has now; None when it opens nothing."""
    try:
        found = await key_principal(session, key[3:13], key[14:])
    except Exception as error:
        assert getattr(error, "status_code", 0) == 401, error
        return None
    assert found is not None
    return found.role


async def give(session: AsyncSession, workspace: Workspace, user: User, role: Role) -> None:
    member = await session.get_one(Membership, (workspace.id, user.id))
    member.role = role.value
    await session.flush()


@pytest.mark.parametrize(
    ("key", "maker", "now"),
    [
        (Role.OWNER, Role.OWNER, Role.OWNER),
        (Role.OWNER, Role.MARKETER, Role.MARKETER),
        (Role.ADMIN, Role.VIEWER, Role.VIEWER),
        (Role.VIEWER, Role.OWNER, Role.VIEWER),
        (Role.MARKETER, None, None),
    ],
)
def test_the_lower_of_two_roles(key: Role, maker: Role | None, now: Role | None) -> None:
    assert keys.effective_role(key, UUID(int=7), maker) == now
    assert keys.effective_role(key, None, None) == key


async def test_a_key_follows_its_makers_role_down_and_up(db_session: AsyncSession, workspace: Workspace) -> None:
    maker = await make_user(db_session, workspace, Role.OWNER)
    key = await make_key(db_session, workspace, Role.ADMIN, maker=maker.id)
    for role, wanted in ((Role.VIEWER, "viewer"), (Role.MARKETER, "marketer"), (Role.OWNER, "admin")):
        await give(db_session, workspace, maker, role)
        assert await role_of(db_session, key) == wanted


async def test_a_maker_who_is_gone_takes_the_key_along(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, client: httpx.AsyncClient
) -> None:
    """Removed, disabled or deleted; being a member elsewhere does not count."""
    removed, disabled, deleted = [await make_user(db_session, workspace, Role.ADMIN) for _ in range(3)]
    made = [await make_key(db_session, workspace, Role.ADMIN, maker=user.id) for user in (removed, disabled, deleted)]
    assert [await role_of(db_session, key) for key in made] == ["admin"] * 3
    db_session.add(Membership(tenant_id=other_workspace.id, user_id=removed.id, role="owner"))
    await db_session.execute(
        delete(Membership).where(Membership.user_id == removed.id, Membership.tenant_id == workspace.id)
    )
    disabled.disabled_at = clock.now()
    await db_session.flush()
    await db_session.execute(text("delete from users where id = :id"), {"id": deleted.id})
    assert [await role_of(db_session, key) for key in made] == [None] * 3
    answer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {made[2]}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "key_over")
    assert "no longer in the workspace" in answer.json()["detail"]


async def test_a_key_made_by_a_key_has_the_same_maker(
    db_session: AsyncSession, workspace: Workspace, client: httpx.AsyncClient
) -> None:
    maker = await make_user(db_session, workspace, Role.ADMIN)
    key = await make_key(db_session, workspace, Role.ADMIN, maker=maker.id)
    for _ in range(2):
        body, headers = {"name": "Below", "role": "admin"}, {"Authorization": f"Bearer {key}"}
        key = (await client.post("/api/v1/api-keys", json=body, headers=headers)).json()["data"]["key"]
    await give(db_session, workspace, maker, Role.VIEWER)
    assert await role_of(db_session, key) == "viewer"
    answer = await client.post("/api/v1/api-keys", json=body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403


class Leaving:
    """A person with keys, and an admin who changes what they are."""

    def __init__(self, session: AsyncSession, workspace: Workspace, admin: httpx.AsyncClient, user: User) -> None:
        self.session, self.workspace, self.admin, self.user = session, workspace, admin, user
        self.keys: dict[str, str] = {}

    async def post(self, what: str, **form: Any) -> httpx.Response:
        return await self.admin.post(f"/settings/users/{self.user.id}/{what}", data=form)

    async def roles(self) -> dict[str, Role | None]:
        return {name: await role_of(self.session, key) for name, key in self.keys.items()}


@pytest.fixture
async def leaving(db_session: AsyncSession, workspace: Workspace, browser: BrowserClients) -> Leaving:
    user = await make_user(db_session, workspace, Role.ADMIN)
    made = Leaving(db_session, workspace, await browser(Role.ADMIN), user)
    for role in (Role.VIEWER, Role.ADMIN):
        made.keys[role] = await make_key(db_session, workspace, role, maker=user.id)
    made.keys["bystander"] = await make_key(db_session, workspace, Role.ADMIN)
    return made


async def test_removing_somebody_asks_about_their_keys_and_revokes_them(leaving: Leaving) -> None:
    asked = await leaving.post("remove")
    assert asked.status_code == 200
    assert all(f"test {role}" in asked.text for role in ("viewer", "admin"))
    assert 'value="revoke" checked' in asked.text
    assert 'value="hand_over"' in asked.text
    assert 'value="keep"' not in asked.text
    assert await leaving.session.get(Membership, (leaving.workspace.id, leaving.user.id)) is not None
    assert (await leaving.post("remove", keys="keep")).status_code == 422
    assert (await leaving.post("remove", keys="revoke")).status_code == 303
    assert await leaving.roles() == {"viewer": None, "admin": None, "bystander": "admin"}
    ended = await leaving.session.scalars(select(ApiKey.revoked_at).where(ApiKey.created_by == leaving.user.id))
    assert all(ended.all())


async def test_whoever_removes_somebody_may_take_their_keys_over(leaving: Leaving) -> None:
    assert (await leaving.post("remove", keys="hand_over")).status_code == 303
    assert await leaving.roles() == {"viewer": "viewer", "admin": "admin", "bystander": "admin"}
    assert not await keys.of_maker(leaving.session, leaving.workspace.id, leaving.user.id)


@pytest.mark.parametrize(("answer", "left"), [("revoke", None), ("hand_over", "admin"), ("keep", "viewer")])
async def test_a_lower_role_asks_about_the_keys_above_it(leaving: Leaving, answer: str, left: str | None) -> None:
    asked = await leaving.post("role", role="viewer")
    assert asked.status_code == 200
    assert "test admin" in asked.text.split("keylist")[1].split("</ul>")[0]
    assert "test viewer" not in asked.text.split("keylist")[1].split("</ul>")[0]
    assert (await leaving.post("role", role="viewer", keys=answer)).status_code == 303
    assert await leaving.roles() == {"viewer": "viewer", "admin": left, "bystander": "admin"}


async def test_nobody_is_asked_when_nothing_is_lost(leaving: Leaving, browser: BrowserClients) -> None:
    owner = await browser(Role.OWNER)
    path = f"/settings/users/{leaving.user.id}"
    assert (await owner.post(f"{path}/role", data={"role": "owner"})).status_code == 303
    assert (await owner.post(f"{path}/role", data={"role": "admin"})).status_code == 303
    await leaving.session.execute(text("update api_keys set revoked_at = now()"))
    assert (await owner.post(f"{path}/remove")).status_code == 303


async def test_the_list_says_whose_key_it_is_and_what_is_left_of_it(
    db_session: AsyncSession, workspace: Workspace, browser: BrowserClients
) -> None:
    gone, lower = [await make_user(db_session, workspace, Role.ADMIN) for _ in range(2)]
    for user in (gone, lower):
        await make_key(db_session, workspace, Role.ADMIN, maker=user.id)
    await make_key(db_session, workspace, Role.MARKETER)
    await give(db_session, workspace, lower, Role.MARKETER)
    await db_session.execute(delete(Membership).where(Membership.user_id == gone.id))
    page = (await (await browser(Role.ADMIN)).get("/settings/keys")).text
    assert page.count("Maker has left") == 1
    assert page.count("Limited to marketer") == 1
    assert page.count(">Command line<") == 1
    assert gone.name in page
    assert lower.name in page
