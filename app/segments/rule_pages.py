"""The editor of a segment's rule: a new segment, a changed rule with its live count, and the answer when it may count."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.errors import AppError, Invalid
from app.flow.diagnostic import Diagnostic
from app.lib.formats import number
from app.lib.translation import gettext
from app.membership.counting import MemberCount
from app.models import Segment
from app.models.status import Role, SegmentKind
from app.segments.forms import EMPTY, SegmentForm, check_length, decoded_rule
from app.segments.rules import NothingBuilt
from app.segments.schemas import NewSegment
from app.segments.service import SegmentNotDynamic, SegmentNotFound, SegmentService
from app.values.contact_view import name_of
from app.web.flash import go
from app.web.fragments import page

ONE = "/segments/{segment_id:uuid}"


@get("/segments/new", role=Role.MARKETER)
async def new_segment(request: AppRequest, form_options: NamedDependency[FormOptions]) -> Template:
    """The empty form."""
    return await _editor(request, form_options, SegmentForm(), EMPTY)


@post("/segments/new", role=Role.MARKETER, status_code=200)
async def create_segment_page(
    request: AppRequest, form_options: NamedDependency[FormOptions], segments: NamedDependency[SegmentService]
) -> Template | Response[bytes]:
    """Create a segment: a static one, or one with a rule."""
    form = SegmentForm.of(await request.form(), "new")
    by_rule = form.kind == SegmentKind.DYNAMIC.value
    try:
        check_length(form)
        rule = decoded_rule(form.rule) if by_rule else None
        segment = await segments.create(
            NewSegment(name=form.name, description=form.description, kind="dynamic" if by_rule else "static", rule=rule)
        )
    except AppError as error:
        failed = form.failed(error)
        return await _editor(request, form_options, failed, failed.shown_rule)
    what_next = gettext("Its contacts are looked for.") if by_rule else gettext("Add contacts.")
    return go(
        request, f"/segments/{segment.id}", f"{gettext('%(name)s is a segment now.', name=segment.name)} {what_next}"
    )


@get(ONE + "/rule", role=Role.MARKETER)
async def edit_rule(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
) -> Template:
    """The rule of a dynamic segment: the changed one that does not count yet, where there is one."""
    segment = (await segments.get(segment_id)).segment
    if segment.kind != SegmentKind.DYNAMIC:
        raise SegmentNotDynamic
    rule = segment.next_rule or segment.rule or EMPTY
    return await _editor(request, form_options, SegmentForm(), rule, segment, segments)


@post(ONE + "/rule", role=Role.MARKETER, status_code=200)
async def save_rule(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
) -> Template | Response[bytes]:
    """Save a changed rule. Where something uses the segment, its page asks what becomes of those who come in."""
    form = SegmentForm.of(await request.form(), "rule")
    try:
        segment = await segments.save_rule(segment_id, decoded_rule(form.rule))
    except (SegmentNotFound, SegmentNotDynamic):
        raise
    except AppError as error:
        failed = form.failed(error)
        segment = (await segments.get(segment_id)).segment
        return await _editor(request, form_options, failed, failed.shown_rule, segment, segments)
    if segment.next_number is None:
        return go(request, f"/segments/{segment_id}", gettext("Saved. The rule counts."))
    return go(request, f"/segments/{segment_id}?saved=1", gettext("Saved. You say when it counts."))


async def _editor(
    request: AppRequest,
    form_options: FormOptions,
    form: SegmentForm,
    rule: dict[str, Any],
    segment: Segment | None = None,
    segments: SegmentService | None = None,
) -> Template:
    return page(
        request,
        "segments/edit.html",
        status_code=form.status,
        form=form,
        rule=rule,
        segment=segment,
        uses=await segments.uses(segment) if segments is not None and segment is not None else None,
        choices=await form_options.of_segments(segment.id if segment is not None else None),
    )


@post("/segments/live", role=Role.MARKETER, status_code=200)
async def live_rule(request: AppRequest, segments: NamedDependency[SegmentService]) -> Template:
    """A rule that somebody edits: in words, what is wrong and odd about it, and whom it holds for. Nothing is saved."""
    data = await request.form()
    try:
        raw: Any = decoded_rule(str(data.get("rule") or ""))
        segment_id = UUID(str(data["segment"])) if data.get("segment") else None
    except (Invalid, ValueError):
        raw, segment_id = EMPTY, None
    answer = await segments.rules.live(raw, segment_id, request.user.user_id)
    errors = [_shown(one) for one in (*answer.faults, *answer.warnings)]
    return page(
        request,
        "segments/live.html",
        answer=answer,
        errors=msgspec.json.encode(errors).decode(),
        alone=msgspec.json.encode([_matched(path, one) for path, one in answer.alone.items()]).decode(),
        sample=await segments.rows.contacts(answer.sample),
        name_of=name_of,
    )


def _shown(one: Diagnostic) -> dict[str, str]:
    unfinished = one.severity == "error" and not one.blocks_save
    return {"path": one.path, "message": one.message, "severity": "incomplete" if unfinished else one.severity}


def _matched(path: str, count: MemberCount) -> dict[str, str]:
    """What stands beside a condition: how many it matches alone, and of how many it cannot be said."""
    words = count.matched
    if count.unknown:
        unsure = gettext("%(number)s not comparable", number=number(count.unknown))
        words = f"{words} · {unsure}"
    return {"path": path, "words": words}


@post(ONE + "/apply", role=Role.MARKETER, status_code=200)
async def apply_rule_page(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Response[bytes]:
    """Let the changed rule count; `existing`: whether workflows start for those who move by it."""
    enter = (await request.form()).get("existing") == "enter"
    segment = await segments.locked(segment_id)
    try:
        moved = await segments.rules.apply(segment, enter=enter)
    except NothingBuilt as error:
        return go(request, f"/segments/{segment_id}", error.for_people, "err")
    starts = gettext(" Workflows start for them, a part at a time.") if enter else ""
    counts = gettext("%(enter)s entered, %(leave)s left.", enter=f"{moved.enter:,}", leave=f"{moved.leave:,}")
    return go(
        request,
        f"/segments/{segment_id}",
        gettext("The changed rule counts: %(counts)s%(starts)s", counts=counts, starts=starts),
    )


@post(ONE + "/discard", role=Role.MARKETER, status_code=200)
async def discard_rule_page(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Response[bytes]:
    """Give the changed rule up."""
    await segments.rules.discard(await segments.locked(segment_id))
    return go(request, f"/segments/{segment_id}", gettext("Given up. The old rule still counts."))


ROUTES: list[Any] = [
    new_segment,
    create_segment_page,
    edit_rule,
    save_rule,
    live_rule,
    apply_rule_page,
    discard_rule_page,
]
