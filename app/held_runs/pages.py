"""`/held-runs`: why runs are held, which, and what to do with all that fit; and the move of one."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.card_title_repository import card_titles
from app.contacts.repository import ContactRepository
from app.errors import Invalid
from app.held_runs.bulk import HeldRunJobs
from app.held_runs.repository import LOOKED_AT
from app.held_runs.schemas import Act, HeldKind, HeldRunFilter, HeldRunGroup, HeldRunJobIn, HeldRunJobOut, MoveRun
from app.held_runs.service import HeldRunService
from app.lib.formats import counted
from app.lib.translation import gettext, translatable, translated_choices
from app.models.status import Role
from app.values.contact_view import contact_name
from app.web import flash
from app.web.fragments import page
from app.web.list_periods import PERIOD_WORDS, listed_id, listed_number, not_listed, period_start

PAGE = 50
SHOWN_JOBS = 5
"""Jobs that are listed below the runs, those that are over too."""
KIND_WORDS = {
    "failed": translatable("Step failed"),
    "crashed": translatable("Stopped workers"),
    "interrupted": translatable("Call cut off"),
}
ACT_WORDS = {
    "retry": translatable("tried again"),
    "skip": translatable("sent on without their step"),
    "move": translatable("moved"),
    "cancel": translatable("cancelled"),
}


class HeldRunQuery(msgspec.Struct, frozen=True):
    """The filters of the page, as in its query string."""

    workflow: str = ""
    version: str = ""
    node: str = ""
    kind: str = ""
    error: str = ""
    period: str = ""
    contact: str = ""
    tag: str = ""

    @property
    def wanted(self) -> HeldRunFilter:
        """Raises Invalid."""
        if self.kind and self.kind not in get_args(HeldKind):
            raise not_listed("kind")
        return HeldRunFilter(
            workflow_id=listed_id("workflow", self.workflow),
            version=listed_number("version", self.version),
            node_id=self.node[:100] or None,
            kind=next((word for word in get_args(HeldKind) if word == self.kind), None),
            error=self.error[:500].strip() or None,
            since=period_start(self.period),
            contact_id=listed_id("contact", self.contact),
            tag=self.tag[:100] or None,
        )

    def url(self, **changes: Any) -> str:
        """The page with these filters, some of them changed."""
        words = {**msgspec.structs.asdict(self), **changes}
        query = urlencode({name: word for name, word in words.items() if word})
        return f"/held-runs?{query}" if query else "/held-runs"

    def of_group(self, group: HeldRunGroup) -> str:
        """The page of one reason at one step."""
        return self.url(
            workflow=group.workflow_id, version=group.version, node=group.node_id, kind=group.kind, error=group.error
        )


@get("/held-runs", role=Role.VIEWER)
async def show_held_runs(
    request: AppRequest,
    held_runs: NamedDependency[HeldRunService],
    held_run_jobs: NamedDependency[HeldRunJobs],
    contact_rows: NamedDependency[ContactRepository],
    workflow: FromQuery[str] = "",
    version: FromQuery[str] = "",
    node: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    error: FromQuery[str] = "",
    period: FromQuery[str] = "",
    contact: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Template:
    """Runs that wait for a decision, why, and what can be done with all that fit."""
    query = HeldRunQuery(workflow, version, node, kind, error, period, contact, tag)
    wanted = query.wanted
    listed = await held_runs.page(wanted, PAGE, cursor)
    groups = await held_runs.groups(wanted)
    titles_of = partial(card_titles, request, held_runs.session)
    await held_runs.call_steps([*listed.items, *groups], titles_of)
    pinned = {(group.workflow_id, group.version) for group in groups}
    at_one_step = len({(group.workflow_id, group.version, group.node_id) for group in groups}) == 1
    may = request.user.may(Role.MARKETER) and bool(groups)
    return page(
        request,
        "held_runs/list.html",
        block="rows",
        rows=listed.items,
        groups=[(group, query.of_group(group)) for group in groups] if len(groups) > 1 else [],
        fitting=await held_run_jobs.count(wanted),
        looked_at=LOOKED_AT,
        query=query,
        contact_name=contact_name(await contact_rows.get(wanted.contact_id)) if wanted.contact_id else "",
        hidden={name: word for name, word in msgspec.structs.asdict(query).items() if word},
        filtered=query != HeldRunQuery(),
        kinds=[("", gettext("Any")), *translated_choices(KIND_WORDS.items())],
        kind_words=dict(translated_choices(KIND_WORDS.items())),
        act_words=dict(translated_choices(ACT_WORDS.items())),
        periods=translated_choices(PERIOD_WORDS),
        workflows=[("", gettext("Any")), *await held_runs.workflows()],
        ways=await held_runs.ways(groups[0]) if may and at_one_step else [],
        moves=await held_runs.places(groups[0], titles_of) if may and len(pinned) == 1 else [],
        may=may,
        more=query.url(cursor=listed.next_cursor) if listed.next_cursor else "",
        jobs=[HeldRunJobOut.of(job) for job in (await held_run_jobs.list(SHOWN_JOBS)).items],
    )


@get("/held-runs/jobs", role=Role.VIEWER)
async def show_held_run_jobs(request: AppRequest, held_run_jobs: NamedDependency[HeldRunJobs]) -> Template:
    """What is done with many held runs; the page reads it every two seconds until nothing is."""
    jobs = [HeldRunJobOut.of(job) for job in (await held_run_jobs.list(SHOWN_JOBS)).items]
    return page(request, "held_runs/jobs.html", jobs=jobs, act_words=dict(translated_choices(ACT_WORDS.items())))


@post("/held-runs/decide", role=Role.MARKETER)
async def decide_held_runs(request: AppRequest, held_run_jobs: NamedDependency[HeldRunJobs]) -> Response[bytes]:
    """Do something with all that fit the filters of the page."""
    form = await request.form()
    query = HeldRunQuery(**{name: str(form.get(name, "")) for name in HeldRunQuery.__struct_fields__})
    act = next((word for word in get_args(Act) if word == form.get("act")), None)
    if act is None:
        raise Invalid(errors=[{"path": "act", "message": gettext("Say what to do with them.")}])
    version, node_id = _place(str(form.get("place", ""))) if act == "move" else (None, None)
    job = await held_run_jobs.start(
        HeldRunJobIn(
            act=act,
            filter=query.wanted,
            port=(str(form.get("port", "")) or None) if act == "skip" else None,
            node_id=node_id,
            version=version,
        )
    )
    shown = HeldRunJobOut.of(job)
    remainder = gettext(" The rest follows.") if shown.status == "running" else ""
    refused = f" {counted(shown.refused, 'run')} could not: {shown.reason}" if shown.refused else ""
    text = f"{counted(shown.done, 'run')} {ACT_WORDS[act]}.{remainder}{refused}"
    return flash.go(request, query.url() if remainder else "/held-runs", text, "ok" if shown.done else "err")


def _place(text: str) -> tuple[int | None, str]:
    """`VERSION:STEP` of a form."""
    version, _, node_id = text.partition(":")
    if not (version.isascii() and version.isdigit() and len(version) < 9 and node_id):
        raise Invalid(errors=[{"path": "place", "message": gettext("Choose a step from the list.")}])
    return int(version), node_id


@post("/held-runs/jobs/{held_run_job_id:uuid}/stop", role=Role.MARKETER)
async def stop_held_run_job_page(
    request: AppRequest, held_run_jobs: NamedDependency[HeldRunJobs], held_run_job_id: FromPath[UUID]
) -> Response[bytes]:
    """Do nothing more."""
    await held_run_jobs.stop(held_run_job_id)
    return flash.go(request, "/held-runs", gettext("Stopped. The others stay held."))


@post("/runs/{run_id:uuid}/move", role=Role.MARKETER)
async def move_one_run(
    request: AppRequest, held_runs: NamedDependency[HeldRunService], run_id: FromPath[UUID]
) -> Response[bytes]:
    """Let one run go on at another step, and show the run that it goes on as."""
    version, node_id = _place(str((await request.form()).get("place", "")))
    successor = await held_runs.move(run_id, MoveRun(node_id=node_id, version=version))
    return flash.go(request, f"/runs/{successor}", gettext("Moved. It continues here."))


ROUTES = [show_held_runs, show_held_run_jobs, decide_held_runs, stop_held_run_job_page, move_one_run]
