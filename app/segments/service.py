"""Segments: what may be done with them. The API and the pages call the same functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from app import usage
from app.accounts.principal import Principal
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.lib import clock
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.models import Segment
from app.models.status import SegmentKind, SegmentState
from app.segment_member_repository import MOST_SEGMENTS, SegmentMemberRepository, StaticSegments
from app.segments.repository import ContactInSegment, SegmentRepository
from app.segments.rules import SegmentRules
from app.segments.schemas import (
    MOST_IN_A_REQUEST,
    GrowthDay,
    Members,
    MembersMoved,
    NewSegment,
    SegmentOfContact,
    SegmentPatch,
)
from app.segments.uses import WHAT_HAPPENS, SegmentUses
from app.web.pagination import Page, clamp_limit, cut, decode_cursor

GROWTH_DAYS = 30


class SegmentNotFound(NotFound):
    """There is no such segment. It may have been deleted, or belong to another workspace."""

    code = "segment_not_found"


class SegmentInUse(Conflict):
    """This segment is still used. Take it out there first, or delete it all the same and know what happens."""

    code = "segment_in_use"


class SegmentNotStatic(Conflict):
    """Who is in a dynamic segment, its rule says: change the rule, or the contact."""

    code = "segment_not_static"


class SegmentNotDynamic(Conflict):
    """A static segment has no rule: who is in it, you say. Create a dynamic one for a rule."""

    code = "segment_not_dynamic"


class Listed(NamedTuple):
    """A segment and how many are in it."""

    segment: Segment
    members: int


def _size(listed: Listed) -> tuple[int, UUID]:
    return listed.members, listed.segment.id


class SegmentService:
    """The segments of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self._principal, self._tenant_id = session, principal, principal.tenant_id
        self.rows = SegmentRepository(session, principal.tenant_id)
        self.member_rows = SegmentMemberRepository(session, principal.tenant_id)
        self.rules = SegmentRules(session, principal)

    # Reading ------------------------------------------------------------------------------------------------------

    async def get(self, segment_id: UUID) -> Listed:
        """One segment and its size. Raises SegmentNotFound."""
        segment = await self._one(segment_id)
        return Listed(segment, (await self.member_rows.counts([segment.number]))[segment.number])

    async def list(
        self, *, search: str = "", cursor: str | None = None, limit: int | None = None, order: str = "name"
    ) -> Page[Listed]:
        """Segments by name or in another order, with their sizes. Two queries, whatever the number."""
        words = search.replace("\0", "").strip()
        if order.removeprefix("-") == "members":
            return await self._by_size(words, cursor, clamp_limit(limit), falling=order.startswith("-"))
        page = await self.rows.sorted_by(order, words, cursor, clamp_limit(limit))
        counts = await self.member_rows.counts([row.number for row in page.items])
        return Page([Listed(row, counts[row.number]) for row in page.items], page.next_cursor)

    async def _by_size(self, search: str, cursor: str | None, limit: int, *, falling: bool) -> Page[Listed]:
        """A workspace has MOST_SEGMENTS at most: they are all counted and sorted here."""
        rows = await self.rows.called(search)
        counts = await self.member_rows.counts([row.number for row in rows])
        listed = sorted((Listed(row, counts[row.number]) for row in rows), key=_size, reverse=falling)
        if cursor:
            after = decode_cursor(cursor, int, UUID)
            listed = [one for one in listed if (_size(one) < after if falling else _size(one) > after)]
        return cut(listed, limit, _size)

    async def uses(self, segment: Segment) -> SegmentUses:
        """Who relies on it."""
        workflows = await usage.of_segment(self.session, self._tenant_id, segment.id)
        return SegmentUses(workflows, await self.rows.reading(segment.id))

    async def growth(self, listed: Listed, days: int = GROWTH_DAYS) -> Sequence[GrowthDay]:
        """Each of the last days, the oldest first, with how many there were at its end."""
        today = clock.now().astimezone(UTC).date()
        first = today - timedelta(days=days - 1)
        by_day = {row.day: row for row in await self.member_rows.days(listed.segment.number, first)}
        members, newest_first = listed.members, list[GrowthDay]()
        for ago in range(days):
            day = today - timedelta(days=ago)
            row = by_day.get(day)
            entered, left = (row.entered, row.left) if row else (0, 0)
            newest_first.append(GrowthDay(day, entered, left, members))
            members -= entered - left
        return newest_first[::-1]

    async def members(
        self, segment: Segment, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[ContactInSegment]:
        """Who is in it, the newest contacts first."""
        return await self.rows.members(segment.number, cursor, clamp_limit(limit))

    async def of_contact(self, contact_id: UUID) -> Sequence[SegmentOfContact]:
        """The segments that a contact is in, by name."""
        since = await self.member_rows.of_contact(contact_id)
        rows = await self.rows.list(Segment.number.in_(list(since)), order_by=[Segment.name])
        return [SegmentOfContact(id=row.id, name=row.name, kind=row.kind, since=since[row.number]) for row in rows]

    async def choosable(self) -> Sequence[Segment]:
        """Static segments by name, for forms that put contacts in."""
        return await StaticSegments(self.session, self._tenant_id).by_name()

    # Changing -----------------------------------------------------------------------------------------------------

    async def create(self, new: NewSegment) -> Segment:
        """A segment without members; those of a dynamic one come in soon. Raises Invalid for a name that is taken and a wrong rule."""
        name = await self._name(new.name)
        rule = await self.rules.checked(new.rule or {}) if new.kind == SegmentKind.DYNAMIC.value else None
        if rule is None and new.rule is not None:
            message = gettext("Only a dynamic segment has a rule: send `kind: dynamic`.")
            raise Invalid(message, errors=[FieldError(path="rule", message=message)])
        if await self.rows.count() >= MOST_SEGMENTS:
            message = gettext(
                "A workspace has at most %(most_segments)s segments. Delete one that nobody uses.",
                most_segments=MOST_SEGMENTS,
            )
            raise Invalid(message, errors=[FieldError(path="name", message=message)])
        now = clock.now()
        segment = await self.rows.add(
            Segment(
                id=uuid7(),
                number=await self.rows.next_number(),
                name=name,
                description=new.description.strip(),
                kind=new.kind,
                version=1,
                state=(SegmentState.READY if rule is None else SegmentState.BUILDING).value,
                rule=None if rule is None else msgspec.to_builtins(rule),
                sentence="" if rule is None else await self.rules.sentence(rule),
                created_by=self._principal.user_id,
                created_at=now,
                updated_at=now,
            )
        )
        if rule is not None:
            await self.rules.begin(segment, rule)
        return segment

    async def update(self, segment_id: UUID, change: SegmentPatch) -> Segment:
        """Change name and description. Raises SegmentNotFound, and Invalid for a name that is taken."""
        segment = await self._one(segment_id, lock=True)
        if change.name is not UNSET:
            segment.name = await self._name(change.name, segment)
        if change.description is not UNSET:
            segment.description = change.description.strip()
        if change.rule is not UNSET:
            if segment.kind != SegmentKind.DYNAMIC:
                message = gettext("A static segment has no rule: who is in it, you say.")
                raise Invalid(message, errors=[FieldError(path="rule", message=message)])
            await self.rows.lock_rules()
            await self.rules.change(segment, await self.rules.checked(change.rule, segment.id))
        segment.updated_at = clock.now()
        await self.session.flush()
        return segment

    async def save_rule(self, segment_id: UUID, raw: Any) -> Segment:
        """Change the rule of a dynamic segment. Where nobody uses it, it counts from now on; else it is built beside the
        one that counts, and `rules.apply` lets it count. Raises SegmentNotFound, SegmentNotDynamic, Invalid."""
        segment = await self._one(segment_id, lock=True)
        if segment.kind != SegmentKind.DYNAMIC:
            raise SegmentNotDynamic
        await self.rows.lock_rules()
        rule = await self.rules.checked(raw, segment.id)
        if not (await self.uses(segment)).in_words:
            await self.rules.replace(segment, rule)
        else:
            await self.rules.change(segment, rule)
        return segment

    async def delete(self, segment_id: UUID, *, although_used: bool = False) -> None:
        """Delete it; its members stay contacts, and nobody leaves it as far as workflows are told. Its rows go in pieces afterwards.

        Raises SegmentNotFound, and SegmentInUse while another segment's rule names it, or, unless `although_used`, a workflow does.
        """
        segment = await self._one(segment_id, lock=True)
        uses = await self.uses(segment)
        if uses.segments:
            names = ", ".join(f"“{row.name}”" for row in uses.segments[: usage.NAMED])
            raise SegmentInUse(
                gettext("The rule of %(names)s asks for this segment. Change that rule first.", names=names),
                usedBy=uses.as_documents(),
            )
        if uses.workflows and not although_used:
            raise SegmentInUse(
                gettext(
                    "This segment is used by %(in_words)s. %(what_happens)s Take it out there first, or send "
                    "`evenIfUsed=true` to delete it all the same.",
                    in_words=usage.in_words(uses.workflows),
                    what_happens=WHAT_HAPPENS,
                ),
                usedBy=uses.as_documents(),
            )
        segment.deleted_at = clock.now()
        await self.session.flush()
        await self.rules.deleted(segment)

    async def add(self, segment_id: UUID, members: Members) -> MembersMoved:
        """Put contacts into a static segment. Raises SegmentNotFound, SegmentNotStatic, Invalid for too many or for none."""
        return await self._move(segment_id, members, enters=True)

    async def remove(self, segment_id: UUID, members: Members) -> MembersMoved:
        """Take contacts out of a static segment. Raises as `add` does."""
        return await self._move(segment_id, members, enters=False)

    async def _move(self, segment_id: UUID, members: Members, *, enters: bool) -> MembersMoved:
        segment = await self._one(segment_id)
        if segment.kind != SegmentKind.STATIC:
            raise SegmentNotStatic
        _check_count(members)
        by_text = await self.rows.known(members.contact_ids, members.external_ids, members.emails)
        contact_ids = list(dict.fromkeys(by_text.values()))
        move = self.member_rows.enter if enters else self.member_rows.leave
        moved = await move(segment.number, contact_ids)
        sent = [*map(str, members.contact_ids), *members.external_ids, *members.emails]
        unknown = [text for text in dict.fromkeys(sent) if text not in by_text]
        return MembersMoved(moved=len(moved), unchanged=len(contact_ids) - len(moved), unknown=unknown)

    async def locked(self, segment_id: UUID) -> Segment:
        """One segment that nobody else changes until this transaction ends. Raises SegmentNotFound."""
        return await self._one(segment_id, lock=True)

    async def _one(self, segment_id: UUID, *, lock: bool = False) -> Segment:
        segment = await self.rows.get(segment_id, lock=lock)
        if segment is None:
            raise SegmentNotFound
        return segment

    async def _name(self, text: str, current: Segment | None = None) -> str:
        name = " ".join(text.split())
        if not name:
            raise Invalid(errors=[FieldError(path="name", message=gettext("Give the segment a name."))])
        other = await self.rows.find_by_name(name)
        if other is not None and (current is None or other.id != current.id):
            raise Invalid(errors=[FieldError(path="name", message=gettext("Another segment has this name."))])
        return name


def _check_count(members: Members) -> None:
    if not members.count:
        message = gettext("Say whom: send contactIds, externalIds or emails.")
        raise Invalid(message, errors=[FieldError(path="contactIds", message=message)])
    if members.count > MOST_IN_A_REQUEST:
        message = gettext(
            "A request takes at most %(most_in_a_request)s contacts; these are %(count)s. Send several.",
            most_in_a_request=f"{MOST_IN_A_REQUEST:,}",
            count=f"{members.count:,}",
        )
        raise Invalid(message, errors=[FieldError(path="contactIds", message=message)])
