"""`/runs`, `/workflows/{id}/runs` and `/runs/{id}`: lists that refresh themselves, and one run to step through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.flow.diagram import draw
from app.flow.document import NEXT
from app.flow.node_type import Port
from app.flow.node_words import goal_of, port_of, ports_of, title_of_plain
from app.history_start_repository import OF_RUNS
from app.lib.translation import gettext
from app.lib.zones import zone_of
from app.models import Contact
from app.models.status import Role
from app.runs.again import FailedRuns
from app.runs.held import ways_on
from app.runs.list_repository import RunFilter
from app.runs.narrative import needs_look, sentences, shown_statuses, waits_in_short, waits_in_words
from app.runs.schemas import RunDetail, RunOut, WithoutContact
from app.runs.service import RunService, statuses_of
from app.web.flash import go
from app.web.fragments import is_partial, page

PAGE = 50
STATUS_TABS = ("running", "waiting", "held", "completed", "goal_reached", "failed", "exited", "cancelled")


class FilterChip(NamedTuple):
    """A filter of a list that is set, in words, and the address of the list without it. `name` is empty where the value says all."""

    name: str
    value: str
    without: str


def steps_of_path(run: RunDetail) -> Sequence[dict[str, str]]:
    """What the step-through lights: for each step its node and the edge that led to it, the trigger first."""
    path = [{"node": run.trigger_id, "edge": ""}]
    came = f"{run.trigger_id}:{NEXT}"
    for step in run.steps:
        path.append({"node": step.node_id, "edge": came})
        came = f"{step.node_id}:{step.port or 'next'}"
    return path


def branches_taken(run: RunDetail, graph: dict[str, Any]) -> dict[int, Port]:
    """By `seq`, the port that a step with several ports took."""
    nodes = {node["id"]: (str(node["type"]), node.get("data") or {}) for node in graph["nodes"]}
    return {
        step.seq: port_of(*nodes[step.node_id], step.port)
        for step in run.steps
        if step.port and step.node_id in nodes and len(ports_of(*nodes[step.node_id])) > 1
    }


def standing_at(run: RunOut, graphs: dict[tuple[UUID, int], dict[str, Any]]) -> str:
    """What the step is called that a run stands on, by the version it is pinned to."""
    graph = graphs.get((run.workflow_id, run.workflow_version))
    node = next((node for node in graph["nodes"] if node["id"] == run.current_node_id), None) if graph else None
    if node is None:
        return run.current_node_id or ""
    return title_of_plain(node)


class RunListQuery(msgspec.Struct, frozen=True):
    """The filters of a list of runs, as they stand in its address. They narrow as those of the API do."""

    status: str | None = None
    contact: UUID | None = None
    without_contact: bool = False
    node: str | None = None

    def run_filter(self, workflow_id: UUID | None = None) -> RunFilter:
        """For `RunService.list`. Raises Invalid on an unknown status."""
        return RunFilter(
            workflow_id=workflow_id,
            contact_id=self.contact,
            statuses=statuses_of(self.status),
            node_id=self.node,
            without_contact=self.without_contact,
        )

    def address(self, path: str, cursor: str | None = None, **changes: Any) -> str:
        """The list at `path` with these filters, some of them changed; its first page, or the one that begins at `cursor`."""
        query = msgspec.structs.replace(self, **changes)
        words = {
            "status": query.status,
            "contact": query.contact,
            "withoutContact": "true" if query.without_contact else None,
            "node": query.node,
            "cursor": cursor,
        }
        return "?".join(filter(None, (path, urlencode({name: word for name, word in words.items() if word}))))


def chips(query: RunListQuery, path: str, contact: Contact | None, standing: Mapping[UUID, str]) -> list[FilterChip]:
    """The filters besides the status, each with the list as it is without it. All of `standing` are at `query.node`, if that is set."""
    shown = list[FilterChip]()
    if query.contact:
        name = (contact.email or contact.external_id) if contact else None
        shown.append(FilterChip("Contact", name or "chosen", query.address(path, contact=None)))
    if query.without_contact:
        shown.append(FilterChip("", gettext("Without a contact"), query.address(path, without_contact=False)))
    if query.node:
        title = next(iter(standing.values()), "") or "the chosen step"
        shown.append(FilterChip(gettext("Stands at"), title, query.address(path, node=None)))
    return shown


async def _list(
    request: AppRequest,
    service: RunService,
    query: RunListQuery,
    cursor: str | None,
    *,
    workflow_id: UUID | None = None,
    start: bool = False,
) -> Template:
    """`start`: the user may start a run without a contact."""
    zone, path = zone_of(request.user.reading_timezone), request.url.path
    runs = await service.list(query.run_filter(workflow_id), PAGE, cursor)
    shown = {run.workflow_id for run in runs.items} | ({workflow_id} if workflow_id else set())
    names = await service.workflows.names(shown)
    graphs = await service.versions.graphs({(run.workflow_id, run.workflow_version) for run in runs.items})
    standing = {run.id: standing_at(run, graphs) for run in runs.items}
    contact = await service.contacts.get(query.contact) if query.contact else None
    return page(
        request,
        "runs/list.html",
        block="rows",
        runs=runs,
        names=names,
        standing=standing,
        waits={run.id: (waits_in_short(run, zone), waits_in_words(run, zone)) for run in runs.items},
        query=query,
        status_tabs=[(word, query.address(path, status=word or None)) for word in ("", *STATUS_TABS)],
        chips=chips(query, path, contact, standing),
        of_nobody="" if query.without_contact else query.address(path, without_contact=True, contact=None),
        more=query.address(path, runs.next_cursor) if runs.next_cursor else "",
        workflow_id=workflow_id,
        cursor=cursor,
        start=start,
        removed_before=None if runs.next_cursor else await service.history.of(OF_RUNS),
    )


@get("/runs", role=Role.VIEWER)
async def all_runs(
    request: AppRequest,
    runs: NamedDependency[RunService],
    status: FromQuery[str | None] = None,
    contact: FromQuery[UUID | None] = None,
    without_contact: WithoutContact = False,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The newest runs of the workspace, of one contact when it is given, or of nobody."""
    return await _list(request, runs, RunListQuery(status, contact, without_contact), cursor)


