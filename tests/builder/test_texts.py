"""How the texts of a form come out, asked while somebody writes: for whom, of whose workspace, and in which words."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, Event, Workspace
from app.models.status import Role
from tests.builder.test_pages import service as service
from tests.builder.test_pages import workflow as workflow
from tests.fixtures.people import BrowserClients


@pytest.fixture
async def somebody(db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> None:
    for owner, email in ((workspace, "ada@example.com"), (other_workspace, "eve@example.com")):
        contact = Contact(id=uuid7(), tenant_id=owner.id, email=email, attributes={"first_name": "<Ada>"}, tags=[])
        db_session.add(contact)
        for name, total in (("trial_started", 3), ("other", 4)):
            now = clock.now()
            db_session.add(Event(tenant_id=owner.id, id=uuid7(), contact_id=contact.id, name=name, properties={"total": total},
                                 occurred_at=now, received_at=now))  # fmt: skip
    await db_session.flush()


@pytest.mark.usefixtures("somebody")
async def test_texts_are_filled_for_the_newest_contact_and_event(browser: BrowserClients, workflow: object) -> None:
    client = await browser(Role.MARKETER)
    form = {
        "tag": "{{ contact.first_name }}-{{ event.total | times: 2 }}",
        "key": "plain",
        "set": "{{ contact.nope | or_fail }}",
        "other": '{{ contact.city | default: "nowhere" }}',
        "broken": "{{ contact.x",
    }
    answer = await client.post(f"/workflows/{workflow.id}/texts", data=form)  # type: ignore[attr-defined]
    assert answer.status_code == 200
    page = answer.text
    assert "for &lt;Ada&gt; after trial_started" in page and "eve@" not in page
    assert "&lt;Ada&gt;-6" in page and "<Ada>" not in page and "plain" not in page
    assert "There is no value for contact.nope." in page and "contact.nope has no value" in page
    assert 'data-instead="contact.city"' in page and 'value="nowhere"' in page


async def test_without_placeholders_there_is_nothing_to_show(browser: BrowserClients, workflow: object) -> None:
    client = await browser(Role.VIEWER)
    answer = await client.post(f"/workflows/{workflow.id}/texts", data={"tag": "plain"})  # type: ignore[attr-defined]
    assert answer.status_code == 200 and "rendered" not in answer.text and "Nobody yet" in answer.text
    panel = await client.get(f"/workflows/{workflow.id}/nodes/mark/panel")  # type: ignore[attr-defined]
    assert f'hx-post="/workflows/{workflow.id}/texts"' in panel.text  # type: ignore[attr-defined]
