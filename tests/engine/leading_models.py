"""Steps that lead a run round, back, to another step or into another workflow, in plain Python that shares nothing with the product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from tests.engine.step_models import Result, fill
from tests.nodes.person import Person

ORDER = ("first", "second", "third", "fourth", "fifth")
HANDLERS = ("error_handler", "fallback")
CALLED_FOR_HOURS = 1
"""How long the called runs of these tests take."""


class Failure(NamedTuple):
    """The step whose error brought a run, after how many tries, and the way of the step it came to that leads to the failed one."""

    node: str
    attempt: int
    port: str | None


def jumps_of(node: dict[str, Any]) -> list[tuple[str, str]]:
    """Ways without an edge that a step's settings name."""
    data = node["data"]
    if node["type"] == "goto":
        return [("target", data["target"])]
    if node["type"] == "fallback":
        return [(port, target) for port, target in zip(ORDER, data.get("alternatives", []), strict=False) if target]
    return []


def alternatives_of(node: dict[str, Any]) -> tuple[str, ...]:
    """The ways of a fallback that are tried, in turn."""
    return ORDER[: max(2, len(node["data"].get("alternatives", [])))] if node["type"] == "fallback" else ()


Ways = dict[tuple[str, str], str]


def reached(ways: Ways, first: Iterable[str]) -> set[str]:
    """All steps that lie behind these, and these."""
    known, ahead = set(first), list(first)
    while ahead:
        here_id = ahead.pop()
        more = {target for (source, _), target in ways.items() if source == here_id} - known
        known |= more
        ahead += more
    return known


def with_hidden_ways(nodes: dict[str, dict[str, Any]], ways: Ways, triggers: Iterable[str]) -> Ways:
    """The edges, where steps lead without one, and who takes which error."""
    drawn = dict(ways)
    for name, node in nodes.items():
        for port, target in jumps_of(node):
            if target in nodes:
                drawn.setdefault((name, port), target)
    whole = dict(drawn)
    tried = {
        target: name
        for name, node in nodes.items()
        for port in alternatives_of(node)
        if (target := drawn.get((name, port)))
    }
    handlers = {
        name: node["data"].get("scope", "all") for name, node in nodes.items() if node["type"] == "error_handler"
    }
    for_all = [name for name, scope in handlers.items() if scope == "all"]
    on_the_way = reached(drawn, [target for (source, _), target in drawn.items() if source in triggers])
    own_arm = reached(drawn, for_all[:1]) - on_the_way
    for name in nodes:
        if (name, "error") in drawn or name in handlers:
            continue
        by_name = [handler for handler, scope in handlers.items() if scope != "all" and name in scope]
        target = tried.get(name) or next(iter(by_name), None)
        if target is None and for_all and name not in own_arm:
            target = for_all[0]
        if target is not None and target != name:
            whole[name, "error"] = target
    return whole


def body_of(nodes: dict[str, dict[str, Any]], ways: Ways, triggers: Iterable[str], loop: str) -> set[str]:
    """The steps to which a run comes only by the body of a loop."""
    others = {way: target for way, target in ways.items() if way[0] != loop}
    first = [target for (source, port), target in ways.items() if (source, port) == (loop, "body")]
    elsewhere = [target for (source, port), target in ways.items() if source == loop and port not in ("body", "error")]
    begins = [target for (source, _), target in ways.items() if source in triggers]
    begins += [
        name for name, node in nodes.items() if node["type"] == "error_handler" and node["data"].get("scope", "all")
    ]
    return reached(others, first) - reached(others, [*begins, *elsewhere]) - {loop}


def loop(
    node: dict[str, Any], view: Person, state: dict[str, Any] | None, *, is_late: bool
) -> tuple[Result, dict[str, Any] | None]:
    """One time round, and what is to be remembered for the next. `is_late`: its time ended a wait in its body."""
    data = node["data"]
    name = data.get("as", "item")
    if state is None:
        items = fill(data["items"], view)
        items = [] if items is None or items == "" else items
        if not isinstance(items, list) or len(items) > data.get("maxIterations", 1_000):
            return Result("fail", permanent=True), None
        state = {"items": items, "next": 0, "before": {one: view.vars.get(one) for one in (name, "index")}}
        if node.get("timeout") is not None:
            state["until"] = view.now + timedelta(seconds=node["timeout"])
    count, number = len(state["items"]), state["next"]
    if is_late or (number < count and view.now > state.get("until", view.now)):
        return Result("fail", permanent=True, wishes=(("vars", state["before"]),)), None
    if number >= count:
        return Result("done", "done", {"count": count}, (("vars", state["before"]),)), None
    now = {name: state["items"][number], "index": number}
    return Result("done", "body", {"count": count}, (("vars", now),)), {**state, "next": number + 1}


def goto(data: dict[str, Any], visit: int) -> Result:
    return Result("done", "target" if visit <= data.get("maxVisits", 10) else "exceeded")


def fallback(node: dict[str, Any], failure: Failure | None) -> Result:
    ports = alternatives_of(node)
    place = ports.index(failure.port) + 1 if failure is not None and failure.port in ports else 0
    used = ports[place] if place < len(ports) else None
    return Result("done", used or "failed", {"used": used})


def error_handler(nodes: dict[str, dict[str, Any]], failure: Failure | None) -> Result:
    if failure is None:
        return Result("done", output=dict.fromkeys(("nodeId", "nodeType", "error", "attempt")))
    shown = {"nodeId": failure.node, "nodeType": nodes[failure.node]["type"], "error": ..., "attempt": failure.attempt}
    return Result("done", output=shown)


def sub_workflow(data: dict[str, Any], view: Person, callees: dict[str, str]) -> Result:
    """`callees`: whom the called workflows take: `any` run, or those of a `contact` alone. They hand back what they were given."""
    is_of_contact = data.get("audience", "contact") == "contact" and bool(view.contact.id)
    if data.get("mode", "wait") == "start":
        return Result("done")
    if callees[data["workflowId"]] == "contact" and not is_of_contact:
        return Result("refused")  # the run stands there until it hears of it
    output = {"status": "completed", "runId": ..., "output": {"k": fill(data.get("input", {}), view).get("k")}}
    return Result("called", "next", output, until=view.now + timedelta(hours=CALLED_FOR_HOURS))
