"""The home page's numbers: what runs, what is wrong, what is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.accounts.principal import Principal
from app.insights.service import InsightService
from app.lib.ids import uuid7
from app.models import Message, NodeStat, Workspace
from app.models.status import Channel, MessageStatus, Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.fixtures.runs import RunRecord, run_row
from tests.workflows.examples import PATH, created, tagging


def run_of(workspace: Workspace, workflow_id: str, status: RunStatus, clock: Clock, **fields: Any) -> RunRecord:
    """A run row as the engine writes one."""
    return run_row(
        id=uuid7(),
        contact_id=uuid7(),
        tenant_id=workspace.id,
        workflow_id=UUID(workflow_id),
        workflow_version=1,
        started_at=clock.at - timedelta(days=1),
        status=status,
        seq=1,
        **fields,
    )


async def test_what_runs_what_is_wrong_what_is_due(
    api: ApiClients,
    principal: Principal,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    clock: Clock,
    connection: AsyncConnection,
) -> None:
    await clock.store(db_session)
    admin = await api(Role.ADMIN)
    active = await created(admin, tagging(name="Cart"))
    await admin.post(f"{PATH}/{active['id']}/activate")
    await created(admin)
    soon, later = clock.at + timedelta(minutes=20), clock.at + timedelta(hours=2)
    rows: list[Any] = [
        run_of(workspace, active["id"], RunStatus.WAITING, clock, resume_at=soon, current_node_id="wait"),
        run_of(workspace, active["id"], RunStatus.WAITING, clock, resume_at=soon + timedelta(minutes=5)),
        run_of(workspace, active["id"], RunStatus.WAITING, clock, resume_at=later),
        run_of(other_workspace, active["id"], RunStatus.WAITING, clock, resume_at=soon),
        run_of(
            workspace,
            active["id"],
            RunStatus.FAILED,
            clock,
            current_node_id="mail",
            error_message="No address.",
            completed_at=clock.at,
        ),
        run_of(other_workspace, active["id"], RunStatus.FAILED, clock, error_message="Theirs."),
    ]
    for key, number in (
        ("entered", 9), ("completed", 4), ("failed", 1), ("goal_reached", 1), ("message.sent", 3), ("message.queued", 1),
    ):  # fmt: skip
        rows.append(
            NodeStat(
                tenant_id=workspace.id,
                workflow_id=UUID(active["id"]),
                version=1,
                node_id="mail" if key.startswith("message.") else "",
                key=key,
                shard=0,
                n=number,
            )
        )
    for home in (workspace, other_workspace):
        rows.append(
            Message(
                run_id=uuid7(),
                seq=1,
                tenant_id=home.id,
                workflow_id=UUID(active["id"]),
                contact_id=uuid7(),
                channel=Channel.EMAIL,
                status=MessageStatus.QUEUED,
                due_at=clock.at,
                created_at=clock.at,
            )
        )
    db_session.add_all(rows)
    await db_session.flush()
    sent: list[str] = []
    event.listen(connection.sync_connection, "before_cursor_execute", lambda *args: sent.append(args[2]))
    seen = await InsightService(db_session, principal).overview()
    assert (seen.active_workflows, seen.draft_workflows, seen.paused_workflows) == (1, 1, 0)
    assert (seen.entered, seen.in_flow, seen.goal_reached) == (9, 3, 1)
    assert (seen.messages.queued, seen.messages.sent, seen.messages.total) == (1, 3, 4)
    (trouble,) = seen.troubles
    assert (trouble.kind, trouble.workflow_name, trouble.node_id) == ("failing", "Cart", "mail")
    assert (trouble.error_message, trouble.count) == ("No address.", 1)
    (due,) = seen.due
    assert (due.count, due.next_hour) == (3, 2) and due.first_at == soon and due.workflow_name == "Cart"
    assert seen.due_by_hour == [2, 1, *[0] * 22] and seen.due_count == 3
    assert seen.pulses[UUID(active["id"])].in_flow == 3
    # The 29th reads what the scheduler saw standing still, the 30th endpoints at which nothing arrives, the 31st polls that fail, the 32nd
    # what was counted at the hours of five days: few rows by the workspace's key; the 33rd hosts that are away.
    assert len([sql for sql in sent if "current_setting" not in sql and "set local role" not in sql]) <= 33, sent


async def test_an_empty_workspace(db_session: AsyncSession, principal: Principal) -> None:
    seen = await InsightService(db_session, principal).overview()
    assert seen.troubles == [] and seen.setup.done == 0 and seen.due == [] and seen.pulses == {} and seen.in_flow == 0
