"""The page of held runs: what it shows, what its buttons do, and the move of one run from its own page."""

from __future__ import annotations

import re

import httpx
import pytest

from app.accounts.authentication import cookie_name
from app.lib import database
from app.models import Workspace
from app.models.status import Role
from app.web import csrf
from tests.fixtures.people import make_browser_session, make_user
from tests.fixtures.world import World
from tests.held_runs.conftest import hold
from tests.runs.test_cancel import run_ids


@pytest.fixture
async def marketer_at_work(committed_client: httpx.AsyncClient, world: World) -> httpx.AsyncClient:
    """A browser in which a marketer of the world's workspace is signed in."""
    async with database.transaction() as session:
        home = await session.get(Workspace, world.tenant)
        assert home is not None
        who = await make_user(session, home, Role.MARKETER)
        token, session_id = await make_browser_session(session, home, who)
    proof = csrf.token_of_session(session_id, world.tenant)
    committed_client.cookies.update({cookie_name(): token, csrf.COOKIE: proof})
    committed_client.headers[csrf.HEADER] = proof
    return committed_client


async def test_a_marketer_sends_them_on(marketer_at_work: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 3)
    client = marketer_at_work
    page = (await client.get(f"/held-runs?workflow={workflow_id}&error=number")).text
    assert "3 runs held" in page and "Why they are held" not in page, "one reason needs no table of reasons"
    assert 'value="1:tag"' in page and 'value="1:ask"' not in page, "where they are held is no place to move to"
    assert "held-cancel" not in page, "only admins cancel many"
    assert "No held run fits" in (await client.get("/held-runs?error=elsewhere")).text
    answer = await client.post("/held-runs/decide", data={"act": "skip", "port": "true", "workflow": str(workflow_id)})
    assert answer.status_code == 303 and answer.headers["location"] == "/held-runs"
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 3}
    page = (await client.get("/held-runs")).text
    assert "Nothing is held" in page and "3 runs sent on without their step" in page
    assert (await client.post("/held-runs/decide", data={"act": "explode"})).status_code == 422


async def test_one_is_moved_from_its_page(marketer_at_work: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 1)
    (run_id,) = run_ids(world, workflow_id)
    client = marketer_at_work
    page = (await client.get(f"/runs/{run_id}")).text
    assert re.search(r'<option value="1:tag"[^>]*>', page)
    assert (await client.post(f"/runs/{run_id}/move", data={"place": "nowhere"})).status_code == 422
    answer = await client.post(f"/runs/{run_id}/move", data={"place": "1:tag"})
    assert answer.status_code == 303 and answer.headers["location"] != f"/runs/{run_id}"
    world.engine.advance()
    after = await client.get(answer.headers["location"])
    assert after.status_code == 200 and "Completed" in after.text
    assert "moved the run to another step" in (await client.get(f"/runs/{run_id}")).text


async def test_what_narrows_the_list_stays_with_another_filter(
    marketer_at_work: httpx.AsyncClient, world: World
) -> None:
    workflow_id = hold(world, 2)
    query = f"workflow={workflow_id}&version=1&node=ask"
    whole = (await marketer_at_work.get(f"/held-runs?{query}")).text
    rows = whole[whole.index('id="rows"') :]
    for name, value in (("version", "1"), ("node", "ask")):
        assert f'<input type="hidden" form="filters" name="{name}" value="{value}">' in rows, "the bar sends it too"
    assert "One step only" in rows and f'href="/held-runs?workflow={workflow_id}"' in rows
    assert 'form="filters"' not in (await marketer_at_work.get("/held-runs")).text
