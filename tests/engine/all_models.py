"""What a step of any type comes to, by models of the types that share nothing with the product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.engine import branch_models, clock_models, outward_models, step_models
from tests.engine.step_models import Result, look_up
from tests.nodes.person import Person

Model = Callable[[dict[str, Any], Person], Result]
LEADING = ("loop", "goto", "fallback", "error_handler", "sub_workflow")
"""Types whose models need to know more than the person: `leading_models`."""
CALLING = ("http_request", "slack", "custom_code")
"""Types that are modelled up to their call; nobody answers it in these tests."""
OF_CONTACTS = (
    "add_tag", "remove_tag", "update_contact", "add_to_segment", "remove_from_segment", "wait_for_event", *outward_models.CHANNELS
)  # fmt: skip
"""Types whose steps fail in a run without a contact. So does a step that lets an event happen to its contact."""


def _trouble(data: dict[str, Any], view: Person) -> Result:
    return Result("fail" if look_up(view, "event", "k") == data["when"] else "done")


def _listen(data: dict[str, Any], view: Person) -> Result:
    rule = {"field": "event.k", "operator": "greater_or_equal", "value": data["least"]}
    span = {"duration": data["duration"], "unit": "hours"}
    return outward_models.wait_for_event({"event": "ping", "conditions": [rule], "timeout": span}, view)


def _segment(*, enters: bool) -> Model:
    return lambda data, view: outward_models.segment(data, view, enters=enters)


def _send(kind: str) -> Model:
    return lambda data, view: outward_models.send(kind, data, view)


MODELS: dict[str, Model] = {
    **step_models.MODELS,
    "switch": branch_models.switch,
    "end": branch_models.end,
    "goal": branch_models.goal,
    "wait_until": clock_models.wait_until,
    "time_window": clock_models.time_window,
    "wait_for_event": outward_models.wait_for_event,
    "hold": outward_models.hold,
    "add_to_segment": _segment(enters=True),
    "remove_from_segment": _segment(enters=False),
    **{kind: _send(kind) for kind in outward_models.CHANNELS},
    "http_request": outward_models.http_request,
    "slack": outward_models.slack,
    "custom_code": outward_models.custom_code,
    "trouble": _trouble,
    "listen": _listen,
}
"""By the name of the type: what a step with this config comes to for somebody."""
OF_STEPS: dict[str, Model] = {"split": branch_models.split}
"""The same by the whole step, whose id matters."""


def meaning_of(node: dict[str, Any]) -> Callable[[Person], Result] | None:
    """What a step comes to for somebody; None of those that lead elsewhere."""
    if node["type"] in LEADING:
        return None
    if node["type"] in OF_STEPS:
        return lambda view: OF_STEPS[node["type"]](node, view)
    model = MODELS[node["type"]]
    return lambda view: model(node["data"], view)


def decides_again(node: dict[str, Any]) -> Callable[[Person, Any], Result] | None:
    """What a step comes to when its wait is over, by what it had put down; None of those that just go on."""
    data = node["data"]
    if node["type"] == "time_window":
        return lambda view, noted: clock_models.time_window(data, view, noted)
    if node["type"] == "wait_until" and data.get("field", "").startswith("contact."):
        return lambda view, noted: clock_models.wait_until(data, view, noted)
    return None


def needs_contact(node: dict[str, Any]) -> bool:
    return node["type"] in OF_CONTACTS or (
        node["type"] == "emit_event" and node["data"].get("contact", "this") == "this"
    )
