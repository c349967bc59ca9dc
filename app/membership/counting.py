"""How many a rule holds for, and some of them, while somebody writes it: an estimate at once from a sample of people, and the exact number.

The sample is a set of people by a hash of their ids, under an index of its own: whoever came in by one import is not in it together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.segment_judge import RuleNames
from app.flow.segment_rules import SegmentRule, counted_facts, segment_rule
from app.lib import clock
from app.lib.formats import counted, number
from app.lib.translation import gettext
from app.membership.count_repository import CountRepository
from app.membership.rule_repository import RuleSql

EXACT_BELOW = 50_000
"""Contacts of a workspace up to which everybody is judged at once."""
FEW = 100
"""Members in the sample below which an estimate says only `fewer than`."""
SHOWN = 10


class MemberCount(NamedTuple):
    """For how many contacts something holds. `members`: how many, about (`error`: two standard errors) unless `exact`; with `fewer`, fewer
    than that. `unknown`: for how many it cannot be said, because a value cannot be compared."""

    members: int
    exact: bool
    error: int
    fewer: bool
    unknown: int

    @property
    def words(self) -> str:
        """How many, in the reader's language: `412`, `about 61,000`, `fewer than 1,200`."""
        many = number(self.members)
        if self.exact:
            return many
        return gettext("fewer than %(number)s", number=many) if self.fewer else gettext("about %(number)s", number=many)

    @property
    def matched(self) -> str:
        """What stands beside a condition that matches so many."""
        if self.exact and not self.members:
            return gettext("matches nobody")
        return gettext("matches %(number)s", number=self.words)

    def matched_of(self, total: int) -> str:
        """What stands below conditions that match so many of `total` contacts."""
        contacts = counted(total, "contact")
        contacts = contacts if self.exact else gettext("about %(number)s", number=contacts)
        if self.exact and not self.members:
            return gettext("Matches nobody of %(contacts)s", contacts=contacts)
        return gettext("Matches %(number)s of %(contacts)s", number=self.words, contacts=contacts)


class RulePreview(NamedTuple):
    """Whom a rule holds for, and some of them. `parts`: how many each of its conditions and groups matches alone, by its path."""

    whole: MemberCount
    sample: list[UUID]
    parts: dict[str, MemberCount]

    @property
    def words(self) -> str:
        return self.whole.words


async def count_and_sample(
    session: AsyncSession, tenant_id: int, rule: SegmentRule, *, exact: bool = False, estimate: bool = False
) -> RulePreview:
    """Whom a rule without faults holds for now. `exact` asks everybody, which takes seconds for a million contacts; `estimate` only the
    sample, however few there are.

    Raises QueryCanceled when that takes longer than the database lets it.
    """
    repository = CountRepository(session, tenant_id)
    total = await repository.total(EXACT_BELOW)
    names = RuleNames(await repository.facts_in_use(counted_facts(rule)), await repository.segment_numbers())
    everybody = exact or (total <= EXACT_BELOW and not estimate)
    sql = RuleSql(names, clock.now(), await repository.timezone(), everybody_of=tenant_id if everybody else None)
    counted = await repository.ask(sql.in_parts(rule), sql, SHOWN, sampled=not everybody)
    total = total if everybody else await repository.estimated_total()

    def count(of: tuple[int, int]) -> MemberCount:
        held, unknown = of
        if everybody:
            return MemberCount(held, True, 0, False, unknown)
        return _estimate(held, unknown, counted.judged, total)

    parts = {path: count(pair) for path, pair in counted.parts.items()}
    return RulePreview(count(counted.whole), counted.sample, parts)


def _estimate(hits: int, unsure: int, judged: int, total: int) -> MemberCount:
    """From `hits` of `judged` people in the sample, of `total` in all."""
    if not judged:
        return MemberCount(total, False, 0, True, 0)
    share, scale = hits / judged, total / judged
    if hits < FEW:
        most = hits + 2 * math.sqrt(hits + 1) + 1
        return MemberCount(_two_digits(most * scale, up=True), False, 0, True, round(unsure * scale))
    error = 2 * math.sqrt(share * (1 - share) / judged) * total
    return MemberCount(_two_digits(hits * scale), False, round(error), False, round(unsure * scale))


def _two_digits(number: float, *, up: bool = False) -> int:
    """Rounded to what an estimate can say: 60,816 is 61,000."""
    if number < 1:
        return 0 if not up else 1
    step = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return int((math.ceil if up else round)(number / step) * step)


def rule_from(raw: Mapping[str, Any]) -> SegmentRule:
    """A rule from the JSON of a request or of a row. Raises msgspec.ValidationError; `rule_diagnostics` says more."""
    return segment_rule(raw)
