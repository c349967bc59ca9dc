"""What steps come to whose type is asked itself, one person at a time, and what the outcome means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from app.flow import effects, outcomes, registry
from app.flow.declared import NodeScope
from tests.engine.step_models import MODELS, Result
from tests.nodes.person import Person


class NotModelled(Exception):
    """A type asks for what this interpreter has no words for."""


class AskedStep:
    """A step of a type that is asked itself, one person at a time."""

    def __init__(self, node: dict[str, Any]) -> None:
        kind, self._scope = registry.get(node["type"]), NodeScope(node["id"])
        self._made = kind.compile(registry.config_of(kind, node["data"]), self._scope)
        self.decides_again = isinstance(self._made, outcomes.DecidesAgain)
        self.is_chancy = self._scope.remembers

    def run(self, view: Person) -> Result:
        made = self._made
        if isinstance(made, outcomes.Outcome):
            return _result_of(made, view)
        does = made.run if isinstance(made, outcomes.IfRoom | outcomes.Asks | outcomes.DecidesAgain) else made
        return _result_of(self._scope.guard(does)(view), view)

    def woken(self, view: Person, noted: Any) -> Result:
        """What it comes to when its wait is over."""
        return _result_of(self._scope.guard(lambda step: self._made.woken(step, noted))(view), view)


def meaning_of(node: dict[str, Any], asked: AskedStep) -> Callable[[Person], Result]:
    model, data = MODELS.get(node["type"]), node["data"]
    if model is not None and node.get("model", True):
        return lambda view: model(data, view)

    def meaning(view: Person) -> Result:
        try:
            return asked.run(view)
        except NotModelled:
            raise
        except Exception:  # a step that breaks fails, and is tried again
            return Result("fail")

    return meaning


def _result_of(outcome: outcomes.Outcome, view: Person) -> Result:
    if isinstance(outcome, outcomes.Fail):
        return Result("fail", permanent=outcome.permanent)
    if isinstance(outcome, outcomes.Wait | outcomes.WaitFor):
        until = outcome.until or view.now + timedelta(seconds=outcome.seconds)
        if isinstance(outcome, outcomes.Wait):
            return Result("wait", outcome.port, outcome.output, until=until)
        judge = outcome.conditions
        ask = None if judge is None else lambda seen: judge(type("OnEvent", (), {"state": seen})()).held
        return Result("listen", outcome.port, outcome.output, (), until, outcome.event, ask, outcome.timeout_port)
    if isinstance(outcome, outcomes.Call):
        return Result("call")
    kinds = {outcomes.Done: "done", outcomes.Exit: "exit", outcomes.Succeed: "succeed"}
    if type(outcome) not in kinds:
        raise NotModelled(type(outcome).__name__)
    kind = kinds[type(outcome)]
    wishes = tuple(_wishes(outcome))
    emits = any(wish[0] == "emit" for wish in wishes)
    output = {**(outcome.output or {}), "eventId": ...} if emits else outcome.output
    return Result(kind, outcome.port, output, wishes)


def _wishes(outcome: outcomes.Outcome) -> Iterator[tuple[Any, ...]]:
    for effect in outcome.effects:
        if isinstance(effect, effects.SetFields):
            yield "set", {**effect.attributes, **effect.columns}
        elif isinstance(effect, effects.Increment):
            yield "add", effect.field, effect.by
        elif isinstance(effect, effects.AddTag):
            yield "tag", effect.tag
        elif isinstance(effect, effects.RemoveTag):
            yield "untag", effect.tag
        elif isinstance(effect, effects.SetVars):
            yield "vars", effect.values
        elif isinstance(effect, effects.EmitEvent):
            yield "emit", effect.name, json.loads(effect.properties), effect.of_contact
        elif isinstance(effect, effects.Assign):
            yield "assign", effect.variant
        elif isinstance(effect, effects.SegmentChange):
            yield "segment", effect.segment_id, effect.enters
        elif isinstance(effect, effects.SendMessage):
            yield "message", effect.awaits
        else:
            raise NotModelled(type(effect).__name__)
