"""Rules of dynamic segments: checked, built beside the one that counts, compared with it, and put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Conflict, Invalid
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import SegmentRule, segment_rule, segments_of
from app.flow.segment_sentences import rule_in_words
from app.lib import clock
from app.lib.zones import zone_of
from app.membership import build_repository
from app.membership.build_repository import BuildProgress, Comparison
from app.membership.counting import RulePreview, count_and_sample
from app.models import Segment
from app.models.status import SegmentState
from app.segments.repository import SegmentRepository


class NothingBuilt(Conflict):
    """There is no changed rule that could count now: it is not built yet, or nothing was changed."""

    code = "segment_not_built"


class SegmentRules:
    """The rules of a workspace's segments. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._tenant_id = session, principal.tenant_id
        self._zone = zone_of(principal.timezone)
        self._rows = SegmentRepository(session, principal.tenant_id)

    async def checked(self, raw: Any, segment_id: UUID | None = None) -> SegmentRule:
        """A rule that can be built. Raises Invalid with all that is wrong with it; paths begin below `rule`.

        `segment_id`: whose rule it becomes, which it may not ask for, nor by way of others.
        """
        if faults := [one.field_error() for one in rule_diagnostics(raw)]:
            for fault in faults:
                fault["path"] = f"rule.{fault['path']}".rstrip(".")
            raise Invalid("The rule is not ready.", errors=faults)
        rule = segment_rule(raw)
        reads = await self._reads()
        for wanted in segments_of(rule):
            if wanted not in reads:
                raise _wrong(f"There is no segment {wanted}. Choose one of this workspace.")
            if segment_id is not None and _reaches(reads, wanted, segment_id):
                raise _wrong("A segment cannot ask for itself, nor for one that asks for it.")
        return rule

    async def sentence(self, rule: SegmentRule) -> str:
        """The rule in words."""
        return rule_in_words(rule, await self._rows.names(), self._zone)

    async def preview(self, rule: SegmentRule, *, exact: bool = False) -> RulePreview:
        """How many it holds for now, and some of them. `exact`: everybody is asked, however many there are."""
        return await count_and_sample(self._session, self._tenant_id, rule, exact=exact)

    async def begin(self, segment: Segment, rule: SegmentRule) -> None:
        """Build the first version of a new segment, whose row is stored: it has no members until then."""
        await build_repository.begin_build(self._session, self._tenant_id, segment.number, rule)

    async def change(self, segment: Segment, rule: SegmentRule) -> None:
        """Build a changed rule beside the one that counts; `apply` puts it in its place. One that was under way is given up."""
        await self.discard(segment)
        document = msgspec.to_builtins(rule)
        if document == segment.rule:
            return
        segment.next_number, segment.next_rule = await self._rows.next_number(), document
        segment.state = SegmentState.BUILDING.value
        await self._session.flush()
        await build_repository.begin_build(self._session, self._tenant_id, segment.next_number, rule)

    async def discard(self, segment: Segment) -> None:
        """Give up the version under way; the rule that counts stays."""
        if segment.next_number is None:
            return
        await build_repository.drop(self._session, self._tenant_id, segment.next_number)
        segment.next_number = segment.next_rule = None
        segment.state = SegmentState.READY.value
        await self._session.flush()

    async def progress(self, segment: Segment) -> BuildProgress | None:
        """How far the version under way is; None when there is none."""
        if segment.state != SegmentState.BUILDING:
            return None
        number = segment.next_number or segment.number
        return (await build_repository.progress(self._session, self._tenant_id, [number])).get(number)

    async def next_sentence(self, segment: Segment) -> str:
        """The changed rule in words; empty when there is none."""
        return await self.sentence(segment_rule(segment.next_rule)) if segment.next_rule else ""

    async def comparison(self, segment: Segment) -> Comparison | None:
        """What the changed rule would change; None while it is not built."""
        progress = await self.progress(segment)
        if segment.next_number is None or progress is None or progress.finished_at is None:
            return None
        return await build_repository.compare(self._session, self._tenant_id, segment.number, segment.next_number)

    async def apply(self, segment: Segment) -> Comparison:
        """Let the changed rule count. Whoever comes in or leaves by it counts as a member, or as none, from now on; workflows are not told
        of them, one by one. Raises NothingBuilt."""
        comparison = await self.comparison(segment)
        if comparison is None or segment.next_number is None:
            raise NothingBuilt
        old, rule = segment.number, segment_rule(segment.next_rule)
        segment.number, segment.rule, segment.sentence = (
            segment.next_number,
            segment.next_rule,
            await self.sentence(rule),
        )
        segment.next_number = segment.next_rule = None
        segment.state, segment.version = SegmentState.READY.value, segment.version + 1
        segment.updated_at = clock.now()
        await self._session.flush()
        await build_repository.drop(self._session, self._tenant_id, old)
        await build_repository.build_again(self._session, self._tenant_id, segment.id)
        return comparison

    async def deleted(self, segment: Segment) -> None:
        """Nobody keeps its versions up to date any more."""
        if segment.rule is not None:
            for number in (segment.number, segment.next_number):
                if number is not None:
                    await build_repository.drop(self._session, self._tenant_id, number)

    async def _reads(self) -> dict[UUID, list[UUID]]:
        """The segments of the workspace, each with those that its rules ask for."""
        rows = await self._rows.list()
        return {
            row.id: [one for raw in (row.rule, row.next_rule) if raw for one in segments_of(segment_rule(raw))]
            for row in rows
        }


def _reaches(reads: Mapping[UUID, list[UUID]], start: UUID, wanted: UUID) -> bool:
    """Does a segment ask for another one, itself or by way of others?"""
    seen, waiting = set[UUID](), [start]
    while waiting:
        one = waiting.pop()
        if one == wanted:
            return True
        if one not in seen:
            seen.add(one)
            waiting += reads.get(one, [])
    return False


def _wrong(message: str) -> Invalid:
    return Invalid(message, errors=[{"path": "rule.conditions", "message": message}])
