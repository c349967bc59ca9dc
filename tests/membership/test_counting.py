"""The live count: exact for a workspace of some size, an estimate from people by their hash above it, and what stands as a sentence."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import segment_rule
from app.flow.segment_sentences import rule_in_words
from app.lib.database import execute
from app.lib.ids import uuid7
from app.membership import count_repository, counting
from app.membership.counting import count_and_sample
from app.models.workspace import Workspace

PLAN = {"field": "attributes.plan", "operator": "equals", "value": "pro"}
OLD = {"field": "attributes.age", "operator": "greater_than", "value": 30}
PAID = {"event": "paid", "count": {"operator": "at_least", "value": 2}, "within": {"duration": 90, "unit": "days"}}


async def fill(session: AsyncSession, tenant_id: int, count: int) -> None:
    await execute(
        session,
        """insert into contacts (id, tenant_id, email, attributes)
        select gen_random_uuid(), %(tenant)s, g || '@count.example',
          jsonb_build_object('plan', case when g %% 4 = 0 then 'Pro' else 'free' end, 'age', case when g %% 10 = 0 then '"n/a"'::jsonb
            else to_jsonb(g %% 60) end) from generate_series(1, %(count)s) g""",
        tenant=tenant_id,
        count=count,
    )


async def test_a_small_workspace_is_counted_exactly(db_session: AsyncSession, workspace: Workspace) -> None:
    await fill(db_session, workspace.id, 400)
    counted = await count_and_sample(db_session, workspace.id, segment_rule({"conditions": [PLAN]}))
    assert counted.whole == (100, True, 0, False, 0) and counted.words == "100"
    assert len(counted.sample) == counting.SHOWN
    unsure = await count_and_sample(db_session, workspace.id, segment_rule({"conditions": [OLD]}))
    assert unsure.whole.unknown == 40, "an age that is no number is neither more nor less"


async def test_events_that_nobody_counts_yet_are_counted_from_the_timeline(
    db_session: AsyncSession, workspace: Workspace
) -> None:
    await fill(db_session, workspace.id, 10)
    rows = await execute(
        db_session, "select id from contacts where tenant_id = %(tenant)s limit 3", tenant=workspace.id
    )
    for contact_id, ago in itertools.product([row.id for row in rows], (1, 80, 200)):
        await execute(
            db_session,
            "insert into events (id, tenant_id, contact_id, name, occurred_at)"
            " values (%(id)s, %(tenant)s, %(contact)s, 'paid', clock_now() - %(ago)s * interval '1 day')",
            id=uuid7(),
            tenant=workspace.id,
            contact=contact_id,
            ago=ago,
        )
    counted = await count_and_sample(db_session, workspace.id, segment_rule({"conditions": [PAID]}))
    assert counted.whole.members == 3


async def test_a_large_workspace_is_estimated_from_a_sample(
    db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(db_session, workspace.id, 30_000)
    monkeypatch.setattr(counting, "EXACT_BELOW", 100)
    rule = segment_rule({"conditions": [PLAN]})
    counted = await count_and_sample(db_session, workspace.id, rule)
    assert not counted.whole.exact and abs(counted.whole.members - 7_500) <= max(3 * counted.whole.error, 3_000)
    assert counted.words.startswith(("about ", "fewer than "))
    assert (await count_and_sample(db_session, workspace.id, rule, exact=True)).whole.members == 7_500


NESTED: list[dict[str, Any]] = [
    PLAN,
    {"match": "none", "conditions": [OLD, {"match": "any", "conditions": [PLAN, PAID]}]},
]
PATHS = [
    "conditions[0]", "conditions[1].conditions[0]", "conditions[1].conditions[1].conditions[0]",
    "conditions[1].conditions[1].conditions[1]", "conditions[1].conditions[1]", "conditions[1]", "conditions[2]", "conditions[3]",
]  # fmt: skip


@pytest.mark.parametrize("sampled", [False, True])
async def test_each_condition_is_counted_as_if_it_were_the_rule_and_all_in_one_statement(
    db_session: AsyncSession, workspace: Workspace, sampled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(db_session, workspace.id, 600)
    known = {"field": "attributes.plan", "operator": "starts_with", "value": "F"}
    conditions = [*NESTED, known, OLD]
    whole = await count_and_sample(db_session, workspace.id, segment_rule({"conditions": conditions}), estimate=sampled)
    assert sorted(whole.parts) == sorted(PATHS)
    placed = {
        "conditions[0]": PLAN, "conditions[1]": conditions[1], "conditions[1].conditions[0]": OLD, "conditions[2]": known,
        "conditions[1].conditions[1]": conditions[1]["conditions"][1], "conditions[3]": OLD,
        "conditions[1].conditions[1].conditions[1]": PAID, "conditions[1].conditions[1].conditions[0]": PLAN,
    }  # fmt: skip
    for path, one in placed.items():
        alone = await count_and_sample(db_session, workspace.id, segment_rule({"conditions": [one]}), estimate=sampled)
        assert alone.whole == whole.parts[path] == alone.parts["conditions[0]"], path
    asked: list[str] = []
    plain = count_repository.execute

    async def counting_each(session: AsyncSession, sql: str, **values: Any) -> Any:
        asked.append(sql)
        return await plain(session, sql, **values)

    monkeypatch.setattr(count_repository, "execute", counting_each)
    for rule in ({"conditions": [PLAN]}, {"conditions": conditions}):
        asked.clear()
        await count_and_sample(db_session, workspace.id, segment_rule(rule), estimate=sampled)
        assert sum("offset 0) judged" in sql for sql in asked) == 1, "one question about contacts"


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ([PLAN, PAID], "plan is pro and did paid at least 2 times within the last 90 days"),
        ([{"event": "paid", "did": False}], "never did paid"),
        ([{"event": "paid", "occurrence": "first", "within": {"duration": 1, "unit": "days"}}],
         "did paid for the first time within the last 1 day"),
        ([{"field": "consent.email", "operator": "is_true"}], "consent to email is true"),
        ([{"match": "any", "conditions": [PLAN, OLD]}, {"field": "tags", "operator": "contains", "value": "vip"}],
         "(plan is pro or age is more than 30) and tags contains vip"),
    ],
)  # fmt: skip
def test_a_rule_is_a_sentence(conditions: list[Any], sentence: str) -> None:
    assert rule_in_words({"conditions": conditions}) == sentence


@pytest.mark.parametrize(
    ("conditions", "path"),
    [
        ([], "conditions"),
        ([{"field": "event.total", "operator": "exists"}], "conditions[0].field"),
        ([{"field": "plan", "operator": "matches", "value": r"\pL"}], "conditions[0].value"),
        ([{"field": "plan", "operator": "matches", "value": "(?=a)"}], "conditions[0].value"),
        ([{"event": "a", "conditions": [{"field": "sku", "operator": "matches", "value": r"\pL"}]}], "conditions[0].conditions"),
        ([{"field": "plan", "operator": "matches", "value": f"a{n}"} for n in range(11)], "conditions"),
        ([{"field": "plan", "operator": "equals"}], "conditions[0].value"),
        ([{"field": "segment", "operator": "equals", "value": "x"}], "conditions[0].operator"),
        ([{"field": "segment", "operator": "in", "value": "x"}], "conditions[0].value"),
        ([{"event": ""}], "conditions[0].event"),
        ([{"event": "a", "count": {"operator": "at_least", "value": 0}}], "conditions[0].count.value"),
        ([{**PAID, "count": {"operator": "at_least", "value": 200}}], "conditions[0].count.value"),
        ([{"event": "a", "conditions": [{"field": "at", "operator": "within_last", "value": {"duration": 1, "unit": "days"}}]}],
         "conditions[0].conditions"),
        ([{"match": "any", "conditions": []}], "conditions[0].conditions"),
        ([PLAN] * 21, "conditions"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_said_at_its_place(conditions: list[Any], path: str) -> None:
    assert [one.path for one in rule_diagnostics({"conditions": conditions})] == [path]
