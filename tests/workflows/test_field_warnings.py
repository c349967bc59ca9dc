"""Fields that no data has are doubted aloud, in workflows and in templates; nothing is kept from being saved or activated."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import known_name_repository
from app.flow.document import Flow
from app.flow.field_reads import FieldRead, KnownNames
from app.flow.lint.unknown_names import unknown_names
from app.lib import clock
from app.lib.ids import uuid7
from app.models import AttributeLabel, Connector, Contact, Event, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH, created

TEMPLATES = "/api/v1/templates"


@pytest.fixture
async def marketer(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


@pytest.fixture
async def data(db_session: AsyncSession, workspace: Workspace) -> None:
    """Two contacts, an event with properties, and a label."""
    for attributes in ({"first_name": "Ada", "plan": "pro"}, {"company": {"size": 3}}):
        db_session.add(Contact(id=uuid7(), tenant_id=workspace.id, attributes=attributes))
    db_session.add(
        Event(
            id=uuid7(),
            tenant_id=workspace.id,
            contact_id=uuid7(),
            name="cart.left",
            properties={"total": 9, "items": [{"sku": "a"}]},
            occurred_at=clock.now(),
        )
    )
    db_session.add(AttributeLabel(tenant_id=workspace.id, name="shoe_size", label="Shoe size"))
    await db_session.flush()


def flow(**parts: Any) -> dict[str, Any]:
    return {"name": "Carts", "trigger": {"type": "event", "event": "cart.left"}, **parts}


def rule(field: str) -> dict[str, Any]:
    return {"field": field, "operator": "exists"}


async def warned(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, str]:
    issues = (await created(client, body))["issues"]
    return {issue["path"]: issue["message"] for issue in issues if issue["severity"] == "warning"}


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("contact.frist_name", "No contact has “frist_name”. Did you mean “first_name”?"),
        ("contact.attributes.plann", "No contact has “plann”. Did you mean “plan”?"),
        ("contact.emial", "Did you mean “email”?"),
        ("contact.zzz", "No contact has “zzz”."),
        ("event.totl", "No recent event “cart.left” has “totl”. Did you mean “total”?"),
        ("attributes.compny", "Neither contacts nor recent events have “compny”. Did you mean “company”?"),
        ("hasClicked", "Nothing reports clicks yet"),
        ("contact.first_name", None),
        ("contact.attributes.company.anything", None),
        ("contact.shoe_size", None),
        ("contact.tags", None),
        ("contact.createdAt", None),
        ("event.items[0].nothing", None),
        ("event.name", None),
        ("total", None),
        ("plan", None),
        ("vars.anything", "No step sets the variable “anything”."),
    ],
)
async def test_a_condition_on_what_no_data_has(marketer: httpx.AsyncClient, field: str, words: str | None) -> None:
    nodes = [{"id": "ask", "type": "condition", "data": {"conditions": [rule(field)]}}]
    edges = [{"source": "trigger", "target": "ask"}]
    told = await warned(marketer, flow(nodes=nodes, edges=edges))
    if words is None:
        assert told == {}
    else:
        assert (
            list(told) == ["nodes[0].data.conditions[0].field"] and words in told["nodes[0].data.conditions[0].field"]
        )


@pytest.mark.usefixtures("data")
async def test_what_a_connector_reports_is_asked_for_without_a_warning(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    nodes = [
        {"id": "ask", "type": "condition", "data": {"conditions": [rule("hasOpened"), rule("steps.x.hasClicked")]}}
    ]
    body = flow(nodes=nodes, edges=[{"source": "trigger", "target": "ask"}])
    assert len(await warned(marketer, body)) == 2
    db_session.add(Connector(id=uuid7(), tenant_id=workspace.id, type="meta_whatsapp", name="Meta", config={}))
    await db_session.flush()
    (clicks,) = (await warned(marketer, body)).values()
    assert "Nothing reports clicks yet" in clicks, "WhatsApp says that it was read, and no more"


@pytest.mark.usefixtures("data")
async def test_triggers_goals_groups_texts_and_the_entry_key(marketer: httpx.AsyncClient) -> None:
    nodes = [
        {
            "id": "set",
            "type": "update_contact",
            "data": {"set": {"score": 1, "greeting": "Hi {{ contact.fist_name }}"}},
        },
        {"id": "tag", "type": "add_tag", "data": {"tag": "{{ contact.attributes.pln | upcase }}-{{ event.total }}"}},
        {"id": "bare", "type": "add_tag", "data": {"tag": "{{ plan }} {{ pln }}"}},
        {"id": "mine", "type": "add_tag", "data": {"tag": "{{ contact.score }}"}},
    ]
    edges = [
        {"source": a, "target": b} for a, b in (("trigger", "set"), ("set", "tag"), ("tag", "bare"), ("bare", "mine"))
    ]
    told = await warned(
        marketer,
        flow(
            trigger={
                "type": "event",
                "event": "cart.left",
                "conditions": [{"match": "any", "conditions": [rule("event.totall"), rule("event.total")]}],
            },
            nodes=nodes,
            edges=edges,
            goals=[
                {"id": "g", "name": "G", "event": "cart.left", "conditions": [rule("event.itms")]},
                {"id": "h", "name": "H", "event": "never.seen", "conditions": [rule("event.whatever")]},
            ],
            settings={"entryKey": "event.totals"},
        ),
    )
    assert {path: message.rpartition(". ")[2] for path, message in told.items()} == {
        "trigger.conditions[0].conditions[0].field": "Did you mean “total”?",
        "nodes[0].data.set.greeting": "Did you mean “first_name”?",
        "nodes[1].data.tag": "Did you mean “plan”?",
        "nodes[2].data.tag": "Did you mean “plan”?",
        "goals[0].conditions[0].field": "Did you mean “items”?",
        "settings.entryKey": "Did you mean “total”?",
        "goals[1].event": "No event “never.seen” has ever come in, so nobody reaches this goal by it.",
    }


async def test_without_data_nothing_is_doubted(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    """Another workspace's contacts are no data."""
    db_session.add(Contact(id=uuid7(), tenant_id=other_workspace.id, attributes={"first_name": "Eve"}))
    await db_session.flush()
    nodes = [{"id": "tag", "type": "add_tag", "data": {"tag": "{{ contact.frist_name }} {{ event.x }}"}}]
    assert await warned(marketer, flow(nodes=nodes, edges=[{"source": "trigger", "target": "tag"}])) == {}


