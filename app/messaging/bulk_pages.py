"""What is done with many messages, from their list: how many fit, begin, how far it is, and stop."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.accounts.pages import safe_next
from app.errors import Invalid
from app.lib.formats import number
from app.lib.translation import gettext, translatable
from app.messaging.bulk import COUNTED, Act, FittingCount, MessageJobs, job_view
from app.messaging.channels import words
from app.messaging.schemas import MessageFilter, MovedView
from app.messaging.service import MessageService
from app.models.status import Role
from app.web import flash
from app.web.fragments import page
from app.web.list_periods import listed_id, listed_number, period_start

CHOSEN = 50
"""Rows of one page."""
OVER = ("failed", "uncertain")
"""Statuses of messages about which a person can decide."""
DONE_WORDS = {
    "resend": translatable("%(messages)s queued again."),
    "sent": translatable("%(messages)s marked as sent."),
    "failed": translatable("%(messages)s marked as not sent."),
}


class ListFilters(msgspec.Struct, frozen=True):
    """The filters of the list, as in its query string."""

    status: str = ""
    workflow: str = ""
    version: str = ""
    node: str = ""
    connector: str = ""
    reason: str = ""
    period: str = ""
    contact: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """For `MessageService.list`. Raises Invalid."""
        return {
            "workflow_id": listed_id("workflow", self.workflow),
            "version": listed_number("version", self.version),
            "node_id": self.node[:100] or None,
            "connector_id": listed_id("connector", self.connector),
            "contact_id": listed_id("contact", self.contact),
            "reason": self.reason[:100] or None,
            "since": period_start(self.period),
        }

    def fitting(self) -> MessageFilter | None:
        """The same for a job; None while it is not said whether failed or uncertain ones are meant."""
        if self.status == "failed":
            return MessageFilter(status=["failed"], **self.columns)
        return MessageFilter(status=["uncertain"], **self.columns) if self.status == "uncertain" else None

    @classmethod
    def of(cls, query: str) -> ListFilters:
        """Those of an address."""
        sent = {name: text.replace("\0", "") for name, text in parse_qsl(query)}
        return cls(**{name: sent.get(name, "") for name in cls.__struct_fields__})


@get("/messages/jobs", role=Role.VIEWER)
async def jobs_under_way(request: AppRequest, message_jobs: NamedDependency[MessageJobs]) -> Template:
    """What is being done for many messages; the list reads it every two seconds until nothing is."""
    jobs = [job_view(job) for job in await message_jobs.under_way()]
    query = request.headers.get("hx-current-url", "").partition("?")[2]
    return page(
        request,
        "messages/jobs.html",
        jobs=jobs,
        had_jobs=True,
        kept=f"/messages?{query}",
        counted_up_to=COUNTED,
    )


@get("/messages/fitting", role=Role.MARKETER)
async def count_fitting_messages(
    message_jobs: NamedDependency[MessageJobs], filters: FromQuery[str] = ""
) -> dict[str, Any]:
    """How many messages fit the filters of an address: `words` counts them for people."""
    fitting = await count_of(message_jobs, ListFilters.of(filters).fitting())
    many = words.counted_messages(fitting.number)
    text = (
        gettext("all %(messages)s or more that fit", messages=many)
        if fitting.at_least
        else gettext("all %(rows)s that fit", rows=many)
    )
    return {"count": fitting.number, "words": text, "most": COUNTED}


async def count_of(message_jobs: MessageJobs, message_filter: MessageFilter | None) -> FittingCount:
    """How many fit; none while it is not said whether failed or uncertain ones are meant."""
    return await message_jobs.count("resend", message_filter) if message_filter else FittingCount(0)


@post("/messages/jobs/{job_id:uuid}/stop", role=Role.MARKETER)
async def stop_message_job(
    request: AppRequest, message_jobs: NamedDependency[MessageJobs], job_id: FromPath[UUID]
) -> Response[bytes]:
    """Do nothing more after the batch that is under way."""
    job = job_view(await message_jobs.stop(job_id))
    done = gettext("Stopped. %(number)s were done; the others stay as they are.", number=number(job.moved))
    return flash.go(request, safe_next(str((await request.form()).get("to") or "/messages")), done)


@post("/messages/decide", role=Role.MARKETER)
async def decide_messages(request: AppRequest, messages: NamedDependency[MessageService]) -> Response[bytes]:
    """Send again or assume sent: the chosen messages, or all that fit the filters of the list."""
    form = await request.form()
    act = next((name for name in get_args(Act) if name == form.get("verb")), None)
    if act is None:
        message = gettext("Say whether they were sent, or are to be sent again.")
        raise Invalid(errors=[{"path": "verb", "message": message}])
    back_to = safe_next(str(form.get("to") or "/messages"))
    if form.get("all"):
        fitting = ListFilters.of(str(form.get("query", ""))).fitting()
        try:
            done = await messages.decide_all(act, await _as_counted(messages.jobs, fitting, form.get("counted")))
        except Invalid as error:
            return flash.go(request, back_to, error.errors[0]["message"] if error.errors else error.for_people, "err")
    elif ids := [str(one) for one in form.getall("id", [])][:CHOSEN]:
        done = await messages.decide_some(act, ids)
    else:
        raise Invalid(errors=[{"path": "id", "message": gettext("Choose some rows first.")}])
    return flash.go(request, back_to, done_words(act, done), "ok" if done.moved or not done.skipped else "err")


async def _as_counted(message_jobs: MessageJobs, fitting: MessageFilter | None, counted: object) -> MessageFilter:
    """The filter, when no more fit than the page said. Raises Invalid."""
    if fitting is None:
        raise Invalid(errors=[{"path": "status", "message": gettext("Choose failed or uncertain messages first.")}])
    now = await count_of(message_jobs, fitting)
    digits = str(counted or "")
    if not (digits.isascii() and digits.isdigit()):
        raise Invalid(gettext("Load the page again, and select all that fit once more."))
    if now.number > int(digits[:9]):
        raise Invalid(gettext("More fit now than were counted. Look again."))
    return fitting


def done_words(act: Act, done: MovedView) -> str:
    """What was done to how many, as one line."""
    text = gettext(DONE_WORDS[act], messages=words.counted_messages(done.moved))
    if done.skipped:
        text += " " + gettext("%(number)s skipped.", number=number(done.skipped))
    return text + (gettext(" The rest follows.") if done.job and done.job.status == "running" else "")


ROUTES: list[Any] = [count_fitting_messages, jobs_under_way, stop_message_job, decide_messages]
