"""`/runs` and `/workflows/{id}/runs`: lists that refresh themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.history_start_repository import OF_RUNS
from app.lib.translation import gettext, translated_choices
from app.lib.zones import zone_of
from app.lists.service import ListChoice, ListService
from app.lists.state import ListState
from app.models.status import Role
from app.runs.list_columns import RUNS, WORKFLOW_RUNS
from app.runs.list_query import RunListQuery
from app.runs.narrative import waits_in_short, waits_in_words
from app.runs.schemas import WithoutContact
from app.runs.service import RUN_STATES, RunService
from app.runs.step_titles import current_steps
from app.values.contact_view import contact_name
from app.web.fragments import page
from app.web.list_periods import PERIOD_WORDS

PAGE = 50
SHOWN_VERSIONS = 100
"""Versions of a workflow that the filter offers, the newest."""


class FilterChip(NamedTuple):
    """A filter of a list that is set, in words, and the address of the list without it. `name` is empty where the value says all."""

    name: str
    value: str
    without: str


def chips(query: RunListQuery, state: ListState, standing: Mapping[UUID, str]) -> list[FilterChip]:
    """The filters that no control shows, each with the list as it is without it. All of `standing` are at `query.node`, if that is set."""
    shown = list[FilterChip]()
    if query.without_contact:
        shown.append(FilterChip("", gettext("Without a contact"), state.url(withoutContact=None)))
    if query.node:
        title = next(iter(standing.values()), "") or gettext("the chosen step")
        shown.append(FilterChip(gettext("Stands at"), title, state.url(node=None)))
    return shown


async def _versions(service: RunService, workflow_id: UUID | None) -> list[int]:
    if workflow_id is None:
        return []
    last = await service.versions.last_number(workflow_id)
    return list(range(last, max(0, last - SHOWN_VERSIONS), -1))


async def _list(
    request: AppRequest,
    service: RunService,
    query: RunListQuery,
    state: ListState,
    cursor: str | None,
    *,
    workflow_id: UUID | None = None,
    start: bool = False,
) -> Template:
    """`start`: the user may start a run without a contact."""
    zone, wanted = zone_of(request.user.reading_timezone), query.run_filter(workflow_id, state.order)
    runs = await service.list(wanted, PAGE, cursor)
    shown = {run.workflow_id for run in runs.items} | ({workflow_id} if workflow_id else set())
    names = await service.workflows.names(shown)
    standing = await current_steps(request, service.versions, runs.items)
    contact = await service.contacts.get(query.contact) if query.contact else None
    return page(
        request,
        "runs/list.html",
        block="rows",
        state=state,
        runs=runs,
        names=names,
        standing=standing,
        waits={run.id: (waits_in_short(run, zone), waits_in_words(run, zone)) for run in runs.items},
        query=query,
        status_tabs=[(word, state.url(status=word or None)) for word in ("", *RUN_STATES)],
        chips=chips(query, state, standing),
        contact_name=contact_name(contact) if query.contact else "",
        of_nobody="" if query.without_contact else state.url(withoutContact="true", contact=None),
        workflows=[] if workflow_id else await service.runs.workflow_choices(),
        versions=await _versions(service, wanted.workflow_id),
        periods=translated_choices(PERIOD_WORDS),
        more=state.url(cursor=runs.next_cursor) if runs.next_cursor else "",
        workflow_id=workflow_id,
        cursor=cursor,
        start=start,
        removed_before=None if runs.next_cursor else await service.history.of(OF_RUNS),
    )


@get("/runs", role=Role.VIEWER)
async def all_runs(
    request: AppRequest,
    runs: NamedDependency[RunService],
    lists: NamedDependency[ListService],
    status: FromQuery[str | None] = None,
    contact: FromQuery[str] = "",
    without_contact: WithoutContact = False,
    node: FromQuery[str | None] = None,
    workflow: FromQuery[str] = "",
    version: FromQuery[str] = "",
    period: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The newest runs of the workspace, of one contact when it is given, or of nobody."""
    query = RunListQuery.of_address(status, contact, without_contact, node, workflow, version, period)
    state = await lists.state(RUNS, query.words, ListChoice(sort, columns, view))
    return await _list(request, runs, query, state, cursor)


@get("/workflows/{workflow_id:uuid}/runs", role=Role.VIEWER)
async def workflow_runs(
    request: AppRequest,
    runs: NamedDependency[RunService],
    lists: NamedDependency[ListService],
    workflow_id: FromPath[UUID],
    status: FromQuery[str | None] = None,
    contact: FromQuery[str] = "",
    without_contact: WithoutContact = False,
    node: FromQuery[str | None] = None,
    version: FromQuery[str] = "",
    period: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The newest runs of one workflow, of those that stand on `node` when it is given."""
    await runs.require_workflow(workflow_id)
    query = RunListQuery.of_address(status, contact, without_contact, node, "", version, period)
    state = await lists.state(WORKFLOW_RUNS, query.words, ListChoice(sort, columns, view), path=request.url.path)
    start = request.user.may("marketer") and await runs.may_start_without_contact(workflow_id)
    return await _list(request, runs, query, state, cursor, workflow_id=workflow_id, start=start)


ROUTES = [all_runs, workflow_runs]
