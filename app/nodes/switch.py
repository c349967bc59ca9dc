"""Send each contact one of several ways: by conditions, or by one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import registry
from app.flow.conditions import MAX_CONDITIONS, Condition, Match, diagnostics_of, rule_count, shown_value
from app.flow.decisions import decided
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import BranchConditions, NodeType, Port, port_label
from app.flow.operators import OPERATORS
from app.flow.outcomes import Done, Outcome, Read, Run
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import folded, printed
from app.lib.translation import gettext, translatable

DEFAULT = "default"
MAX_CASES, MAX_RULES = 20, 50
"""What one step may ask of each contact: cases, and conditions of all cases together."""
Judge = Callable[[Any, list[dict[str, Any]]], bool]
"""(step, what the decision keeps of the cases up to here) -> is it this case?"""


class SwitchCase(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One way out. `conditions` where the step has no `value`, else `equals`."""

    id: Annotated[str, Meta(max_length=100), Verbatim("a name")]
    label: Annotated[str, Meta(max_length=60), Verbatim("a name")] = ""
    conditions: list[Condition] = []
    match: Match = "all"
    equals: Any = UNSET


class SwitchConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    cases: Annotated[list[SwitchCase], Meta(title="cases")] = []
    value: Annotated[Any, Meta(title="value to compare")] = UNSET

    @property
    def by_value(self) -> bool:
        return self.value is not UNSET

    def label(self, index: int) -> str:
        """What a case is called: its own name, else what it wants, else its number."""
        case = self.cases[index]
        if case.label.strip():
            return case.label.strip()
        wanted = printed(case.equals) if self.by_value and not isinstance(case.equals, UnsetType) else ""
        return wanted[:60] or gettext("Case %(index)s", index=index + 1)


@registry.node
class SwitchStep(NodeType):
    type, label, category = "switch", translatable("Switch"), "logic"
    description = translatable("Sends each contact one of several ways: the first case that fits, else the default.")
    outputs = (Port(DEFAULT, "Default"),)
    Config = SwitchConfig

    @classmethod
    def ports(cls, config: SwitchConfig) -> tuple[Port, ...]:
        labels, ports = {"Default"}, list[Port]()
        for index, case in enumerate(config.cases):
            label = config.label(index)
            while label in labels:  # ways out are told apart by their words
                label += f" ({index + 1})"
            labels.add(label)
            ports.append(Port(case.id, label))
        return (*ports, *cls.outputs)

    @staticmethod
    def compile(config: SwitchConfig, scope: CompileScope) -> Run:
        ports = SwitchStep.ports(config)
        reads = list[Read]()
        cases = list[tuple[Port, Judge]]()
        if config.by_value:
            value = scope.value(config.value)
            wanted = [scope.value(None if case.equals is UNSET else case.equals) for case in config.cases]
            reads = [
                value,
                *(read for read, case in zip(wanted, config.cases, strict=True) if not is_constant(case.equals)),
            ]
            cases = [(port, _by_value(read, config.value, value)) for read, port in zip(wanted, ports, strict=False)]
        else:
            cases = [(port, _by_conditions(case, port, scope)) for case, port in zip(config.cases, ports, strict=False)]

        def decide(step: Any) -> Outcome:
            rules: list[dict[str, Any]] = []
            port = next((port for port, is_it in cases if is_it(step, rules)), ports[-1])
            return Done(port.id, {"case": port.id, "rules": rules})

        conditions = [] if config.by_value else [rule for case in config.cases for rule in case.conditions]
        return decided(decide, reads, conditions, scope)

    @classmethod
    def diagnostics(cls, config: SwitchConfig) -> list[Diagnostic]:
        if not config.cases:
            return [incomplete("cases", gettext("Add at least one case."))]
        if len(config.cases) > MAX_CASES:
            return [
                Diagnostic(
                    "cases",
                    gettext(
                        "At most %(max_cases)s cases fit here; these are %(number)s.",
                        max_cases=MAX_CASES,
                        number=len(config.cases),
                    ),
                )
            ]
        diagnostics = _value_diagnostics(config) if config.by_value else []
        for index, case in enumerate(config.cases):
            path = f"cases[{index}]"
            if not config.by_value and not case.conditions:
                diagnostics.append(incomplete(f"{path}.conditions", gettext("Say when a contact goes this way.")))
            diagnostics += [one.below(path, None) for one in diagnostics_of(case.conditions)]
        total = sum(rule_count(case.conditions) for case in config.cases)
        if total > MAX_RULES:
            message = gettext(
                "At most %(max_rules)s conditions fit into all cases together; these are %(total)s.",
                max_rules=MAX_RULES,
                total=total,
            )
            diagnostics.append(
                Diagnostic(
                    "cases",
                    gettext(
                        "%(message)s A case holds up to %(max_conditions)s.",
                        message=message,
                        max_conditions=MAX_CONDITIONS,
                    ),
                )
            )
        return diagnostics

    @classmethod
    def branch_conditions(cls, config: SwitchConfig) -> Iterable[BranchConditions]:
        for index, case in enumerate(() if config.by_value else config.cases):
            if case.conditions:
                rules = msgspec.to_builtins(case.conditions)
                yield BranchConditions(case.id, f"cases[{index}].conditions", rules, case.match)

    @classmethod
    def results(cls, config: SwitchConfig) -> Mapping[str, str]:
        return {"case": "text"}

    @classmethod
    def summary(cls, config: SwitchConfig) -> str:
        if not config.cases:
            return ""
        if config.by_value:
            return (
                gettext("By %(value)s", value=printed(config.value).strip("{} "))
                if printed(config.value).strip()
                else ""
            )
        if not any(case.conditions for case in config.cases):
            return ""
        cases = ", ".join(config.label(index) for index in range(len(config.cases)))
        return gettext("%(cases)s or default", cases=cases)

    @classmethod
    def explain(cls, config: SwitchConfig | None, step: StepRecord) -> str:
        if step.port == DEFAULT:
            return gettext("No case matched, so the run took the Default branch.")
        if config is None or not step.port:
            return super().explain(config, step)
        return gettext("The case “%(port_label)s” matched first.", port_label=port_label(cls.ports(config), step.port))


