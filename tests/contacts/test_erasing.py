"""After an erasure no table knows the person any more but the list of addresses that must not be written to."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, Table, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import erasure_repository
from app.inbox import InboxKind
from app.lib import clock as now_clock
from app.lib.ids import uuid7
from app.models import Base, Contact, DeadLetter, Inbox, MailboxMessage
from app.models.contact_import import ContactImportError
from app.models.list_view import ListView
from app.models.message import Message
from app.models.personal import About, emptied, rows_of
from app.models.run import CallIntent, EntryRefusal, Step
from app.models.segment import Segment
from app.models.status import Role, RunStatus
from app.models.webhook_endpoint import WebhookEndpoint
from app.models.workflow import Workflow
from app.models.workspace import Workspace
from tests.contacts.free_of_contacts import FREE_COLUMNS, FREE_TABLES
from tests.contacts.rows_about import dated_contacts, members, watching_trigger
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.fixtures.runs import RunRecord, run_row

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
    run = run_row(
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
        ContactImportError(
            tenant_id=workspace.id,
            import_id=import_id,
            row_number=2 + number,
            message="The date is wrong.",
            row={"cells": row},
        )
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
    kept = await db_session.get_one(ContactImportError, (workspace.id, import_id, 5))
    assert kept.row == {"cells": ["b", "Bea"]}
    sample = (await program.get(f"{CONTACTS}/import/{import_id}")).json()["data"]
    assert sample["filename"] == "people.csv"
    assert await places(db_session, "bea@example.com")


async def test_saved_views_forget_whom_they_were_narrowed_to(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    admin = await api(Role.ADMIN)
    contact = (await admin.post(CONTACTS, json={"email": "ada@example.com", "externalId": "crm-1"})).json()["data"]
    queries = [
        {"search": "Ada@Example.com", "sort": "email"},
        {"contact": contact["id"]},
        {"search": "crm-1"},
        {"search": "crm-11"},
    ]

    def views(tenant: Workspace) -> list[ListView]:
        return [
            ListView(id=uuid7(), tenant_id=tenant.id, list_name="contacts", name=name, query=query)
            for name, query in zip(names, queries, strict=True)
        ]

    names = ["A", "Mails to ADA@example.com", "crm-1", "crm-1 and others"]

    own, foreign = views(workspace), views(other_workspace)
    db_session.add_all([*own, *foreign])
    await db_session.commit()
    assert (await admin.delete(f"{CONTACTS}/{contact['id']}")).status_code == 200
    for view in (*own, *foreign):
        await db_session.refresh(view)
    assert [view.query for view in own] == [{"sort": "email"}, {}, {}, {"search": "crm-11"}]
    assert [view.name for view in own] == ["A", "View", "View", "crm-1 and others"]
    assert [(view.name, view.query) for view in foreign] == list(zip(names, queries, strict=True))


@pytest.mark.parametrize(
    "given", [{"mail": {"to": "Ada@Example.com"}}, {"ids": ["crm-4711"]}, {"text": "Call +4915112345678 or ada@example.com"}]
)  # fmt: skip
async def test_runs_of_nobody_keep_no_name_of_the_person(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    clock: Clock,
    given: Any,
) -> None:
    """They do not know whom they are about: whatever they were started with, or put out, and names the contact is emptied."""
    admin = await api(Role.ADMIN)
    body = {"email": "ada@example.com", "externalId": "crm-4711", "phone": "+4915112345678"}
    made = (await admin.post(CONTACTS, json=body)).json()["data"]

    def run(tenant: Workspace, event: Any, **more: Any) -> RunRecord:
        return run_row(
            id=uuid7(), tenant_id=tenant.id, workflow_id=uuid7(), workflow_version=1, trigger_event=event, started_at=clock.at,
            seq=1, **{"status": 4, **more},
        )  # fmt: skip

    def step(of: RunRecord, output: Any) -> Step:
        return Step(
            tenant_id=of.tenant_id, run_id=of.id, seq=1, node_id="a", status=4, output=output, started_at=clock.at,
            completed_at=clock.at,
        )  # fmt: skip

    named, silent, foreign = run(workspace, given), run(workspace, {"order": "crm-47110"}), run(other_workspace, given)
    late = run(workspace, None, context={"vars": given})
    calling = run(workspace, other := {"order": "crm-47110"}, status=2, attempt=1)
    refusal = EntryRefusal(
        tenant_id=workspace.id, workflow_id=uuid7(), reason="conditions_not_met", detail=given, at=clock.at
    )
    letter = DeadLetter(id=1, tenant_id=workspace.id, kind=1, name="manual", payload=given, error="Broken.")

    def start(tenant: Workspace, payload: Any) -> Inbox:
        return Inbox(
            tenant_id=tenant.id,
            kind=InboxKind.START,
            name="manual",
            run_id=uuid7(),
            payload=payload,
            occurred_at=clock.at,
        )

    def call(of: RunRecord, request: Any) -> CallIntent:
        return CallIntent(
            tenant_id=of.tenant_id, run_id=of.id, seq=2, attempt=1, workflow_id=of.workflow_id, node_id="a", kind="fetch",
            target="shop.example", policy="hold", timeout_s=5, request=request, due_at=clock.at,
        )  # fmt: skip

    db_session.add_all([start(workspace, given), start(workspace, other), start(other_workspace, given)])
    db_session.add_all([call(named, given), call(calling, given), call(silent, other), call(foreign, given)])
    steps = [step(named, given), step(silent, given), step(foreign, given), step(late, {"order": 5})]
    db_session.add_all([named, silent, foreign, late, calling, refusal, letter, *steps])
    await db_session.commit()

    assert (await admin.delete(f"{CONTACTS}/{made['id']}")).status_code == 200
    for row in (named, silent, foreign, late, calling, *steps):
        await db_session.refresh(row)
    assert [one.trigger_event for one in (named, silent, foreign)] == [None, {"order": "crm-47110"}, given]
    assert late.context is None
    assert [one.output for one in steps] == [None, None, given, {"order": 5}]
    for table in (EntryRefusal, DeadLetter):
        assert (await db_session.scalars(select(table))).all() == []
    assert (calling.status, calling.attempt, calling.fence) == (3, 2, 1), "a person decides about it"
    assert calling.error_message == "What this step was to send named a contact that was erased."
    starts = (await db_session.scalars(select(Inbox.payload).where(Inbox.kind == InboxKind.START))).all()
    assert sorted(map(str, starts)) == sorted(map(str, [other, given])), "of others, and of the other workspace"
    calls = (await db_session.execute(select(CallIntent.run_id, CallIntent.request))).all()
    assert {row.run_id: row.request for row in calls} == {silent.id: other, foreign.id: given}


def may_say_something(column: Column[Any]) -> bool:
    return column.type.python_type in (str, object, list, bytes) and column.computed is None


def unmarked(table: Table) -> list[str]:
    """Columns that may say something about a contact, of which nobody said whether they do."""
    if rows_of(table) or table.name in FREE_TABLES:
        return []
    names = [
        f"{table.name}.{column.name}" for column in table.columns if may_say_something(column) and not emptied(column)
    ]
    return [name for name in names if name not in FREE_COLUMNS]


def test_every_column_is_erased_or_free_of_contacts() -> None:
    left = [name for table in Base.metadata.sorted_tables for name in unmarked(table)]
    assert not left, (
        f"mark them on the model (app.models.personal) or say in free_of_contacts why they are free of contacts: {left}"
    )


def test_the_lists_of_what_is_free_name_what_is_there_and_has_no_mark() -> None:
    tables = Base.metadata.tables
    columns = {f"{table.name}.{column.name}": column for table in tables.values() for column in table.columns}
    assert set(FREE_TABLES) <= set(tables) and set(FREE_COLUMNS) <= set(columns)
    assert not [name for name in FREE_COLUMNS if emptied(columns[name])]
    assert not [name for name in FREE_TABLES if rows_of(tables[name]) or any(map(emptied, tables[name].columns))]
    known = {name for name, table in tables.items() if "contact_id" in table.columns}
    assert not known & set(FREE_TABLES), "a table that knows its contact is never free as a whole"


@pytest.mark.parametrize("column", ["note text", "answers jsonb", "cells text[]", "file bytea"])
def test_a_new_column_without_a_mark_is_seen(column: str) -> None:
    name, _, kind = column.partition(" ")
    like = {"text": "subject", "jsonb": "payload", "text[]": "recipients", "bytea": "raw"}[kind]
    example = next(table.columns[like] for table in Base.metadata.tables.values() if like in table.columns)
    table = Table("visits", Base.metadata.__class__(), Column(name, example.type))
    assert unmarked(table) == [f"visits.{name}"]


NUMBERS = itertools.count(10)
MADE = datetime(2026, 6, 1, tzinfo=UTC)


def tag_of(email: str) -> str:
    return f"said by {email}"


def value_of(column: Column[Any], said: str, known: dict[str, Any]) -> Any:
    """Something that fits the column and says `said` wherever there is room."""
    if column.name in known:
        return known[column.name]
    kind = column.type.python_type
    return {
        str: said, object: {"said": said}, list: [said], bytes: said.encode(), datetime: now_clock.now(), UUID: uuid7(), bool: False,
        date: now_clock.now().date(),
    }.get(kind, next(NUMBERS))  # fmt: skip


async def fill(session: AsyncSession, tenant_id: int, contact_id: UUID, email: str) -> dict[str, int]:
    """One row about the contact in every table that has marks, each saying its address in every column; how many by table."""
    known = {
        "tenant_id": tenant_id, "contact_id": contact_id, "run_id": uuid7(), "import_id": uuid7(), "event_id": uuid7(),
        "recipients": [email], "address": email, "tag": tag_of(email), "created_at": MADE,
        "mapping": {"sample": [[email], ["somebody else"]]}, "created_by": None,
        "row": {"cells": [email]}, "recent": [1], "segments": [1], "segment": 1, "open_runs": [uuid7()],
    }  # fmt: skip
    # Members are looked for by the numbers of the segments that there are.
    segment = {"tenant_id": tenant_id, "id": uuid7(), "number": 1, "name": "A", "kind": "static"}
    await session.execute(insert(Segment).values(segment).on_conflict_do_nothing())
    workflow = Workflow(tenant_id=tenant_id, id=uuid7(), name="A", status="draft", draft={})
    endpoint = WebhookEndpoint(tenant_id=tenant_id, id=uuid7(), url="https://x.example/", types=[], sealed=b"")
    session.add_all([workflow, endpoint])
    await session.flush()
    first = {
        "due_dates": await watching_trigger(session, tenant_id),
        "enrolments": {"workflow_id": workflow.id, "status": "done"},
        "workflow_samples": {"workflow_id": workflow.id},
        "active_runs": {"id": known["run_id"], "status": int(RunStatus.WAITING)},
        "ended_runs": {"status": int(RunStatus.FAILED)},
        "contact_imports": {"id": known["import_id"]},
        "events": {"id": known["event_id"]},
        "event_deliveries": {"endpoint_id": endpoint.id},
        "list_views": {"owner_id": None, "name": f"To {email}", "list_name": "contacts", "query": {"search": email}},
        "webhook_payloads": {"error": f"said by {email}"},
        "split_exposures": {"node_id": "a", "variant": "a"},  # words of the workflow, which stay in its results
    }
    free = {name.partition(".")[2] for name in FREE_COLUMNS if not name.startswith("list_views.")}
    counts = {}
    for table in Base.metadata.sorted_tables:
        mark = rows_of(table)
        if (mark and mark.about is About.SELF) or not (mark or any(map(emptied, table.columns))):
            continue
        values = {
            column.name: value_of(column, "x" if column.name in free else f"said by {email}", known)
            for column in table.columns
            if column.identity is None and column.computed is None
        }
        values |= first.get(table.name, {})
        values |= {"address": email} if "address" in values else {}
        await session.execute(table.insert().values(values))
        counts[table.name] = 1
    return counts


WORDLESS = {"due_dates", "segment_facts", "segment_members", "segment_state", "split_exposures"}
"""Tables with rows about a contact that hold no text of theirs."""


async def test_every_mark_is_followed_and_nobody_else_is_touched(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    gone, stays = uuid7(), uuid7()
    db_session.add_all(
        [
            Contact(id=contact_id, tenant_id=tenant.id, email=email, tags=[tag_of(email)], created_at=MADE)
            for contact_id, tenant, email in (
                (gone, workspace, "ada@example.com"),
                (stays, other_workspace, "bea@example.com"),
            )
        ]
    )
    await db_session.flush()
    filled = await fill(db_session, workspace.id, gone, "ada@example.com")
    assert len(filled) >= 12
    await fill(db_session, other_workspace.id, stays, "bea@example.com")
    before = await places(db_session, "bea@example.com")
    assert set(filled) - WORDLESS <= set(before)
    assert await members(db_session, gone) == 1
    assert await dated_contacts(db_session) == {gone, stays}

    assert not await erasure_repository.erase(db_session, other_workspace.id, gone, now_clock.now())
    assert await erasure_repository.erase(db_session, workspace.id, gone, now_clock.now())
    assert set(await places(db_session, "ada@example.com")) == {"suppressions"}
    assert "said by ada" not in str(await places(db_session, "ada@example.com"))
    assert await places(db_session, "bea@example.com") == before
    assert (await members(db_session, gone), await members(db_session, stays)) == (0, 1)
    assert await dated_contacts(db_session) == {stays}