@pytest.mark.usefixtures("data")
async def test_a_live_workflow_that_writes_it_is_enough(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    writes = [{"id": "set", "type": "update_contact", "data": {"increment": {"attributes.visits": 1}}}]
    reads = [{"id": "tag", "type": "add_tag", "data": {"tag": "{{ contact.visits }}"}}]
    edge = [{"source": "trigger", "target": "tag"}]
    assert await warned(admin, flow(nodes=reads, edges=edge)) != {}
    other = await created(admin, flow(nodes=writes, edges=[{"source": "trigger", "target": "set"}]))
    assert (await admin.post(f"{PATH}/{other['id']}/activate")).status_code == 200
    made = await created(admin, flow(nodes=reads, edges=edge))
    assert made["issues"] == []


@pytest.mark.usefixtures("data")
async def test_a_warning_blocks_nothing_and_says_how_it_is_mended(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    nodes = [{"id": "tag", "type": "add_tag", "data": {"tag": "{{ contact.pln }} and {{ contact.pln | upcase }}"}}]
    made = await created(admin, flow(nodes=nodes, edges=[{"source": "trigger", "target": "tag"}]))
    (issue,) = made["issues"]
    assert (issue["severity"], issue["nodeId"], issue["path"]) == ("warning", "tag", "nodes[0].data.tag")
    assert issue["fix"] == {"label": "Use “plan”", "find": "contact.pln", "put": "contact.plan"}
    assert (await admin.post(f"{PATH}/{made['id']}/activate")).status_code == 200


@pytest.mark.usefixtures("data")
async def test_an_event_of_long_ago_has_come_in_and_one_of_another_workspace_has_not(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    """Only the newest events are looked at for properties; whether one ever came in is asked of the index."""
    for tenant, name in ((workspace, "old.one"), (other_workspace, "theirs")):
        db_session.add(
            Event(
                id=uuid7(), tenant_id=tenant.id, contact_id=uuid7(), name=name, properties={}, occurred_at=clock.now()
            )
        )
    for _ in range(known_name_repository.EVENTS):
        db_session.add(
            Event(
                id=uuid7(),
                tenant_id=workspace.id,
                contact_id=uuid7(),
                name="new",
                properties={},
                occurred_at=clock.now(),
            )
        )
    await db_session.flush()
    goals = [{"id": f"g{at}", "event": name} for at, name in enumerate(("old.one", "theirs", "message.bounced"))]
    told = await warned(marketer, flow(goals=goals))
    assert [path for path in told if path.startswith("goals")] == ["goals[1].event"]


@pytest.mark.usefixtures("data")
async def test_templates_say_it_in_their_preview(marketer: httpx.AsyncClient, browser: BrowserClients) -> None:
    body = {
        "name": "Hello",
        "subject": "Hi {{ contact.frist_name }}",
        "html": "<p>{{ contact.attributes.plan | upcase | default: 'x' }} {{ event.totl | default: 'x' }}"
        " {% for i in event.items %}{{ i.sku }}{% endfor %}</p>",
        "text": "{{ first_name }} {{ event.given }} {{ unsubscribe_url }}",
    }
    template = (await marketer.post(TEMPLATES, json=body)).json()["data"]
    answer = await marketer.post(f"{TEMPLATES}/{template['id']}/preview", json={"event": {"given": 1}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["warnings"] == [
        {"path": "subject", "message": "No contact has “frist_name”. Did you mean “first_name”?"},
        {"path": "html", "message": "No recent event has “totl”. Did you mean “total”?"},
        {
            "path": "text",
            "message": "A text does not find “first_name” by itself. Did you mean “first_name” of the contact?",
        },
    ]
    page = (await (await browser(Role.MARKETER)).get(f"/templates/{template['id']}")).text
    assert "No contact has “frist_name”. Did you mean “first_name”?" in page


@pytest.mark.usefixtures("data")
async def test_a_template_with_a_gap_is_named_at_the_step_and_in_its_preview(marketer: httpx.AsyncClient) -> None:
    """One of two contacts has a first name."""
    body = {
        "name": "Hello",
        "subject": "Hi {{ contact.first_name }}",
        "html": "<p>x</p>",
        "text": '{{ contact.plan | default: "" }}',
    }
    template = (await marketer.post(TEMPLATES, json=body)).json()["data"]
    nodes = [{"id": "mail", "type": "send_email", "data": {"templateId": template["id"], "class": "transactional"}}]
    told = await warned(marketer, flow(nodes=nodes, edges=[{"source": "trigger", "target": "mail"}]))
    assert "prints first_name, which not every contact has" in told["nodes[0].data.templateId"]
    answer = await marketer.post(f"{TEMPLATES}/{template['id']}/preview", json={})
    told = {one["path"]: one["message"] for one in answer.json()["data"]["warnings"]}
    assert told["subject"].startswith("Not every contact has “first_name”") and "plan" not in told.get("text", "")


def test_names_are_pure() -> None:
    known = KnownNames(frozenset({"plan"}), {"e": frozenset({"total"})})
    assert known.doubt(FieldRead("", ["contact"], of_template=True), "e") is None
    assert known.doubt(FieldRead("", ["forloop", "index"], of_template=True), "e") is None
    assert known.doubt(FieldRead("", ["event", "x"]), None) is None
    assert known.with_attributes(["x"]).doubt(FieldRead("", ["contact", "x"]), None) is None
    assert KnownNames().with_attributes(["x"]).attributes is None
    assert list(unknown_names(Flow(), known)) == []
