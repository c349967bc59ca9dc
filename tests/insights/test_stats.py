"""GET /api/v1/workflows/{id}/stats: numbers from roll-ups."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.models import NodeStat, WorkflowVersion, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, field_errors


async def count(session: AsyncSession, workspace: Workspace, workflow_id: str, *rows: tuple[Any, ...]) -> None:
    """Counters as the engine rolls them up: (version, node, key, shard, number)."""
    session.add_all(
        NodeStat(
            tenant_id=workspace.id,
            workflow_id=UUID(workflow_id),
            version=version,
            node_id=node_id,
            key=key,
            shard=shard,
            n=number,
        )
        for version, node_id, key, shard, number in rows
    )
    await session.flush()


NOTHING_REPORTED = dict.fromkeys(
    ("delivered", "opened", "clicked", "replied", "bounced", "failed", "complained", "unsubscribed"), 0
)


async def stats(api: ApiClients, workflow_id: str, **params: Any) -> dict[str, Any]:
    answer = await (await api(Role.VIEWER)).get(f"{PATH}/{workflow_id}/stats", params=params)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_a_workflow_nobody_entered_has_zeros(api: ApiClients) -> None:
    flow = await created(await api(Role.MARKETER))
    assert await stats(api, flow["id"]) == {
        "workflowId": flow["id"],
        "version": None,
        "totalRuns": 0,
        "runningRuns": 0,
        "completedRuns": 0,
        "failedRuns": 0,
        "goalReachedRuns": 0,
        "exitedRuns": 0,
        "cancelledRuns": 0,
        "conversionRate": 0.0,
        "avgDuration": 0,
        "messages": {
            "queued": 0,
            "sent": 0,
            "failed": 0,
            "uncertain": 0,
            "suppressed": 0,
            "suppressedBy": {},
            "reports": NOTHING_REPORTED,
            "rates": None,
        },
        "nodeStats": {},
    }


async def test_shards_and_versions_are_summed(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    flow = await created(await api(Role.MARKETER))
    await count(
        db_session,
        workspace,
        flow["id"],
        (1, "", "entered", 0, 100),
        (1, "", "entered", 1, 50),
        (1, "", "completed", 0, 90),
        (1, "", "failed", 0, 6),
        (1, "", "goal_reached", 1, 24),
        (1, "", "seconds", 0, 240_000),
        (2, "", "entered", 0, 10),
        (2, "", "cancelled", 0, 1),
        (2, "", "exited", 0, 2),
        (1, "mail", "next", 0, 140),
        (1, "mail", "next", 3, 4),
        (1, "mail", "failed", 0, 6),
        (1, "mail", "error", 0, 2),
        (1, "wait", "waiting", 0, 40),
        (1, "wait", "waiting", 1, -13),
        (1, "wait", "next", 0, 100),
        (1, "wait", "goal", 0, 3),
        (1, "ask", "true", 0, 60),
        (1, "ask", "false", 0, 40),
        (2, "mail", "next", 0, 10),
        (2, "done", "waiting", 0, 1),
        (2, "done", "waiting", 1, -1),
    )
    seen = await stats(api, flow["id"])
    assert (seen["totalRuns"], seen["completedRuns"], seen["failedRuns"]) == (160, 90, 6)
    assert (seen["goalReachedRuns"], seen["cancelledRuns"], seen["exitedRuns"]) == (24, 1, 2)
    assert seen["runningRuns"] == 160 - 90 - 6 - 24 - 1 - 2
    assert seen["conversionRate"] == round(100 * 24 / 123, 2)
    assert seen["avgDuration"] == round(240_000 / 123)
    nodes = seen["nodeStats"]
    assert set(nodes) == {"mail", "wait", "ask"}
    assert nodes["mail"]["failed"] == 6 + 2 and nodes["mail"]["ports"] == {"next": 154, "error": 2}
    assert nodes["wait"]["waiting"] == 27 and nodes["wait"]["succeeded"] == 100 and nodes["wait"]["executed"] == 103
    assert nodes["ask"] == {
        "executed": 100,
        "succeeded": 100,
        "failed": 0,
        "waiting": 0,
        "leftEarly": 0,
        "ports": {"true": 60, "false": 40},
        "messages": None,
        "variants": None,
    }
    db_session.add(
        WorkflowVersion(
            tenant_id=workspace.id, workflow_id=UUID(flow["id"]), version=2, graph=Flow().document(), content_hash=b""
        )
    )
    await db_session.flush()
    second = await stats(api, flow["id"], version=2)
    assert second["version"] == 2 and second["totalRuns"] == 10 and second["runningRuns"] == 7
    assert second["nodeStats"]["mail"]["ports"] == {"next": 10}


# Counters of a sending step, what they mean together: (executed, succeeded, failed, left early).
SENDING = {
    "went on when queued, failed later": (
        {"next": 10, "message.sent": 6, "message.failed": 2, "message.queued": 1, "message.suppressed.no_consent": 1},
        (10, 6, 2, 0),
    ),
    "waited, left by error": (
        {"next": 6, "error": 3, "message.sent": 5, "message.failed.awaited": 3, "message.suppressed.unsubscribed": 1},
        (9, 5, 3, 0),
    ),
    "waited, nothing wired": ({"next": 4, "failed": 2, "message.sent": 4, "message.failed.awaited": 2}, (6, 4, 2, 0)),
    "uncertain until the limit": ({"error": 1, "waiting": 1, "message.uncertain": 2}, (1, 0, 1, 0)),
    "ended by a goal while it waited": (
        {"next": 1, "goal": 2, "message.sent": 1, "message.suppressed.goal_reached": 2},
        (3, 1, 0, 2),
    ),
    "not a message was asked for": ({"failed": 4, "error": 1}, (5, 0, 5, 0)),
}


@pytest.mark.parametrize("case", SENDING)
async def test_a_sending_step_succeeded_when_it_sent(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, case: str
) -> None:
    counters, (executed, succeeded, failed, early) = SENDING[case]
    flow = await created(await api(Role.MARKETER))
    await count(db_session, workspace, flow["id"], *((1, "mail", key, 0, n) for key, n in counters.items()))
    seen = await stats(api, flow["id"])
    node = seen["nodeStats"]["mail"]
    assert (node["executed"], node["succeeded"], node["failed"], node["leftEarly"]) == (
        executed,
        succeeded,
        failed,
        early,
    )
    wanted = dict.fromkeys(("queued", "sent", "failed", "uncertain", "suppressed"), 0)
    for key, n in counters.items():
        if key.startswith("message."):
            wanted[key.split(".")[1]] += n
    by = {key.split(".")[2]: n for key, n in counters.items() if key.startswith("message.suppressed.")}
    for answer in (node["messages"], seen["messages"]):
        assert answer is None or (answer.pop("reports"), answer.pop("rates") is None) == (
            NOTHING_REPORTED,
            not answer["sent"],
        )
    told = node["messages"] or dict.fromkeys(wanted, 0) | {"suppressedBy": {}}
    assert told == {**wanted, "suppressedBy": by} == seen["messages"]


async def test_an_error_port_that_was_taken_is_a_failure(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    flow = await created(await api(Role.MARKETER))
    await count(db_session, workspace, flow["id"], (1, "tag", "next", 0, 7), (1, "tag", "error", 0, 3))
    node = (await stats(api, flow["id"]))["nodeStats"]["tag"]
    assert (node["executed"], node["succeeded"], node["failed"], node["ports"]) == (10, 7, 3, {"next": 7, "error": 3})


@pytest.mark.parametrize("version", ["two", "1.5"])
async def test_a_version_is_a_number(api: ApiClients, version: str) -> None:
    flow = await created(await api(Role.MARKETER))
    answer = await (await api(Role.VIEWER)).get(f"{PATH}/{flow['id']}/stats", params={"version": version})
    assert answer.status_code == 422 and "version" in field_errors(answer)


async def test_not_yours(api: ApiClients, other_workspace: Workspace, db_session: AsyncSession) -> None:
    flow = await created(await api(Role.MARKETER))
    stranger = await api(Role.OWNER, other_workspace)
    for workflow_id in (flow["id"], str(uuid4())):
        answer = await stranger.get(f"{PATH}/{workflow_id}/stats")
        assert answer.status_code == 404 and answer.json()["code"] == "workflow_not_found"


async def test_counters_of_another_workspace_are_not_ours(
    api: ApiClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    flow = await created(await api(Role.MARKETER))
    await count(db_session, other_workspace, flow["id"], (1, "", "entered", 0, 9))
    assert (await stats(api, flow["id"]))["totalRuns"] == 0


async def test_contacts_by_variant_stand_beside_the_runs(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    flow = await created(await api(Role.MARKETER))
    rows = [
        (1, "ab", "a", 1, 30),
        (1, "ab", "b", 2, 31),
        (1, "ab", "variant.contacts.a", 1, 12),
        (2, "ab", "variant.contacts.a", 3, 8),
        (1, "ab", "variant.contacts.b", 1, 20),
        (1, "ab", "variant.converted.a", 1, 5),
    ]
    await count(db_session, workspace, flow["id"], *rows)
    node = (await stats(api, flow["id"]))["nodeStats"]["ab"]
    assert node["executed"] == 61 and node["ports"] == {"a": 30, "b": 31}
    assert {name: (one["contacts"], one["converted"]) for name, one in node["variants"].items()} == {
        "a": (20, 5),
        "b": (20, 0),
    }
    a, b = node["variants"]["a"], node["variants"]["b"]
    assert a["conversionRate"] == 25.0 and a["low"] < 25 < a["high"]
    assert b["low"] == 0 and a["chanceBest"] + b["chanceBest"] == pytest.approx(100)
