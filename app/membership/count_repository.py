"""The questions of a live count: of everybody, or of the sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.segment_rules import Fact, serving
from app.lib.database import execute
from app.membership.rule_repository import RuleInParts, RuleSql
from app.models.contact import SAMPLE, SAMPLED

_OWN = SAMPLE.replace("(id,", "(c.id,")
_EACH = ", ".join(str(number) for number in range(SAMPLED))
_PLANS = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_indexonlyscan", "enable_bitmapscan")
"""Switched off for a question about the sample: the planner takes it for a third of the table and reads all of what it is joined to."""


class CountedContacts(NamedTuple):
    """How many contacts were judged, some of those for whom the rule holds, and for how many it holds and for how many nobody can say; the
    same of each part by its path."""

    judged: int
    sample: list[UUID]
    whole: tuple[int, int]
    parts: dict[str, tuple[int, int]]


class CountRepository:
    """Of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def take_turn(self, person: UUID) -> bool:
        """One question for each person at a time, until the transaction ends; False: another one is not answered yet."""
        sql = "select pg_try_advisory_xact_lock(hashtext('segment_count'), hashtext(%(person)s))"
        return bool((await execute(self._session, sql, person=str(person)))[0][0])

    async def limit(self, milliseconds: int | None) -> None:
        """How long each further statement of the transaction may take; None: as long as others."""
        value = "default" if milliseconds is None else str(int(milliseconds))
        await execute(self._session, f"set local statement_timeout = {value}")

    async def total(self, up_to: int) -> int:
        """How many contacts there are; one more than `up_to` when there are more."""
        sql = "select count(*) from (select from contacts where tenant_id = %(tenant)s limit %(limit)s) c"
        rows = await execute(self._session, sql, tenant=self._tenant_id, limit=up_to + 1)
        return int(rows[0][0])

    async def estimated_total(self) -> int:
        """How many contacts there are, by counting the sample."""
        sql = f"select count(*) from contacts c where c.tenant_id = %(tenant)s and {_OWN} < {SAMPLED}"  # noqa: S608  constants
        rows = await execute(self._session, sql, tenant=self._tenant_id)
        return int(rows[0][0]) * 1024 // SAMPLED

    async def timezone(self) -> str | None:
        rows = await execute(
            self._session, "select timezone from workspaces where id = %(tenant)s", tenant=self._tenant_id
        )
        return str(rows[0][0]) if rows and rows[0][0] else None

    async def segment_numbers(self) -> dict[UUID, int]:
        """The version of each segment that counts."""
        rows = await execute(
            self._session,
            "select id, number from segments where tenant_id = %(tenant)s and deleted_at is null",
            tenant=self._tenant_id,
        )
        return {row.id: row.number for row in rows}

    async def facts_in_use(self, facts: Sequence[Fact]) -> dict[Fact, int]:
        """Those of these facts that are counted for all contacts; the others are counted from the events."""
        if not facts:
            return {}
        # A definition that no rule uses any more is not kept up to date; only one of a version that was built to the end is whole.
        rows = await execute(
            self._session,
            """select d.number, d.event, d.conditions, d.match, d.keep from segment_fact_definitions d
            where d.tenant_id = %(tenant)s and d.event = any(%(events)s) and exists (
              select from segment_builds b join segments s on s.tenant_id = b.tenant_id and b.number in (s.number, s.next_number)
              where b.tenant_id = d.tenant_id and b.finished_at is not null and b.dropped_at is null and s.deleted_at is null
                and d.number = any(b.facts))""",
            tenant=self._tenant_id,
            events=[fact.event for fact in facts],
        )
        stored = {Fact(event, conditions, match, keep): number for number, event, conditions, match, keep in rows}
        return serving(facts, stored)

    async def ask(self, judged: RuleInParts, rule: RuleSql, shown: int, *, sampled: bool) -> CountedContacts:
        """For how many a rule holds, and each of its parts: of everybody, or of the sample. One statement, whatever it consists of."""
        await execute(self._session, "set local jit = off")  # it takes seconds to compile what runs for a tenth of one
        if sampled:
            for setting in _PLANS:
                await execute(self._session, f"set local {setting} = off")
            await execute(self._session, "set local statement_timeout = '2s'")
        of_sample = f" and {_OWN} = any('{{{_EACH}}}'::bigint[]) and {_OWN} < {SAMPLED}" if sampled else ""
        columns = "".join(f", {sql} as h{number}" for number, sql in enumerate(judged.columns))
        counts = "".join(
            f", count(*) filter (where {sql}), count(*) filter (where ({sql}) is null)" for sql in judged.parts.values()
        )
        # `offset 0`: what a condition says is computed once, though the whole rule and the condition itself are counted by it.
        rows = await execute(
            self._session,
            f"select (array_agg(id) filter (where {judged.verdict}))[1:{shown}], count(*),"  # noqa: S608  constants
            f" count(*) filter (where {judged.verdict}), count(*) filter (where ({judged.verdict}) is null){counts}"
            f" from (select c.id{columns} from contacts c{rule.source()} where c.tenant_id = %(tenant)s{of_sample} offset 0) judged",
            tenant=self._tenant_id,
            **rule.parameters,
        )
        if sampled:
            for setting in (*_PLANS, "statement_timeout"):
                await execute(self._session, f"set local {setting} to default")
        sample, number, *numbers = rows[0]
        pairs = [(int(held), int(unknown)) for held, unknown in zip(numbers[::2], numbers[1::2], strict=True)]
        return CountedContacts(number, list(sample or ()), pairs[0], dict(zip(judged.parts, pairs[1:], strict=True)))
