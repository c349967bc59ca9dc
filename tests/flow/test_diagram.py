"""The small drawing of a flow: a branch that leads nowhere is drawn too."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow.diagram import HEIGHT, Line, draw


def a_flow(*edges: tuple[str, str, str]) -> dict[str, Any]:
    """A trigger, a condition with two ways out below it, and a tag."""
    asked = {"conditions": [{"field": "plan", "operator": "equals", "value": "pro"}]}
    return {
        "triggers": [{"id": "trigger", "type": "event", "data": {"event": "began"}, "position": {"x": 400, "y": 0}}],
        "nodes": [
            {"id": "ask", "type": "condition", "data": asked, "position": {"x": 400, "y": 168}},
            {"id": "tag", "type": "add_tag", "data": {"tag": "a"}, "position": {"x": 264, "y": 336}},
        ],
        "edges": [
            {"id": str(at), "source": source, "sourceHandle": port, "target": target}
            for at, (source, port, target) in enumerate(edges)
        ],
    }


def ends(lines: list[Line]) -> dict[str, str]:
    return {line.key: line.label for line in lines if not line.target}


@pytest.mark.parametrize(("port", "left", "label"), [("true", "ask:false", "No"), ("false", "ask:true", "Yes")])
def test_a_branch_that_leads_nowhere_ends_below_its_card(port: str, left: str, label: str) -> None:
    diagram = draw(a_flow(("trigger", "next", "ask"), ("ask", port, "tag")))
    assert ends(diagram.lines) == {left: label}
    [end] = [line for line in diagram.lines if not line.target]
    card = next(card for card in diagram.cards if card.id == "ask")
    assert end.path.startswith(f"M{end.label_x} {card.y + HEIGHT}V")


def test_only_steps_with_several_ways_out_have_such_ends() -> None:
    both = a_flow(("trigger", "next", "ask"), ("ask", "true", "tag"), ("ask", "false", "tag"))
    assert ends(draw(both).lines) == {}


def test_the_sheet_has_room_for_the_end_of_the_lowest_card() -> None:
    flow = a_flow(("trigger", "next", "ask"))
    flow["nodes"] = flow["nodes"][:1]
    diagram = draw(flow)
    lowest = max(card.y for card in diagram.cards) + HEIGHT
    assert len(ends(diagram.lines)) == 2
    assert diagram.height > max(line.label_y for line in diagram.lines) > lowest
