"""What a node type may look at, and what its answers are worth: declared reads, and outcomes that say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.engine import integrity
from app.engine.compiled import CompiledFlow
from app.engine.state import ContactState, RunState
from app.engine.walk import UNLIKE_AT_MOST, Batch
from app.flow import registry
from app.flow.document import Flow
from app.flow.effects import AddTag, Increment, RemoveTag, SendMessage, SetFields
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Exit, Fail, Outcome, Wait
from tests.fixtures.world import World, flow, node

READS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "an attribute": ("contact.attributes", lambda step: step.contact.attributes["plan"]),
    "the size": ("contact.attributes", lambda step: step.contact.attributes_size),
    "tags": ("contact.tags", lambda step: step.contact.tags),
    "a column": ("contact.phone", lambda step: step.contact.columns["phone"]),
    "a column if there": ("contact.phone", lambda step: step.contact.columns.get("phone")),
    "a column asked for": ("contact.phone", lambda step: "phone" in step.contact.columns),
    "the event": ("event.total", lambda step: step.event.get("total")),
    "another step": ("steps.first", lambda step: step.steps["first"]),
    "a variable": ("vars.item", lambda step: step.vars["item"]),
    "where they live": ("contact.timezone", lambda step: step.zone),
}


class PeekConfig(msgspec.Struct, rename="camel"):
    what: str = ""
    who: str = "u1-"
    declares: bool = False


class Peek(NodeType):
    """Reads something for some contacts, declared or not."""

    type, label, category, description = "peek", "Peek", "logic", "For tests."
    Config = PeekConfig

    @staticmethod
    def compile(config: PeekConfig, scope: Any) -> Callable[[Any], Outcome]:
        email = scope.field("contact.email")
        path, look = READS[config.what]
        if config.declares:
            scope.field(path)

        def run(step: Any) -> Outcome:
            if email(step).startswith(config.who):
                look(step)
            return Done()

        return run


class Makes(NodeType):
    """Makes its outcome for each person anew."""

    type, label, category, description = "makes", "Makes", "logic", "For tests."
    Config = PeekConfig
    outcome: Callable[[Any], Outcome]

    @staticmethod
    def compile(config: PeekConfig, scope: Any) -> Callable[[Any], Outcome]:
        amount = scope.field("event.n")
        return lambda step: Makes.outcome(amount(step))


@pytest.fixture(autouse=True)
def types(own_types: None) -> None:
    registry._types |= {"peek": Peek, "makes": Makes}


def peeking(world: World, what: str, *, declares: bool) -> UUID:
    """A workflow whose second step reads `what` for one of four; its first declares nothing, others declare everything."""
    nodes = [node("p", "peek", what=what, declares=declares), node("end", "end")]
    return world.workflow(flow("e", nodes, ("trigger", "p"), ("p", "end")))


def test_an_undeclared_read_fails_that_step_in_words_and_nobody_else(world: World) -> None:
    """Whatever another workflow of the same batch has made the engine load."""
    everything = {"x": "{{ contact.plan }} {{ contact.phone }} {{ contact.tags }} {{ contact.timezone }}"}
    world.workflow(flow("e", [node("u", "update_contact", set=everything)], ("trigger", "u")))
    peeks = {what: peeking(world, what, declares=False) for what in READS}
    world.emit("e", world.contacts(4, attributes={"plan": "pro"}, phone="+4912345"), {"total": 1})
    for what, workflow in peeks.items():
        assert world.runs(workflow) == {"completed": 3, "failed": 1}, what
        path = READS[what][0]
        assert world.one("select error_message from runs where status = 5 and workflow_id = %s", workflow) == (
            f"This step cannot run, because its type reads {path} without having declared it."
            f' The author of the type mends that by scope.field("{path}") in compile.'
        )
    assert integrity.check(world.db) == []


def test_a_declared_read_is_answered(world: World) -> None:
    here = [what for what in READS if what not in ("another step", "a variable")]
    peeks = {what: peeking(world, what, declares=True) for what in here}
    world.emit("e", world.contacts(4, attributes={"plan": "pro"}, phone="+4912345"), {"total": 1})
    assert {what: world.runs(workflow) for what, workflow in peeks.items()} == {what: {"completed": 4} for what in here}


SAME: dict[str, Callable[[], Outcome]] = {
    "done": Done,
    "an output": lambda: Done("next", {"a": [1, {"b": None}]}),
    "effects": lambda: Done(
        output={"set": 1},
        effects=(
            SetFields({"plan": "x", "phone": None}),
            Increment("n", 2),
            AddTag("a"),
            RemoveTag("b"),
            SendMessage(1, bytes(16), {"subject": "Hi"}),
        ),
    ),
    "a wait": lambda: Wait(60, output={"x": 1}),
    "a failure": lambda: Fail("no", permanent=True),
    "an exit": lambda: Exit({"a": 1}),
}
UNLIKE: list[Callable[[], Outcome]] = [
    Done,
    lambda: Done("other"),
    lambda: Done(output=1),
    lambda: Done(output=1.0),
    lambda: Done(output=True),
    lambda: Done(effects=(Increment("n", 1),)),
    lambda: Done(effects=(Increment("n", 1.0),)),
    lambda: Done(effects=(AddTag("n"),)),
    lambda: Done(effects=(RemoveTag("n"),)),
    lambda: Done(effects=(SetFields({"n": 1}),)),
    lambda: Done(effects=(SendMessage(1, None, {}),)),
    lambda: Done(effects=(SendMessage(1, None, {}, awaits=True),)),
    lambda: Exit(),
    lambda: Wait(1),
    lambda: Wait(2),
    lambda: Fail("a"),
    lambda: Fail("a", permanent=True),
    lambda: Fail("b"),
]


def entered(outcome: Callable[[Any], Outcome], people: int) -> Batch:
    """`people` who take a step that makes `outcome` of their number."""
    Makes.outcome = staticmethod(outcome)
    nodes = [node("m", "makes", retry={"attempts": 1}), node("end", "end")]
    compiled = CompiledFlow(bytes(16), 1, 1, Flow.load(flow("e", nodes, ("trigger", "m"), ("m", "end"))))
    begin = compiled.started_by(of_contact=True)
    assert not isinstance(begin, str)
    batch = Batch(0)
    for number in range(people):
        contact = ContactState(number.to_bytes(16, "big"))
        batch.enter(
            RunState(
                bytes(16),
                compiled,
                begin,
                contact,
                msgspec.json.encode({"n": number}),
                begin.node,
                0,
                0,
                0,
            )
        )
    return batch


@pytest.mark.parametrize("what", SAME)
def test_equal_people_share_a_track_though_each_has_an_outcome_of_its_own(what: str) -> None:
    batch = entered(lambda _number: SAME[what](), 100)
    assert len(batch.paths) == 2  # the beginning, and what the outcome leads to
    assert [len(path.runs) for path in batch.paths] == [0, 100]


def test_outcomes_that_differ_in_anything_share_nothing() -> None:
    keys = [make().key() for make in UNLIKE]
    assert len(set(keys)) == len(UNLIKE)
    batch = entered(lambda number: UNLIKE[number % len(UNLIKE)](), 100)
    assert len(batch.paths) == 1 + len(UNLIKE)


def test_personal_outcomes_are_soon_no_longer_compared() -> None:
    """Each has a path of its own, as before, and the comparing costs at most so many."""
    batch = entered(lambda number: Done(output=number), 200)
    assert len(batch.paths) == 201
    assert batch.paths[0].unlike == UNLIKE_AT_MOST == len(batch.paths[0].alike)
