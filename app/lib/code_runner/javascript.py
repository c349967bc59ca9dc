"""One call of JavaScript: a new engine, so that nothing stays of one that another could see.

The engine is QuickJS in WebAssembly (`quickjs-rs`). Its own limit of memory counts what JavaScript allocates; that of the store counts
all of it, without which typed arrays would grow beyond (measured: 1,979 MB).
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

from app.lib.code_runner.limits import (
    MEMORY,
    MOST_LINE,
    MOST_LINES,
    MOST_OUTPUT,
    TOO_DEEP,
    TOO_LARGE,
    TOO_LONG,
    TOOK_LONGER,
    CodeAnswer,
    WrittenLine,
)

import quickjs_rs._engine as engine  # isort: skip
from quickjs_rs import Runtime  # isort: skip
from quickjs_rs.errors import TimeoutError as OutOfTime  # isort: skip
import wasmtime  # isort: skip

STORE = 96 << 20
STACK = 256 << 10
COARSE = frozenset(("TypeError", "ReferenceError", "RangeError", "InternalError"))
"""Errors of the engine, which knows the place of the last call or statement; `throw` and the parser know theirs."""
BEFORE_CODE = 3
"""Lines that the engine and the prelude put before the first line of the code."""
_PLACE = re.compile(r"\(?<input>:(\d+)(?::(\d+))?")
_PRELUDE = files(__package__).joinpath("prelude.js").read_text()
_begun = engine._Instance.__init__


def _limited(instance: Any, *args: Any, **kwargs: Any) -> None:
    _begun(instance, *args, **kwargs)
    instance.store.set_limits(memory_size=STORE, instances=4, memories=2)


engine._Instance.__init__ = _limited  # type: ignore[method-assign, assignment]


class _Signature(NamedTuple):
    """What a function of the guest takes and answers."""

    params: list[wasmtime.ValType]
    results: list[wasmtime.ValType]


_signatures = dict[str, "Callable[[Any], _Signature]"]()
_EXTERNREF, _I32, _I64 = wasmtime.ValType.externref(), wasmtime.ValType.i32(), wasmtime.ValType.i64()


def _called(instance: Any, name: str, *args: Any) -> Any:
    """Call a function of the guest, whose types are read once and not at each call: that was a third of what a call costs."""
    function = instance._exports[name]
    if name not in _signatures:
        known = function.type(instance.store)
        signature = _Signature(list(known.params), list(known.results))
        _signatures[name] = lambda _: signature
    function.type = _signatures[name]
    return _call_of(instance, function, args)


def _call_of(instance: Any, function: Any, args: tuple[Any, ...]) -> Any:
    """As the engine's own: its callbacks find the instance that is called."""
    before = getattr(engine._CUR, "inst", None)
    engine._CUR.inst = instance
    try:
        return function(instance.store, *args)
    finally:
        engine._CUR.inst = before


engine._Instance.c = _called  # type: ignore[method-assign, assignment]
# The types of values are compared by each conversion; they are made once.
wasmtime.ValType.externref = lambda: _EXTERNREF  # type: ignore[method-assign]
wasmtime.ValType.i32 = lambda: _I32  # type: ignore[method-assign]
wasmtime.ValType.i64 = lambda: _I64  # type: ignore[method-assign]


def warm_up() -> None:
    """Compile what is compiled once, and have the collector leave alone what stays: it looks at it at each call otherwise."""
    call("console.log(1); return input", {"input": 1}, 10.0)
    gc.collect()
    gc.freeze()


def call(code: str, data: dict[str, Any] | None, seconds: float) -> CodeAnswer:
    """What the code returns; without `data` it is only compiled."""
    lines: list[WrittenLine] = []

    def deliver(level: Any, text: Any) -> None:
        if len(lines) < MOST_LINES:
            lines.append(WrittenLine(str(level), str(text)[:MOST_LINE]))

    runtime = Runtime(memory_limit=MEMORY, stack_limit=STACK)
    try:
        context = runtime.new_context(timeout=seconds)
        try:
            context.register("deliver", deliver)
            asked_for = f"check({json.dumps(code)})"
            if data is not None:
                asked_for = f"run({json.dumps(code)}, {json.dumps(json.dumps(data))}, {MOST_OUTPUT})"
            written = context.eval(
                f"(function (step) {{ delete globalThis.deliver; return step.{asked_for} }})({_PRELUDE}(globalThis.deliver))"
            )
        finally:
            context.close()
    except OutOfTime:
        return CodeAnswer(error=TOOK_LONGER % {"seconds": f"{seconds:g}"}, kind="time", lines=lines)
    except wasmtime.Trap as trap:
        deep = "stack" in str(trap)
        error = TOO_DEEP if deep else TOO_LARGE
        return CodeAnswer(error=error, kind="memory", lines=lines)
    except MemoryError:
        return CodeAnswer(error=TOO_LARGE, kind="memory", lines=lines)
    except Exception as error:
        if "null" in str(error) or "memory" in str(error).lower():
            return CodeAnswer(error=TOO_LARGE, kind="memory", lines=lines)
        return CodeAnswer(error=f"The code could not be run: {str(error)[:300]}", kind="error", lines=lines)
    finally:
        runtime.close()
    return _answer(written, lines)


def _answer(written: Any, lines: list[WrittenLine]) -> CodeAnswer:
    if not isinstance(written, str):
        return CodeAnswer(error=TOO_LARGE, kind="memory", lines=lines)
    if written.startswith('{"value":'):
        return CodeAnswer(value=written[len('{"value":') : -1], lines=lines)
    outcome = json.loads(written)
    if outcome.get("large"):
        return CodeAnswer(
            error=TOO_LONG,
            kind="output",
            lines=lines,
        )
    if outcome.get("memory"):
        return CodeAnswer(error=TOO_LARGE, kind="memory", lines=lines)
    if outcome.get("ok"):
        return CodeAnswer(value="null", lines=lines)
    name, message = str(outcome.get("name")), str(outcome.get("message"))[:1_000]
    if name == "InternalError" and "stack overflow" in message:
        message, name = TOO_DEEP, ""
    if name == "InternalError" and "memory" in message:
        return CodeAnswer(error=TOO_LARGE, kind="memory", lines=lines)
    place = _PLACE.search(str(outcome.get("stack")))
    line = max(1, int(place[1]) - BEFORE_CODE) if place else None
    column = int(place[2]) if place and place[2] else None
    text = f"{name}: {message}" if name else message
    kind = "syntax" if name == "SyntaxError" else "error"
    return CodeAnswer(error=text, kind=kind, line=line, column=column, near=name in COARSE, lines=lines)
