"""Templates of a channel that has only text: written, seen and tried out on the same pages as mails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.schemas import NewConnector
from app.connectors.service import ConnectorService
from app.models import Template
from app.models.status import Role
from tests.messaging.pager import installed

TEXT = "Hi {{ contact.first_name }}, <3"
FORM = {"name": "Short", "channel": "pager", "subject": "", "html": "", "text": TEXT, "as": ""}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[Any]:
    with installed(tmp_path) as module:
        yield module


async def test_the_editor_has_the_parts_of_the_channel(browser: Any, pager: Any, db_session: AsyncSession) -> None:
    client = await browser(Role.MARKETER)
    mail, page = (await client.get("/templates/new")).text, (await client.get("/templates/new?channel=pager")).text
    assert (
        "/templates/new?channel=pager" in mail and 'name="subject"' in mail and 'aria-label="Part of the email"' in mail
    )
    assert '<textarea name="text"' in page and '<textarea name="html"' not in page and "Subject" not in page
    assert '<input type="hidden" name="channel" value="pager">' in page and "Pager and event" not in page
    assert (await client.get("/templates/new?channel=pigeon")).status_code == 404
    refused = await client.post("/templates", data={**FORM, "text": ""})
    assert refused.status_code == 422 and "Write the text." in refused.text
    saved = await client.post("/templates", data=FORM)
    assert saved.status_code == 303
    row = (await db_session.scalars(select(Template))).one()
    assert (row.channel, row.subject, row.html, row.text) == ("pager", "", "", TEXT)
    shown = (await client.get(saved.headers["location"])).text
    assert '<textarea name="html"' not in shown and "other is" not in shown and "/templates/new?channel=" not in shown
    assert (await client.post(saved.headers["location"], data={**FORM, "text": "Bye"})).status_code == 303
    await db_session.refresh(row)
    assert (row.channel, row.text) == ("pager", "Bye")
    assert "Bye" in (await client.get("/templates")).text, "its first words stand where mails have their subject"


async def test_the_preview_is_the_text_and_asks_for_the_channels_own_consent(
    browser: Any, api: Any, pager: Any
) -> None:
    client, program = await browser(Role.MARKETER), await api(Role.ADMIN)
    person = {
        "phone": "+4930555000",
        "externalId": "zoe",
        "attributes": {"first_name": "Zoé"},
        "consent": {"pager": False},
    }
    assert (await program.post("/api/v1/contacts", json=person)).status_code == 201
    frame = await client.post("/templates/preview/frame", data={**FORM, "as": "zoe"})
    assert "Hi Zoé, &lt;3" in frame.text and "pre-wrap" in frame.text
    panel = await client.post("/templates/preview", data={**FORM, "as": "zoe"}, headers=HTMX)
    assert "The contact withdrew consent for pages. This contact would not get the page." in panel.text
    made = await program.post("/api/v1/templates", json={"name": "Short", "channel": "pager", "text": TEXT})
    seen = await program.post(f"/api/v1/templates/{made.json()['data']['id']}/preview", json={})
    assert (seen.json()["data"]["text"], seen.json()["data"]["html"]) == ("Hi Ada, <3", "")


async def test_a_test_goes_out_by_the_channel(
    browser: Any, pager: Any, db_session: AsyncSession, principal: Any
) -> None:
    client = await browser(Role.MARKETER)
    none_yet = await client.post("/templates/test", data={**FORM, "to": "+4930555000"}, headers=HTMX)
    assert "There is no connector for pages yet" in none_yet.headers["hx-trigger"]
    await ConnectorService(db_session, principal).create(
        NewConnector(name="Pager", type="pager", config={"token": "s3cret"})
    )
    sent = await client.post("/templates/test", data={**FORM, "to": "+4930555000"}, headers=HTMX)
    assert "Sent to +4930555000." in sent.headers["hx-trigger"]
    assert [(page.recipient, page.text) for _, page in pager.TAKEN] == [("+4930555000", "Hi Ada, <3")]
