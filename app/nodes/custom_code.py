"""Run code of one's own, JavaScript or Python, and give what it returns to the steps behind. A performer has it run (`app.outside`)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.log_lines import LogLine
from app.flow.node_type import NodeType, SourceCode
from app.flow.outcomes import Asks, Call, Done, Fail, Outcome, refused
from app.flow.retry import ONCE
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib import jsonlimits
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

MOST_CODE, MOST_DATA, MOST_DEPTH = 50_000, 524_288, 64
LONGEST_MS, USUAL_MS = 10_000, 2_000
CALL_S = 90
"""Seconds that a call may take: the child that runs the code may have to begin first."""
NAMES = {"input": "event", "contact": "contact", "steps": "steps", "vars": "vars"}
"""What code finds under which name: the place where templates and conditions read it."""
_WORD = re.compile(r"\w+")
LABELS = {"javascript": "JavaScript", "python": "Python"}
SHOWN = 120


class CustomCodeConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    language: Literal["javascript", "python"] = "javascript"
    code: Annotated[str, Verbatim("code"), Meta(max_length=MOST_CODE)] = ""
    timeout_ms: Annotated[int, Meta(ge=10, le=LONGEST_MS, description="Milliseconds")] = USUAL_MS


def names_in(code: str) -> list[str]:
    """The names of data that stand somewhere in the code; only these are loaded and handed over."""
    words = set(_WORD.findall(code))
    return [name for name in NAMES if name in words]


@registry.node
class CustomCode(NodeType):
    type, label, category = "custom_code", translatable("Code"), "data"
    retryable, default_retry = True, ONCE
    description = translatable(
        "Runs JavaScript or Python of your own, shut in, and gives what it returns to the steps behind."
    )
    Config = CustomCodeConfig

    @staticmethod
    def compile(config: CustomCodeConfig, scope: CompileScope) -> Asks:
        readers = {name: scope.value(f"{{{{ {NAMES[name]} }}}}") for name in names_in(config.code)}

        def run(step: Any) -> Outcome:
            data = {name: read(step) for name, read in readers.items()}
            try:
                jsonlimits.storable_bytes(data, max_bytes=MOST_DATA, max_depth=MOST_DEPTH)
            except jsonlimits.Unstorable as error:
                return refused(gettext("The code was not run, because its data does not fit. %(error)s", error=error))
            request = {"code": config.code, "data": data, "timeoutMs": config.timeout_ms}
            return Call(f"code.{config.language}", request, target=LABELS[config.language], timeout_s=CALL_S)

        return Asks(run, _meaning)

    @classmethod
    def diagnostics(cls, config: CustomCodeConfig) -> list[Diagnostic]:
        return [] if config.code.strip() else [incomplete("code", gettext("Write some code that returns a value."))]

    @classmethod
    def summary(cls, config: CustomCodeConfig) -> str:
        lines = len(config.code.strip().splitlines())
        return f"{LABELS[config.language]}, {counted(lines, 'line')}" if lines else ""

    @classmethod
    def source_code(cls, config: CustomCodeConfig) -> SourceCode | None:
        return SourceCode(config.language, config.code, "code")

    @classmethod
    def explain(cls, config: CustomCodeConfig | None, step: StepRecord) -> str:
        if step.completed_at is None:
            return gettext("The code is run.")
        returned = jsonlimits.encode(step.output).decode()
        return gettext(
            "The code returned %(returned)s%(value)s.",
            returned=returned[:SHOWN],
            value="…" if len(returned) > SHOWN else "",
        )


def _meaning(_step: Any, answer: dict[str, Any]) -> Outcome:
    if not answer.get("ok"):
        return Fail(str(answer.get("error")), permanent=bool(answer.get("permanent")))
    outcome = answer["value"]
    logs = tuple(LogLine(level, text) for level, text in outcome["lines"])
    if outcome.get("error"):
        return Fail(str(outcome["error"]), permanent=not outcome.get("passes"), logs=logs)
    return Done(output=outcome.get("value"), logs=logs)
