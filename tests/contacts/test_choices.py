"""Who is offered where a list is narrowed to one contact."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.choice_pages import CHOICES
from app.models import Contact, Workspace
from app.models.status import Role


async def test_contacts_are_offered_by_name_and_address(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    rows = [
        Contact(tenant_id=workspace.id, email="ada@example.com", attributes={"firstName": "Ada", "lastName": "Okafor"}),
        Contact(tenant_id=workspace.id, phone="+4915112345678", attributes={"firstName": "Adaku"}),
        Contact(tenant_id=workspace.id, external_id="nobody-1"),
        Contact(tenant_id=other_workspace.id, email="ada@elsewhere.example", attributes={"firstName": "Ada"}),
    ]
    db_session.add_all(rows)
    await db_session.commit()
    viewer = await browser(Role.VIEWER)

    async def offered(search: str) -> list[tuple[str, str]]:
        answer = (await viewer.get("/contacts/choices", params={"search": search})).json()
        return [(one["name"], one["detail"]) for one in answer]

    assert sorted(await offered("ada")) == [("Ada Okafor", "ada@example.com"), ("Adaku", "+4915112345678")]
    assert await offered("okafor ADA") == [("Ada Okafor", "ada@example.com")]
    assert await offered("nobody-1") == [("nobody-1", "")], "its name is its id: said once"
    assert await offered("\0") and await offered("%") == []
    assert len(await offered("")) == 3
    db_session.add_all(Contact(tenant_id=workspace.id, external_id=f"x{n}") for n in range(CHOICES + 3))
    await db_session.commit()
    assert len(await offered("")) == CHOICES


async def test_strangers_are_offered_nobody(client: Any) -> None:
    assert (await client.get("/contacts/choices?search=ada")).status_code in (303, 401)
