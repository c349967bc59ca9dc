"""Events that may become the sample of a workflow: lists tell one from another, and read little of each."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Workspace
from app.models.status import Role
from app.test_runs.sample_repository import MOST_PROPERTIES, SampleRepository
from tests.fixtures.people import ApiClients, BrowserClients
from tests.test_runs.test_api import made

LARGE: dict[str, Any] = {
    "plan": "team",
    "note": "x" * 20_000,
    "cart": [{"sku": "y" * 5_000}],
    **{f"extra_{n}": n for n in range(40)},
}


def briefs(html: str) -> list[str]:
    """What each row of a list says of its event, as text."""
    rows = re.findall(r'class="who".*?</button>', html, re.S)
    briefs = [row.partition('class="brief"')[2].partition(">")[2] for row in rows]
    return [" ".join(re.sub("<[^>]*>", " ", brief).split()) for brief in briefs]


async def test_both_lists_show_what_each_event_brought(api: ApiClients, browser: BrowserClients) -> None:
    program = await api(Role.ADMIN)
    workflow, contact = await made(program)
    for properties in ({"plan": "pro", "order": {"total": 49}, "at": "2026-11-28T09:00:00Z"}, LARGE):
        event = {"name": "signed_up", "contactId": contact, "properties": properties}
        assert (await program.post("/api/v1/events", json=event)).is_success
    page, url = await browser(Role.MARKETER), f"/workflows/{workflow}/test"
    for answer in (await page.post(f"{url}/nodes/trigger"), await page.get(f"{url}/sample")):
        large, pro, plain = briefs(answer.text)
        assert "plan team" in large and f"and {len(LARGE) - 12} more" in large and len(large) < 1_000
        assert "order › total 49" in pro and "plan pro" in pro and "T09:00" not in pro
        assert plain == "plan pro"
    assert "x" * 101 not in (await page.post(f"{url}/nodes/trigger")).text.split('class="curl"')[0]


async def test_little_is_read_of_a_large_event(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    program = await api(Role.ADMIN)
    _, contact = await made(program)
    event = {"name": "signed_up", "contactId": contact, "properties": LARGE}
    assert (await program.post("/api/v1/events", json=event)).is_success
    newest, first = [
        one.event for one in await SampleRepository(db_session, workspace.id).received(["signed_up", "gone"], 5)
    ]
    assert len(newest.properties) == MOST_PROPERTIES and newest.more == len(LARGE) - MOST_PROPERTIES
    assert newest.properties["note"] == "x" * 100 and "cart" not in newest.properties, "lists come after what is short"
    assert (first.properties, first.more, first.contact_id) == ({"plan": "pro"}, 0, newest.contact_id)


async def test_a_new_event_moves_the_sample_until_somebody_is_chosen(api: ApiClients, browser: BrowserClients) -> None:
    program = await api(Role.ADMIN)
    workflow, contact = await made(program)
    page, url = await browser(Role.MARKETER), f"/workflows/{workflow}"

    async def seen() -> str:
        texts = (await page.get(f"{url}/sample-texts")).text
        return re.findall(r'id="sample-seen" name="seen" value="([^"]*)"', texts)[0]

    async def moved(shown: str) -> bool:
        answer = await page.get(f"{url}/sample-moves", params={"seen": shown})
        assert answer.status_code == 204
        return answer.headers.get("HX-Trigger") == "wf:sample"

    before = await seen()
    assert not await moved(before)
    panel = (await page.post(f"{url}/test/nodes/trigger")).text
    assert f'hx-get="{url}/sample-moves"' in panel and 'data-follow-every="5000"' in panel
    followed = re.findall(r'data-follow="([^"]*)"', panel)
    assert len(followed) == 2 and len(set(followed)) == 1, "one stream for both"
    event = {"name": "signed_up", "contactId": contact, "properties": {"plan": "team"}}
    assert (await program.post("/api/v1/events", json=event)).is_success
    assert await moved(before) and not await moved(await seen())
    await page.post(f"{url}/test/sample", data={"place": "bar", "contactId": contact, "eventId": before.split(".")[1]})
    assert await seen() == before
    assert "sample-moves" not in (await page.post(f"{url}/test/nodes/trigger")).text
