"""What comes next for a contact: the cards of those steps alone are rendered, however many runs of a version are under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow import step_cards
from app.lib import clock
from app.models import Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.people import ApiClients, BrowserClients
from tests.runs.rows import live_flow, make_contact, make_run


async def test_cards_are_rendered_once_a_version_for_the_steps_that_are_shown(
    api: ApiClients,
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow, ada = (
        await live_flow(await api(Role.ADMIN)),
        await make_contact(db_session, workspace, email="a@a.example"),
    )
    now = clock.now()
    for number in range(3):
        runs_until = {"resume_at": now + timedelta(days=number + 1), "current_node_id": "wait"}
        await make_run(db_session, workspace, workflow, RunStatus.WAITING, now, contact_id=ada.id, **runs_until)
    rendered, card = list[str](), step_cards.card

    def counting(node: dict[str, Any], *args: Any) -> dict[str, Any]:
        rendered.append(node["id"])
        return card(node, *args)

    monkeypatch.setattr(step_cards, "card", counting)
    page = (await (await browser(Role.VIEWER)).get(f"/contacts/{ada.id}")).text
    assert sorted(rendered) == ["tag", "wait"], "not the condition, the end, and all of it three times"
    assert page.count("A day") >= 3 and "back" in page
