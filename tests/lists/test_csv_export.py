"""Lists as CSV files: the filter of the page, every page of it, and nothing that a spreadsheet would calculate."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, ContactTag, Message, Workspace
from app.models.status import MessageStatus, Role, RunStatus
from app.web.csv_export import CsvAnswer, cell
from app.web.file_places import FILES_AT_ONCE, PLACES
from app.workflows.service import WorkflowService
from tests.fixtures.people import BrowserClients
from tests.fixtures.runs import run_row


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""), (True, "true"), (12, "12"), (-1.5, "-1.5"), ("plain", "plain"), ("+49 30 1234", "+49 30 1234"), ("-12", "-12"),
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"),
        ("＝1+1", "'＝1+1"), (" =1", "' =1"), ("\xa0=1", "'\xa0=1"), ("\u200b=1", "'\u200b=1"), ("\n=1", "'\n=1"), (" -12", " -12"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), (["a", 1], '["a",1]'), ({"a": "ü"}, '{"a":"ü"}'),
        (datetime(2026, 6, 1, 9, tzinfo=UTC), "2026-06-01T09:00:00+00:00"),
    ],
    ids=[
        "nothing", "bool", "number", "negative", "text", "phone", "negative text", "formula", "at", "plus", "minus", "full width",
        "space", "hard space", "no width", "line", "spaced number", "tab", "return",
        "list", "object", "time",
    ],
)  # fmt: skip
def test_a_cell(value: object, written: str) -> None:
    assert cell(value) == written


@given(st.text())
def test_no_text_begins_as_a_formula(text: str) -> None:
    written = cell(text)
    assert written == text or written == f"'{text}"
    if written == text and text[:1] in tuple("=@\t\r+-"):
        assert text[:1] in "+-" and text[-1].isdigit() and not any(letter.isalpha() for letter in text)
        assert not re.search(r"\d[-+/]\d", text)


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


async def people(session: AsyncSession, workspace: Workspace, count: int, **fields: Any) -> list[Contact]:
    made = [
        Contact(
            id=uuid7(),
            tenant_id=workspace.id,
            email=f"p{n}-{uuid7()}@example.com",
            created_at=clock.now() - timedelta(minutes=n),
            **fields,
        )
        for n in range(count)
    ]
    session.add_all(made)
    await session.flush()
    return made


async def test_all_pages_of_the_contacts_that_fit(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    attributes = {"first_name": "=cmd()", "age": 3, "odd": {"a": 1}}
    wanted = await people(db_session, workspace, 230, tags=["vip", "new"], attributes=attributes)
    for contact in wanted:
        db_session.add(
            ContactTag(tenant_id=workspace.id, tag="vip", created_at=contact.created_at, contact_id=contact.id)
        )
    await people(db_session, workspace, 20)
    await people(db_session, other_workspace, 5, tags=["vip"])
    answer = await (await browser(Role.VIEWER)).get("/contacts/export?tag=vip")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="contacts-')
    assert answer.headers["cache-control"] == "no-store"
    rows = rows_of(answer.text)
    assert [row["id"] for row in rows] == [str(contact.id) for contact in wanted]
    assert rows[0]["tags"] == "vip, new" and rows[0]["first_name"] == "'=cmd()" and rows[0]["odd"] == '{"a":1}'
    turned = rows_of((await (await browser(Role.VIEWER)).get("/contacts/export?tag=vip&sort=created")).text)
    assert [row["id"] for row in turned] == [row["id"] for row in reversed(rows)]
    everybody = rows_of((await (await browser(Role.VIEWER)).get("/contacts/export")).text)
    assert len(everybody) == 250


def tagging_flow() -> Flow:
    return Flow.load(
        {
            "trigger": {"type": "event", "event": "began"},
            "nodes": [{"id": "tag", "type": "add_tag", "data": {"tag": "x"}}],
            "edges": [{"source": "trigger", "target": "tag"}],
        }
    )


async def test_runs_and_messages_as_their_pages_are_narrowed(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal]
) -> None:
    (contact,) = await people(db_session, workspace, 1)
    flows = WorkflowService(db_session, principals[Role.OWNER])
    flow = await flows.create(name="Cart, =1", flow=tagging_flow())
    await flows.activate(flow.id, "First")
    for status in (RunStatus.FAILED, RunStatus.COMPLETED):
        run = run_row(
            id=uuid7(), contact_id=contact.id, tenant_id=workspace.id, workflow_id=flow.id, workflow_version=1,
            started_at=clock.now(), completed_at=clock.now(), status=int(status), seq=1, attempt=1, fence=0,
        )  # fmt: skip
        db_session.add(run)
        db_session.add(
            Message(
                run_id=run.id, seq=1, tenant_id=workspace.id, workflow_id=flow.id, contact_id=contact.id, channel=1,
                status=int(MessageStatus.FAILED if status is RunStatus.FAILED else MessageStatus.SENT), recipient="a@b.example",
                subject="Hi", created_at=clock.now(), settled_at=clock.now(),
            )
        )  # fmt: skip
    await db_session.flush()
    viewer = await browser(Role.VIEWER)
    (message,) = rows_of((await viewer.get("/messages/export?status=failed")).text)
    assert (message["recipient"], message["workflow"], message["status"]) == ("a@b.example", "Cart, =1", "failed")
    assert len(rows_of((await viewer.get("/messages/export")).text)) == 2
    for address in ("/runs/export?status=failed", f"/workflows/{flow.id}/runs/export?status=failed"):
        (run,) = rows_of((await viewer.get(address)).text)
        assert (run["email"], run["workflow"], run["status"]) == (contact.email, "Cart, =1", "failed")
    assert 'href="/runs/export?status=failed"' in (await viewer.get("/runs?status=failed")).text
    page = (await viewer.get("/messages?status=failed")).text
    assert 'href="/messages/export?status=failed"' in page


class Disconnected(Exception):
    pass


async def test_two_files_at_a_time_for_a_workspace(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(db_session, workspace, 230)
    viewer, workspaces = await browser(Role.VIEWER), PLACES.own
    monkeypatch.setitem(workspaces, workspace.id, FILES_AT_ONCE)
    refused = await viewer.get("/contacts/export")
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    monkeypatch.setitem(workspaces, workspace.id, FILES_AT_ONCE - 1)
    for _ in range(3):
        assert len(rows_of((await viewer.get("/contacts/export")).text)) == 230
    assert workspaces[workspace.id] == FILES_AT_ONCE - 1, "who is done makes room"


async def test_who_goes_away_makes_room() -> None:
    ended = []

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"row"
        finally:
            ended.append(True)

    async def broken(_event: Any) -> None:
        raise Disconnected

    async def receive() -> Any:
        await asyncio.Event().wait()

    answer = CsvAnswer(body(), {}).to_asgi_response(None, None)
    with pytest.raises(Disconnected):
        await answer.send_body(broken, receive)
    assert ended == [True]


async def test_a_filter_that_is_none_is_refused_before_anything_is_sent(browser: BrowserClients) -> None:
    viewer = await browser(Role.VIEWER)
    for address in (
        "/runs/export?status=odd",
        "/runs/export?sort=odd",
        "/contacts/export?sort=tags",
        "/messages/export?period=odd",
        f"/workflows/{uuid7()}/runs/export",
    ):
        assert (await viewer.get(address)).status_code in (404, 422), address
