"""Whether the sample of a workflow meets the conditions of a form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, Event, Workflow, Workspace
from app.models.status import Role
from tests.builder.test_pages import service as service
from tests.builder.test_pages import workflow as workflow
from tests.fixtures.people import BrowserClients


async def asked(browser: BrowserClients, workflow: Workflow, *conditions: Any, **rule: Any) -> dict[str, Any]:
    client = await browser(Role.MARKETER)
    body = {"rule": json.dumps({"conditions": conditions, **rule})}
    answer = await client.post(f"/workflows/{workflow.id}/sample-matches", data=body)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()
    return data


def rule(field: str, value: Any = "pro", operator: str = "equals") -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> Contact:
    for owner in (other_workspace, workspace):
        contact = Contact(
            id=uuid7(), tenant_id=owner.id, email="ada@example.com", created_at=clock.now(),
            attributes={"first_name": "Ada", "plan": "pro" if owner is workspace else "free", "size": "many"},
        )  # fmt: skip
        db_session.add(contact)
        await db_session.flush()
    return contact


async def happened(session: AsyncSession, contact: Contact, **properties: Any) -> None:
    session.add(
        Event(
            tenant_id=contact.tenant_id, id=uuid7(), contact_id=contact.id, name="trial_started", properties=properties,
            occurred_at=clock.now(), received_at=clock.now(),
        )
    )  # fmt: skip
    await session.flush()


async def test_the_sample_meets_conditions_or_not(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession, ada: Contact
) -> None:
    await happened(db_session, ada, total=30, plan="free")
    of_contact, of_event = rule("contact.attributes.plan"), rule("event.total", 20, "greater_than")
    assert await asked(browser, workflow, of_contact, of_event) == {"words": "Ada matches", "held": True}
    assert (await asked(browser, workflow, of_contact, of_event, match="none"))["held"] is False
    other = await asked(browser, workflow, rule("contact.plan", "free"))
    assert other == {"words": "Ada does not match", "held": False}
    bare = await asked(browser, workflow, rule("plan", "free"))
    assert bare["held"] is True, "a bare name is looked up in the event first"
    group = {"match": "any", "conditions": [rule("plan", "gold"), rule("event.total", 30)]}
    assert (await asked(browser, workflow, group))["held"] is True


async def test_what_cannot_be_compared_is_said(browser: BrowserClients, workflow: Workflow, ada: Contact) -> None:
    said = await asked(browser, workflow, rule("contact.size", 3, "greater_than"))
    assert said["held"] is None and said["words"].startswith("Ada: size is") and "many" in said["words"]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "condition",
    [
        rule("steps.mail.status"),
        rule("vars.x", 1),
        rule("consent.email", True),
        rule("contact.consent.email", True),
        rule("hasOpened", True),
        rule("event.total", 1),  # no event came in yet
        rule("segment", ["0197d6f0-0000-7000-8000-000000000001"], "is_in"),
        rule("contact.plan", "pro", "never_heard_of"),
        rule(""),
        {"conditions": 3},
        "text",
        None,
    ],
)
async def test_what_only_a_run_knows_or_is_no_rule_is_not_judged(
    browser: BrowserClients, workflow: Workflow, condition: Any
) -> None:
    assert await asked(browser, workflow, condition) == {"words": "", "held": None}


async def test_without_contacts_nothing_is_said(browser: BrowserClients, workflow: Workflow) -> None:
    assert await asked(browser, workflow, rule("contact.plan")) == {"words": "", "held": None}
    assert await asked(browser, workflow) == {"words": "", "held": None}
    client = await browser(Role.MARKETER)
    for text in ("", "[", "[" * 5_000, "3"):
        answer = await client.post(f"/workflows/{workflow.id}/sample-matches", data={"rule": text})
        assert answer.status_code == 200 and answer.json() == {"words": "", "held": None}
