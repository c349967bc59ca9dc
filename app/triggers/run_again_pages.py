"""*Run again* on the page of a run: what it would come to, asking for it, and whether the new run has begun."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.models.status import Role
from app.runs.service import RunNotFound, RunService
from app.runs.step_titles import step_titles
from app.triggers.run_again import RunsAgain
from app.values.contact_view import name_of
from app.web.flash import go
from app.web.fragments import page

AGAIN = "/runs/{run_id:uuid}/again"
LOOKS = 30
"""How often, once a second, the page looks whether the new run has begun: then it says that it has not."""


@get(AGAIN, role=Role.MARKETER)
async def ask_run_again(
    request: AppRequest,
    runs: NamedDependency[RunService],
    runs_again: NamedDependency[RunsAgain],
    run_id: FromPath[UUID],
) -> Template:
    """The dialog: who runs what again, by which version, which steps would send, or why it is refused."""
    plan = await runs_again.plan(run_id)
    titles = await step_titles(request, runs.workflows, plan.graph) if plan.graph and plan.sends else {}
    return page(
        request,
        "triggers/run_again.html",
        run_id=run_id,
        plan=plan,
        name=name_of(plan.loaded.contact) if plan.loaded.contact else "",
        sends=list(dict.fromkeys(titles.get(node_id, node_id) for node_id in plan.sends)),
    )


@post(AGAIN, role=Role.MARKETER, status_code=200)
async def run_again(
    request: AppRequest, runs_again: NamedDependency[RunsAgain], run_id: FromPath[UUID]
) -> Response[bytes]:
    """Ask for a new run like this one."""
    return go(request, f"/runs/{run_id}?again={await runs_again.start(run_id)}")


@get(AGAIN + "/{new_run_id:uuid}", role=Role.MARKETER)
async def show_new_run(
    request: AppRequest,
    runs: NamedDependency[RunService],
    run_id: FromPath[UUID],
    new_run_id: FromPath[UUID],
    looks: Annotated[int, QueryParameter(ge=0, le=LOOKS)] = 0,
) -> Template:
    """The new run, once it is there; until then a line that looks again. Raises RunNotFound for a `run_id` of nobody's."""
    await runs.get(run_id)
    try:
        new_run = (await runs.get(new_run_id)).run
    except RunNotFound:
        new_run = None
    return page(
        request, "triggers/new_run.html", run_id=run_id, new_run_id=new_run_id, new_run=new_run, looks=looks, most=LOOKS
    )


ROUTES: list[Any] = [ask_run_again, run_again, show_new_run]
