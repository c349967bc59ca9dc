"""The form of goals and rules, for goals that look at the contact too."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow.document import Flow
from app.models.status import Role
from app.workflows.service import WorkflowService
from tests.builder.test_pages import FLOW
from tests.builder.test_pages import service as service
from tests.fixtures.people import BrowserClients

PLAN = {"field": "contact.plan", "operator": "equals", "value": "gold"}


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        (PLAN, 'value="contact.plan"'),
        (
            {"match": "any", "conditions": [PLAN, {"field": "contact.city", "operator": "exists"}]},
            'value="contact.city"',
        ),
    ],
)
async def test_a_goal_shows_its_conditions(
    browser: BrowserClients, service: WorkflowService, condition: dict[str, Any], shown: str
) -> None:
    goals = [{"id": "won", "name": "Won", "event": "purchase", "conditions": [condition]}]
    workflow = await service.create(name="Goals", flow=Flow.load({**FLOW, "nodes": FLOW["nodes"][:2], "goals": goals}))
    answer = await (await browser(Role.MARKETER)).get(f"/workflows/{workflow.id}/panel")
    assert answer.status_code == 200 and shown in answer.text
