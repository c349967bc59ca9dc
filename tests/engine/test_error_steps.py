"""Where runs go whose step failed: an error handler, and the next alternative of a fallback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.engine import integrity
from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Fail, Run
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000, "jitter": False}}


class PartConfig(msgspec.Struct):
    pass


class Part(NodeType):
    """Fails for whom its id is among the attribute `broken`."""

    type, label, category, description = "part", "Part", "logic", "For tests."
    retryable = True
    Config = PartConfig

    @staticmethod
    def compile(config: PartConfig, scope: Any) -> Run:
        return lambda _step: Done()


def part(name: str) -> type[NodeType]:
    class Named(Part):
        type = f"part_{name}"

        @staticmethod
        def compile(config: PartConfig, scope: Any) -> Run:
            read, done, failed = scope.field("contact.attributes.broken"), Done(), Fail(f"{name} broke.")
            return lambda step: failed if name in (read(step) or "") else done

    return Named


@pytest.fixture(autouse=True)
def parts(own_types: None) -> Iterator[None]:
    registry._types.update({f"part_{name}": part(name) for name in "abcd"})
    yield


def parted(world: World, broken: str, count: int = 2) -> list[Any]:
    return world.contacts(count, attributes={"broken": broken})


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


A, B, C, D = (node(name, f"part_{name}") for name in "abcd")
HANDLER = node("h", "error_handler")
SEEN = node("s", "add_tag", tag="{{ steps.h.nodeId }} {{ steps.h.nodeType }} {{ steps.h.attempt }} {{ steps.h.error }}")


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize(
    ("broken", "steps", "tags"),
    [
        ("", [("a", "completed", "next"), ("b", "completed", "next")], []),
        (
            "a",
            [("a", "failed", "error"), ("h", "completed", "next"), ("s", "completed", "next")],
            ["a part_a 1 a broke."],
        ),
        (
            "b",
            [
                ("a", "completed", "next"),
                ("b", "failed", "error"),
                ("h", "completed", "next"),
                ("s", "completed", "next"),
            ],
            ["b part_b 1 b broke."],
        ),
    ],
)
def test_errors_that_nobody_handles_go_to_the_handler(
    any_way: World, limit: int, broken: str, steps: list[Any], tags: list[str]
) -> None:
    world = any_way
    world.engine.limit = limit
    workflow = world.workflow(flow("go", [A, B, HANDLER, SEEN], ("trigger", "a"), ("a", "b"), ("h", "s")))
    world.emit("go", parted(world, broken))
    assert world.runs(workflow) == {"completed": 2}
    assert world.steps(workflow) == steps * 2
    assert world.one("select distinct tags from contacts") == tags
    sound(world)


def test_what_goes_before_the_handler_for_all(any_way: World) -> None:
    """The step's own path, its own policy, and a handler that names it."""
    world = any_way
    nodes = [
        A, {**B, "onError": "continue"}, C, D, HANDLER, node("x", "error_handler", scope=["c", "d"]),
        node("path", "add_tag", tag="path"), node("all", "add_tag", tag="all"), node("some", "add_tag", tag="some"),
    ]  # fmt: skip
    ways = (
        ("trigger", "a"), ("a", "path", "error"), ("a", "b"), ("b", "c"), ("c", "d"), ("h", "all"), ("x", "some"),
    )  # fmt: skip
    workflow = world.workflow(flow("go", nodes, *ways))
    for broken, tags in (("a", ["path"]), ("b", []), ("c", ["some"]), ("d", ["some"])):
        (contact,) = parted(world, broken, 1)
        world.emit("go", [contact])
        assert world.one("select tags from contacts where id = %s", contact) == tags, broken
    assert world.runs(workflow) == {"completed": 4}
    sound(world)


