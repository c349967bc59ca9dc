"""The pages of contacts, as a browser gets them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models.contact import Contact
from app.models.event import Inbox
from app.models.message import Message
from app.models.message_job import MessageDecision
from app.models.run import EntryRefusal
from app.models.status import MessageStatus, Role, RunStatus
from app.models.workflow import Workflow, WorkflowVersion
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients
from tests.fixtures.runs import run_row
from tests.fixtures.tags import write_tags

FORM = {"content-type": "application/x-www-form-urlencoded"}
GRAPH: dict[str, Any] = {
    "trigger": {"type": "event", "event": "contact.created"},
    "nodes": [
        {"id": "wait", "type": "delay", "name": "Three days", "data": {"duration": 3, "unit": "days"}},
        {"id": "mail", "type": "send_email", "name": "Second hello", "data": {}},
    ],
    "edges": [
        {"id": "e1", "source": "trigger", "target": "wait", "sourceHandle": "next"},
        {"id": "e2", "source": "wait", "target": "mail", "sourceHandle": "next"},
    ],
}


@pytest.fixture
async def marketer(browser: BrowserClients) -> httpx.AsyncClient:
    return await browser(Role.MARKETER)


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> Contact:
    made = Contact(
        tenant_id=workspace.id,
        external_id="u1",
        email="ada@example.com",
        attributes={"firstName": "Ada", "lastName": "Okafor", "plan": "trial", "visits": 3, "vip": True, "list": [1]},
        tags=["beta", "champion"],
        timezone="Africa/Lagos",
        consent={"newsletter": False},
    )
    db_session.add(made)
    await write_tags(db_session)
    await db_session.commit()
    return made


@pytest.fixture
async def workflow(db_session: AsyncSession, workspace: Workspace) -> Workflow:
    made = Workflow(
        tenant_id=workspace.id, name="Trial onboarding", status="active", live_version=12, draft=GRAPH, draft_rev=1
    )
    db_session.add(made)
    await db_session.flush()
    db_session.add(
        WorkflowVersion(
            tenant_id=workspace.id, workflow_id=made.id, version=12, graph=GRAPH, content_hash=b"x", changelog=None
        )
    )
    await db_session.commit()
    return made


def plain(html: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_an_empty_list_teaches(marketer: httpx.AsyncClient, browser: BrowserClients) -> None:
    assert "Import a CSV file" in (await marketer.get("/contacts")).text
    viewer = await (await browser(Role.VIEWER)).get("/contacts")
    assert viewer.status_code == 200 and "/contacts/new" not in viewer.text


async def test_the_list_searches_and_answers_rows_to_htmx(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    db_session.add_all(
        Contact(tenant_id=workspace.id, external_id=f"x{n}", consent={"email": False}, email=f"x{n}@example.com")
        for n in range(60)
    )
    await db_session.commit()
    first = (await marketer.get("/contacts")).text
    more = re.search(r'href="(/contacts\?cursor=[^"]+)"', first)
    assert first.count('class="nm cut"') == 50 and more and "No consent" in first
    assert (await marketer.get(more[1])).text.count('class="nm cut"') == 11
    rows = await marketer.get("/contacts?search=okafor&tag=beta", headers={"hx-request": "true"})
    assert "<html" not in rows.text and rows.text.count('class="nm cut"') == 1 and "Ada Okafor" in rows.text
    assert "Nobody found" in (await marketer.get("/contacts?search=nobody")).text
    assert "&lt;script" in (await marketer.get("/contacts?tag=<script>")).text


async def test_a_contact_with_past_and_future(
    marketer: httpx.AsyncClient,
    ada: Contact,
    workflow: Workflow,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
) -> None:
    start, same = clock.at - timedelta(days=1), {"tenant_id": workspace.id, "contact_id": ada.id}
    waiting = run_row(
        id=uuid7(),
        **same,
        workflow_id=workflow.id,
        workflow_version=12,
        trigger_event={"campaign": "spring"},
        started_at=start,
        status=RunStatus.WAITING,
        seq=1,
        current_node_id="wait",
        resume_at=clock.at + timedelta(days=2),
        step_started_at=start,
    )
    over = run_row(
        id=uuid7(),
        **same,
        workflow_id=workflow.id,
        workflow_version=11,
        started_at=start - timedelta(days=9),
        completed_at=start - timedelta(days=8),
        status=RunStatus.GOAL_REACHED,
        seq=2,
    )
    message = Message(
        run_id=over.id,
        seq=1,
        **same,
        workflow_id=workflow.id,
        channel=1,
        status=MessageStatus.SENT,
        subject="Why we built this",
        created_at=start,
        sent_at=start,
    )
    refusal = EntryRefusal(**same, workflow_id=workflow.id, reason="already_active", at=clock.at)
    db_session.add_all([waiting, over, message, refusal])
    await db_session.commit()
    sent = await marketer.post(
        f"/contacts/{ada.id}/event", data={"event": "dashboard_created", "properties": '{"charts": 4}'}, headers=FORM
    )
    assert sent.status_code == 303
    shown = await marketer.get(f"/contacts/{ada.id}")
    words = plain(shown.text)
    for wanted in (
        "Ada Okafor",
        "Reachable",
        "champion",
        "Lagos, 13:00 WAT now",
        "plan trial",
        "Entered Trial onboarding v12 campaign spring",
        "Reached the goal of Trial onboarding After 1 d",
        "Email sent Trial onboarding Why we built this",
        "Did not enter Trial onboarding It was in this workflow already.",
        "dashboard_created event charts 4",
        "Coming up 1",
        "Second hello",
        "Active in workflows 1",
        "At Three days, until",
    ):
        assert wanted in words, wanted
    assert "Contact created Without starting anything." in words
    only = plain((await marketer.get(f"/contacts/{ada.id}?show=messages")).text)
    assert "Why we built this" in only and "dashboard_created event" not in only
    assert (await marketer.get(f"/contacts/{uuid7()}")).status_code == 404


@pytest.mark.parametrize(
    ("status", "fields", "wanted"),
    [
        (MessageStatus.FAILED, {"error_message": "552 Mailbox full"}, ["Email failed", "552 Mailbox full"]),
        (MessageStatus.UNCERTAIN, {"error_message": "The line broke"}, ["Email uncertain", "The line broke"]),
        (MessageStatus.SUPPRESSED, {"error_message": "Said no"}, ["Email suppressed", "Said no"]),
        (
            MessageStatus.QUEUED,
            {"error_message": "The server is away"},
            ["Email queued", "Coming up 1", "The server is away"],
        ),
    ],
)
async def test_a_contact_shows_what_became_of_each_message(
    marketer: httpx.AsyncClient,
    ada: Contact,
    db_session: AsyncSession,
    status: MessageStatus,
    fields: Any,
    wanted: list[str],
) -> None:
    flow = Workflow(tenant_id=ada.tenant_id, name="Welcome", draft={})
    db_session.add(flow)
    await db_session.flush()
    db_session.add(
        Message(run_id=uuid7(), seq=1, tenant_id=ada.tenant_id, contact_id=ada.id, workflow_id=flow.id, channel=1,
                status=status, created_at=clock.now() - timedelta(hours=2),
                settled_at=None if status == MessageStatus.QUEUED else clock.now(), **fields)
    )  # fmt: skip
    await db_session.flush()
    words = plain((await marketer.get(f"/contacts/{ada.id}")).text)
    assert [word for word in wanted if word not in words] == []


async def test_a_contact_shows_who_decided_about_a_message(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession
) -> None:
    flow = Workflow(tenant_id=ada.tenant_id, name="Welcome", draft={})
    db_session.add(flow)
    await db_session.flush()
    run_id = uuid7()
    db_session.add_all([
        Message(run_id=run_id, seq=1, tenant_id=ada.tenant_id, contact_id=ada.id, workflow_id=flow.id, channel=1, status=MessageStatus.SENT,
                created_at=clock.now(), sent_at=clock.now(), settled_at=clock.now()),
        MessageDecision(run_id=run_id, seq=1, fence=1, tenant_id=ada.tenant_id, act="sent", by_kind="user", by_name="Ann", was_status=9,
                        tries=1),
    ])  # fmt: skip
    await db_session.flush()
    assert "Assumed sent by Ann." in plain((await marketer.get(f"/contacts/{ada.id}")).text)


async def test_a_contact_is_made_by_hand(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    assert (await marketer.get("/contacts/new")).status_code == 200
    fields = {"email": "Bo@Example.com", "tags": "a, b", "attribute_name_0": "plan", "attribute_value_0": "pro"}
    fields |= {"attribute_kind_0": "text", "topic_0": "newsletter", "consent_0": "yes", "timezone": "Europe/Berlin"}
    made = await marketer.post("/contacts/new", data=fields, headers=FORM)
    assert made.status_code == 303, made.text
    bo = (await db_session.scalars(select(Contact).where(Contact.tenant_id == workspace.id))).one()
    assert made.headers["location"] == f"/contacts/{bo.id}"
    assert (bo.email, bo.tags, bo.attributes, bo.consent) == (
        "bo@example.com",
        ["a", "b"],
        {"plan": "pro"},
        {"newsletter": True},
    )
    again = await marketer.post("/contacts/new", data=fields, headers=FORM)
    assert again.status_code == 409 and "belongs to contact" in again.text
    wrong = await marketer.post("/contacts/new", data={"email": "nope", "phone": "1", "tags": "x"}, headers=FORM)
    assert wrong.status_code == 422 and wrong.text.count("bad-text") == 2 and 'value="nope"' in wrong.text
    nobody = await marketer.post("/contacts/new", data={"source": "fair"}, headers=FORM)
    assert nobody.status_code == 422 and "externalId or an email" in nobody.text


def fields_of(html: str) -> dict[str, str]:
    """What a browser would send back of the contact form."""
    from html import unescape

    form = html[html.index('id="contact-form"') :]
    found = {
        name: re.sub(r"[\r\n]", "", unescape(value))
        for tag in re.findall(r"<input[^>]*>", form)
        for name, value in zip(re.findall(r'name="([^"]+)"', tag), re.findall(r'value="([^"]*)"', tag), strict=False)
    }
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    for name, value in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S):
        lines = unescape(value).replace("\r\n", "\n").replace("\r", "\n")
        found[name] = lines.removeprefix("\n").replace("\n", "\r\n")
    return found


async def test_the_form_changes_only_what_differs(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    url = f"/contacts/{ada.id}/edit"
    fields = fields_of((await marketer.get(url)).text)
    assert (await marketer.post(url, data=fields, headers=FORM)).status_code == 303
    assert (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all() == []
    ada.attributes = {**ada.attributes, "plan": "pro"}  # somebody else, while the form is open
    await db_session.commit()
    names = {value: key for key, value in fields.items() if key.startswith("attribute_name_")}
    visits = names["visits"].rpartition("_")[2]
    vip = names["vip"].rpartition("_")[2]
    fields |= {
        f"attribute_value_{visits}": "4",
        f"attribute_value_{vip}": "",
        "tags": "beta, new",
        "phone": "+49 151 12345678",
    }
    fields |= {"consent_0": "no"}
    assert (await marketer.post(url, data=fields, headers=FORM)).status_code == 303
    await db_session.refresh(ada)
    assert ada.attributes == {"firstName": "Ada", "lastName": "Okafor", "plan": "pro", "visits": 4, "list": [1]}
    assert ada.tags == ["beta", "new"] and ada.phone == "+4915112345678"
    assert ada.consent == {"newsletter": False, "email": False}
    fields |= {f"attribute_value_{visits}": "many"}
    wrong = await marketer.post(url, data=fields, headers=FORM)
    assert wrong.status_code == 422 and "visits: This is not a number" in wrong.text and 'value="many"' in wrong.text


async def test_start_a_workflow_by_hand(
    marketer: httpx.AsyncClient, ada: Contact, workflow: Workflow, db_session: AsyncSession, workspace: Workspace
) -> None:
    url = f"/contacts/{ada.id}/start"
    started = await marketer.post(url, data={"workflow": str(workflow.id), "properties": '{"a": 1}'}, headers=FORM)
    assert started.status_code == 303
    (row,) = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all()
    assert (row.kind, row.workflow_id, row.contact_id, row.payload) == (1, workflow.id, ada.id, {"a": 1})
    assert row.run_id is not None
    for data in ({"workflow": str(uuid7())}, {}, {"workflow": str(workflow.id), "properties": "[1]"}):
        wrong = await marketer.post(url, data=data, headers=FORM)
        assert wrong.status_code == 422 and "data-now" in wrong.text and "bad-text" in wrong.text
    empty = await marketer.post(f"/contacts/{ada.id}/event", data={"event": " "}, headers=FORM)
    assert empty.status_code == 422 and "Write the name of the event" in empty.text


async def test_viewers_look_and_strangers_do_not(
    browser: BrowserClients, client: httpx.AsyncClient, ada: Contact, workflow: Workflow, other_workspace: Workspace
) -> None:
    viewer = await browser(Role.VIEWER)
    shown = await viewer.get(f"/contacts/{ada.id}")
    assert shown.status_code == 200 and "/erase" not in shown.text and "Start a workflow" not in shown.text
    stranger = await browser(Role.OWNER, other_workspace)
    one = f"/contacts/{ada.id}"
    assert (await stranger.get(one)).status_code == 404
    for path in (f"{one}/edit", f"{one}/start", f"{one}/event", f"{one}/erase"):
        assert (await viewer.post(path, headers=FORM)).status_code == 403
        assert (await stranger.post(path, headers=FORM)).status_code == 404
        assert (await client.post(path, headers=FORM)).status_code in (303, 401, 403)
    for path in ("/contacts", one, "/contacts/import"):
        assert (await client.get(path)).status_code == 303


async def test_erase(marketer: httpx.AsyncClient, ada: Contact) -> None:
    assert (await marketer.post(f"/contacts/{ada.id}/erase", headers=FORM)).headers["location"] == "/contacts"
    assert (await marketer.get(f"/contacts/{ada.id}")).status_code == 404


CSV = "E-Mail,First name,Age,Newsletter\nada@example.com,Ada,36,yes\nbo@example.com,=Bo(),x,no\n"


async def test_the_wizard(
    marketer: httpx.AsyncClient, workflow: Workflow, browser: BrowserClients, db_session: AsyncSession
) -> None:
    assert "Choose a CSV file" in (await marketer.get("/contacts/import")).text
    wrong = await marketer.post("/contacts/import", files={"file": ("a.xlsx", b"PK\x03\x04")})
    assert wrong.status_code == 422 and "workbook" in wrong.text
    sent = await marketer.post("/contacts/import", files={"file": ("people.csv", CSV.encode())})
    assert sent.status_code == 303
    url = sent.headers["location"]
    mapping = await marketer.get(url)
    words = plain(mapping.text)
    assert "Import 2 rows" in words and "1 active workflow may start" in words and "Trial onboarding" in words
    assert '<option value="email" selected>' in mapping.text and 'value="first_name"' in mapping.text
    none = await marketer.post(f"{url}/start", data={"to_1": "attribute", "name_1": "x"}, headers=FORM)
    assert none.status_code == 422 and "email or externalId" in none.text
    twice = await marketer.post(f"{url}/start", data={"to_0": "email", "to_1": "email"}, headers=FORM)
    assert twice.status_code == 422 and "goes to email already" in twice.text
    good = {"to_0": "email", "to_1": "attribute", "name_1": "firstName", "type_1": "text", "to_2": "attribute"}
    good |= {"name_2": "age", "type_2": "number", "to_3": "consent", "name_3": "newsletter", "tags": "fair, 2026"}
    started = await marketer.post(f"{url}/start", data=good, headers=FORM)
    assert started.status_code == 303
    shown = await marketer.get(url, headers={"hx-request": "true"})
    assert "<html" not in shown.text and 'hx-trigger="every 1s"' in shown.text and "Queued" in shown.text
    viewer = await browser(Role.VIEWER)
    assert (await viewer.get(url)).status_code == 200
    assert (await viewer.post(f"{url}/stop", headers=FORM)).status_code == 403
    assert (await marketer.post(f"{url}/stop", headers=FORM)).status_code == 303
    over = await marketer.get(url)
    assert "every 1s" not in over.text and "Stopped by" in over.text
    assert (await marketer.get(f"{url}/errors.csv")).headers["content-type"].startswith("text/csv")
    assert "people.csv" in (await marketer.get("/contacts/import")).text
