"""Rules of dynamic segments: checked, built beside the one that counts, compared with it, and put in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.known_name_repository import known_names
from app.errors import Conflict, Invalid
from app.flow import reference_words
from app.flow.audience import RuleReplacement
from app.flow.diagnostic import Diagnostic
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import SegmentRule, placed_leaves, segment_rule, segments_of, wanted_segments
from app.flow.segment_sentences import rule_in_words
from app.flow.segment_warnings import events_read, rule_warnings
from app.lib import clock
from app.lib.translation import gettext
from app.lib.zones import zone_of
from app.membership import build_repository
from app.membership.build_repository import BuildProgress, Comparison
from app.membership.counting import MemberCount, RulePreview, count_and_sample
from app.membership.live_count import LiveCount, live_count
from app.models import Segment
from app.models.enrolment import Enrolment
from app.models.status import SegmentState
from app.segments.repository import SegmentRepository
from app.segments.rule_starts import start_for_moved


class NothingBuilt(Conflict):
    """There is no changed rule that could count now: it is not built yet, or nothing was changed."""

    code = "segment_not_built"


class LiveRule(NamedTuple):
    """What is said of a rule while somebody edits it. `counted` None: it has faults. `alone`: how many each condition that is complete
    matches alone, and each group of such, by its path."""

    sentence: str
    faults: Sequence[Diagnostic]
    warnings: Sequence[Diagnostic]
    counted: LiveCount | None
    alone: Mapping[str, MemberCount]

    @property
    def sample(self) -> Sequence[UUID]:
        return self.counted.preview.sample if self.counted is not None and self.counted.preview is not None else ()


class SegmentRules:
    """The rules of a workspace's segments. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._tenant_id, self._principal = session, principal.tenant_id, principal
        self._zone = zone_of(principal.timezone)
        self._rows = SegmentRepository(session, principal.tenant_id)

    async def diagnostics(self, raw: Any, segment_id: UUID | None = None) -> list[Diagnostic]:
        """All that keeps a rule from being built, at its places. `segment_id`: whose rule it becomes."""
        if faults := rule_diagnostics(raw):
            return faults
        memberships = [(at, leaf) for at, leaf in placed_leaves(segment_rule(raw)) if leaf.kind == "segment"]
        if not memberships:
            return []
        rows = await self._rows.list()
        names = {row.id: row.name for row in rows}
        reads = {row.id: asked_by(row) for row in rows}
        return [
            Diagnostic(f"{at}.value", message)
            for at, leaf in memberships
            for wanted in wanted_segments(leaf)
            if (message := _refusal(wanted, segment_id, reads, names))
        ]

    async def checked(self, raw: Any, segment_id: UUID | None = None) -> SegmentRule:
        """A rule that can be built. Raises Invalid with all that is wrong with it; paths begin below `rule`.

        `segment_id`: whose rule it becomes, which it may not ask for, nor by way of others.
        """
        if faults := [one.field_error() for one in await self.diagnostics(raw, segment_id)]:
            for fault in faults:
                fault["path"] = f"rule.{fault['path']}".rstrip(".")
            raise Invalid(gettext("The rule is not ready."), errors=faults)
        return segment_rule(raw)

    async def sentence(self, rule: SegmentRule) -> str:
        """The rule in words."""
        return rule_in_words(rule, await self._rows.names(), self._zone)

    async def preview(self, rule: SegmentRule, *, exact: bool = False) -> RulePreview:
        """How many it holds for now, and some of them. `exact`: everybody is asked, however many there are."""
        return await count_and_sample(self._session, self._tenant_id, rule, exact=exact)

    async def live(self, raw: Any, segment_id: UUID | None, person: UUID | None) -> LiveRule:
        """A rule while `person` edits it: in words, what is wrong and what is odd about it, and whom it holds for. Nothing is written."""
        faults = await self.diagnostics(raw, segment_id)
        try:
            sentence = await self.sentence(segment_rule(raw))
        except (msgspec.ValidationError, RecursionError):
            sentence = ""
        if faults:
            alone = await self._alone(raw, faults, person) if sentence else {}
            return LiveRule(sentence, faults, (), None, alone)
        rule = segment_rule(raw)
        known = await known_names(self._session, self._tenant_id, events_read(rule))
        count = await live_count(self._session, self._tenant_id, person or UUID(int=0), rule)
        return LiveRule(sentence, (), rule_warnings(rule, known), count, count.preview.parts if count.preview else {})

    async def _alone(self, raw: Any, faults: Sequence[Diagnostic], person: UUID | None) -> dict[str, MemberCount]:
        """How many the conditions without faults match, each alone, while others are not complete: one question for all of them."""
        wrong = [fault.path for fault in faults]
        sound = [
            (at, leaf)
            for at, leaf in placed_leaves(segment_rule(raw))
            if not any(path == at or path.startswith(f"{at}.") for path in wrong)
        ]
        of_all = [path for path in wrong if not any(path.startswith(at) for at, _ in placed_leaves(segment_rule(raw)))]
        if not sound or of_all:
            return {}
        rule = SegmentRule(conditions=[leaf for _, leaf in sound])
        count = await live_count(self._session, self._tenant_id, person or UUID(int=0), rule)
        parts = count.preview.parts if count.preview is not None else {}
        return {at: parts[f"conditions[{index}]"] for index, (at, _) in enumerate(sound) if parts}

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

    async def starting(self, segment: Segment) -> Sequence[tuple[Enrolment, str]]:
        """Enrolments under way for those who moved when its rule changed, with the names of the workflows."""
        return await self._rows.starting(segment.id)

    async def replace(self, segment: Segment, rule: SegmentRule) -> None:
        """Let a changed rule of a segment that nobody uses count from now on: its members follow while it is built, and nobody is told."""
        await self.discard(segment)
        segment.rule, segment.sentence = msgspec.to_builtins(rule), await self.sentence(rule)
        segment.state, segment.version = SegmentState.BUILDING.value, segment.version + 1
        segment.updated_at = clock.now()
        await self._session.flush()
        await build_repository.begin_build(self._session, self._tenant_id, segment.number, rule, silent=True)

    async def apply(self, segment: Segment, *, enter: bool = False) -> Comparison:
        """Let the changed rule count. Raises NothingBuilt.

        Whoever comes in or leaves by it counts as a member, or as none, from now on, and is told of to nobody. With `enter` they are let
        into the workflows that wait for such moves, by enrolments: a part at a time, each once.
        """
        comparison = await self.comparison(segment)
        if comparison is None or segment.next_number is None:
            raise NothingBuilt
        old, rule = segment.number, segment_rule(segment.next_rule)
        segment.rule, segment.sentence = segment.next_rule, await self.sentence(rule)
        segment.number = segment.next_number
        segment.next_number = segment.next_rule = None
        segment.state, segment.version = SegmentState.READY.value, segment.version + 1
        segment.updated_at = clock.now()
        await self._session.flush()
        if enter:
            change = RuleReplacement(old, segment.number, segment.updated_at)
            await start_for_moved(self._session, segment, change, self._principal.name)
        await build_repository.drop(self._session, self._tenant_id, old)
        await build_repository.build_again(self._session, self._tenant_id, segment.id)
        return comparison

    async def deleted(self, segment: Segment) -> None:
        """Nobody keeps its versions up to date any more."""
        if segment.rule is not None:
            for number in (segment.number, segment.next_number):
                if number is not None:
                    await build_repository.drop(self._session, self._tenant_id, number)


