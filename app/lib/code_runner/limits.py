"""What code may use, and the form of an answer. Children import this, so it imports nothing of the product but a mark."""

from __future__ import annotations

import dataclasses
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.lib.marks import translatable

MEMORY = 64 << 20
MOST_OUTPUT = 245_760
"""Bytes of JSON that code may return: with its lines no more than a call may answer (256 KB)."""
MOST_INPUT = 1 << 20
MOST_CODE = 50_000
MOST_SECONDS = 10.0
MOST_LINES, MOST_LINE = 100, 1_000
DATA_LIMIT = 320 << 20
"""Bytes of writable memory of a child: the engine's 96 MB, the code that it was compiled to, Python."""
PROGRAM_DATA_LIMIT = 256 << 20
"""The same of Monty."""
NEAR, AT = translatable("Near line"), translatable("Line")
TOO_LARGE = translatable("The code needs more than 64 MB of memory.")
TOO_DEEP = translatable("The code calls itself too deeply.")
TOOK_LONGER = translatable("The code took longer than %(seconds)s s and was stopped.")
TOO_LONG = translatable("The value that the code returns is larger than %(size)s KB.") % {"size": MOST_OUTPUT // 1024}
LANGUAGES = ("javascript", "python")


class WrittenLine(NamedTuple):
    """One that the code wrote: `debug`, `info`, `warn` or `error`, and the text."""

    level: str
    text: str


@dataclass
class CodeAnswer:
    """What became of a call: `value` as JSON text, or `error` with what kind it is and where (from 1)."""

    value: str = "null"
    error: str = ""
    kind: str = ""
    """`syntax`, `types`, `error`, `time`, `memory` or `output`."""
    line: int | None = None
    column: int | None = None
    near: bool = False
    """The error is at that line or shortly behind it."""
    lines: list[WrittenLine] = field(default_factory=list)

    @property
    def where(self) -> str:
        """`Line 3: `, when it is known where the error is."""
        return f"{NEAR if self.near else AT} {self.line}: " if self.line else ""

    def plain(self) -> dict[str, object]:
        """As JSON, for the pipe."""
        return dataclasses.asdict(self)


def monty_program() -> Path:
    """Where the package `pydantic-monty-runtime` has put it."""
    return Path(sysconfig.get_path("scripts")) / "monty"
