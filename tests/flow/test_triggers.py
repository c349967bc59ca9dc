"""Several triggers in one document, and the single `trigger` of documents from before there could be several."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow import diagram, thumbnail
from app.flow.diff import compare, union
from app.flow.document import MAX_TRIGGERS, Flow, Trigger
from app.flow.step_types import INSTALLED
from app.flow.trigger_registry import subscriptions, summary, typed
from app.flow.validation import validate
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH

RULE = {"field": "plan", "operator": "equals", "value": "pro"}
TEXTS = st.text(max_size=20)
SINGLE = st.fixed_dictionaries(
    {"type": st.sampled_from(["event", "manual"]), "conditions": st.lists(st.just(RULE), max_size=2)},
    optional={
        "event": st.none() | TEXTS,
        "match": st.sampled_from(["all", "any"]),
        "position": st.builds(lambda x, y: {"x": x, "y": y}, st.integers(-9, 9), st.integers(-9, 9)),
    },
)


@given(SINGLE)
@settings(max_examples=100, deadline=None)
def test_a_document_with_trigger_and_one_with_triggers_are_the_same(single: dict[str, Any]) -> None:
    data = {"match": "all"} | {
        name: single[name] for name in ("event", "conditions", "match") if single.get(name) is not None
    }
    place = {"position": single["position"]} if "position" in single else {}
    one = Flow.load({"trigger": single})
    several = Flow.load({"triggers": [{"id": "trigger", "type": single["type"], "data": data, **place}]})
    assert one == several == Flow.load({"trigger": single, "triggers": one.document()["triggers"]})
    assert one.content_hash() == several.content_hash()
    assert Flow.load(one.document()) == one == Flow.load(one.plain())


@pytest.mark.parametrize(
    ("document", "hashed"),
    [
        (
            {
                "trigger": {
                    "type": "event",
                    "event": "order.placed",
                    "match": "any",
                    "conditions": [RULE],
                    "position": {"x": 8, "y": 0},
                },
                "nodes": [{"id": "a", "type": "end"}],
                "edges": [{"source": "trigger", "target": "a"}],
            },
            "a96f1aecc743ea451adae6eaec249ba238213fb971a62dc6d35f3a8305665aee",
        ),
        (
            {"trigger": {"type": "manual", "event": "order.placed"}, "nodes": []},
            "48525260b1577e1b89827f0562dba35688f00aac13c8bf700d80c24852ffdc2e",
        ),
        ({}, "d19fbdbb3a0305ef0ec4a7cd95a6dec6cc7f9c1f4f0bc0f03c9857acaf6a4f0f"),
    ],
)
def test_old_versions_keep_their_hash(document: dict[str, Any], hashed: str) -> None:
    """As computed before there could be several; a draft without changes has none to publish."""
    assert Flow.load(document).content_hash().hex() == hashed


def test_two_that_say_different_things_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="say different things"):
        Flow.load({"trigger": {"event": "a"}, "triggers": [{"data": {"event": "b"}}]})


def two(**second: Any) -> Flow:
    """An event and a manual trigger that lead to one step; `second` overlays the manual one."""
    return Flow.load(
        {
            "triggers": [
                {"type": "event", "data": {"event": "order.placed", "conditions": [RULE]}},
                {"id": "by-hand", "type": "manual", "position": {"x": 280, "y": 0}, **second},
            ],
            "nodes": [{"id": "a", "type": "end", "position": {"x": 0, "y": 168}}],
            "edges": [{"source": "trigger", "target": "a"}, {"source": "by-hand", "target": "a"}],
        }
    )


def findings(graph: Flow) -> list[tuple[str, str | None, str]]:
    diagnostics = validate(graph, types=INSTALLED, rows={})
    return [(one.path, one.node_id, one.severity) for one in diagnostics.all]


def test_each_trigger_is_judged_by_its_type_and_said_where() -> None:
    assert findings(two()) == []
    assert ("triggers[1].data.event", "by-hand", "error") in findings(two(type="event"))
    assert findings(two(type="event", enabled=False)) == [], "one that is switched off may be unfinished"
    assert ("triggers[1].data.typo", "by-hand", "error") in findings(two(data={"typo": 1}))
    assert ("triggers[1].type", "by-hand", "error") in findings(two(type="evnt"))
    assert ("triggers[1].data.conditions[0].operator", "by-hand", "error") in findings(
        two(data={"conditions": [{"field": "x", "operator": "odd"}]})
    )


def test_what_keeps_several_triggers_from_working_is_said() -> None:
    off = msgspec.structs.replace(
        two(), triggers=tuple(msgspec.structs.replace(one, enabled=False) for one in two().triggers)
    )
    assert findings(off) == [("triggers[0].enabled", "trigger", "error")]
    loose = msgspec.structs.replace(two(), edges=two().edges[:1])
    assert findings(loose) == [("triggers[1]", "by-hand", "error")]
    hands = two().triggers[1]
    twice = msgspec.structs.replace(two(), triggers=(msgspec.structs.replace(hands, id="trigger"), hands))
    assert findings(twice) == [("triggers[1]", "by-hand", "warning")]
    many = Flow(triggers=tuple(Trigger(id=f"t{number}") for number in range(MAX_TRIGGERS + 1)))
    assert ("triggers", None, "error") in findings(many)
    same = Flow(triggers=(Trigger(id="a"), Trigger(id="a")))
    assert ("triggers[0].id", None, "error") in findings(same)
    into = Flow.load({**two().document(), "edges": [{"source": "trigger", "target": "by-hand"}]})
    assert ("edges[0].target", "trigger", "error") in findings(into)


def test_several_triggers_in_words_and_pictures() -> None:
    graph = two()
    assert summary(graph.triggers) == "Event order.placed and 1 more trigger"
    assert summary(two(enabled=False).triggers) == "Event order.placed"
    assert subscriptions(graph.triggers) == ("order.placed",)
    cards = {card.id: (card.title, card.category) for card in diagram.draw(graph.document()).cards}
    assert cards["by-hand"] == ("Started manually", "trigger") and cards["trigger"] == ("order.placed", "trigger")
    assert len(diagram.draw(graph.document()).lines) == 2
    dots = [dot.category for dot in thumbnail.draw(graph, lambda _: "exit").dots]
    assert sorted(dots) == ["exit", "trigger", "trigger"]


def test_changes_of_triggers_are_told() -> None:
    one = Flow.load({**two().document(), "triggers": two().document()["triggers"][:1], "edges": []})
    (added, *_) = [change for change in compare(one, two()) if change.kind == "added"]
    assert (added.node_id, added.title) == ("by-hand", "Started manually")
    (removed,) = [change for change in compare(two(), one) if change.kind == "removed"]
    assert removed.title == "Started manually"
    (off,) = compare(two(), two(enabled=False))
    assert [(detail.label, detail.before, detail.after) for detail in off.details] == [("switched off", "", "yes")]
    assert [trigger.id for trigger in union(two(), one).triggers] == ["trigger", "by-hand"]


async def test_both_forms_are_accepted_and_shown(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    body = {"name": "Two", **two().document()}
    made = (await client.post(PATH, json=body)).json()["data"]
    assert [trigger["id"] for trigger in made["triggers"]] == ["trigger", "by-hand"]
    assert made["trigger"]["event"] == "order.placed" and made["trigger"]["conditions"] == [RULE]
    own = f"{PATH}/{made['id']}"
    changed = await client.patch(own, json={"trigger": {"type": "event", "event": "order.paid"}})
    shown = changed.json()["data"]
    assert [trigger["data"].get("event") for trigger in shown["triggers"]] == ["order.paid", None]
    both = {"trigger": shown["trigger"], "triggers": shown["triggers"][:1]}
    again = await client.patch(own, json={**both, "edges": shown["edges"][:1]})
    assert [trigger["id"] for trigger in again.json()["data"]["triggers"]] == ["trigger"]
    refused = await client.patch(own, json={**both, "trigger": {"event": "other"}})
    assert refused.status_code == 422 and "say different things" in refused.text
    wrong = await client.patch(own, json={"triggers": [{"data": {"evnt": "x"}}]})
    assert wrong.status_code == 422 and "Did you mean `event`?" in wrong.text


async def test_a_stored_draft_with_a_single_trigger_is_read(api: ApiClients, db_session: AsyncSession) -> None:
    client = await api(Role.MARKETER)
    single = {"type": "event", "event": "order.placed", "conditions": [], "match": "all", "position": {"x": 0, "y": 0}}
    made = (await client.post(PATH, json={"name": "Old", "trigger": single})).json()["data"]
    await db_session.execute(
        text("update workflows set draft = draft - 'triggers' || jsonb_build_object('trigger', cast(:old as jsonb))"),
        {"old": msgspec.json.encode(single).decode()},
    )
    db_session.expire_all()
    shown = (await client.get(f"{PATH}/{made['id']}")).json()["data"]
    assert shown["trigger"] == single and shown["triggers"] == made["triggers"]
    assert (await client.get(PATH)).json()["data"][0]["trigger"] == single


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "An event was received."),
        ({"event": "order.placed"}, "Event order.placed was received."),
        ({"event": "a", "conditions": [RULE]}, "Event a was received. The contact met the entry conditions."),
    ],
)
def test_a_run_says_of_its_event_no_more_than_is_so(data: dict[str, Any], said: str) -> None:
    trigger = Flow.load({"triggers": [{"id": "t", "type": "event", "data": data}]}).triggers[0]
    kind, config = typed(trigger)
    assert kind.explain(config, {}) == said
