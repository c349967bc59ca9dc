"""The list of messages: who sees which, by which filters."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models import Message, Workflow, WorkflowVersion, Workspace
from app.models.status import MessageStatus, Role

HTMX = {"hx-request": "true"}


async def add_message(session: AsyncSession, workspace: Workspace, **change: Any) -> Message:
    values = {
        "run_id": uuid7(), "seq": 2, "tenant_id": workspace.id, "workflow_id": uuid7(), "contact_id": uuid7(), "channel": 1,
        "status": int(MessageStatus.SENT), "recipient": "zoe@example.com", "subject": "Hi there", "created_at": clock.now(),
    }  # fmt: skip
    message = Message(**{**values, **change})
    session.add(message)
    await session.flush()
    return message


async def published(session: AsyncSession, workspace: Workspace, names: list[str]) -> UUID:
    """A workflow with two versions: emails of these names, `s1` and so on, and a wait."""
    emails = [{"id": f"s{at}", "type": "send_email", "name": name, "data": {}} for at, name in enumerate(names, 1)]
    graph = {
        "trigger": {"type": "manual"},
        "nodes": [*emails, {"id": "wait", "type": "delay", "name": "A day", "data": {}}],
        "edges": [],
    }
    flow = Workflow(id=uuid7(), tenant_id=workspace.id, name="Flow", draft=graph, live_version=2)
    session.add(flow)
    await session.flush()
    for version in (1, 2):
        session.add(
            WorkflowVersion(
                tenant_id=workspace.id, workflow_id=flow.id, version=version, graph=graph, content_hash=b"-"
            )
        )
    await session.flush()
    return flow.id


async def test_ledger(browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> None:
    message = await add_message(db_session, workspace)
    failed = await add_message(
        db_session, workspace, status=int(MessageStatus.FAILED), error_message="The template was deleted.", subject=None
    )
    await add_message(db_session, other_workspace, subject="Secret")
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/messages")).text
    assert "Hi there" in page and "The template was deleted." in page and "Secret" not in page
    part = (await viewer.get("/messages", params={"status": "failed"}, headers=HTMX)).text
    assert "The template was deleted." in part and "Hi there" not in part and "<html" not in part
    one = (await viewer.get("/messages", params={"contact": str(message.contact_id)})).text
    assert 'data-name="Deleted contact"' in one and "Hi there" in one and "The template was deleted." not in one
    for name in ("status", "workflow", "contact", "version"):
        assert (await viewer.get("/messages", params={name: "x"})).status_code == 422
    assert "Nothing like that" in (await viewer.get("/messages", params={"workflow": str(uuid4())})).text
    assert "Hi there" in (await viewer.get(f"/messages/{message.run_id}-2")).text
    assert "The template was deleted." in (await viewer.get(f"/messages/{failed.run_id}-2")).text
    stranger = await browser(Role.OWNER, other_workspace)
    assert (await stranger.get(f"/messages/{message.run_id}-2")).status_code == 404
    assert (await viewer.get("/messages/nonsense")).status_code == 404


async def test_the_messages_of_one_workflow_are_narrowed_to_a_step_and_a_version(
    browser: Any, api: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    flow = await published(db_session, workspace, ["Hello", "Goodbye"])
    for version, node, subject in ((1, "s1", "One"), (2, "s1", "Two"), (2, "s2", "Three"), (2, "gone", "Four")):
        await add_message(
            db_session, workspace, workflow_id=flow, workflow_version=version, node_id=node, subject=subject
        )
    viewer, path = await browser(Role.VIEWER), f"/messages?workflow={flow}"

    async def subjects(query: str) -> set[str]:
        text = (await viewer.get(f"{path}&{query}")).text
        return {word for word in ("One", "Two", "Three", "Four") if f">{word}<" in text}

    assert await subjects("") == {"One", "Two", "Three", "Four"}
    assert await subjects("node=s1") == {"One", "Two"}
    assert await subjects("version=2") == {"Two", "Three", "Four"}
    assert await subjects("node=s1&version=2") == {"Two"}
    assert await subjects("node=" + "x" * 200) == set()
    text = (await viewer.get(f"{path}&columns=to,subject,step")).text
    assert '<option value="s1">Hello</option>' in text and '<option value="s2">Goodbye</option>' in text
    assert '<option value="wait">' not in text, "it sends nothing"
    assert text.count(">Hello</td>") == 2 and text.count(">Goodbye</td>") == 1 and "gone" not in text
    rows = (await viewer.get(path, headers=HTMX)).text
    assert 'id="of-workflow" hx-swap-oob="true"' in rows, "another workflow has other steps"
    file = (await viewer.get(f"/messages/export?workflow={flow}&node=s1&version=1")).text
    assert "One" in file and "Two" not in file and "Three" not in file
    program = await api(Role.VIEWER)
    answer = (await program.get(f"/api/v1/messages?workflowId={flow}&nodeId=s1&version=2")).json()
    assert [one["subject"] for one in answer["data"]] == ["Two"]
