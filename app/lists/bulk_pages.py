"""What is done with many rows, from the pages of lists: how many fit, begin, take back, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.accounts.pages import safe_next
from app.errors import AppError, Invalid
from app.lib.formats import counted, number
from app.lib.translation import gettext, translatable
from app.lists.bulk import MOST, BulkJobs
from app.lists.bulk_verbs import bulk_verb, verbs_of
from app.lists.spec import list_called
from app.models.bulk_job import BulkJob
from app.models.status import Role
from app.web.flash import go
from app.web.fragments import page

CHOSEN = 100
"""Rows of one page that can be chosen."""
ARGUMENTS = "tag", "segment", "folder", "add", "remove"
"""Fields of forms that say what is done; several of one name with commas between them."""
TAKEN_BACK = translatable("Taken back for %(rows)s.")


def done_in_words(job: BulkJob) -> str:
    """What was done to how many, as one line."""
    verb, noun = bulk_verb(job.list_name, job.verb), verbs_of(job.list_name).noun
    sentence = TAKEN_BACK if job.undoes and verb.restore else verb.sentence
    text = gettext(sentence, rows=counted(job.done, noun), label=job.label)
    if job.stopped_by:
        text += " " + gettext(
            "Stopped by %(name)s; %(number)s were left as they were.",
            name=job.stopped_by,
            number=number(job.matched - job.reached),
        )
    if job.refused:
        text += " " + gettext("%(number)s could not: %(reason)s", number=job.refused, reason=_reason(job))
    return text


def _reason(job: BulkJob) -> str:
    names = ", ".join(job.refused_names) + (" …" if job.refused > len(job.refused_names) else "")
    return gettext(job.reason or "", **({"names": names} if job.refused_names else {}))


def _filters(list_name: str, words: str) -> dict[str, str]:
    spec = list_called(list_name)
    sent = {name: text.replace("\0", "") for name, text in parse_qsl(words)}
    order = spec.checked_order(sent.get("sort", ""))
    return {**{name: sent[name] for name in spec.filters if sent.get(name)}, "sort": order}


@get("/lists/{list_name:str}/fitting", role=Role.MARKETER)
async def count_fitting(
    bulk_jobs: NamedDependency[BulkJobs], list_name: FromPath[str], filters: FromQuery[str] = ""
) -> dict[str, Any]:
    """How many rows fit the filters of an address, up to what is done at once: `words` counts them for people."""
    targets = await bulk_jobs.fitting(list_name, _filters(list_name, filters))
    rows = counted(len(targets.ids), verbs_of(list_name).noun)
    words = (
        gettext("the first %(rows)s that fit", rows=rows)
        if targets.more
        else gettext("all %(rows)s that fit", rows=rows)
    )
    return {"count": len(targets.ids), "words": words, "most": MOST}


@get("/lists/{list_name:str}/tags", role=Role.VIEWER)
async def list_tags(
    bulk_jobs: NamedDependency[BulkJobs], list_name: FromPath[str], letters: FromQuery[str] = ""
) -> list[str]:
    """Tags that rows of the list have and in which these letters are: what a field for tags suggests."""
    return list(await bulk_jobs.tags(list_name, letters.replace("\0", "").strip()))


@post("/lists/{list_name:str}/bulk", role=Role.MARKETER)
async def do_in_bulk(
    request: AppRequest, bulk_jobs: NamedDependency[BulkJobs], list_name: FromPath[str]
) -> Response[bytes]:
    """Do something with the chosen rows, or with all that fit the filters."""
    form, spec = await request.form(), list_called(list_name)
    sent = {name: ",".join(map(str, form.getall(name, []))) for name in ARGUMENTS}
    verb, to = str(form.get("verb", "")), safe_next(str(form.get("to") or spec.path))
    try:
        if form.get("all"):
            filters = _filters(list_name, str(form.get("query", "")))
            job = await bulk_jobs.start_for_all(list_name, verb, filters, sent, counted=_counted(form.get("counted")))
        else:
            ids = [_id(str(one)) for one in form.getall("id", [])][:CHOSEN]
            job = await bulk_jobs.start(list_name, verb, ids, sent)
    except AppError as error:
        if error.status_code != Invalid.status_code:
            raise
        return go(request, to, error.errors[0]["message"] if error.errors else error.for_people, "err")
    # What can be taken back, or is under way, is told above the list.
    quiet = job.next_at is not None or (job.done and bulk_verb(list_name, verb).reversible)
    return go(request, to, *(() if quiet else (done_in_words(job),)))


def _counted(text: object) -> int:
    """How many the page said that fit. Raises Invalid without it: nothing is done to rows that nobody has counted."""
    try:
        return int(str(text))
    except ValueError as error:
        raise Invalid(gettext("Load the page again, and select all that fit once more.")) from error


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(errors=[{"path": "id", "message": gettext("Choose some rows first.")}]) from error


def _reversible(job: BulkJob) -> bool:
    """Is there a button that takes it back? What took something back is not taken back itself: it is done again."""
    return bulk_verb(job.list_name, job.verb).reversible and not job.undoes


def _shown(jobs: Sequence[BulkJob]) -> list[BulkJob]:
    """What is under way or can be taken back; one that took back others and was stopped, while the first can be taken back for the rest."""
    not_undone = {job.id for job in jobs if not job.undone}
    return [
        job
        for job in jobs
        if job.next_at or (job.stopped_by and job.undoes in not_undone if job.undoes else not job.undone)
    ]


@get("/lists/{list_name:str}/jobs", role=Role.VIEWER)
async def list_bulk_jobs(
    request: AppRequest, bulk_jobs: NamedDependency[BulkJobs], list_name: FromPath[str], seen: FromQuery[bool] = False
) -> Template:
    """What was done just now and what is under way; the list reads it every two seconds while something is."""
    jobs = await bulk_jobs.latest(list_name)
    running = any(job.next_at for job in jobs)
    shown = _shown(jobs)[:3]
    return page(
        request,
        "lists/jobs.html",
        list_name=list_name,
        jobs=[(job, done_in_words(job), _reversible(job)) for job in shown],
        running=running,
        ended=seen and not running,
    )


@post("/lists/{list_name:str}/jobs/{bulk_job_id:uuid}/undo", role=Role.MARKETER)
async def undo_bulk_job(
    request: AppRequest, bulk_jobs: NamedDependency[BulkJobs], list_name: FromPath[str], bulk_job_id: FromPath[UUID]
) -> Response[bytes]:
    """Take back what was changed."""
    form, spec = await request.form(), list_called(list_name)
    job = await bulk_jobs.undo(bulk_job_id)
    return go(request, safe_next(str(form.get("to") or spec.path)), *(() if job.next_at else (done_in_words(job),)))


@post("/lists/{list_name:str}/jobs/{bulk_job_id:uuid}/stop", role=Role.MARKETER)
async def stop_bulk_job(
    request: AppRequest, bulk_jobs: NamedDependency[BulkJobs], list_name: FromPath[str], bulk_job_id: FromPath[UUID]
) -> Response[bytes]:
    """Do nothing more after the batch that is under way."""
    form, spec = await request.form(), list_called(list_name)
    job = await bulk_jobs.stop(bulk_job_id)
    quiet = _reversible(job) and bool(job.done)
    return go(request, safe_next(str(form.get("to") or spec.path)), *(() if quiet else (done_in_words(job),)))


ROUTES: list[Any] = [count_fitting, list_tags, do_in_bulk, list_bulk_jobs, undo_bulk_job, stop_bulk_job]
