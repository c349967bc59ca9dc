"""Ask a person: the run goes on by the answer that they choose, or when the time is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType, Port, Question, port_label
from app.flow.operators import UNITS
from app.flow.outcomes import AskPerson, Outcome, Run
from app.flow.policies import LONGEST_TIMEOUT_S
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable

TIMEOUT = "timeout"
MAX_CHOICES, MAX_PEOPLE, MAX_DAYS = 10, 20, 365
MAX_QUESTION = 1_000
"""Characters of a question, as written and as it is asked."""
RoleWord = Literal["viewer", "marketer", "admin", "owner"]


class HoldChoice(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, Meta(max_length=100), Verbatim("a name")]
    label: Annotated[str, Meta(max_length=60), Verbatim("a name")] = ""


class HoldLimit(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    duration: float
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"

    @property
    def seconds(self) -> float:
        return self.duration * UNITS[self.unit]


class HoldConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    question: Annotated[str, Meta(max_length=MAX_QUESTION, title="question")] = ""
    choices: Annotated[list[HoldChoice], Meta(title="answers")] = []
    who: Annotated[RoleWord | list[Annotated[str, Verbatim("addresses of users")]], Meta(title="who may answer")] = (
        "marketer"
    )
    timeout: Annotated[HoldLimit | None, Meta(title="time to answer")] = None


@registry.node
class HoldStep(NodeType):
    type, label, category = "hold", translatable("Ask a person"), "logic"
    description = translatable(
        "Holds each contact until a person has answered a question, then takes the branch of the answer."
    )
    timed, longest_timeout_s = True, LONGEST_TIMEOUT_S
    outputs = (
        Port("approve", translatable("Approve"), "yes"),
        Port("reject", translatable("Reject"), "no"),
        Port(TIMEOUT, translatable("No answer")),
    )
    Config = HoldConfig

    @classmethod
    def ports(cls, config: HoldConfig) -> tuple[Port, ...]:
        return (*_choices(config), cls.outputs[-1]) if config.choices else cls.outputs

    @classmethod
    def asks(cls, config: HoldConfig) -> Question:
        people = () if isinstance(config.who, str) else tuple(who.strip().casefold() for who in config.who)
        return Question(_choices(config), config.who if isinstance(config.who, str) else "owner", people)

    @staticmethod
    def compile(config: HoldConfig, scope: CompileScope) -> Run | Outcome:
        seconds = config.timeout.seconds if config.timeout else MAX_DAYS * UNITS["days"]
        if is_constant(config.question):
            return AskPerson(seconds=seconds, port=TIMEOUT, output={"question": config.question})
        text = scope.text(config.question)

        def run(step: Any) -> Outcome:
            return AskPerson(seconds=seconds, port=TIMEOUT, output={"question": str(text(step))[:MAX_QUESTION]})

        return run

    @classmethod
    def diagnostics(cls, config: HoldConfig) -> list[Diagnostic]:
        diagnostics = list[Diagnostic]()
        if not config.question.strip():
            diagnostics.append(incomplete("question", gettext("Write what is to be decided.")))
        if not config.choices:
            diagnostics.append(incomplete("choices", gettext("Add at least one answer.")))
        elif len(config.choices) > MAX_CHOICES:
            message = gettext(
                "At most %(max_choices)s answers fit here; these are %(number)s.",
                max_choices=MAX_CHOICES,
                number=len(config.choices),
            )
            diagnostics.append(Diagnostic("choices", message))
        labels = Counter(choice.label.strip() for choice in config.choices)
        for index, choice in enumerate(config.choices):
            if not choice.label.strip():
                diagnostics.append(
                    incomplete(f"choices[{index}].label", gettext("Write the answer as it stands on its button."))
                )
            elif labels[choice.label.strip()] > 1:
                message = gettext(
                    "Two answers are called %(label)s. Give each words of its own.", label=quoted(choice.label)
                )
                diagnostics.append(incomplete(f"choices[{index}].label", message))
        return [*diagnostics, *_who_diagnostics(config.who), *_limit_diagnostics(config.timeout)]

    @classmethod
    def results(cls, config: HoldConfig) -> Mapping[str, str]:
        return {"question": "text", "choice": "text", "by": "text", "comment": "text"}

    @classmethod
    def summary(cls, config: HoldConfig) -> str:
        return " ".join(config.question.split())[:120]

    @classmethod
    def explain(cls, config: HoldConfig | None, step: StepRecord) -> str:
        output = step.output if isinstance(step.output, dict) else {}
        if step.completed_at is None:
            return gettext("The run waits for a person to answer.")
        if step.port == TIMEOUT:
            return gettext("Nobody answered in time.")
        if config is None or not step.port:
            return super().explain(config, step)
        by, comment = output.get("by") or gettext("Somebody"), str(output.get("comment") or "").strip()
        answer = port_label(cls.ports(config), step.port)
        if comment:
            return gettext(
                "%(by)s chose “%(answer)s” and wrote: %(comment)s.", by=by, answer=answer, comment=quoted(comment)
            )
        return gettext("%(by)s chose “%(answer)s”.", by=by, answer=answer)


def _choices(config: HoldConfig) -> tuple[Port, ...]:
    """The answers as ways out, told apart by their words."""
    labels, ports = {HoldStep.outputs[-1].label}, list[Port]()
    tones: dict[str, Literal["yes", "no"]] = {"approve": "yes", "reject": "no"}
    for index, choice in enumerate(config.choices):
        label = choice.label.strip() or gettext("Answer %(index)s", index=index + 1)
        while label in labels:
            label += f" ({index + 1})"
        labels.add(label)
        ports.append(Port(choice.id, label, tones.get(choice.id, "")))
    return tuple(ports)


def _who_diagnostics(who: str | list[str]) -> list[Diagnostic]:
    if isinstance(who, str):
        return (
            []
            if who in get_args(RoleWord)
            else [Diagnostic("who", gettext("There is no role %(who)s.", who=quoted(who)))]
        )
    if not [one for one in who if one.strip()]:
        return [incomplete("who", gettext("Say who may answer: the e-mail addresses of people who sign in here."))]
    if len(who) > MAX_PEOPLE:
        return [Diagnostic("who", gettext("Name at most %(max_people)s people, or a role.", max_people=MAX_PEOPLE))]
    return []


def _limit_diagnostics(limit: HoldLimit | None) -> list[Diagnostic]:
    if limit is None:
        return []
    if not limit.duration > 0:
        return [Diagnostic("timeout.duration", gettext("Give people more time than nothing: a number above 0."))]
    if limit.seconds > MAX_DAYS * UNITS["days"]:
        return [
            Diagnostic(
                "timeout.duration", gettext("A question may stay open %(max_days)s days at most.", max_days=MAX_DAYS)
            )
        ]
    return []