@pytest.mark.parametrize(
    ("own", "of_workflow", "status"),
    [("fail", "hold", "completed"), (None, "hold", "held"), (None, "continue", "completed"), ("hold", "fail", "held")],
)
def test_the_policy_of_the_workflow_goes_before_the_handler_unless_the_step_fails_by_its_own(
    world: World, own: str | None, of_workflow: str, status: str
) -> None:
    first = {**A, "onError": own} if own else A
    document = flow("go", [first, HANDLER], ("trigger", "a"), settings={"onError": of_workflow})
    workflow = world.workflow(document)
    world.emit("go", parted(world, "a"))
    assert world.runs(workflow) == {status: 2}
    handled = world.one("select count(*) from steps where node_id = 'h'")
    assert handled == (2 if own == "fail" else 0)
    sound(world)


def test_the_arm_of_a_handler_fails_without_coming_back(world: World) -> None:
    workflow = world.workflow(flow("go", [A, HANDLER, B], ("trigger", "a"), ("h", "b")))
    world.emit("go", parted(world, "ab", 1))
    assert world.runs(workflow) == {"failed": 1}
    assert world.steps(workflow) == [("a", "failed", "error"), ("h", "completed", "next"), ("b", "failed", "error")]
    sound(world)


def test_the_handler_comes_after_the_last_try(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(flow("go", [{**A, "retry": RETRY}, HANDLER, SEEN], ("trigger", "a"), ("h", "s")))
    world.emit("go", parted(world, "a"))
    assert world.runs(workflow) == {"running": 2}
    world.travel(NOON + timedelta(minutes=1))
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct tags from contacts") == ["a part_a 2 a broke."]
    sound(world)


def test_a_handler_that_is_switched_off_handles_nothing(world: World) -> None:
    workflow = world.workflow(flow("go", [A, {**HANDLER, "disabled": True}], ("trigger", "a")))
    world.emit("go", parted(world, "a", 1))
    assert world.runs(workflow) == {"failed": 1}
    sound(world)


def test_a_run_of_nobody_is_handled_as_well(world: World) -> None:
    class Breaks(Part):
        type = "breaks"

        @staticmethod
        def compile(config: PartConfig, scope: Any) -> Run:
            return lambda _step: Fail("No.")

    registry._types["breaks"] = Breaks
    document = flow(None, [node("a", "breaks"), HANDLER], ("trigger", "a"), trigger={"data": {"contact": "none"}})
    workflow = world.workflow(document)
    world.start_nobody(workflow)
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}
    assert world.one("select output from steps where node_id = 'h'") == {
        "nodeId": "a", "nodeType": "breaks", "error": "No.", "attempt": 1,
    }  # fmt: skip
    sound(world)


def fallback(*edges: Any, by_edges: bool = True) -> dict[str, Any]:
    names = ["", "", ""] if by_edges else ["a", "b", "c"]
    ways = (("f", "a", "first"), ("f", "b", "second"), ("f", "c", "third")) if by_edges else ()
    nodes = [
        node("f", "fallback", alternatives=names), A, B, C, node("x", "add_tag", tag="none"),
        node("e", "add_tag", tag="{{ steps.f.used }}"),
    ]  # fmt: skip
    return flow("go", nodes, ("trigger", "f"), *ways, ("f", "x", "failed"), ("a", "e"), ("b", "e"), ("c", "e"), *edges)


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize("by_edges", [True, False], ids=["by edges", "by ids"])
@pytest.mark.parametrize(
    ("broken", "tried", "tag"),
    [("", "a", "first"), ("b", "a", "first"), ("a", "ab", "second"), ("ab", "abc", "third"), ("abc", "abc", "none")],
)
def test_the_next_way_is_tried_when_one_fails(
    any_way: World, limit: int, by_edges: bool, broken: str, tried: str, tag: str
) -> None:
    world = any_way
    world.engine.limit = limit
    workflow = world.workflow(fallback(by_edges=by_edges))
    world.emit("go", parted(world, broken))
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct tags from contacts") == [tag]
    visited = world.db.execute(
        "select node_id from steps where run_id = (select id from runs limit 1) and node_id <> 'f' order by seq"
    )
    assert "".join(name for (name,) in visited.fetchall()) == f"{tried}{'x' if tag == 'none' else 'e'}"
    sound(world)


