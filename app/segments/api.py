"""`/api/v1/segments`: segments and who is in them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.accounts.deps import AppRequest
from app.contacts.service import ContactService
from app.membership.counting import MemberCount
from app.models.scope import Scope
from app.models.status import Role
from app.segments.schemas import (
    CountedCondition,
    CountedRule,
    Deleted,
    Existing,
    MemberOut,
    Members,
    MembersMoved,
    NewSegment,
    RuleChange,
    RuleToCount,
    SampledContact,
    SegmentOfContact,
    SegmentOut,
    SegmentPatch,
)
from app.segments.service import SegmentService
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

ALL, TAGS = "/api/v1/segments", ["Segments"]
ONE = ALL + "/{segment_id:uuid}"
MEMBERS = ONE + "/members"


@get(ALL, role=Role.VIEWER, scope=Scope.SEGMENTS_READ, tags=TAGS, summary="List segments by name")
async def list_segments(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    search: FromQuery[str] = "",
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[SegmentOut]]:
    """`search` looks in name and description."""
    page = await segments.list(search=search, cursor=cursor, limit=limit)
    rows = [SegmentOut.of(row, members) for row, members in page.items]
    return ok(rows, nextCursor=page.next_cursor, limit=clamp_limit(limit))


@post(ALL, role=Role.MARKETER, scope=Scope.SEGMENTS_WRITE, tags=TAGS, summary="Create a segment")
async def create_segment(
    request: AppRequest, segments: NamedDependency[SegmentService], data: JSONBody[NewSegment]
) -> Envelope[SegmentOut]:
    return ok(SegmentOut.of(await segments.create(data), 0))


@get(ONE, role=Role.VIEWER, scope=Scope.SEGMENTS_READ, tags=TAGS, summary="One segment")
async def get_segment(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Envelope[SegmentOut]:
    return ok(SegmentOut.of(*await segments.get(segment_id)))


@patch(ONE, role=Role.MARKETER, scope=Scope.SEGMENTS_WRITE, tags=TAGS, summary="Change a segment")
async def patch_segment(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    data: JSONBody[SegmentPatch],
) -> Envelope[SegmentOut]:
    await segments.update(segment_id, data)
    return ok(SegmentOut.of(*await segments.get(segment_id)))


@post(
    ALL + "/preview",
    role=Role.VIEWER,
    scope=Scope.SEGMENTS_READ,
    status_code=200,
    tags=TAGS,
    summary="Count whom a rule holds for",
)
async def preview_rule(
    request: AppRequest, segments: NamedDependency[SegmentService], data: JSONBody[RuleToCount]
) -> Envelope[CountedRule]:
    """An estimate at once, the exact number in small workspaces or with `exact`; for the rule, and for each condition alone. Nothing is
    saved."""
    rule = await segments.rules.checked(data.rule)
    preview = await segments.rules.preview(rule, exact=data.exact)
    sample = [
        SampledContact(contact_id=one.id, external_id=one.external_id, email=one.email)
        for one in await segments.rows.contacts(preview.sample)
    ]
    return ok(
        CountedRule(
            **_numbers(preview.whole),
            conditions=[CountedCondition(path=path, **_numbers(one)) for path, one in preview.parts.items()],
            sentence=await segments.rules.sentence(rule),
            sample=sample,
        )
    )


def _numbers(count: MemberCount) -> dict[str, Any]:
    return {
        "count": count.members, "exact": count.exact, "error": count.error, "fewer": count.fewer, "unknown": count.unknown,
    }  # fmt: skip


@get(
    ONE + "/change", role=Role.VIEWER, scope=Scope.SEGMENTS_READ, tags=TAGS, summary="What a changed rule would change"
)
async def get_rule_change(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Envelope[RuleChange]:
    """Of a rule that is being built: how far it is; once it is built, how many would enter, leave and stay."""
    segment = (await segments.get(segment_id)).segment
    progress, comparison = await segments.rules.progress(segment), await segments.rules.comparison(segment)
    counts = (comparison.enter, comparison.leave, comparison.stay) if comparison else (None, None, None)
    return ok(RuleChange(share=progress.share if progress else 1.0, enter=counts[0], leave=counts[1], stay=counts[2]))


@post(
    ONE + "/apply",
    role=Role.MARKETER,
    scope=Scope.SEGMENTS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Let a changed rule count",
)
async def apply_rule(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    existing: FromQuery[Existing] = "ignore",
) -> Envelope[SegmentOut]:
    """409 `segment_not_built` before it is built. Who comes in or leaves by it starts no workflow; with `existing=enter` they enter the
    workflows that wait for such moves, a part at a time: `/workflows/{id}/enrolments` has the progress, and stops it."""
    await segments.rules.apply(await segments.locked(segment_id), enter=existing == "enter")
    return ok(SegmentOut.of(*await segments.get(segment_id)))


@post(
    ONE + "/discard",
    role=Role.MARKETER,
    scope=Scope.SEGMENTS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Give up a changed rule",
)
async def discard_rule(
    request: AppRequest, segments: NamedDependency[SegmentService], segment_id: FromPath[UUID]
) -> Envelope[SegmentOut]:
    await segments.rules.discard(await segments.locked(segment_id))
    return ok(SegmentOut.of(*await segments.get(segment_id)))


@delete(ONE, role=Role.MARKETER, scope=Scope.SEGMENTS_WRITE, status_code=200, tags=TAGS, summary="Delete a segment")
async def delete_segment(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    even_if_used: Annotated[bool, QueryParameter(name="evenIfUsed")] = False,
) -> Envelope[Deleted]:
    """Its members stay contacts. 409 `segment_in_use` names what uses it in `usedBy`, and says what would happen there."""
    await segments.delete(segment_id, although_used=even_if_used)
    return ok(Deleted(segment_id))


@get(MEMBERS, role=Role.VIEWER, scope=Scope.SEGMENTS_READ, tags=TAGS, summary="Who is in a segment")
async def list_members(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[MemberOut]]:
    """The newest contacts first."""
    segment, members = await segments.get(segment_id)
    page = await segments.members(segment, cursor=cursor, limit=limit)
    rows = [
        MemberOut(contact_id=one.id, external_id=one.external_id, email=one.email, since=since)
        for one, since in page.items
    ]
    return ok(rows, nextCursor=page.next_cursor, limit=clamp_limit(limit), total=members)


@post(
    MEMBERS,
    role=Role.MARKETER,
    scope=Scope.SEGMENTS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Put contacts into a static segment",
)
async def add_members(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    data: JSONBody[Members],
) -> Envelope[MembersMoved]:
    """Up to 1,000 contacts. Each that was not in yet causes the event `segment.member.added`. 409 for a dynamic segment."""
    return ok(await segments.add(segment_id, data))


@delete(
    MEMBERS,
    role=Role.MARKETER,
    scope=Scope.SEGMENTS_WRITE,
    status_code=200,
    tags=TAGS,
    summary="Take contacts out of a static segment",
)
async def remove_members(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    segment_id: FromPath[UUID],
    data: JSONBody[Members],
) -> Envelope[MembersMoved]:
    """Up to 1,000 contacts, named in the body. Each that was in causes the event `segment.member.removed`. 409 for a dynamic segment."""
    return ok(await segments.remove(segment_id, data))


@get(
    "/api/v1/contacts/{contact_id:uuid}/segments",
    role=Role.VIEWER,
    scope=Scope.SEGMENTS_READ,
    tags=TAGS,
    summary="The segments that a contact is in",
)
async def list_segments_of_contact(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    contacts: NamedDependency[ContactService],
    contact_id: FromPath[UUID],
) -> Envelope[list[SegmentOfContact]]:
    contact = await contacts.get(contact_id)
    return ok(list(await segments.of_contact(contact.id)))


API_TAGS = [Tag(name="Segments", description="Sets of contacts, and who is in them.")]
ROUTES: list[Any] = [
    list_segments,
    create_segment,
    get_segment,
    patch_segment,
    preview_rule,
    get_rule_change,
    apply_rule,
    discard_rule,
    delete_segment,
    list_members,
    add_members,
    remove_members,
    list_segments_of_contact,
]
SERVICES = {"segments": SegmentService}
