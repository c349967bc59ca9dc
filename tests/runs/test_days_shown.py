"""The page of a run: a time below the heading of another day says its own day."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib import clock
from app.models import StepAttempt
from app.models.status import Role, RunStatus
from tests.fixtures.people import BrowserClients
from tests.runs.test_pages import make_run, make_workflow

HEADING = re.compile(r'<li class="dayh">(.*?)</li>')


async def test_the_end_of_a_run_stands_below_its_own_day(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    workflow = await make_workflow(db_session, principals[Role.OWNER])
    ended = clock.now() + timedelta(days=21)
    run = await make_run(db_session, workflow, RunStatus.CANCELLED, completed_at=ended)
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    days = [one.partition(" · ")[0] for one in HEADING.findall(text)]
    assert len(days) == 2 and "Nothing was sent after this." in text.partition(days[-1])[2], days


async def test_a_try_of_another_day_says_its_day(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    workflow = await make_workflow(db_session, principals[Role.OWNER])
    now = clock.now()
    run = await make_run(
        db_session, workflow, RunStatus.RUNNING, current_node_id="pause", resume_at=now + timedelta(days=9), attempt=3,
        error_message="421 later.", step_started_at=now,
    )  # fmt: skip
    tries = {1: now - timedelta(days=7), 2: now}
    db_session.add_all(
        StepAttempt(tenant_id=run.tenant_id, run_id=run.id, seq=2, attempt=number, error_message="421 later.", at=at)
        for number, at in tries.items()
    )
    await db_session.flush()
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    table = text.partition('<table class="att">')[2].partition("</table>")[0]
    first, second, planned = (" ".join(re.sub("<[^>]*>", " ", row).split()) for row in table.split("</tr>")[:3])
    assert f"{tries[1]:%b} {tries[1].day}" in first, first
    assert f"{now:%b} {now.day}" not in second, second
    assert f"{now + timedelta(days=9):%b} " in planned and "planned" in planned
