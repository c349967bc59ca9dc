"""Ends of runs: an outcome with what it puts out, and goals that are steps."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow import registry
from app.flow.document import Flow
from app.flow.node_words import explanation_of, goals_of, ports_of, summary_of
from app.flow.outcomes import Done, Succeed
from tests.nodes.person import person, run_of

END, GOAL = registry.get("end"), registry.get("goal")


@pytest.mark.parametrize(
    ("data", "output"),
    [
        ({}, None),
        ({"outcome": "  "}, None),
        ({"outcome": " Bought "}, {"outcome": "Bought"}),
        ({"output": {"n": 1}}, {"output": {"n": 1}}),
        (
            {
                "outcome": "Bought",
                "output": {"amount": "{{ event.amount }}", "who": "Dear {{ contact.name }}", "all": ["{{ event.items }}"]},
            },
            {"outcome": "Bought", "output": {"amount": 5, "who": "Dear Ada", "all": [[1, 2]]}},
        ),
    ],
)  # fmt: skip
def test_an_end_puts_out_its_outcome_and_values_with_their_types(data: dict[str, Any], output: Any) -> None:
    outcome = run_of(END, data)(person(event={"amount": 5, "items": [1, 2]}, attributes={"name": "Ada"}))
    assert isinstance(outcome, Done) and outcome.output == output
    assert ports_of("end", data) == ()


def test_an_end_that_says_the_same_for_everybody_is_one_outcome() -> None:
    run = run_of(END, {"outcome": "Bought", "output": {"n": 1}})
    assert run(person()) is run(person(attributes={"plan": "pro"}))


def test_a_goal_ends_the_run_or_lets_it_go_on() -> None:
    ends, goes_on = (
        run_of(GOAL, {"name": " Bought "})(person()),
        run_of(GOAL, {"name": "Bought", "ends": False})(person()),
    )
    assert isinstance(ends, Succeed) and isinstance(goes_on, Done)
    assert ends.output == goes_on.output == {"goal": "Bought"}
    assert ports_of("goal", {"name": "x"}) == () and [port.id for port in ports_of("goal", {"ends": False})] == ["next"]


@pytest.mark.parametrize(
    ("type_", "data", "path", "words", "incomplete"),
    [
        ("goal", {}, "name", "Purchased", True),
        ("goal", {"name": "x" * 101}, "name", "100", False),
        ("goal", {"name": "x", "ends": "no"}, "ends", "true or false", False),
        ("end", {"outcome": "x" * 101}, "outcome", "100", False),
        ("end", {"outcome": 1}, "outcome", "text", False),
        ("end", {"output": "all"}, "output", "object", False),
        ("end", {"output": {str(n): n for n in range(51)}}, "output", "50", False),
        ("end", {"outcomes": "x"}, "outcomes", "outcome", False),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    type_: str, data: dict[str, Any], path: str, words: str, incomplete: bool
) -> None:
    faults = registry.diagnostics(registry.get(type_), data)
    assert [(one.path, one.blocks_save) for one in faults] == [(path, not incomplete)]
    assert words in faults[0].message


def test_what_people_read() -> None:
    class Taken:
        port, started_at, completed_at = None, None, None

        def __init__(self, output: Any) -> None:
            self.output = output

    said = [explanation_of("end", {}, Taken({"outcome": "Bought"})), explanation_of("end", {}, Taken(None))]  # type: ignore[arg-type]
    assert said == ["The workflow is complete, with the outcome “Bought”.", "The workflow is complete."]
    words = explanation_of("goal", {"name": "Bought"}, Taken({"goal": "Bought"}))  # type: ignore[arg-type]
    assert words == "The goal “Bought” is reached; the run ends as a success."
    assert (summary_of("end", {"outcome": "Bought"}), summary_of("goal", {"name": "Bought"})) == ("Bought", "Bought")


def test_the_goals_of_a_workflow_are_those_of_its_settings_and_of_its_steps() -> None:
    flow = Flow.load(
        {
            "trigger": {"type": "manual"},
            "nodes": [
                {"id": "a", "type": "goal", "data": {"name": "Bought"}},
                {"id": "b", "type": "goal", "data": {"name": "Bought", "ends": False}},
                {"id": "c", "type": "end", "data": {}},
                {"id": "d", "type": "goal", "data": {"nmae": "?"}},
            ],
            "goals": [{"id": "g", "name": "Paid", "event": "paid"}],
        }
    )
    assert goals_of(flow) == ["Paid", "Bought"]