def _by_conditions(case: SwitchCase, port: Port, scope: CompileScope) -> Judge:
    judge = scope.conditions(case.conditions, case.match)

    def is_it(step: Any, rules: list[dict[str, Any]]) -> bool:
        if not case.conditions:  # an empty list holds, but a case that asks nothing is not finished
            return False
        verdict = judge(step)
        rules.append({"label": port.label, "match": case.match, "held": verdict.held, "rules": verdict.rules})
        return verdict.held

    return is_it


def _by_value(wanted: Read, source: Any, value: Read) -> Judge:
    make, field = OPERATORS["equals"].make, printed(source).strip("{} ")

    def is_it(step: Any, rules: list[dict[str, Any]]) -> bool:
        expected, actual = wanted(step), value(step)
        is_wanted = make(expected)(actual, step)
        shown = {"wanted": shown_value(expected), "actual": shown_value(actual)}
        rules.append({"field": field, "operator": "equals", **shown, "held": is_wanted})
        return is_wanted

    return is_it


def _value_diagnostics(config: SwitchConfig) -> list[Diagnostic]:
    diagnostics, first = [], dict[str, int]()
    if not printed(config.value).strip():
        diagnostics.append(
            incomplete("value", gettext("Say which value the cases are compared with: type {{ to insert a field."))
        )
    elif is_constant(config.value):
        message = gettext(
            "Everybody has the same value here. To read a field, write {{ %(value)s }}.",
            value=printed(config.value)[:60],
        )
        diagnostics.append(incomplete("value", message))
    for index, case in enumerate(config.cases):
        path = f"cases[{index}].equals"
        if isinstance(case.equals, UnsetType) or case.equals == "":
            diagnostics.append(incomplete(path, gettext("Say which value goes this way.")))
        elif isinstance(case.equals, list | dict):
            diagnostics.append(Diagnostic(path, gettext("Give one value: text, a number, or yes or no.")))
        elif (earlier := first.setdefault(folded(printed(case.equals)), index)) != index:
            message = gettext(
                "“%(earlier)s” takes this value already, so nobody comes this way.", earlier=config.label(earlier)
            )
            diagnostics.append(Diagnostic(path, message, blocks_save=False))
    return diagnostics
