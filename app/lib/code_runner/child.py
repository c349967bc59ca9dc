"""A child of the pool: it shuts itself in, says how, then answers one piece of code after another. Ends when its parent does.

A message is its length (four bytes) and JSON. The child of Python runs no code of users itself, so it is not shut in: its Monty is.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

from app.lib.code_runner.limits import DATA_LIMIT, CodeAnswer
from app.lib.jail import filters, limits, namespaces

LENGTH = struct.Struct(">I")
Call = Callable[[str, "dict[str, Any] | None", float], CodeAnswer]


def main(language: str) -> None:
    """Serve until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    source, sink = sys.stdin.buffer, sys.stdout.buffer

    def send(message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        sink.write(LENGTH.pack(len(data)) + data)
        sink.flush()

    try:
        if not sys.platform.startswith("linux"):
            raise filters.NoFilter("it needs Linux.")
        call, isolation = (_javascript if language == "javascript" else _python)()
    except (filters.NoFilter, OSError, RuntimeError) as error:
        send({"isolation": "none", "reason": str(error)})
        return
    send({"isolation": isolation})
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        asked_for = json.loads(source.read(LENGTH.unpack(head)[0]))
        send(call(asked_for["code"], asked_for["data"], asked_for["seconds"]).plain())


def _javascript() -> tuple[Call, str]:
    alone = namespaces.enter_namespaces()
    limits.apply_limits(data=DATA_LIMIT, files=32, write_nothing=False)
    from app.lib.code_runner import javascript  # with threads, so behind the namespaces

    javascript.warm_up()
    if alone:
        namespaces.leave_files()
    namespaces.drop_rights()
    limits.apply_limits(data=DATA_LIMIT, files=8)
    filters.apply(filters.program(filters.WORKING, threads=False))
    return javascript.call, "namespaces" if alone else "filter"


def _python() -> tuple[Call, str]:
    limits.apply_limits(data=1 << 30, files=256)
    alone = _can_be_alone()
    from app.lib.code_runner.python import Interpreter

    interpreter = Interpreter()
    for data in ({"input": 1}, None):
        if error := interpreter.call("return input", data, 5.0).error:
            raise RuntimeError(f"Monty does not begin: {error}")
    return interpreter.call, "namespaces" if alone else "filter"


def _can_be_alone() -> bool:
    """Will Monty be? Tried in another process, because this one must stay where it is."""
    tried = os.fork()
    if tried == 0:
        os._exit(0 if namespaces.enter_namespaces() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(tried, 0)[1]) == 0


if __name__ == "__main__":
    main(sys.argv[1])