@get("/workflows/{workflow_id:uuid}/runs", role=Role.VIEWER)
async def workflow_runs(
    request: AppRequest,
    runs: NamedDependency[RunService],
    workflow_id: FromPath[UUID],
    status: FromQuery[str | None] = None,
    contact: FromQuery[UUID | None] = None,
    without_contact: WithoutContact = False,
    node: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The newest runs of one workflow, of those that stand on `node` when it is given."""
    await runs.require_workflow(workflow_id)
    query = RunListQuery(status, contact, without_contact, node)
    start = request.user.may("marketer") and await runs.may_start_without_contact(workflow_id)
    return await _list(request, runs, query, cursor, workflow_id=workflow_id, start=start)


@get("/runs/{run_id:uuid}", role=Role.VIEWER)
async def show_run(
    request: AppRequest,
    runs: NamedDependency[RunService],
    failed_runs: NamedDependency[FailedRuns],
    run_id: FromPath[UUID],
    seen: FromQuery[str | None] = None,
) -> Template | Response[bytes]:
    """One run: its path on the canvas, every step, and why it went this way.

    The page asks again while the run is under way; `seen` is the state it has, and nothing new is answered with 204.
    """
    loaded = await runs.get(run_id)
    run, graph = await runs.detail_of(loaded), loaded.version.graph
    state = state_of(run)
    if seen == state and is_partial(request):
        return Response(b"", status_code=204)
    newer, older = await runs.runs.neighbours(loaded.run)
    return page(
        request,
        "runs/run.html",
        block="run",
        run=run,
        state=state,
        contact=loaded.contact,
        diagram=draw(graph),
        way=steps_of_path(run),
        moves=(await runs.places(loaded)).choices(
            run.workflow_version, run.current_node_id, of_contact=run.contact_id is not None
        )
        if run.held
        else [],
        ways_on=[(way.id, way.label or "Next") for way in ways_on(loaded.run.current_node_id, graph)]
        if run.held
        else [],
        branches=branches_taken(run, graph),
        explanations=sentences(run, graph, zone_of(request.user.reading_timezone)),
        waits=waits_in_words(run, zone_of(request.user.reading_timezone)),
        shown=shown_statuses(run),
        bad_steps=[needs_look(step) for step in run.steps],
        moves_by_itself=may_change(run),
        goal=goal_name(graph, run.goal_reached_id),
        newer=newer,
        older=older,
        retries=await failed_runs.choices(loaded),
    )


def state_of(run: RunDetail) -> str:
    """Changes whenever the page of the run would look different."""
    last = run.steps[-1] if run.steps else None
    messages = [f"{step.message.status}{step.message.attempt}" for step in run.steps if step.message]
    waits = f"{run.waits_for.event if run.waits_for else ''}{int(run.call.under_way) if run.call else ''}"
    return f"{run.state}.{waits}.{len(run.steps)}.{last.attempt if last else 0}.{'-'.join(messages)}"


def may_change(run: RunDetail) -> bool:
    """Does the page of a run listen for changes? Not when nothing about it changes by itself any more."""
    return run.completed_at is None or bool(run.messages.queued or run.messages.uncertain)


def goal_name(graph: dict[str, Any], goal_id: str | None) -> str:
    """What the goal is called that ended a run."""
    goals: dict[str, str] = {goal["id"]: goal.get("name") or goal["id"] for goal in graph.get("goals", [])}
    steps = {node["id"]: goal_of(node["type"], node.get("data") or {}) for node in graph.get("nodes", [])}
    return {**steps, **goals}.get(goal_id or "", "")


@post("/runs/{run_id:uuid}/cancel", role=Role.MARKETER, status_code=200)
async def cancel(request: AppRequest, runs: NamedDependency[RunService], run_id: FromPath[UUID]) -> Response[bytes]:
    """Cancel a run that is under way; nothing of it is sent afterwards."""
    await runs.cancel(run_id)
    return go(request, f"/runs/{run_id}", gettext("Run cancelled"))


@post("/runs/{run_id:uuid}/release", role=Role.MARKETER, status_code=200)
async def release(request: AppRequest, runs: NamedDependency[RunService], run_id: FromPath[UUID]) -> Response[bytes]:
    """Let a held run go on."""
    await runs.release(run_id)
    return go(request, f"/runs/{run_id}", gettext("The step is tried again"))


@post("/runs/{run_id:uuid}/pass", role=Role.MARKETER, status_code=200)
async def pass_by(request: AppRequest, runs: NamedDependency[RunService], run_id: FromPath[UUID]) -> Response[bytes]:
    """Let a held run go on by a port without doing its step."""
    await runs.pass_by(run_id, str((await request.form()).get("port", NEXT)))
    return go(request, f"/runs/{run_id}", gettext("The run continues"))


@post("/runs/{run_id:uuid}/retry", role=Role.MARKETER, status_code=200)
async def retry(
    request: AppRequest, failed_runs: NamedDependency[FailedRuns], run_id: FromPath[UUID]
) -> Response[bytes]:
    """Let a failed run go on from the step that failed, and show the run that it goes on as."""
    word = str((await request.form()).get("version", "same"))
    begun = await failed_runs.retry(run_id, "live" if word == "live" else "same")
    return go(request, f"/runs/{begun.run_id}", gettext("Retried. It continues here."))


ROUTES = [all_runs, workflow_runs, show_run, cancel, release, pass_by, retry]
