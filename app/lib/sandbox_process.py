"""A child of `sandbox`: reads pieces of work, does them within limits, answers. Ends when its parent does.

The limit of processor time is the kernel's: its signal ends the process even inside a function of C that never looks up.
"""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import signal
import struct
import sys
from contextlib import suppress
from typing import Any

from app.lib import clock
from app.lib.sandbox_errors import Broken, TooCostly

MEMORY = 1 << 30
_LENGTH = struct.Struct(">I")


def main() -> None:
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not come between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while head := source.read(_LENGTH.size):
        answer = pickle.dumps(_answer(source.read(_LENGTH.unpack(head)[0])))
        sink.write(_LENGTH.pack(len(answer)) + answer)
        sink.flush()


def _answer(message: bytes) -> tuple[bool, Any]:
    """True and what the function returned, or False and what it raised."""
    module, name, args, kwargs, seconds, now = pickle.loads(message)  # noqa: S301 - from the parent
    function: Any = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    clock.use(lambda: now)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return True, function(*args, **kwargs)
    except (MemoryError, RecursionError):
        return False, TooCostly()
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - what cannot be copied is only named
        except Exception:
            return False, Broken(f"{type(error).__name__}: {error}")
        return False, error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