def asked_by(row: Segment) -> list[UUID]:
    """The segments that the rules of one ask for."""
    return [one for raw in (row.rule, row.next_rule) if raw for one in segments_of(segment_rule(raw))]


def _refusal(wanted: UUID, segment_id: UUID | None, reads: Mapping[UUID, list[UUID]], names: Mapping[UUID, str]) -> str:
    """Why a rule may not ask for a segment; empty when it may."""
    if wanted not in reads:
        return reference_words.missing_row("segment")
    way = None if segment_id is None else _way(reads, wanted, segment_id)
    if way is None:
        return ""
    if len(way) == 1:
        return gettext("A segment cannot ask for itself. Choose another one.")
    between = "".join(gettext(" by way of “%(name)s”", name=names[one]) for one in way[1:-1])
    return gettext(
        "A segment cannot ask for itself, and “%(names)s” asks for this one%(between)s. Choose another one.",
        names=names[wanted],
        between=between,
    )


def _way(reads: Mapping[UUID, list[UUID]], start: UUID, wanted: UUID) -> list[UUID] | None:
    """The segments from one that asks, itself or by way of others, to the one that is asked for; None: it does not ask for it."""
    waiting, seen = [[start]], {start}
    while waiting:
        way = waiting.pop(0)
        if way[-1] == wanted:
            return way
        further = [one for one in reads.get(way[-1], ()) if one not in seen]
        seen.update(further)
        waiting += [[*way, one] for one in further]
    return None
