"""Has the code run that steps ask for, in the children of this worker. Code has no effects outside, so what was cut is run again."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from app.code_steps.rule_repository import CodeRuleReader
from app.flow.performers import CallFailed, CallWithheld, Performer, PlacedCall
from app.lib.code_runner import pool as code_runner
from app.lib.code_runner.limits import CodeAnswer
from app.lib.sandbox_errors import Busy
from app.lib.translation import gettext, translatable

MOST_LOG = 8_000
"""Characters of all lines of a call: with the value no more than an answer may have."""
SWITCHED_OFF = translatable(
    "Steps of code are switched off in this workspace. Nothing was run. An admin can allow them under "
    "Settings, Code; release the run then."
)


class CodePerformer(Performer):
    """One worker's code of one language."""

    reaches_services = False
    language: code_runner.Language

    def __init__(self) -> None:
        self._rules = CodeRuleReader()

    async def close(self) -> None:
        """No more calls come. The children end with the process."""
        self._rules.close()

    async def perform(self, call: PlacedCall) -> dict[str, Any]:
        """`{value, lines}`, or `{error, passes, lines}` when the code failed."""
        try:
            rules = await self._rules.of(call.tenant_id)
        except psycopg.OperationalError as error:
            raise CallFailed(gettext("Whether code may run could not be read just now.")) from error
        if not rules.allowed:
            raise CallWithheld(SWITCHED_OFF)
        asked_for = call.request
        try:
            answer = await code_runner.run(
                self.language,
                asked_for["code"],
                asked_for["data"],
                share=call.tenant_id,
                seconds=asked_for["timeoutMs"] / 1000,
                alone=rules.alone,
            )
        except Busy as error:
            raise CallFailed(gettext("Too much code waits to be run on this worker.")) from error
        if answer.kind == "absent":
            raise CallWithheld(gettext("%(error)s Release the run when that is fixed.", error=answer.error))
        if answer.error:
            return {"error": f"{answer.where}{answer.error}", "passes": answer.kind == "time", "lines": _short(answer)}
        return {"value": msgspec.json.decode(answer.value), "lines": _short(answer)}


class JavaScriptPerformer(CodePerformer):
    """Of JavaScript."""

    language = "javascript"


class PythonPerformer(CodePerformer):
    """Of Python."""

    language = "python"


def _short(answer: CodeAnswer) -> list[list[str]]:
    """As many lines as there is room for, as level and text."""
    lines, room = list[list[str]](), MOST_LOG
    for level, text in answer.lines:
        room -= len(text)
        if room < 0:
            lines.append(["warn", gettext("There were more lines.")])
            break
        lines.append([level, text])
    return lines
