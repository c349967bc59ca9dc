"""The setting `checkContact` of goals: what it is by itself, what older documents mean without it, and what is said about it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.diff import compare
from app.flow.document import Flow
from app.models import Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, op, patch_draft, tagging
from tests.workflows.test_preview import look, send

BOUGHT = [{"field": "attributes.has_purchased", "operator": "equals", "value": True}]


def goal(event: str = "contact.attribute_changed", rules: Any = BOUGHT, **more: Any) -> dict[str, Any]:
    return {"id": "g", "name": "Bought", "event": event, "conditions": rules, **more}


async def stored(client: httpx.AsyncClient, flow: dict[str, Any]) -> Any:
    """`checkContact` of the only goal, "absent" when it is not said."""
    answer = await client.get(f"{PATH}/{flow['id']}")
    (found,) = answer.json()["data"]["goals"]
    return found.get("checkContact", "absent")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (goal(), True),
        (goal("contact.updated"), True),
        (goal(rules=[]), True),
        (goal(checkContact=None), True),
        (goal(checkContact=False), False),
        (goal("purchase"), "absent"),
        (goal("purchase", checkContact=True), True),
        (goal("purchase", checkContact=False), False),
    ],
)
async def test_what_it_is_at_every_door(api: ApiClients, given: dict[str, Any], kept: Any) -> None:
    client = await api(Role.MARKETER)
    made = await created(client, tagging(goals=[given]))
    assert await stored(client, made) == kept
    patched = await created(client)
    answer = await client.patch(f"{PATH}/{patched['id']}", json={"goals": [given]})
    assert answer.is_success and await stored(client, patched) == kept
    drawn = await created(client)
    answer = await patch_draft(client, drawn["id"], 1, op("set_goals", goals=[given]))
    assert answer.is_success and await stored(client, drawn) == kept


@pytest.mark.parametrize("wrong", ["maybe", 7, []])
async def test_only_yes_and_no(api: ApiClients, wrong: Any) -> None:
    answer = await (await api(Role.MARKETER)).post(PATH, json=tagging(goals=[goal(checkContact=wrong)]))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "goals[0].checkContact")


async def test_documents_from_before_there_was_the_setting_stay_as_they_are(
    api: ApiClients, db_session: AsyncSession
) -> None:
    """Neither the live version nor the draft changes by itself, and reading and sending it back changes nothing either."""
    admin = await api(Role.ADMIN)
    flow = await created(admin, tagging(goals=[goal(checkContact=False)]))
    assert (await admin.post(f"{PATH}/{flow['id']}/activate")).is_success
    for table, column in (("workflows", "draft"), ("workflow_versions", "graph")):
        await db_session.execute(text(f"update {table} set {column} = {column} #- '{{goals,0,checkContact}}'"))
    await db_session.commit()
    db_session.expire_all()
    data = (await admin.get(f"{PATH}/{flow['id']}")).json()["data"]
    assert data["goals"][0]["checkContact"] is False and data["hasUnpublishedChanges"] is False
    answer = await admin.patch(f"{PATH}/{flow['id']}", json={"goals": data["goals"], "name": "New name"})
    assert answer.json()["data"]["goals"] == data["goals"]
    on = await admin.patch(f"{PATH}/{flow['id']}", json={"goals": [{**data["goals"][0], "checkContact": True}]})
    assert on.json()["data"]["hasUnpublishedChanges"] is True


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        (goal(), False),
        (goal(rules=[]), False),
        (goal(rules=[{"field": "event.changed", "operator": "contains", "value": "plan"}]), True),
        (goal(rules=[*BOUGHT, {"field": "event.via", "operator": "equals", "value": "api"}]), True),
        (goal(rules=[{"match": "any", "conditions": [{"field": "event.via", "operator": "exists"}]}]), True),
        (
            goal(rules=[{"field": "event.changed", "operator": "contains", "value": "plan"}], checkContact=False),
            False,
        ),
        (goal("purchase", [{"field": "event.total", "operator": "greater_than", "value": 5}]), False),
        (
            goal("purchase", [{"field": "event.total", "operator": "greater_than", "value": 5}], checkContact=True),
            True,
        ),
    ],
)
async def test_a_setting_that_can_do_nothing_is_told(api: ApiClients, given: dict[str, Any], warned: bool) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client, tagging(goals=[given]))
    issues = [issue for issue in flow["issues"] if issue["path"] == "goals[0].checkContact"]
    assert [issue["severity"] for issue in issues] == (["warning"] if warned else [])
    assert all("contact.plan" in issue["message"] for issue in issues)


def test_a_difference_is_told_in_words() -> None:
    before, after = (Flow.load({"goals": [goal(checkContact=on)]}) for on in (False, True))
    ((change,), (back,)) = compare(before, after), compare(after, before)
    assert [(d.label, d.before, d.after) for d in change.details] == [("checked on the contact too", "", "yes")]
    assert [(d.before, d.after) for d in back.details] == [("yes", "")]


async def test_who_has_reached_the_goal_is_not_promised_by_the_activation(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    rules = [{"field": "tags", "operator": "contains", "value": "buyer"}]
    flow = await created(await api(Role.MARKETER), tagging(goals=[goal(rules=rules)]))
    for tags in (["buyer"], ["buyer", "vip"], ["vip"]):
        await send(db_session, workspace, "contact.created", clock.at, tags=tags)
    seen = await look(api, flow["id"])
    assert (seen["sent30Days"], seen["contacts30Days"]) == (3, 1)
