"""What differs between two graphs, in words; and the thumbnail of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from app.flow import thumbnail
from app.flow.diff import Detail, compare, edge_marks, union, value_text
from app.flow.document import Flow


def graph(**parts: Any) -> Flow:
    """Trigger → ask, which leads to `yes` and `no`, over which the parts are laid."""
    document: dict[str, Any] = {
        "trigger": {"type": "event", "event": "signed_up"},
        "nodes": [
            {"id": "ask", "type": "condition", "name": "Paying?", "position": {"x": 0, "y": 100}},
            {"id": "yes", "type": "add_tag", "position": {"x": -200, "y": 200}, "data": {"tag": "paying"}},
            {"id": "no", "type": "delay", "position": {"x": 200, "y": 200}, "data": {"duration": 1, "unit": "days"}},
        ],
        "edges": [
            {"source": "trigger", "target": "ask"},
            {"source": "ask", "target": "yes", "sourceHandle": "true"},
            {"source": "ask", "target": "no", "sourceHandle": "false"},
        ],
        **parts,
    }
    return Flow.load(document)


def test_the_same_graph_has_no_changes_even_when_cards_were_moved() -> None:
    document = graph().document()
    for node in document["nodes"]:
        node["position"] = {"x": 900, "y": 900}
    assert compare(graph(), Flow.load(document)) == []


def test_a_changed_value_names_both_sides() -> None:
    document = graph().document()
    document["nodes"][2]["data"]["duration"] = 3
    (change,) = compare(graph(), Flow.load(document))
    assert (change.kind, change.node_id, change.title) == ("changed", "no", "Wait 3 days")
    assert [(detail.label, detail.before, detail.after) for detail in change.details] == [("Wait", "1 day", "3 days")]


@pytest.mark.parametrize(
    ("data", "after"),
    [
        ({"duration": 90, "unit": "minutes"}, "90 minutes"),
        ({"duration": "{{ event.days }}", "unit": "days"}, "{{ event.days }} days"),
    ],
)
def test_a_length_of_time_is_one_value_with_its_unit(data: dict[str, Any], after: str) -> None:
    document = graph().document()
    document["nodes"][2] |= {"data": data, "name": "Pause"}
    (change,) = compare(graph(), Flow.load(document))
    details = [(detail.label, detail.before, detail.after) for detail in change.details]
    assert details == [("Name", "", "Pause"), ("Wait", "1 day", after)]


def test_a_moved_way_is_told_by_its_port() -> None:
    document = graph().document()
    document["edges"][1]["target"], document["edges"][2]["target"] = "no", "yes"
    (change,) = compare(graph(), Flow.load(document))
    assert change.node_id == "ask"
    assert {(detail.label, detail.after) for detail in change.details} == {
        ("Yes leads to", "Wait 1 day"),
        ("No leads to", "Add tag “paying”"),
    }


def test_added_and_removed_steps_goals_rules_and_notes() -> None:
    document = graph().document()
    document["nodes"] = [document["nodes"][0], document["nodes"][1], {"id": "new", "type": "end"}]
    document["edges"] = document["edges"][:2]
    document["goals"] = [{"id": "g", "name": "Bought", "event": "purchase"}]
    document["settings"] = {"reentry": "once"}
    document["notes"] = [{"id": "n", "text": "Careful"}]
    kinds = {(change.kind, change.node_id or change.type) for change in compare(graph(), Flow.load(document))}
    assert kinds == {
        ("added", "new"),
        ("removed", "no"),
        ("changed", "ask"),
        ("added", "g"),
        ("changed", "settings"),
        ("changed", "note"),
    }


def test_a_picture_of_the_difference_keeps_what_is_gone_and_moves_it_out_of_the_way() -> None:
    document = graph().document()
    document["nodes"][2] = {"id": "instead", "type": "end", "position": {"x": 210, "y": 205}}
    document["edges"][2]["target"] = "instead"
    after = Flow.load(document)
    both = union(graph(), after)
    gone = both.node("no")
    assert gone is not None and gone.position.x < 0
    assert edge_marks(graph(), after) == {("ask", "instead"): "added", ("ask", "no"): "removed"}


def test_values_read_as_words() -> None:
    group = {"match": "any", "conditions": [{"field": "event.n", "operator": "is_true"}]}
    assert value_text([{"field": "plan", "operator": "exists"}, group]) == "plan is known, (event n is true)"
    assert value_text([{"field": "plan", "operator": "not_equals", "value": "pro"}]) == "plan is not pro"
    assert (value_text(True), value_text(None), value_text({"a": [1]})) == ("yes", "", '{"a": [1]}')


def test_a_thumbnail_has_a_square_a_step_inside_its_frame() -> None:
    drawn = thumbnail.draw(graph(), lambda type_: type_)
    assert sorted(dot.category for dot in drawn.dots) == ["add_tag", "condition", "delay", "trigger"]
    assert len({dot.x for dot in drawn.dots}) == 3 and drawn.path.count("M") == 3
    assert all(3 <= dot.x <= thumbnail.WIDTH - 3 and 3 <= dot.y <= thumbnail.HEIGHT - 3 for dot in drawn.dots)


def test_a_long_thumbnail_shrinks_its_squares() -> None:
    nodes = [{"id": f"n{i}", "type": "delay"} for i in range(30)]
    edges = [{"source": f"n{i - 1}" if i else "trigger", "target": f"n{i}"} for i in range(30)]
    drawn = thumbnail.draw(graph(nodes=nodes, edges=edges), lambda _: "timing")
    assert len(drawn.dots) == 31 and 0 < drawn.size < thumbnail.SQUARE
    assert max(dot.x for dot in drawn.dots) <= thumbnail.WIDTH


def test_a_thumbnail_of_a_broken_circle_ends() -> None:
    circle = [{"source": "trigger", "target": "ask"}, {"source": "ask", "target": "ask", "sourceHandle": "true"}]
    assert thumbnail.draw(graph(edges=circle), lambda _: "logic").dots


def test_a_rule_for_uncertain_emails_is_told() -> None:
    rule = {"then": "resend", "after": {"duration": 2, "unit": "hours"}}
    (change,) = compare(graph(), graph(settings={"uncertain": rule}))
    assert change.title == "Entry and delivery rules"
    assert [(detail.label, detail.before, detail.after) for detail in change.details] == [
        ("uncertain messages", "stay for a person", "are sent again once after 2 hours")
    ]
    (change,) = compare(graph(settings={"uncertain": rule}), graph(settings={"uncertain": {**rule, "then": "error"}}))
    assert change.details[0].after == "count as failed after 2 hours"
    held = graph(settings={"uncertain": {**rule, "then": "hold"}})
    assert compare(graph(), held) == [] and "uncertain" not in held.document()["settings"], "one form for one meaning"


def test_what_a_step_refers_to_is_told_by_its_name() -> None:
    old, new, gone = (UUID(int=number) for number in (1, 2, 3))
    before, after = (
        Flow.load({"nodes": [{"id": "m", "type": "send_email", "data": {"templateId": str(one), "fromName": name}}]})
        for one, name in ((old, "Ada"), (new, "Bo"))
    )
    names = {"template": {old: "Welcome", new: "Hello"}}
    (change,) = compare(before, after, names)
    assert change.details == [Detail("Template", "Welcome", "Hello"), Detail("From name", "Ada", "Bo")]
    after = Flow.load({"nodes": [{"id": "m", "type": "send_email", "data": {"connectorId": str(gone)}}]})
    (change,) = compare(before, after, names)
    assert Detail("Connector", "", "a connector that is gone") in change.details


def test_another_rule_for_steps_that_say_nothing_is_told() -> None:
    document = graph().document()
    document["settings"]["retry"] = {"maxAttempts": 4, "backoff": "fixed", "delaySeconds": 30, "jitter": False}
    (change,) = compare(graph(), Flow.load(document))
    assert (change.type, change.details) == (
        "settings",
        [Detail("attempts of steps that say nothing", "", "4 attempts, 30 s, fixed")],
    )


def test_rows_are_called_by_their_names_wherever_a_configuration_names_them() -> None:
    """In triggers, in what a setting holds inside itself, and in conditions; ids tell people nothing."""
    vip, new = (UUID(int=number) for number in (1, 2))
    names = {"segment": {vip: "VIP", new: "New ones"}}

    def flow(segment: UUID) -> Flow:
        asked = {"conditions": [{"field": "segment", "operator": "in", "value": [str(segment)]}]}
        called = {"workflowId": None, "audience": {"segmentId": str(segment)}}
        return Flow.load({
            "triggers": [{"id": "t", "type": "segment_entry", "data": {"segmentId": str(segment)}}],
            "nodes": [{"id": "call", "type": "sub_workflow", "data": called}, {"id": "ask", "type": "condition", "data": asked}],
            "goals": [{"id": "g", "event": "paid", **asked}],
        })  # fmt: skip

    trigger, call, ask, goal = compare(flow(vip), flow(new), names)
    assert [(one.before, one.after) for one in trigger.details] == [("VIP", "New ones")]
    assert ("VIP" in call.details[0].before, "New ones" in call.details[0].after) == (True, True)
    for one in (ask, goal):
        assert [(part.before, part.after) for part in one.details] == [("is in “VIP”", "is in “New ones”")]
    assert "a segment that is gone" in compare(flow(vip), flow(UUID(int=3)), names)[0].details[0].after
