"""A run on the canvas: the list of runs to choose from, and the path of one, step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.accounts.principal import Principal
from app.builder import canvas
from app.builder.form_options import FormOptions
from app.contacts.list_repository import ContactFilter
from app.contacts.service import ContactService
from app.flow import presentation
from app.lib import clock, formats
from app.lib.zones import zone_of
from app.models.status import Role
from app.runs.list_repository import RunFilter
from app.runs.narrative import needs_look, sentences, shown_status
from app.runs.schemas import RunDetail
from app.runs.service import RUN_STATES, RunService, statuses_of
from app.runs.step_titles import call_steps, rows_of_steps, step_titles
from app.web.fragments import page
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}/people"
LISTED = 25
MOST_PEOPLE, RUNS_OF_EACH, LONGEST_SEARCH = 6, 4, 200
"""Of a search: how many contacts are looked up, how many runs of each, and how many characters count."""


@get(ONE, role=Role.VIEWER)
async def show_people(
    request: AppRequest,
    runs: NamedDependency[RunService],
    contacts: NamedDependency[ContactService],
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    status: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
    run: FromQuery[UUID | None] = None,
) -> Template:
    """The newest runs of this workflow, or those of whom `q` finds by name or address, to choose one. `run`: the one that is chosen."""
    await runs.require_workflow(workflow_id)
    wanted = RunFilter(workflow_id=workflow_id, statuses=statuses_of(status))
    search = (q or "").strip()[:LONGEST_SEARCH]
    more = None
    if search:
        people = (await contacts.list(ContactFilter(search=search), limit=MOST_PEOPLE)).items
        # By the index of a contact's runs, one person after another: a filter over the workflow's runs would read all of them.
        of_each = [await runs.list(wanted._replace(contact_id=one.id), RUNS_OF_EACH) for one in people]
        items = sorted((run for listed in of_each for run in listed.items), key=lambda run: run.id, reverse=True)
    else:
        listed = await runs.list(wanted, LISTED, cursor)
        items, more = listed.items, listed.next_cursor
    return page(
        request,
        "builder/people.html",
        workflow_id=workflow_id,
        runs=items,
        next_cursor=more,
        status=status or "",
        statuses=RUN_STATES,
        search=search,
        **(await _walked(request, form_options, runs, workflows, workflow_id, run) if run else {"run": None}),
    )


@get(ONE + "/{run_id:uuid}", role=Role.VIEWER)
async def show_person(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    runs: NamedDependency[RunService],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
) -> Template:
    """One run: the timeline for the panel, and the steps that the canvas lights."""
    shown = await _walked(request, form_options, runs, workflows, workflow_id, run_id)
    return page(request, "builder/person.html", **shown)


async def _walked(
    request: AppRequest,
    form_options: FormOptions,
    runs: RunService,
    workflows: WorkflowService,
    workflow_id: UUID,
    run_id: UUID,
) -> dict[str, Any]:
    """What `builder/person.html` shows."""
    loaded = await runs.get(run_id, workflow_id)
    run, version = await runs.detail_of(loaded), workflows.published(loaded.version)
    titles = await step_titles(request, runs.workflows, version.stored)
    call_steps(run, titles)
    explanations = sentences(run, version.stored, zone_of(request.user.reading_timezone), titles)
    workflow = await workflows.get(workflow_id)
    data: dict[str, Any] = {"run": str(run_id), "name": run.subject, "steps": _lit(run, explanations, request.user)}
    data |= await canvas.shown_version(request, form_options, workflows.draft(workflow), version)
    return {
        "run": run,
        "contact": loaded.contact,
        "entry_title": titles.get(run.trigger_id),
        "step_titles": titles,
        "called_rows": await rows_of_steps(runs.workflows, version.stored),
        "explanations": explanations,
        "shown": [shown_status(step) for step in run.steps],
        "looks": {item["node"]["id"]: item["presentation"] for item in canvas.cards(version.stored)},
        "unknown": presentation.step(""),
        "data": data,
    }


def _lit(run: RunDetail, explanations: list[str], reader: Principal) -> list[dict[str, Any]]:
    """Where the run was, the trigger first: the way it left each step, and one sentence for it."""
    zone, now = formats.readers_zone({"principal": reader}), clock.now()

    def moment(value: datetime | None) -> str:
        return formats.moment_text(value, zone, now, "weekday")

    steps: list[dict[str, Any]] = [
        {
            "nodeId": run.trigger_id,
            "port": "next",
            "status": "completed",
            "note": explanations[0],
            "time": moment(run.started_at),
        }
    ]
    lit = {step.seq: "failed" if needs_look(step) else step.status for step in run.steps}
    for step, sentence in zip(run.steps, explanations[1:], strict=True):
        time = moment(step.completed_at or step.started_at)
        steps.append(
            {"nodeId": step.node_id, "port": step.port, "status": lit[step.seq], "note": sentence, "time": time}
        )
    return steps


ROUTES = [show_people, show_person]
