"""Why the database is away: a sentence that the supervisor writes for the web process into a small file of the state directory.

It is written over in place and has its size from the start, because a full disk is one of the reasons it tells of.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from app.settings import settings

_BYTES = 2048


def _file(state: Path) -> Path:
    return state / "run" / "outage"


def reserve(state: Path) -> None:
    """Make the file, with nothing to tell."""
    if not _file(state).exists():
        with contextlib.suppress(OSError):
            _file(state).write_bytes(b" " * _BYTES)
    say(state, "")


def say(state: Path, sentence: str) -> None:
    """Leave the sentence, or "" when all is well again. What cannot be written is not told."""
    with contextlib.suppress(OSError), _file(state).open("r+b") as file:
        file.write(sentence.encode()[:_BYTES].ljust(_BYTES))


def sentence() -> str:
    """The sentence for this process; empty when there is none, or when no supervisor writes one."""
    if not settings().local:
        return ""
    try:
        return _file(settings().state_dir).read_bytes().decode(errors="replace").strip()
    except OSError:
        return ""
