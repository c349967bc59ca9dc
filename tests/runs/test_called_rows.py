"""What steps of runs and tests are set to, where it names rows of the workspace: people read their names."""

from __future__ import annotations

import re
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.models import Segment, Workspace
from app.models.status import Role, RunStatus
from app.workflows.service import WorkflowService
from tests.fixtures.people import ApiClients, BrowserClients, make_user, principal_of
from tests.runs.test_pages import make_run


def rows_of(html: str, id_: str) -> list[str]:
    """What stands beside the labels of a segment. Its id stands in JSON alone, and in the title of what is gone."""
    assert f'<span class="js">"{id_}"</span>' in html
    return re.findall(r"segment(?:Id)?</dt>\s*<dd>(<span[^>]*>[^<]*)</span>", html, re.I)


async def test_a_segment_is_called_by_its_name_until_it_is_gone(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    made = await (await api(Role.ADMIN)).post("/api/v1/segments", json={"name": "Big spenders", "kind": "static"})
    segment = made.json()["data"]["id"]
    person = await make_user(db_session, workspace, Role.MARKETER)
    service = WorkflowService(db_session, principal_of(workspace, person, Role.MARKETER))
    node = {"id": "ask", "type": "add_to_segment", "data": {"segmentId": segment}}
    document = {
        "trigger": {"type": "event", "event": "paid"},
        "nodes": [node],
        "edges": [{"source": "trigger", "target": "ask"}],
    }
    workflow = await service.create(name="Put in", flow=Flow.load(document))
    await service.activate(workflow.id)
    run = await make_run(db_session, workflow, RunStatus.COMPLETED)
    client = await browser(Role.MARKETER)
    pages = f"/runs/{run.id}", f"/workflows/{workflow.id}/people/{run.id}"
    for url in pages:
        assert rows_of((await client.get(url)).text, segment) == ['<span dir="auto">Big spenders']
    tested = (await client.post(f"/workflows/{workflow.id}/test")).text
    assert '<span dir="auto">Big spenders' in rows_of(tested, segment), "also in what a step put out"
    await db_session.delete(await db_session.get_one(Segment, (workspace.id, UUID(segment))))
    await db_session.flush()
    for url in pages:
        assert rows_of((await client.get(url)).text, segment) == [
            f'<span title="{segment}" dir="auto">a segment that is gone'
        ]