def test_a_fallback_that_is_come_to_again_begins_with_the_first_way(world: World) -> None:
    document = fallback(("e", "g"))
    document["nodes"].append(node("g", "goto", target="f", maxVisits=1))
    workflow = world.workflow(document)
    world.emit("go", parted(world, "a", 1))
    assert world.runs(workflow) == {"completed": 1}
    ports = world.db.execute("select port from steps where node_id = 'f' order by seq").fetchall()
    assert [port for (port,) in ports] == ["first", "second", "first", "second"]
    sound(world)


def test_an_error_of_before_does_not_choose_the_way_of_a_later_fallback(world: World) -> None:
    """The errors of what it tries have ways of their own, so none is led to it."""
    document = fallback(
        ("e", "late"), ("late", "d", "first"), ("late", "z", "second"), ("d", "y", "error"), ("z", "y", "error")
    )
    late = node("late", "fallback", alternatives=["", ""])
    document["nodes"] += [late, D, node("z", "part_c"), node("y", "add_tag", tag="end")]
    workflow = world.workflow(document)
    world.emit("go", parted(world, "a", 1))
    assert world.runs(workflow) == {"completed": 1}
    ports = world.db.execute("select node_id, port from steps where node_id in ('f', 'late') order by seq").fetchall()
    assert ports == [("f", "first"), ("f", "second"), ("late", "first")]
    sound(world)


def test_who_leaves_by_the_port_failed_is_told_from_who_fails_there(world: World) -> None:
    """A circle that is come through until the step has no visit left."""
    workflow = world.workflow(fallback(("x", "f")))
    world.emit("go", parted(world, "abc", 1))
    assert world.runs(workflow) == {"failed": 1}
    counted = dict(world.db.execute("select key, sum(n) from node_stats where node_id = 'f' group by 1").fetchall())
    left = world.one("select count(*) from steps where node_id = 'f' and port = 'failed'")
    assert left > 1 and (counted["failed"], counted["port.failed"]) == (1, left)
    sound(world)


def test_what_fails_behind_the_first_step_of_a_way_is_no_matter_of_the_fallback(world: World) -> None:
    document = fallback(("e", "d"))
    document["nodes"].append(D)
    workflow = world.workflow(document)
    world.emit("go", parted(world, "ad", 1))
    assert world.runs(workflow) == {"failed": 1}
    sound(world)


@pytest.mark.parametrize(("status", "tags"), [("sent", ["first"]), ("failed", ["second"]), ("suppressed", ["second"])])
def test_a_message_that_does_not_reach_the_contact_is_given_up(world: World, status: str, tags: list[str]) -> None:
    """A step that sends is waited for, though its own setting says to go on at once."""
    nodes = [
        node("f", "fallback", alternatives=["m", "b"]), node("m", "send_email"), B,
        node("e", "add_tag", tag="{{ steps.f.used }}"),
    ]  # fmt: skip
    workflow = world.workflow(flow("go", nodes, ("trigger", "f"), ("m", "e"), ("b", "e")))
    world.emit("go", parted(world, "", 1))
    assert world.one("select status from runs") == 2
    answer = {
        "seq": 2,
        "port": "error" if status == "failed" else "next",
        "output": {"status": status},
        "error": None if status == "sent" else "Why.",
    }
    (run_id,) = world.db.execute("select id from runs").fetchone()  # type: ignore[misc]
    world.db.execute("update messages set status = 2, due_at = null")
    world.put("message.settled", [None], answer, kind=2, run_id=run_id)  # type: ignore[list-item]
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}
    assert world.one("select tags from contacts") == tags
