"""The count beside an editor: bounded in time, one question for each person at a time."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.segment_rules import SegmentRule, counted_facts
from app.membership.count_repository import CountRepository
from app.membership.counting import EXACT_BELOW, RulePreview, count_and_sample

MOST_MS = 1_500
"""How long everybody may be judged before the sample is asked instead."""


class LiveCount(NamedTuple):
    """`preview` None: `busy`, another question of the person is not answered yet; or it takes too long even of a sample."""

    preview: RulePreview | None
    total: int
    """Contacts of the workspace; about, in a large one."""
    busy: bool = False
    new_facts: int = 0
    """What the rule counts that is not counted for everybody yet."""


async def live_count(session: AsyncSession, tenant_id: int, person: UUID, rule: SegmentRule) -> LiveCount:
    """Whom a rule without faults holds for now, in at most some seconds. Nothing is written."""
    repository = CountRepository(session, tenant_id)
    if not await repository.take_turn(person):
        return LiveCount(None, 0, busy=True)
    total = await repository.total(EXACT_BELOW)
    if total > EXACT_BELOW:
        total = await repository.estimated_total()
    facts = counted_facts(rule)
    new_facts = len(facts) - len(await repository.facts_in_use(facts))
    for estimate in (False, True):
        try:
            async with session.begin_nested():
                await repository.limit(MOST_MS)
                preview = await count_and_sample(session, tenant_id, rule, estimate=estimate)
                await repository.limit(None)
            return LiveCount(preview, total, new_facts=new_facts)
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.QueryCanceled):
                raise
    return LiveCount(None, total, new_facts=new_facts)
