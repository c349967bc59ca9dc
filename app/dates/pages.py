"""What a date means, shown while it is chosen; and how far a workflow is with reading the dates of its contacts."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.dates.preview import AHEAD_DAYS, DatePreview, DatePreviews
from app.dates.service import MOST_SHOWN, DateService
from app.flow import trigger_registry
from app.lib.formats import counted
from app.lib.translation import gettext, translatable
from app.models.status import Role
from app.web.fragments import page

MAX_TEXT = 300


@get("/dates/preview", role=Role.VIEWER)
async def preview_date(
    request: AppRequest,
    date_previews: NamedDependency[DatePreviews],
    kind: Annotated[str, QueryParameter(name="type", max_length=MAX_TEXT)] = "",
    field: Annotated[str, QueryParameter(name="field", max_length=MAX_TEXT)] = "",
    every: Annotated[str, QueryParameter(name="every", max_length=MAX_TEXT)] = "",
    at: Annotated[str, QueryParameter(name="at", max_length=MAX_TEXT)] = "",
    zone: Annotated[str, QueryParameter(name="zone", max_length=MAX_TEXT)] = "",
    existing: Annotated[str, QueryParameter(name="existing", max_length=MAX_TEXT)] = "",
    existing_days: Annotated[str, QueryParameter(name="existingDays", max_length=MAX_TEXT)] = "",
    duration: Annotated[str, QueryParameter(name="offset.duration", max_length=MAX_TEXT)] = "",
    unit: Annotated[str, QueryParameter(name="offset.unit", max_length=MAX_TEXT)] = "",
    direction: Annotated[str, QueryParameter(name="offset.direction", max_length=MAX_TEXT)] = "",
) -> Template:
    """How many contacts a trigger of a type would start for, and some of them, or what is wrong with the fields of its form."""
    problem, preview, trigger_type = "", None, trigger_registry.find(kind)
    if trigger_type is not None:
        offset = {"duration": _number(duration), "unit": unit, "direction": direction} if duration.strip() else None
        fields: dict[str, Any] = {
            "field": field,
            "every": every,
            "at": at,
            "zone": zone,
            "offset": offset,
            "existing": existing,
        }
        if existing_days.strip() and existing not in ("", "ignore"):
            fields["existingDays"] = _number(existing_days)
        data = {name: value for name, value in fields.items() if value}
        faults = [one for one in trigger_registry.diagnostics(trigger_type, data) if one.blocks_save]
        problem = faults[0].message if faults else ""
        watched = None if faults else trigger_type.contact_date(msgspec.convert(data, trigger_type.Config))
        preview = None if watched is None else await date_previews.of(watched)
    return page(request, "dates/preview.html", problem=problem, preview=preview, lines=_lines(preview), days=AHEAD_DAYS)


_LINES = (
    translatable("%(contacts)s: the date has come already, and a run starts as soon as the workflow goes live."),
    translatable("%(contacts)s: the date has passed and starts nothing."),
    translatable("%(contacts)s: the value there is no date."),
)


def _lines(preview: DatePreview | None) -> list[str]:
    """What else there is to know of some of the contacts."""
    numbers = (preview.at_once, preview.passed, preview.unreadable) if preview else ()
    return [
        gettext(text, contacts=counted(count, "contact")) for text, count in zip(_LINES, numbers, strict=False) if count
    ]


def _number(text: str) -> float | str:
    try:
        number = float(text)
        return int(number) if number.is_integer() else number
    except ValueError:
        return text


@get("/workflows/{workflow_id:uuid}/dates", role=Role.VIEWER)
async def show_dates(request: AppRequest, dates: NamedDependency[DateService], workflow_id: FromPath[UUID]) -> Template:
    """How far the reading of dates is, and who has something there that is no date. Nothing when there is nothing to say."""
    watched = await dates.of_workflow(workflow_id)
    moving = any(one.reading for one in watched) or await dates.is_behind()
    return page(
        request,
        "dates/progress.html",
        block="progress",
        workflow_id=workflow_id,
        watched=watched,
        moving=moving,
        most=MOST_SHOWN,
    )


ROUTES: list[Any] = [preview_date, show_dates]
SERVICES = {"dates": DateService, "date_previews": DatePreviews}
