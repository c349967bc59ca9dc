"""`/segments`: the list, one segment with its members and growth, and what a contact's page shows of segments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.errors import AppError
from app.lib.formats import counted, number
from app.lib.translation import gettext
from app.models.status import Role
from app.segments import contact_pages, list_pages, match_pages, rule_pages, untaken_pages
from app.segments.forms import SegmentForm, check_length
from app.segments.growth_chart import chart
from app.segments.schemas import Members, MembersMoved, SegmentPatch
from app.segments.service import SegmentNotFound, SegmentService
from app.segments.uses import WHAT_HAPPENS
from app.values.contact_view import name_of
from app.web.flash import go
from app.web.fragments import is_partial, page

PAGE = 50
ONE = "/segments/{segment_id:uuid}"


@get(ONE, role=Role.VIEWER)
async def show_segment(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    cursor: FromQuery[str] = "",
    saved: FromQuery[bool] = False,
) -> Template:
    """One segment: its size, its growth, who is in it, who uses it. `saved`: its rule was changed just now."""
    return await _segment(request, segments, segment_id, SegmentForm(), cursor, ask_now=saved)


@get(ONE + "/change", role=Role.VIEWER)
async def show_change(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    saved: FromQuery[bool] = False,
) -> Template:
    """How far a rule is built, and what a changed one would change: asked for while somebody waits for it."""
    if not is_partial(request):
        return await _segment(request, segments, segment_id, SegmentForm(), ask_now=saved)
    listed = await segments.get(segment_id)
    building = await segments.rules.progress(listed.segment)
    starts = await segments.rules.starting(listed.segment)
    return page(
        request,
        "segments/segment.html",
        block="change",
        headers={} if building or starts else {"HX-Refresh": "true"},
        segment=listed.segment,
        starts=starts,
        building=building,
        comparison=await segments.rules.comparison(listed.segment),
        next_sentence=await segments.rules.next_sentence(listed.segment),
        uses=await segments.uses(listed.segment),
        ask_now=saved,
    )


async def _segment(
    request: AppRequest,
    segments: SegmentService,
    segment_id: UUID,
    form: SegmentForm,
    cursor: str = "",
    *,
    ask_now: bool = False,
) -> Template:
    listed = await segments.get(segment_id)
    members = await segments.members(listed.segment, cursor=cursor or None, limit=PAGE)
    growth = await segments.growth(listed)
    return page(
        request,
        "segments/segment.html",
        block="members" if cursor else None,
        status_code=form.status,
        segment=listed.segment,
        count=listed.members,
        members=members.items,
        next_cursor=members.next_cursor or "",
        cursor=cursor,
        growth=growth,
        chart=chart([day.members for day in growth]),
        uses=await segments.uses(listed.segment),
        building=await segments.rules.progress(listed.segment),
        starts=await segments.rules.starting(listed.segment),
        comparison=await segments.rules.comparison(listed.segment),
        next_sentence=await segments.rules.next_sentence(listed.segment),
        ask_now=ask_now,
        what_happens=WHAT_HAPPENS,
        name_of=name_of,
        form=form,
    )


@post(ONE + "/edit", role=Role.MARKETER, status_code=200)
async def save_segment(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Change name and description."""
    form = SegmentForm.of(await request.form(), "edit")
    try:
        check_length(form)
        await segments.update(segment_id, SegmentPatch(name=form.name, description=form.description))
    except SegmentNotFound:
        raise
    except AppError as error:
        return await _segment(request, segments, segment_id, form.failed(error))
    return go(request, f"/segments/{segment_id}", gettext("Saved."))


@post(ONE + "/members", role=Role.MARKETER, status_code=200)
async def add_members_page(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Put contacts in, by their addresses and ids."""
    form = SegmentForm.of(await request.form(), "add")
    try:
        moved = await segments.add(segment_id, members_of(form.people))
    except SegmentNotFound:
        raise
    except AppError as error:
        refused = msgspec.structs.replace(form.failed(error), errors={"people": error.for_people})
        return await _segment(request, segments, segment_id, refused)
    return go(request, f"/segments/{segment_id}", _added(moved), "err" if moved.unknown and not moved.moved else "ok")


def members_of(text: str) -> Members:
    """Whom a text names: what has an `@` is an address, an id of ours is one, all else is an external id."""
    members = Members(contact_ids=[], external_ids=[], emails=[])
    for word in dict.fromkeys(word for word in re.split(r"[\s,;]+", text) if word):
        if "@" in word:
            members.emails.append(word)
        elif re.fullmatch(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", word):
            members.contact_ids.append(UUID(word))
        else:
            members.external_ids.append(word)
    return members


def _added(moved: MembersMoved) -> str:
    parts = [gettext("%(moved)s put in.", moved=counted(moved.moved, "contact"))]
    if moved.unchanged:
        parts.append(gettext("%(unchanged)s in already.", unchanged=counted(moved.unchanged, "was", "were")))
    if moved.unknown:
        parts.append(_nobody(moved.unknown))
    return " ".join(parts)


def _nobody(unknown: Sequence[str]) -> str:
    shown = ", ".join(unknown[:3])
    if len(unknown) > 3:
        return gettext(
            "No contact is known as %(shown)s and %(number)s more.", shown=shown, number=number(len(unknown) - 3)
        )
    return gettext("No contact is known as %(shown)s.", shown=shown)


@post(ONE + "/members/{contact_id:uuid}/remove", role=Role.MARKETER, status_code=200)
async def remove_member_page(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    contact_id: FromPath[UUID],
    to: FromQuery[str] = "",
) -> Response[bytes]:
    """Take one contact out; `to`: `contact`, to go on at its page."""
    moved = await segments.remove(segment_id, Members(contact_ids=[contact_id]))
    next_page = f"/contacts/{contact_id}" if to == "contact" else f"/segments/{segment_id}"
    return go(
        request, next_page, gettext("Taken out.") if moved.moved else gettext("The contact was not in it any more.")
    )


@post(ONE + "/delete", role=Role.MARKETER, status_code=200)
async def delete_segment_page(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Response[bytes]:
    """Delete the segment; the dialog has said what uses it and what happens there."""
    listed = await segments.get(segment_id)
    try:
        await segments.delete(segment_id, although_used=True)
    except SegmentNotFound:
        raise
    except AppError as error:
        return go(request, f"/segments/{segment_id}", error.for_people, "err")
    return go(request, "/segments", gettext("%(name)s was deleted. Its contacts stay.", name=listed.segment.name))


ROUTES: list[Any] = [
    *list_pages.ROUTES,
    show_segment,
    show_change,
    save_segment,
    *match_pages.ROUTES,
    *untaken_pages.ROUTES,
    *rule_pages.ROUTES,
    add_members_page,
    remove_member_page,
    delete_segment_page,
    *contact_pages.ROUTES,
]
