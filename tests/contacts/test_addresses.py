"""One address however it is written: whoever looks for it finds the one contact, account or entry that has it."""

from __future__ import annotations

import pytest
from sqlalchemy import CheckConstraint, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository, service
from app.contacts.repository import ContactRepository
from app.message_templates.repository import SampleContacts
from app.models import Base, Contact, Suppression, Workspace
from app.models.invitation import Invitation
from app.models.status import Channel, Role
from app.models.user import User
from tests.fixtures.people import ApiClients

SPELLINGS = [
    ("Ada@Example.COM", "aDA@eXAMPLE.com"),
    ("İzmir@Example.com", "i\u0307ZMIR@example.COM"),
    ("STRAẞE@BÜCHER.example", "straße@xn--BCHER-kva.example"),
]
AS_SENT = {
    ("messages", "recipient"): "what the mail server was told",
    ("mailbox_messages", "recipients"): "what the mail server was told",
    ("mailbox_messages", "sender"): "what the mail server was told",
    ("account_mails", "recipient"): "a copy of the invitation's or the user's, for the log",
    ("sessions", "address"): "of a computer",
}


@pytest.mark.parametrize(("written", "sought"), SPELLINGS)
async def test_a_contact_is_found_however_its_address_is_written(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, written: str, sought: str
) -> None:
    program, admin = await api(Role.MARKETER), await api(Role.ADMIN)
    contact = (await program.post("/api/v1/contacts", json={"email": written})).json()["data"]
    assert contact["email"] == contact["email"].lower()

    again = await program.post("/api/v1/contacts", json={"email": sought, "attributes": {"plan": "pro"}})
    assert (again.status_code, again.json()["data"]["id"]) == (200, contact["id"])
    event = await program.post("/api/v1/events", json={"name": "visit", "email": sought})
    assert event.json()["data"]["contactId"] == contact["id"]
    for query in ({"email": sought}, {"search": sought.partition("@")[0]}):
        found = (await program.get("/api/v1/contacts", params=query)).json()["data"]
        assert [one["id"] for one in found] == [contact["id"]], query
    sample = await SampleContacts(db_session, workspace.id).known_as(sought)
    assert sample is not None and str(sample.id) == contact["id"]
    owners = await ContactRepository(db_session, workspace.id).owners(None, contact["email"])
    assert {name: str(owner) for name, owner in owners.items()} == {"email": contact["id"]}

    entry = (await admin.post("/api/v1/suppressions", json={"address": sought})).json()["data"]
    assert (entry["address"], entry["contactId"]) == (contact["email"], contact["id"])
    for query in ({"permission": "manual"}, {"permission": "manual", "email": sought}):
        found = (await program.get("/api/v1/contacts", params=query)).json()["data"]
        assert [one["id"] for one in found] == [contact["id"]], query
    listed = await admin.get("/api/v1/suppressions", params={"search": written.partition("@")[0]})
    assert [one["contactId"] for one in listed.json()["data"]] == [contact["id"]]
    lifted = await admin.post("/api/v1/suppressions/lift", json={"address": written, "reason": "Asked for it"})
    assert lifted.is_success and lifted.json()["data"]["contactId"] == contact["id"]


@pytest.mark.parametrize(("written", "sought"), SPELLINGS[:2])
async def test_an_account_is_found_however_its_address_is_written(
    db_session: AsyncSession, workspace: Workspace, written: str, sought: str
) -> None:
    user = await service.create_user(db_session, written, tenant_id=workspace.id, role=Role.VIEWER)
    again = await service.create_user(db_session, sought, tenant_id=workspace.id, role=Role.ADMIN)
    assert again.id == user.id
    assert await repository.account_exists(db_session, service.clean_email(sought))
    oldest = await repository.oldest_account(db_session, sought)
    assert oldest is not None and oldest.id == user.id


def test_every_column_of_addresses_keeps_capitals_out() -> None:
    bare = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name in ("email", "address", "recipient", "recipients", "sender")
        and not any(
            isinstance(one, CheckConstraint) and f"lower({column.name} COLLATE" in str(one.sqltext)
            for one in table.constraints
        )
    }
    assert bare == set(AS_SENT)


async def test_the_database_takes_no_capitals(db_session: AsyncSession, workspace: Workspace) -> None:
    tenant = {"tenant_id": workspace.id}
    rows = [
        (Contact, {**tenant, "email": "Ada@example.com"}),
        (User, {"email": "Ada@example.com"}),
        (Invitation, {**tenant, "email": "Ada@example.com", "role": "viewer", "token_hash": b"", "expires_at": workspace.created_at}),
        (Suppression, {**tenant, "channel": int(Channel.EMAIL), "address": "Ada@example.com", "reason": "manual"}),
    ]  # fmt: skip
    for model, values in rows:
        with pytest.raises(IntegrityError, match="_lower_check"):
            async with db_session.begin_nested():
                await db_session.execute(insert(model).values(values))
    push = {**tenant, "channel": int(Channel.PUSH), "address": "Device-A", "reason": "manual"}
    await db_session.execute(insert(Suppression).values(push))
