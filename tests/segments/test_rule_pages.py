"""The editor of rules: a new segment by a rule, its live count, errors at their place, and what is asked when a changed rule may count."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.membership import live_count
from app.models import Contact, Segment, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients, make_workspace
from tests.segments.test_rules import PRO, build, created, people

NOT_PRO = {"match": "all", "conditions": [{"field": "contact.plan", "operator": "not_equals", "value": "pro"}]}


async def live(person: Any, rule: Any, segment: str = "") -> tuple[str, str, list[dict[str, str]]]:
    """The answer beside the editor: its text, the sentence, and the errors and warnings."""
    answer = await person.post("/segments/live", data={"rule": json.dumps(rule), "segment": segment})
    assert answer.status_code == 200, answer.text
    sentence = re.search(r'data-sentence="([^"]*)"', answer.text)
    errors = re.search(r'data-errors="([^"]*)"', answer.text)
    assert sentence is not None and errors is not None
    return answer.text, html.unescape(sentence[1]), json.loads(html.unescape(errors[1]))


async def test_a_rule_is_counted_while_it_is_written_and_nothing_is_saved(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    await people(db_session, workspace)
    other = await make_workspace(db_session, "Other")
    db_session.add(Contact(id=uuid7(), tenant_id=other.id, email="theirs@example.com", attributes={"plan": "pro"}))
    await db_session.flush()
    person = await browser(Role.MARKETER)
    shown, sentence, errors = await live(person, PRO)
    assert sentence == "plan is pro" and errors == []
    assert '<b class="big num">2</b>' in shown and "of 3 contacts" in shown
    assert "p0@example.com" in shown and "theirs@example.com" not in shown
    assert not (await db_session.scalars(select(Segment))).all()


def alone(shown: str) -> dict[str, str]:
    """What stands beside each condition."""
    found = re.search(r'data-alone="([^"]*)"', shown)
    assert found is not None
    return {one["path"]: one["words"] for one in json.loads(html.unescape(found[1]))}


async def test_each_condition_says_how_many_it_matches_also_while_another_is_not_complete(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    await people(db_session, workspace)
    person = await browser(Role.MARKETER)
    (pro,), (free,) = PRO["conditions"], NOT_PRO["conditions"]
    shown, _, _ = await live(
        person, {"match": "any", "conditions": [pro, {"match": "none", "conditions": [free, pro]}]}
    )
    assert alone(shown) == {
        "conditions[0]": "matches 2", "conditions[1]": "matches nobody",
        "conditions[1].conditions[0]": "matches 1", "conditions[1].conditions[1]": "matches 2",
    }  # fmt: skip
    unfinished = {"field": "contact.plan", "operator": "equals"}
    shown, _, errors = await live(person, {"conditions": [unfinished, {"conditions": [pro, unfinished]}, free]})
    assert len(errors) == 2 and '<b class="big num">' not in shown
    assert alone(shown) == {"conditions[1].conditions[0]": "matches 2", "conditions[2]": "matches 1"}
    shown, _, _ = await live(person, {"conditions": [unfinished]})
    assert alone(shown) == {}
    number = {"field": "contact.plan", "operator": "less_than", "value": 3}
    shown, _, _ = await live(person, {"conditions": [number]})
    assert alone(shown) == {"conditions[0]": "matches nobody · 3 not comparable"}


async def test_what_is_not_finished_is_no_error_yet_and_what_is_odd_is_said(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    await people(db_session, workspace)
    person = await browser(Role.MARKETER)
    shown, sentence, errors = await live(person, {"conditions": [{"field": "contact.plan", "operator": "equals"}]})
    assert sentence == "plan is …" and "when all conditions are complete" in shown
    assert [(one["path"], one["severity"]) for one in errors] == [("conditions[0].value", "incomplete")]
    _, _, errors = await live(
        person, {"conditions": [{"field": "contact.plan", "operator": "less_than", "value": "x"}]}
    )
    assert [(one["path"], one["severity"]) for one in errors] == [("conditions[0].value", "error")]
    shown, _, errors = await live(person, {"conditions": [{"field": "contact.plam", "operator": "exists"}]})
    assert errors[0]["severity"] == "warning" and "Did you mean “plan”?" in html.unescape(shown)
    for broken in ("[", "3", '{"conditions": 5}', "[" * 5_000):
        answer = await person.post("/segments/live", data={"rule": broken, "segment": "x"})
        assert answer.status_code == 200, broken


async def test_a_count_that_takes_too_long_becomes_an_estimate_then_words(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(db_session, workspace)
    person = await browser(Role.MARKETER)
    asked: list[bool] = []
    count = live_count.count_and_sample

    async def slow(session: AsyncSession, tenant_id: int, rule: Any, *, estimate: bool = False) -> Any:
        asked.append(estimate)
        if len(asked) != 2:
            await session.execute(text("set local statement_timeout = '1ms'"))
            await session.execute(text("select pg_sleep(5)"))
        return await count(session, tenant_id, rule, estimate=estimate)

    monkeypatch.setattr(live_count, "count_and_sample", slow)
    shown, _, _ = await live(person, PRO)
    assert asked == [False, True] and "Estimated from some of them" in shown
    shown, _, _ = await live(person, PRO)
    assert "It takes too long to count" in shown


async def test_one_question_of_a_person_at_a_time(
    browser: BrowserClients, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object) -> bool:
        return False

    monkeypatch.setattr(live_count.CountRepository, "take_turn", taken)
    shown, sentence, _ = await live(await browser(Role.MARKETER), PRO)
    assert "data-busy" in shown and "Counting…" in shown and sentence == "plan is pro"


async def test_a_new_segment_by_a_rule(browser: BrowserClients, db_session: AsyncSession) -> None:
    person = await browser(Role.MARKETER)
    empty = (await person.get("/segments/new")).text
    assert "By a rule" in empty and 'id="row-event"' in empty
    typed = {"name": "Pros", "kind": "dynamic", "rule": json.dumps({"conditions": []})}
    refused = await person.post("/segments/new", data=typed)
    assert refused.status_code == 422 and "add a condition" in refused.text and 'value="Pros"' in refused.text
    wrong = {"conditions": [{"field": "contact.plan", "operator": "between", "value": [9, 1]}]}
    refused = await person.post("/segments/new", data={**typed, "rule": json.dumps(wrong)})
    assert refused.status_code == 422 and "conditions[0].value" in html.unescape(refused.text)
    created_ = await person.post("/segments/new", data={**typed, "rule": json.dumps(PRO)})
    assert created_.status_code == 303
    (segment,) = (await db_session.scalars(select(Segment))).all()
    assert (segment.kind, segment.state, segment.sentence) == ("dynamic", "building", "plan is pro")
    page = (await person.get(created_.headers["location"])).text
    assert "Looking for its contacts" in page and f'hx-get="/segments/{segment.id}/change"' in page
    assert "Edit rule" in page


async def test_circles_are_refused_in_words_at_the_condition(api: ApiClients, browser: BrowserClients) -> None:
    client = await api(Role.MARKETER)
    first = await created(client)

    def within(segment: dict[str, Any]) -> dict[str, Any]:
        return {
            "conditions": [
                {"match": "any", "conditions": [{"field": "segment", "operator": "in", "value": [segment["id"]]}]}
            ]
        }

    second = await created(client, name="Second", rule=within(first))
    third = await created(client, name="Third", rule=within(second))
    person = await browser(Role.MARKETER)
    for asked, words in (
        (first, "A segment cannot ask for itself."),
        (second, "“Second” asks for this one."),
        (third, "“Third” asks for this one by way of “Second”."),
    ):
        _, _, errors = await live(person, within(asked), first["id"])
        assert [(one["path"], words in one["message"]) for one in errors] == [
            ("conditions[0].conditions[0].value", True)
        ], errors
        refused = await person.post(f"/segments/{first['id']}/rule", data={"rule": json.dumps(within(asked))})
        assert refused.status_code == 422 and words in html.unescape(refused.text)


async def test_a_rule_that_nobody_uses_counts_at_once(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bea, _ = await people(db_session, workspace)
    segment = await created(await api(Role.MARKETER))
    await build(db_session, 1, [ada, bea])
    person = await browser(Role.MARKETER)
    url = f"/segments/{segment['id']}"
    assert "plan" in (await person.get(f"{url}/rule")).text
    saved = await person.post(f"{url}/rule", data={"rule": json.dumps(NOT_PRO)})
    assert (saved.status_code, saved.headers["location"]) == (303, url)
    (row,) = (await db_session.scalars(select(Segment).execution_options(populate_existing=True))).all()
    assert (row.number, row.next_number, row.sentence, row.state) == (1, None, "plan is not pro", "building")
    built = (await db_session.execute(text("select number, ready, finished_at from segment_builds"))).all()
    assert [tuple(one) for one in built] == [(1, False, None)], "built again, and nobody is told"


async def test_a_rule_in_use_asks_whether_workflows_start(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bea, cleo = await people(db_session, workspace)
    client = await api(Role.MARKETER)
    segment = await created(client)
    trigger = {"id": "in", "type": "segment_entry", "data": {"segmentId": segment["id"]}}
    flow = {"name": "Greet", "triggers": [trigger], "nodes": [{"id": "end", "type": "end", "position": {"x": 0, "y": 0}, "data": {}}],
            "edges": [{"id": "e", "source": "in", "target": "end"}]}  # fmt: skip
    assert (await client.post("/api/v1/workflows", json=flow)).status_code == 201
    await build(db_session, 1, [ada, bea])
    person = await browser(Role.MARKETER)
    url = f"/segments/{segment['id']}"
    assert "Used by 1 workflow" in (await person.get(f"{url}/rule")).text
    saved = await person.post(f"{url}/rule", data={"rule": json.dumps(NOT_PRO)})
    assert saved.headers["location"] == f"{url}?saved=1"
    waiting = await person.get(f"{url}/change", headers={"hx-request": "true"})
    assert "Building the changed rule" in waiting.text and "hx-get" in waiting.text
    await build(db_session, 2, [bea, cleo])
    built = await person.get(f"{url}/change", params={"saved": "1"}, headers={"hx-request": "true"})
    asked = " ".join(built.text.split())
    assert "data-ask-now" in asked and "Used by 1 workflow: 1 would enter, 1 leave." in asked
    assert "To whom does it apply?" in asked and "hx-get" not in asked
    applied = await person.post(f"{url}/apply", data={"existing": "enter"})
    assert applied.status_code == 303
    (row,) = (await db_session.scalars(select(Segment).execution_options(populate_existing=True))).all()
    assert (row.number, row.next_number, row.state, row.sentence) == (2, None, "ready", "plan is not pro")
    dropped = (await db_session.execute(text("select number from segment_builds where dropped_at is not null"))).all()
    assert [tuple(one) for one in dropped] == [(1,)]


async def test_only_who_may_edit_sees_the_editor(browser: BrowserClients, api: ApiClients) -> None:
    segment = await created(await api(Role.MARKETER))
    viewer = await browser(Role.VIEWER)
    assert (await viewer.get("/segments/new")).status_code == 403
    assert (await viewer.get(f"/segments/{segment['id']}/rule")).status_code == 403
    assert (await viewer.post("/segments/live", data={"rule": "{}"})).status_code == 403
    static = (await (await api(Role.MARKETER)).post("/api/v1/segments", json={"name": "By hand"})).json()["data"]
    person = await browser(Role.MARKETER)
    refused = await person.get(f"/segments/{static['id']}/rule")
    assert refused.status_code == 409 and "A static segment has no rule" in refused.text


async def test_a_group_with_an_event_is_created(browser: BrowserClients, db_session: AsyncSession) -> None:
    inside = [
        {"event": "rocket.launched", "did": True, "occurrence": "any", "match": "all", "conditions": []},
        {"field": "contact.tags", "operator": "contains", "value": "x"},
    ]
    rule = {"match": "all", "conditions": [{"match": "any", "conditions": inside}]}
    person = await browser(Role.MARKETER)
    answer = await person.post("/segments/new", data={"name": "Nested", "kind": "dynamic", "rule": json.dumps(rule)})
    assert answer.status_code == 303, answer.text
    (segment,) = (await db_session.scalars(select(Segment))).all()
    assert segment.sentence == "did rocket.launched or tags contains x"
