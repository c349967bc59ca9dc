"""`/runs`, `/workflows/{id}/runs` and `/runs/{id}`: lists that refresh themselves, and one run to step through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.card_title_repository import card_titles
from app.flow.diagram import draw
from app.flow.document import NEXT
from app.flow.node_type import ERROR_PORT, Port
from app.flow.node_words import goal_of, jumps_of, port_of, ports_of
from app.lib.translation import gettext
from app.lib.zones import zone_of
from app.models.status import Role
from app.runs import export_pages, list_pages
from app.runs.again import FailedRuns
from app.runs.held import ways_on
from app.runs.narrative import needs_look, sentences, shown_statuses, waits_in_words
from app.runs.repository import LoadedRun
from app.runs.schemas import RunDetail
from app.runs.service import RunService
from app.runs.step_titles import call_steps, rows_of_steps, step_titles
from app.web.flash import go
from app.web.fragments import is_partial, page


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


class WayNotTaken(NamedTuple):
    """A branch that a step had and the run did not take. `first`: the step that it leads to, empty where it leads nowhere."""

    label: str
    first: str


def ways_not_taken(run: RunDetail, graph: dict[str, Any], titles: Mapping[str, str]) -> dict[int, list[WayNotTaken]]:
    """By `seq` of the last visit of each step that had several, the branches by which the run never left it, in their order."""
    nodes = {node["id"]: (str(node["type"]), node.get("data") or {}) for node in graph["nodes"]}
    targets = {(edge["source"], edge.get("sourceHandle") or NEXT): edge["target"] for edge in graph["edges"]}
    taken = {(step.node_id, step.port) for step in run.steps}
    last = {step.node_id: step.seq for step in run.steps if step.port and step.node_id in nodes}
    ways: dict[int, list[WayNotTaken]] = {}
    for node_id, seq in last.items():
        ports = ports_of(*nodes[node_id])
        others = [port for port in ports if (node_id, port.id) not in taken]
        if others and (len(ports) > 1 or (node_id, ERROR_PORT.id) in taken):
            targets |= {(node_id, port): target for port, target in jumps_of(*nodes[node_id])}
            ways[seq] = [
                WayNotTaken(
                    port_of(*nodes[node_id], port.id).label or gettext("Next"),
                    titles.get(targets.get((node_id, port.id), ""), ""),
                )
                for port in others
            ]
    return ways


@get("/runs/{run_id:uuid}", role=Role.VIEWER)
async def show_run(
    request: AppRequest,
    runs: NamedDependency[RunService],
    failed_runs: NamedDependency[FailedRuns],
    run_id: FromPath[UUID],
    seen: FromQuery[str | None] = None,
    again: FromQuery[UUID | None] = None,
) -> Template | Response[bytes]:
    """One run: its path on the canvas, every step, and why it went this way.

    The page asks again while the run is under way; `seen` is the state it has, and nothing new is answered with 204.
    `again`: the run that was asked for by *Run again*.
    """
    loaded = await runs.get(run_id)
    run, graph = await runs.detail_of(loaded), loaded.version.graph
    state = state_of(run)
    if seen == state and is_partial(request):
        return Response(b"", status_code=204)
    newer, older = await runs.runs.neighbours(loaded.run)
    titles = await step_titles(request, runs.workflows, graph)
    call_steps(run, titles)
    moves = await _moves(request, runs, loaded, run) if run.held else []
    return page(
        request,
        "runs/run.html",
        block="run",
        run=run,
        again=again,
        state=state,
        contact=loaded.contact,
        diagram=draw(graph, titles),
        step_titles=titles,
        called_rows=await rows_of_steps(runs.workflows, graph),
        not_taken=ways_not_taken(run, graph, titles),
        others=await runs.others_of_contact(loaded.run),
        way=steps_of_path(run),
        moves=moves,
        ways_on=_ways_on(loaded, graph) if run.held else [],
        branches=branches_taken(run, graph),
        explanations=sentences(run, graph, zone_of(request.user.reading_timezone), titles),
        waits=waits_in_words(run, zone_of(request.user.reading_timezone)),
        shown=shown_statuses(run),
        bad_steps=[needs_look(step) for step in run.steps],
        moves_by_itself=may_change(run),
        goal=goal_name(graph, run.goal_reached_id),
        newer=newer,
        older=older,
        retries=await failed_runs.choices(loaded),
    )


async def _moves(request: AppRequest, runs: RunService, loaded: LoadedRun, run: RunDetail) -> list[tuple[str, str]]:
    """Where a held run may be moved, as the values and labels of a choice."""
    places = await runs.places(loaded)
    titles = await card_titles(request, runs.workflows.session, places.documents)
    return places.choices(run.workflow_version, run.current_node_id, titles, of_contact=run.contact_id is not None)


def _ways_on(loaded: LoadedRun, graph: dict[str, Any]) -> list[tuple[str, str]]:
    """By which ways a held run may go on, likewise."""
    return [(way.id, way.label or gettext("Next")) for way in ways_on(loaded.run.current_node_id, graph)]


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


ROUTES = [*list_pages.ROUTES, *export_pages.ROUTES, show_run, cancel, release, pass_by, retry]
