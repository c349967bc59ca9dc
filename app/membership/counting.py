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
from app.membership.count_repository import CountRepository
from app.membership.rule_repository import RuleSql

EXACT_BELOW = 50_000
"""Contacts of a workspace up to which everybody is judged at once."""
FEW = 100
"""Members in the sample below which an estimate says only `fewer than`."""
SHOWN = 10


class RulePreview(NamedTuple):
    """Whom a rule holds for. `members`: how many, about (`error`: two standard errors) unless `exact`; with `fewer`, fewer than that.

    `unknown`: for how many it cannot be said, because a value cannot be compared. `sample`: some members.
    """

    members: int
    exact: bool
    error: int
    fewer: bool
    unknown: int
    sample: list[UUID]

    @property
    def words(self) -> str:
        if self.exact:
            return f"{self.members:,}"
        return f"fewer than {self.members:,}" if self.fewer else f"about {self.members:,}"


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
    verdict = sql.verdict(rule)
    if everybody:
        count, unknown, sample, _ = await repository.ask(verdict, sql, SHOWN, sampled=False)
        return RulePreview(count, True, 0, False, unknown, sample)
    hits, unsure, sample, judged = await repository.ask(verdict, sql, SHOWN, sampled=True)
    return _estimate(hits, unsure, sample, judged, await repository.estimated_total())


def _estimate(hits: int, unsure: int, sample: list[UUID], judged: int, total: int) -> RulePreview:
    """From `hits` of `judged` people in the sample, of `total` in all."""
    if not judged:
        return RulePreview(total, False, 0, True, 0, [])
    share, scale = hits / judged, total / judged
    if hits < FEW:
        most = hits + 2 * math.sqrt(hits + 1) + 1
        return RulePreview(_two_digits(most * scale, up=True), False, 0, True, round(unsure * scale), sample)
    error = 2 * math.sqrt(share * (1 - share) / judged) * total
    return RulePreview(_two_digits(hits * scale), False, round(error), False, round(unsure * scale), sample)


def _two_digits(number: float, *, up: bool = False) -> int:
    """Rounded to what an estimate can say: 60,816 is 61,000."""
    if number < 1:
        return 0 if not up else 1
    step = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return int((math.ceil if up else round)(number / step) * step)


def rule_from(raw: Mapping[str, Any]) -> SegmentRule:
    """A rule from the JSON of a request or of a row. Raises msgspec.ValidationError; `rule_diagnostics` says more."""
    return segment_rule(raw)
