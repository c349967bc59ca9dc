"""Fields that no data has are doubted aloud, in workflows and in templates; nothing is kept from being saved or activated."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.flow.field_reads import FieldRead, KnownNames
from app.flow.lint import doubts
from app.lib import clock
from app.lib.ids import uuid7
from app.models import AttributeLabel, Connector, Contact, Event, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH, created, make_template, onboarding

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
        ("contact.frist_name", "No contact has `frist_name`. Did you mean `first_name`?"),
        ("contact.attributes.plann", "No contact has `plann`. Did you mean `plan`?"),
        ("contact.emial", "Did you mean `email`?"),
        ("contact.zzz", "No contact has `zzz`."),
        ("event.totl", "No recent event `cart.left` has `totl`. Did you mean `total`?"),
        ("attributes.compny", "Neither contacts nor recent events have `compny`. Did you mean `company`?"),
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
        ("vars.anything", None),
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
        "trigger.conditions[0].conditions[0].field": "Did you mean `total`?",
        "nodes[0].data.set.greeting": "Did you mean `first_name`?",
        "nodes[1].data.tag": "Did you mean `plan`?",
        "nodes[2].data.tag": "Did you mean `plan`?",
        "goals[0].conditions[0].field": "Did you mean `items`?",
        "settings.entryKey": "Did you mean `total`?",
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
async def test_a_warning_blocks_nothing_and_the_contracts_example_is_told_that_opens_are_not_reported(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    admin = await api(Role.ADMIN)
    made = await created(admin, onboarding(await make_template(db_session, workspace)))
    told = {issue["path"]: issue for issue in made["issues"]}
    opened = told["nodes[2].data.conditions[0].field"]
    assert opened["severity"] == "warning" and "Nothing reports opens yet" in opened["message"]
    assert opened["nodeId"] == "node-3"
    assert (await admin.post(f"{PATH}/{made['id']}/activate")).status_code == 200


@pytest.mark.usefixtures("data")
async def test_templates_say_it_in_their_preview(marketer: httpx.AsyncClient, browser: BrowserClients) -> None:
    body = {
        "name": "Hello",
        "subject": "Hi {{ contact.frist_name }}",
        "html": "<p>{{ contact.attributes.plan }} {{ event.totl | default: 'x' }} {% for i in event.items %}{{ i.sku }}{% endfor %}</p>",
        "text": "{{ first_name }} {{ event.given }} {{ unsubscribe_url }}",
    }
    template = (await marketer.post(TEMPLATES, json=body)).json()["data"]
    answer = await marketer.post(f"{TEMPLATES}/{template['id']}/preview", json={"event": {"given": 1}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["warnings"] == [
        {"path": "subject", "message": "No contact has `frist_name`. Did you mean `first_name`?"},
        {"path": "html", "message": "No recent event has `totl`. Did you mean `total`?"},
        {"path": "text", "message": "A text does not find `first_name` by itself. Did you mean `contact.first_name`?"},
    ]
    page = (await (await browser(Role.MARKETER)).get(f"/templates/{template['id']}")).text
    assert "No contact has frist_name. Did you mean first_name?" in page


def test_names_are_pure() -> None:
    known = KnownNames(frozenset({"plan"}), {"e": frozenset({"total"})})
    assert known.doubt(FieldRead("", ["contact"], of_template=True), "e") is None
    assert known.doubt(FieldRead("", ["forloop", "index"], of_template=True), "e") is None
    assert known.doubt(FieldRead("", ["event", "x"]), None) is None
    assert known.with_attributes(["x"]).doubt(FieldRead("", ["contact", "x"]), None) is None
    assert KnownNames().with_attributes(["x"]).attributes is None
    assert doubts(Flow(), known) == []
