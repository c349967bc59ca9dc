"""Who changed a step last: written where a draft is stored, whoever stores it, and said at the foot of its panel."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StepChange, User
from app.models.status import Role
from tests.builder.test_pages import save, tagged
from tests.fixtures.people import ApiClients, BrowserClients

TRIGGER = {"type": "event", "event": "signed_up"}
NODES = [
    {"id": "pause", "type": "delay", "data": {"duration": 2, "unit": "hours"}},
    {"id": "mark", "type": "add_tag", "data": {"tag": "a"}},
]


async def created(client: httpx.AsyncClient) -> str:
    body = {
        "name": "Onboarding",
        "trigger": TRIGGER,
        "nodes": NODES,
        "edges": [{"source": "trigger", "target": "pause"}],
    }
    answer = await client.post("/api/v1/workflows", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


class Named:
    """A workflow as `save` wants it."""

    def __init__(self, workflow_id: str) -> None:
        self.id = UUID(workflow_id)


async def foot(client: httpx.AsyncClient, workflow_id: str, step: str) -> str:
    """What the foot of the panel says, without the time."""
    panel = (await client.get(f"/workflows/{workflow_id}/nodes/{step}/panel")).text
    whole = re.search(rf'id="changed-{step}">(.*?)</p>', panel, re.DOTALL)
    assert whole, panel
    assert not whole[1] or "<time" in whole[1]
    words = re.sub(r"<time.*?</time>|<.*?>", "", whole[1])
    return " ".join(words.split()).strip(" ,")


async def users_by_step(session: AsyncSession, workflow_id: str) -> dict[str, Any]:
    rows = await session.execute(select(StepChange).where(StepChange.workflow_id == UUID(workflow_id)))
    return {row.step_id: row.user_id for row in rows.scalars()}


async def test_what_a_key_made_and_what_a_person_changed(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession
) -> None:
    workflow_id = await created(await api(Role.MARKETER))
    ada, rosa = await browser(Role.MARKETER), await browser(Role.ADMIN)
    assert "Changed by the key test marketer" in await foot(ada, workflow_id, "mark")
    stored = await save(ada, Named(workflow_id), 1, tagged("b"))  # type: ignore[arg-type]
    assert re.search(r'hx-target="#changed-mark"[^>]*>Changed by you, <time', stored.text), stored.text
    assert "changed-pause" not in stored.text
    assert (await foot(ada, workflow_id, "mark")).startswith("Changed by you")
    assert re.match(r"Changed by Marketer \w+", await foot(rosa, workflow_id, "mark"))
    assert "the key" in await foot(rosa, workflow_id, "pause")
    await db_session.execute(update(User).where(User.name.startswith("Marketer")).values(name="Ada Lovelace"))
    assert "Changed by Ada Lovelace" in await foot(rosa, workflow_id, "mark")
    viewer = await browser(Role.VIEWER)
    assert "Changed by Ada Lovelace" in await foot(viewer, workflow_id, "mark")


async def test_whoever_was_erased_is_nobody(api: ApiClients, browser: BrowserClients, db_session: AsyncSession) -> None:
    workflow_id = await created(await api(Role.MARKETER))
    await save(await browser(Role.MARKETER), Named(workflow_id), 1, tagged("b"))  # type: ignore[arg-type]
    await db_session.execute(delete(User).where(User.name.startswith("Marketer")))
    assert "somebody who has no account any more" in await foot(await browser(Role.ADMIN), workflow_id, "mark")


MOVE = {"kind": "move_node", "nodeId": "mark", "position": {"x": 8, "y": 8}}
REMOVE = {"kind": "remove_node", "nodeId": "mark"}
ADD = {
    "kind": "add_node",
    "node": {"id": "more", "type": "add_tag", "position": {"x": 0, "y": 0}, "data": {"tag": "x"}},
}


@pytest.mark.parametrize(
    ("op", "own", "known"),
    [
        (MOVE, set(), {"trigger", "pause", "mark"}),
        (REMOVE, set(), {"trigger", "pause"}),
        (ADD, {"more"}, {"trigger", "pause", "mark", "more"}),
    ],
    ids=["a move is no change", "a step that is removed takes it along", "a new step"],
)
async def test_an_edit_is_of_whoever_made_it(
    api: ApiClients,
    browser: BrowserClients,
    db_session: AsyncSession,
    op: dict[str, Any],
    own: set[str],
    known: set[str],
) -> None:
    workflow_id = await created(await api(Role.MARKETER))
    answer = await save(await browser(Role.MARKETER), Named(workflow_id), 1, op)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    authors = await users_by_step(db_session, workflow_id)
    assert set(authors) == known and {step for step, user in authors.items() if user} == own


async def test_a_program_that_replaces_the_draft_changes_what_differs(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession
) -> None:
    program, ada = await api(Role.MARKETER), await browser(Role.MARKETER)
    workflow_id = await created(program)
    await save(ada, Named(workflow_id), 1, tagged("b"))  # type: ignore[arg-type]
    before = (await program.get(f"/api/v1/workflows/{workflow_id}")).json()["data"]["nodes"]
    nodes = [node | {"data": {"duration": 3, "unit": "hours"}} if node["id"] == "pause" else node for node in before]
    assert (await program.patch(f"/api/v1/workflows/{workflow_id}", json={"nodes": nodes})).status_code == 200
    authors = await users_by_step(db_session, workflow_id)
    assert authors["mark"] is not None and authors["pause"] is None


async def test_a_copy_says_nothing_of_others(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession
) -> None:
    program = await api(Role.MARKETER)
    copy = (await program.post(f"/api/v1/workflows/{await created(program)}/duplicate")).json()["data"]["id"]
    assert await users_by_step(db_session, copy) == {}
    assert await foot(await browser(Role.MARKETER), copy, "mark") == ""
