"""What a schedule means, shown while it is typed: the next times at which it fires."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.flow.local_time import WORKSPACE, zone_diagnostics
from app.lib import clock
from app.lib.zones import zone_of
from app.models.status import Role
from app.schedules.service import ScheduleService
from app.values.cron import MAX_LENGTH, BadCron, cron_of, next_fires
from app.values.cron_words import cron_words
from app.web.fragments import page

SHOWN = 5


@get("/schedules/preview", role=Role.VIEWER)
async def preview_schedule(
    request: AppRequest,
    cron: Annotated[FromQuery[str], QueryParameter(max_length=MAX_LENGTH * 2)] = "",
    timezone: Annotated[FromQuery[str], QueryParameter(max_length=100)] = WORKSPACE,
) -> Template:
    """The next five times in words, or what is wrong."""
    problem, words, times = "", "", []
    zone = zone_of(request.user.timezone if timezone == WORKSPACE else timezone, request.user.timezone)
    if wrong := zone_diagnostics(timezone):
        problem = wrong[0].message
    elif cron.strip():
        try:
            schedule = cron_of(cron)
            words = cron_words(cron)
            times = [moment.astimezone(zone) for moment in next_fires(schedule, clock.now(), zone, SHOWN)]
        except BadCron as error:
            problem = str(error)
    return page(request, "schedules/preview.html", problem=problem, words=words, times=times, zone=str(zone))


ROUTES: list[Any] = [preview_schedule]
SERVICES = {"schedules": ScheduleService}
