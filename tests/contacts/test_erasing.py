"""After an erasure no table knows the person any more but the list of addresses that must not be written to."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Base, MailboxMessage
from app.models.contact_import import ContactImportError
from app.models.message import Message
from app.models.run import Run
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients

CONTACTS = "/api/v1/contacts"
KEPT_A_DAY = {"idempotency_keys", "contact_import_chunks"}
"""Answers, encrypted, for the program that had them already; and files that wait for their import to be started."""


async def places(session: AsyncSession, *words: str) -> dict[str, list[str]]:
    """The tables that hold any of the words, with the rows, bytes read as text."""
    found: dict[str, list[str]] = {}
    for table in Base.metadata.sorted_tables:
        columns = [
            f"encode({column.name}, 'escape')" if column.type.python_type is bytes else f"{column.name}::text"
            for column in table.columns
        ]
        whole = f"concat_ws(' ', {', '.join(columns)})"
        query = f"select {whole} from {table.name} t where lower({whole}) like any(:words)"
        rows = (await session.scalars(text(query), {"words": [f"%{word.lower()}%" for word in words]})).all()
        if rows and table.name not in KEPT_A_DAY:
            found[table.name] = list(rows)
    return found


@pytest.mark.parametrize(
    ("email", "external_id", "phone"),
    [
        ("ada.lovelace@example.com", "crm-4711", "+4915112345678"),
        ("o'neil_100%@example.com", 'k"7\\1', "+442079460958"),
    ],
)
async def test_nothing_is_left_of_the_person(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
    email: str,
    external_id: str,
    phone: str,
) -> None:
    program, admin = await api(Role.MARKETER), await api(Role.ADMIN)
    before = "old." + email
    made = (await program.post(CONTACTS, json={"externalId": external_id, "email": before, "phone": phone})).json()[
        "data"
    ]
    url = f"{CONTACTS}/{made['id']}"
    assert (
        await program.patch(url, json={"email": email, "attributes": {"first_name": "Augusta-Ada"}})
    ).status_code == 200
    await program.post(
        "/api/v1/suppressions", json={"address": email, "reason": "manual", "detail": "Augusta-Ada phoned"}
    )
    cell = external_id.replace('"', '""')
    file = f'id,email,name,born\n"{cell}",{email.upper()},Augusta-Ada,1815\nb,bea@example.com,Bea,1816\n'
    upload = await program.post(f"{CONTACTS}/import", files={"file": ("people.csv", file.encode())})
    import_id = UUID(upload.json()["data"]["id"])
    run = Run(
        id=uuid7(), contact_id=made["id"], tenant_id=workspace.id, workflow_id=uuid7(), workflow_version=1, entry_key=email,
        context={}, started_at=clock.at, status=1, seq=2,
    )  # fmt: skip
    message = Message(
        run_id=run.id, seq=1, tenant_id=workspace.id, workflow_id=run.workflow_id, contact_id=made["id"], channel=1, status=2,
        recipient=before, subject="Hello", created_at=clock.at,
    )  # fmt: skip
    cells = (
        [external_id, "", "Augusta-Ada"],
        ["", f"Ada <{email}>", "Augusta-Ada"],
        ["", phone, "Augusta-Ada"],
        ["b", "Bea"],
    )
    rows = [
        ContactImportError(import_id=import_id, row_number=2 + number, message="The date is wrong.", row={"cells": row})
        for number, row in enumerate(cells)
    ]
    mails = [
        MailboxMessage(
            id=uuid7(), tenant_id=workspace.id, sender="us@example.com", recipients=[to], raw=f"To: {to}".encode()
        )
        for to in (before, email)
    ]
    db_session.add_all([run, message, *rows, *mails])
    await db_session.commit()
    assert len(await places(db_session, email, "augusta-ada")) >= 6

    assert (await admin.delete(url)).status_code == 200
    left = await places(db_session, email, before, "augusta-ada", phone)
    assert set(left) == {"suppressions"} and "phoned" not in str(left)
    kept = await db_session.get_one(ContactImportError, (import_id, 5))
    assert kept.row == {"cells": ["b", "Bea"]}
    sample = (await program.get(f"{CONTACTS}/import/{import_id}")).json()["data"]
    assert sample["filename"] == "people.csv"
    assert await places(db_session, "bea@example.com")
