"""One call of Python: a new session of Monty, an interpreter of a part of Python in a program of its own.

The code becomes the body of a function, and the value is turned into JSON inside, where the limits of memory and time hold.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tokenize
from pathlib import Path
from typing import Any

import pydantic_monty as monty

from app.lib.code_runner.limits import (
    MEMORY,
    MOST_LINE,
    MOST_LINES,
    MOST_OUTPUT,
    MOST_SECONDS,
    TOO_DEEP,
    TOO_LARGE,
    TOO_LONG,
    TOOK_LONGER,
    CodeAnswer,
    WrittenLine,
)
from app.lib.marks import translatable

HEAD = "def _step(input, contact, steps, vars):\n"
TAIL = (
    "\nimport json as _json\n"
    "_data = _json.loads(_data)\n"
    "_json.dumps(_step(_data.get('input'), _data.get('contact'), _data.get('steps'), _data.get('vars')), allow_nan=False)"
)
TYPED = "from typing import Any\n\ndef _step(input: Any, contact: Any, steps: Any, vars: Any) -> Any:\n"
BEFORE_CODE, BEFORE_TYPED = 1, 3
PRINTED = MOST_LINES * MOST_LINE
ASKED = 10
"""How often code may come to what is not there, a file or a name, and catch the error."""
SESSIONS = 500
"""After so many a new program begins: what one could have kept goes with it."""
UNKNOWN = translatable("This Python does not know %(what)s.")
NO_JSON = translatable("The code returned something that is no JSON.")
_UNSUPPORTED = re.compile(r"The monty syntax parser does not yet support (.*)")
_TYPE_FAULT = re.compile(r"main\.py:(\d+):(\d+): error\[([\w-]+)\] (.*)")
IMPORTS = (
    "json, re, datetime, math, collections, itertools, functools, decimal, random, hashlib, base64, csv and dataclasses"
)


class Interpreter:
    """The programs of one child."""

    def __init__(self) -> None:
        # Monty is begun as `PROGRAM subprocess`. Python takes that for a directory with a __main__.py, beside this file: it shuts
        # itself in and becomes Monty.
        os.chdir(Path(__file__).parent)
        self._pool = monty.Monty(
            binary_path=sys.executable,
            min_processes=1,
            max_processes=1,
            request_timeout=MOST_SECONDS + 3,
            max_checkouts_per_worker=SESSIONS,
        )
        self._pool.__enter__()

    def call(self, code: str, data: dict[str, Any] | None, seconds: float) -> CodeAnswer:
        """What the code returns; without `data` its words and types are checked, and nothing runs."""
        try:
            body = indented(code)
        except (tokenize.TokenError, SyntaxError, ValueError):
            body = "\n".join(" " + line for line in code.split("\n"))  # Monty says what is wrong with it
        if data is None:
            return self._checked(body)
        printed = monty.CollectStreams(PRINTED)
        limits: monty.ResourceLimits = {
            "max_feed_duration_secs": seconds,
            "max_memory": MEMORY,
            "max_recursion_depth": 200,
            "max_suspensions": ASKED,
            "max_total_sleep_secs": 0,
        }
        try:
            with self._pool.checkout(limits=limits, os_policy={"sleep": "zero"}) as session:
                written = session.feed_run(
                    HEAD + body + TAIL, inputs={"_data": json.dumps(data)}, print_callback=printed
                )
        except monty.MontyError as error:
            return _failed(error, body.count("\n") + 1, seconds, _lines(printed))
        if not isinstance(written, str):
            return CodeAnswer(error=NO_JSON, kind="error", lines=_lines(printed))
        if len(written) > MOST_OUTPUT:
            return CodeAnswer(
                error=TOO_LONG,
                kind="output",
                lines=_lines(printed),
            )
        return CodeAnswer(value=written, lines=_lines(printed))

    def _checked(self, body: str) -> CodeAnswer:
        limits: monty.ResourceLimits = {"max_feed_duration_secs": 2.0, "max_memory": MEMORY, "max_suspensions": ASKED}
        try:
            with self._pool.checkout(limits=limits, type_check=True, type_check_format="concise") as session:
                session.feed_run(TYPED + body + "\n")
        except monty.MontyTypingError as error:
            return _typed(str(error))
        except monty.MontyError as error:
            answer = _failed(error, body.count("\n") + 1 + BEFORE_TYPED, 2.0, [])
            if answer.line is not None:
                answer.line = max(1, answer.line - (BEFORE_TYPED - BEFORE_CODE))
            return answer
        return CodeAnswer()

    def close(self) -> None:
        """End the programs."""
        self._pool.__exit__(None, None, None)


def indented(code: str) -> str:
    """One more space before each line, but inside of texts of several lines. Raises what the tokenizer raises."""
    inside: set[int] = set()
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(code + "\n").readline):
        name = tokenize.tok_name[token.type]
        if name == "STRING":
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif name == "FSTRING_START":
            opened.append(token.start[0])
        elif name == "FSTRING_END" and opened:
            inside.update(range(opened.pop() + 1, token.end[0] + 1))
    lines = [line if number in inside else " " + line for number, line in enumerate(code.split("\n"), 1)]
    bare = all(not line.strip() or line.lstrip().startswith("#") for line in lines)
    return "\n".join([*lines, " pass"] if bare else lines)


def _lines(printed: monty.CollectStreams) -> list[WrittenLine]:
    texts: list[WrittenLine] = []
    for stream, text in printed.output:
        for line in text.splitlines():
            if len(texts) == MOST_LINES:
                return texts
            texts.append(WrittenLine("error" if stream == "stderr" else "info", line[:MOST_LINE]))
    return texts


def _failed(error: Exception, code_lines: int, seconds: float, lines: list[WrittenLine]) -> CodeAnswer:
    text, line, column = str(error)[:1_000], None, None
    frames = error.traceback() if isinstance(error, monty.MontyRuntimeError | monty.MontySyntaxError) else []
    if frames:
        line, column = max(1, frames[-1].line - BEFORE_CODE), max(1, frames[-1].column - 1)
    if isinstance(error, monty.MontyCrashedError):
        return CodeAnswer(
            error=translatable("The code needs too much memory or time, and was stopped."), kind="memory", lines=lines
        )
    if text.startswith("TimeoutError"):
        return CodeAnswer(error=TOOK_LONGER % {"seconds": f"{seconds:g}"}, kind="time", lines=lines)
    if text.startswith("MemoryError"):
        return CodeAnswer(error=TOO_LARGE, kind="memory", line=line, lines=lines)
    if text.startswith("RecursionError"):
        return CodeAnswer(error=TOO_DEEP, kind="error", line=line, lines=lines)
    if unsupported := _UNSUPPORTED.search(text):
        return CodeAnswer(
            error=UNKNOWN % {"what": unsupported[1]},
            kind="syntax",
            line=line,
            column=column,
            lines=lines,
        )
    if text.startswith("ModuleNotFoundError"):
        text = f"{text}. It can import {IMPORTS}."
    if line is not None and line > code_lines:  # the JSON is written behind the code
        line = column = None
        text = f"{NO_JSON} {text}"
    kind = "syntax" if isinstance(error, monty.MontySyntaxError) else "error"
    return CodeAnswer(error=text, kind=kind, line=line, column=column, lines=lines)


def _typed(text: str) -> CodeAnswer:
    place = _TYPE_FAULT.search(text)
    if place is None:
        return CodeAnswer(error=text[:1_000].strip(), kind="types")
    line, column = max(1, int(place[1]) - BEFORE_TYPED), max(1, int(place[2]) - 1)
    return CodeAnswer(error=place[4].replace("`", "'"), kind="types", line=line, column=column)
