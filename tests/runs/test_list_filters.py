"""The filters of the pages of runs: they narrow as the API does, stand in the address, go with the pages and tabs, and can be taken off."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models import Workspace
from app.models.status import Role, RunStatus
from app.runs import list_pages as pages
from tests.fixtures.people import ApiClients, BrowserClients
from tests.runs.rows import live_flow, make_contact, make_run


@pytest.fixture
async def flow(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> str:
    """A workflow in which Ada waits, Bo is at the question, and three runs are of nobody: two done, one failed."""
    flow = await live_flow(await api(Role.ADMIN))
    for name, status, node in (("ada", RunStatus.WAITING, "wait"), ("bo", RunStatus.RUNNING, "ask")):
        contact = await make_contact(db_session, workspace, email=f"{name}@example.com")
        await make_run(db_session, workspace, flow, status, clock.now(), contact_id=contact.id, current_node_id=node)
    for status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.COMPLETED):
        run = await make_run(db_session, workspace, flow, status, clock.now())
        run.contact_id = None
    await db_session.flush()
    return flow


def shown(text: str) -> list[str]:
    return re.findall(r'id="run-([0-9a-f-]+)"', text)


def link(text: str, words: str) -> str:
    """Where the link goes that contains `words`."""
    for address, inside in re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', text, re.DOTALL):
        if words in " ".join(re.sub(r"<[^>]+>", " ", inside).split()):
            return html.unescape(address)
    raise AssertionError(f"no link says “{words}”")


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


async def ids_by_api(api: httpx.AsyncClient, **params: str) -> list[str]:
    return [row["id"] for row in (await api.get("/api/v1/runs", params=params)).json()["data"]]


async def test_runs_without_a_contact_are_those_of_the_api(browser: BrowserClients, api: ApiClients, flow: str) -> None:
    client, program = await browser(Role.VIEWER), await api(Role.VIEWER)
    for path in ("/runs", f"/workflows/{flow}/runs"):
        offered = link((await client.get(path)).text, "Without a contact")
        assert offered == f"{path}?withoutContact=true"
        text = (await client.get(offered)).text
        assert shown(text) == await ids_by_api(program, withoutContact="true") and len(shown(text)) == 3
        assert link(text, "Without a contact Remove this filter") == path
        failed = link(text, "Failed")
        assert query(failed) == {"status": "failed", "withoutContact": "true"}
        assert shown((await client.get(failed)).text) == await ids_by_api(
            program, withoutContact="true", status="failed"
        )
    refused = "/runs?withoutContact=perhaps"
    assert (await client.get(refused)).status_code == (await program.get(f"/api/v1{refused}")).status_code


async def test_paging_keeps_the_filter(browser: BrowserClients, flow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    client = await browser(Role.VIEWER)
    first = (await client.get("/runs?withoutContact=true")).text
    more = link(first, "Show more")
    assert query(more)["withoutContact"] == "true"
    second = (await client.get(more)).text
    assert len(shown(first)) == 2 and len(shown(second)) == 1 and "Show more" not in second
    assert not set(shown(first)) & set(shown(second))
    assert "cursor" not in link(second, "Failed")


async def test_each_filter_is_taken_off_by_itself(browser: BrowserClients, api: ApiClients, flow: str) -> None:
    client, path = await browser(Role.VIEWER), f"/workflows/{flow}/runs"
    ada = (await (await api(Role.VIEWER)).get("/api/v1/runs?status=waiting")).json()["data"][0]["contactId"]
    text = (await client.get(f"{path}?contact={ada}&node=wait")).text
    assert f'name="contact" value="{ada}"' in text and 'data-name="ada@example.com"' in text
    assert query(link(text, "Stands at A day Remove")) == {"contact": ada}
    assert query(link(text, "Without a contact")) == {"withoutContact": "true", "node": "wait"}
    assert 'data-name="Deleted contact"' in (await client.get(f"{path}?contact={uuid4()}")).text
    assert (await client.get(f"{path}?contact=&version=")).status_code == 200, "controls that were emptied"
    both = (await client.get(f"{path}?contact={ada}&withoutContact=true")).text
    assert not shown(both) and link(both, "Show all") == path


async def test_an_empty_list_of_them_says_how_one_begins(browser: BrowserClients, flow: str) -> None:
    client = await browser(Role.MARKETER)
    text = (await client.get("/runs?withoutContact=true&status=cancelled")).text
    assert not shown(text) and "A run without a contact begins when" in text and link(text, "Show all") == "/runs"
    assert "A run without a contact begins when" not in (await client.get("/runs?status=cancelled")).text
