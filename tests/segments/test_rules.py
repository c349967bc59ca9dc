"""Dynamic segments over the API: rules in words, counted before they are saved, built beside the one that counts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Contact, Segment, SegmentMember, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients

SEGMENTS = "/api/v1/segments"
PRO = {"match": "all", "conditions": [{"field": "contact.plan", "operator": "equals", "value": "pro"}]}


async def people(session: AsyncSession, workspace: Workspace) -> list[Contact]:
    rows = [
        Contact(id=uuid7(), tenant_id=workspace.id, email=f"p{n}@example.com", attributes={"plan": plan})
        for n, plan in enumerate(("pro", "pro", "free"))
    ]
    session.add_all(rows)
    await session.flush()
    return rows


async def created(client: Any, **change: Any) -> dict[str, Any]:
    answer = await client.post(SEGMENTS, json={"name": "Pros", "kind": "dynamic", "rule": PRO, **change})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def build(session: AsyncSession, number: int, members: list[Contact]) -> None:
    """What the builder leaves behind."""
    for one in members:
        session.add(SegmentMember(tenant_id=one.tenant_id, segment=number, contact_id=one.id, since=one.created_at))
    await session.flush()
    await session.execute(
        text("update segment_builds set finished_at = clock_now(), done = total where number = :n"), {"n": number}
    )


async def test_a_rule_is_counted_before_anything_is_saved(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bea, _ = await people(db_session, workspace)
    viewer = await api(Role.VIEWER)
    counted = (await viewer.post(f"{SEGMENTS}/preview", json={"rule": PRO})).json()["data"]
    assert (counted["count"], counted["exact"], counted["unknown"]) == (2, True, 0)
    assert counted["sentence"] == "plan is pro"
    alone = {"path": "conditions[0]", "count": 2, "exact": True, "error": 0, "fewer": False, "unknown": 0}
    assert counted["conditions"] == [alone]
    assert [one["contactId"] for one in counted["sample"]] == sorted([str(ada.id), str(bea.id)])
    assert not (await db_session.scalars(select(Segment))).all()


async def test_creating_one_builds_it(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    segment = await created(await api(Role.MARKETER))
    assert (segment["kind"], segment["state"], segment["sentence"]) == ("dynamic", "building", "plan is pro")
    assert segment["rule"]["conditions"][0]["field"] == "contact.plan" and segment["nextRule"] is None
    builds = (await db_session.execute(text("select number, finished_at from segment_builds"))).all()
    assert [tuple(row) for row in builds] == [(1, None)]


async def test_a_changed_rule_counts_when_somebody_says_so(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bea, cleo = await people(db_session, workspace)
    client = await api(Role.MARKETER)
    segment = await created(client)
    url = f"{SEGMENTS}/{segment['id']}"
    await build(db_session, 1, [ada, bea])
    other = {"conditions": [{"field": "contact.plan", "operator": "not_equals", "value": "pro"}]}
    changed = (await client.patch(url, json={"rule": other})).json()["data"]
    assert changed["rule"] == segment["rule"] and changed["nextRule"]["conditions"][0]["operator"] == "not_equals"
    early = await client.post(f"{url}/apply")
    assert (early.status_code, early.json()["code"]) == (409, "segment_not_built")
    assert (await client.get(f"{url}/change")).json()["data"]["enter"] is None
    await build(db_session, 2, [bea, cleo])
    compared = (await client.get(f"{url}/change")).json()["data"]
    assert (compared["enter"], compared["leave"], compared["stay"], compared["share"]) == (1, 1, 1, 1.0)
    applied = (await client.post(f"{url}/apply")).json()["data"]
    assert (applied["state"], applied["sentence"], applied["nextRule"]) == ("ready", "plan is not pro", None)
    members = (await client.get(f"{url}/members")).json()["data"]
    assert {one["contactId"] for one in members} == {str(bea.id), str(cleo.id)}
    dropped = (await db_session.execute(text("select number from segment_builds where dropped_at is not null"))).all()
    assert [tuple(row) for row in dropped] == [(1,)]
    assert (await client.post(f"{url}/apply")).status_code == 409


async def test_one_that_is_given_up_leaves_the_rule_that_counts(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    client = await api(Role.MARKETER)
    segment = await created(client)
    url = f"{SEGMENTS}/{segment['id']}"
    await client.patch(url, json={"rule": {"conditions": [{"field": "tags", "operator": "contains", "value": "vip"}]}})
    given_up = (await client.post(f"{url}/discard")).json()["data"]
    assert (given_up["nextRule"], given_up["rule"], given_up["state"]) == (None, segment["rule"], "ready")
    same = (await client.patch(url, json={"rule": segment["rule"]})).json()["data"]
    assert same["nextRule"] is None, "the same rule is no change"


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ({"conditions": []}, "rule.conditions", "add a condition"),
        ({"conditions": [{"field": "contact.plan", "operator": "like"}]}, "rule.conditions[0].operator", "no operator"),
        ({"conditions": [{"field": "event.x", "operator": "exists"}]}, "rule.conditions[0].field", "no event here"),
        (
            {"conditions": [{"field": "segment", "operator": "in", "value": ["0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b"]}]},
            "rule.conditions[0].value",
            "There is no such segment",
        ),
    ],
)
async def test_what_is_wrong_with_a_rule_is_said(api: ApiClients, rule: Any, path: str, words: str) -> None:
    client = await api(Role.MARKETER)
    for url, body in (
        (SEGMENTS, {"name": "X", "kind": "dynamic", "rule": rule}),
        (f"{SEGMENTS}/preview", {"rule": rule}),
    ):
        answer = await client.post(url, json=body)
        assert answer.status_code == 422, answer.text
        (error, *_) = answer.json()["errors"]
        assert error["path"] == path and words in error["message"]


async def test_no_segment_asks_for_itself(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    first = await created(client)

    def within(segment: dict[str, Any]) -> dict[str, Any]:
        return {"conditions": [{"field": "segment", "operator": "in", "value": [segment["id"]]}]}

    second = await created(client, name="Second", rule=within(first))
    assert second["sentence"] == "is in the segment “Pros”"
    for around in (first, second):
        answer = await client.patch(f"{SEGMENTS}/{first['id']}", json={"rule": within(around)})
        assert answer.status_code == 422 and "cannot ask for itself" in answer.json()["errors"][0]["message"]
    refused = await client.delete(f"{SEGMENTS}/{first['id']}")
    assert refused.status_code == 409 and refused.json()["usedBy"][0]["segmentName"] == "Second"


async def test_a_static_one_has_no_rule(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    refused = await client.post(SEGMENTS, json={"name": "X", "rule": PRO})
    assert refused.status_code == 422 and refused.json()["errors"][0]["path"] == "rule"
    static = (await client.post(SEGMENTS, json={"name": "X"})).json()["data"]
    answer = await client.patch(f"{SEGMENTS}/{static['id']}", json={"rule": PRO})
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == "rule"


async def test_the_page_shows_what_a_changed_rule_would_change(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bea, cleo = await people(db_session, workspace)
    client, person = await api(Role.MARKETER), await browser(Role.MARKETER)
    segment = await created(client)
    url = f"/segments/{segment['id']}"
    assert "Looking for its contacts" in (await person.get(url)).text
    await build(db_session, 1, [ada, bea])
    other = {"conditions": [{"field": "contact.plan", "operator": "not_equals", "value": "pro"}]}
    await client.patch(f"/api/v1{url}", json={"rule": other})
    waiting = (await person.get(url)).text
    assert (
        "Building the changed rule" in waiting and "plan is not pro" in waiting and "Apply the new rule" not in waiting
    )
    assert (await person.post(f"{url}/apply")).status_code == 303
    await build(db_session, 2, [bea, cleo])
    shown = (await person.get(url)).text
    assert '<b class="num">1</b> would enter' in shown and "Apply the new rule" in shown
    viewer = await browser(Role.VIEWER)
    assert "Apply the new rule" not in (await viewer.get(url)).text
    assert (await person.post(f"{url}/apply")).status_code == 303
    row = (await db_session.scalars(select(Segment))).one()
    await db_session.refresh(row)
    assert (row.number, row.next_number, row.sentence) == (2, None, "plan is not pro")
