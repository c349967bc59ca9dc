"""What the field tree shows: the sample's value of each field, and which fields everybody has."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder.field_catalog import LEAST_SEEN
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, Event, Workflow, Workspace
from app.models.status import Role
from tests.builder.test_pages import service as service
from tests.builder.test_pages import workflow as workflow
from tests.fixtures.people import BrowserClients


@pytest.fixture
async def two(db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> None:
    now = clock.now()
    for owner, email, attributes, properties in (
        (workspace, "bo@example.com", {"plan": "pro", "city": " "}, {"total": 3}),
        (workspace, "ada@example.com", {"plan": "free", "bio": "a\n" * 100}, {"total": 4, "coupon": "X"}),
        (other_workspace, "eve@example.com", {"secret": "s"}, {}),
    ):
        contact = Contact(
            id=uuid7(), tenant_id=owner.id, email=email, attributes=attributes, tags=["a", "b"], created_at=now
        )
        db_session.add(contact)
        db_session.add(
            Event(
                tenant_id=owner.id, id=uuid7(), contact_id=contact.id, name="trial_started", properties=properties,
                occurred_at=now, received_at=now,
            )
        )  # fmt: skip
        await db_session.flush()


@pytest.mark.usefixtures("two")
async def test_each_field_has_the_samples_value(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.VIEWER)
    answer = (await client.get(f"/workflows/{workflow.id}/nodes/mark/sample-values")).json()
    values = answer["values"]
    assert answer["event"] == "trial_started" and values["contact.email"] in ("bo@example.com", "ada@example.com")
    assert values["contact.tags"] == "a, b" and values["contact.attributes.plan"] in ("pro", "free")
    assert values["contact.created_at"].endswith("UTC"), "as people read a moment, and not as it is stored"
    assert values["event.total"] in ("3", "4") and "contact.phone" not in values and "secret" not in str(values)
    assert all(len(text) <= 81 and "\n" not in text for text in values.values())


@pytest.fixture
async def many(db_session: AsyncSession, workspace: Workspace, two: None) -> None:
    """With the two, as many as say something of the next one."""
    now = clock.now()
    for number in range(LEAST_SEEN - 2):
        contact = Contact(
            id=uuid7(),
            tenant_id=workspace.id,
            email=f"c{number}@example.com",
            attributes={"plan": "pro"},
            created_at=now,
        )
        event = Event(
            tenant_id=workspace.id, id=uuid7(), contact_id=contact.id, name="trial_started", properties={"total": number},
            occurred_at=now, received_at=now,
        )  # fmt: skip
        db_session.add(contact)
        await db_session.flush()
        db_session.add(event)
    await db_session.flush()


async def _offered(client: httpx.AsyncClient, workflow: Workflow) -> tuple[set[str], set[str]]:
    """Fields that the builder offers, and those of them that everybody has."""
    page = (await client.get(f"/workflows/{workflow.id}")).text
    options = dict(re.findall(r'<option value="((?:contact|event)\.[^"]+)"([^>]*)>', page))
    return set(options), {path for path, rest in options.items() if "data-everywhere" in rest}


@pytest.mark.usefixtures("many")
async def test_a_field_that_everybody_has_needs_no_fallback(browser: BrowserClients, workflow: Workflow) -> None:
    offered, everywhere = await _offered(await browser(Role.VIEWER), workflow)
    assert {"contact.email", "contact.created_at", "contact.attributes.plan", "event.total"} <= everywhere
    others = {"contact.phone", "contact.attributes.city", "contact.attributes.bio", "event.coupon"}
    assert others <= offered - everywhere


@pytest.mark.usefixtures("two")
async def test_two_contacts_are_not_everybody(browser: BrowserClients, workflow: Workflow) -> None:
    offered, everywhere = await _offered(await browser(Role.VIEWER), workflow)
    assert {"contact.email", "contact.attributes.plan", "event.total"} <= offered and everywhere == {"contact.id"}


async def test_nobody_has_nothing(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.VIEWER)
    answer = (await client.get(f"/workflows/{workflow.id}/nodes/mark/sample-values")).json()
    assert answer["who"] == "" and not any(path.startswith(("contact.", "event.")) for path in answer["values"])
