"""What steps said in the log of a run, on its page."""

from __future__ import annotations

import re

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import RunLog, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.runs.rows import live_flow, make_run, make_step


async def test_the_log_of_a_step_stands_beside_it(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(await api(Role.ADMIN))
    run = await make_run(
        db_session, workspace, flow, RunStatus.COMPLETED, clock.at, seq=1, context={"logged": [2, 9, 1]}
    )
    await make_step(db_session, run, 1, "ask", clock.at, port="false")
    client = await browser(Role.VIEWER)
    assert "log-level" not in (await client.get(f"/runs/{run.id}")).text, "no filter where nothing was said"
    lines = [
        {"level": "error", "message": "<b>no stock</b>", "metadata": {"sku": "A1"}},
        {"level": "debug", "message": "asked"},
    ]
    db_session.add(
        RunLog(tenant_id=run.tenant_id, run_id=run.id, fence=0, part=0, seq=1, node_id="ask", at=clock.at, lines=lines)
    )
    await db_session.flush()
    page = (await client.get(f"/runs/{run.id}")).text
    assert "&lt;b&gt;no stock&lt;/b&gt;" in page and "<b>no stock" not in page
    assert re.search(r'<li data-level="error">.*?<code class="lx">[^<]*A1', page, re.S)
    assert 'name="log-level" value="warn"' in page and "1 error" in page and "1 more line" in page
