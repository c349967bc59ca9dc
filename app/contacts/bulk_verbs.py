"""What can be done with many contacts at once: tags, static segments, deleting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import contact_inbox_repository
from app.accounts.principal import Principal
from app.contact_inbox_repository import SilentChange
from app.contacts import erasure_repository, merging
from app.contacts.fields import ContactPatch, clean
from app.contacts.known_tag_repository import KnownTags
from app.contacts.list_columns import CONTACTS
from app.contacts.list_repository import ContactFilter, ContactKeys
from app.contacts.repository import ContactRepository
from app.contacts.schemas import ContactIn
from app.contacts.upserting import UPDATED, changed_events
from app.errors import FieldError, Invalid
from app.events.record import NewEvent, record
from app.lib import clock
from app.lib.translation import gettext, translatable
from app.lists.bulk_verbs import SILENTLY, BatchResult, BulkVerb, FittingIds, offer_verbs
from app.models.status import Role
from app.segment_member_repository import SegmentMemberRepository, StaticSegments

PAGE = 500
MOST_PAGES = 40
"""Pages that are looked at to find who fits: each looks at a bounded number of rows, also where nobody does."""


async def _fitting(session: AsyncSession, principal: Principal, filters: Mapping[str, str], most: int) -> FittingIds:
    tag = filters.get("tag")
    wanted = ContactFilter(
        search=filters.get("search", "").replace("\0", ""),
        tags=[tag] if tag else (),
        permission=filters.get("permission") or None,
        order=filters["sort"],
    )
    lists, ids, cursor = ContactKeys(session, principal.tenant_id), list[UUID](), None
    for _ in range(MOST_PAGES):
        page = await lists.page_of(cursor, min(PAGE, most + 1 - len(ids)), wanted)
        ids += [contact.id for contact in page.items]
        cursor = page.next_cursor
        if cursor is None or len(ids) > most:
            break
    return FittingIds(ids[:most], more=len(ids) > most or cursor is not None)


async def _tag_of(_session: AsyncSession, principal: Principal, sent: Mapping[str, str]) -> tuple[dict[str, str], str]:
    change, faults = clean(ContactIn(add_tags=[sent.get("tag", "").strip()]), principal.country)
    if faults or not change.add_tags:
        message = faults[0]["message"] if faults else gettext("Give the tag.")
        raise Invalid(message, errors=[FieldError(path="tag", message=message)])
    return {"tag": change.add_tags[0]}, change.add_tags[0]


async def _some_without(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
) -> None:
    if ids and not await KnownTags(session, principal.tenant_id).some(ids, arguments["tag"], tagged=False):
        _refuse(gettext("All of them have the tag “%(tag)s” already.", tag=arguments["tag"]))


async def _some_with(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
) -> None:
    if ids and not await KnownTags(session, principal.tenant_id).some(ids, arguments["tag"], tagged=True):
        _refuse(gettext("None of them has the tag “%(tag)s”.", tag=arguments["tag"]))


def _refuse(message: str) -> NoReturn:
    raise Invalid(message, errors=[FieldError(path="tag", message=message)])


async def _tags(session: AsyncSession, principal: Principal, letters: str) -> Sequence[str]:
    return await KnownTags(session, principal.tenant_id).with_letters(letters)


async def _segment_of(
    session: AsyncSession, principal: Principal, sent: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    for segment in await StaticSegments(session, principal.tenant_id).by_name():
        if str(segment.id) == sent.get("segment"):
            return {"segment": str(segment.id)}, segment.name
    raise Invalid(errors=[FieldError(path="segment", message=gettext("Choose a static segment."))])


async def _patched(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], change: ContactPatch, *, silently: bool
) -> BatchResult:
    rows, refused, reason = ContactRepository(session, principal.tenant_id), 0, None
    changed, events, silent = [], list[NewEvent](), list[SilentChange]()
    for state in await rows.lock_many(ids):
        merged = merging.merge(state, change)
        if not merged.changed:
            continue
        if unfit := merging.storage_refusal(state, merged.state):
            refused, reason = refused + 1, unfit[1]
            continue
        changed.append(merged.state)
        if silently:
            silent.append(SilentChange(UPDATED, state.id, merged.changed))
        else:
            events += changed_events(merged, "page")
    if changed:
        await rows.update_many(changed)
        await record(session, principal.tenant_id, events)
        await contact_inbox_repository.follow(session, principal.tenant_id, silent)
    return BatchResult(len(changed), [state.id for state in changed], refused, reason)


async def _tag(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
) -> BatchResult:
    change = ContactPatch(add_tags=(arguments["tag"],))
    return await _patched(session, principal, ids, change, silently=SILENTLY in arguments)


async def _untag(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
) -> BatchResult:
    change = ContactPatch(remove_tags=(arguments["tag"],))
    return await _patched(session, principal, ids, change, silently=SILENTLY in arguments)


async def _put_in(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
) -> BatchResult:
    members = SegmentMemberRepository(session, principal.tenant_id)
    moved = await members.enter_static(UUID(arguments["segment"]), ids, silently=SILENTLY in arguments)
    return BatchResult(len(moved), moved)


async def _take_out(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
) -> BatchResult:
    members = SegmentMemberRepository(session, principal.tenant_id)
    moved = await members.leave_static(UUID(arguments["segment"]), ids, silently=SILENTLY in arguments)
    return BatchResult(len(moved), moved)


async def _erase(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], _arguments: Mapping[str, str]
) -> BatchResult:
    now = clock.now()
    # In the order in which everybody locks contacts.
    erased = [
        await erasure_repository.erase(session, principal.tenant_id, contact_id, now) for contact_id in sorted(ids)
    ]
    return BatchResult(sum(erased))


BULK = offer_verbs(
    CONTACTS.name,
    "contact",
    _fitting,
    [
        BulkVerb(
            "tag", _tag, translatable("Tag “%(label)s” added to %(rows)s."), _tag_of, "untag", check_rows=_some_without
        ),
        BulkVerb(
            "untag",
            _untag,
            translatable("Tag “%(label)s” removed from %(rows)s."),
            _tag_of,
            "tag",
            check_rows=_some_with,
        ),
        BulkVerb("put_in", _put_in, translatable("%(rows)s put into %(label)s."), _segment_of, "take_out"),
        BulkVerb("take_out", _take_out, translatable("%(rows)s taken out of %(label)s."), _segment_of, "put_in"),
        BulkVerb("delete", _erase, translatable("%(rows)s deleted."), batch=20, most=1_000, role_for_all=Role.ADMIN),
    ],
    _tags,
)
"""Deleting is some forty statements a contact: fewer at once, and at most a thousand. Only admins do it by filter: it cannot be
taken back."""
