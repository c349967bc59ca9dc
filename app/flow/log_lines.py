"""Lines that a step writes into the log of its run: a level, a message, and structured metadata.

They travel on the outcome (`Outcome.logs`) and are stored with it, so a step that is done again after a crash does not say them twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from app.lib import jsonlimits

Level = Literal["debug", "info", "warn", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The least of them first."""
MAX_MESSAGE = 4_000
"""Characters of a message that are kept."""
MAX_METADATA_BYTES, MAX_METADATA_DEPTH = 8_192, 6
MAX_RUN_LINES, MAX_RUN_BYTES = 1_000, 262_144
"""What one run keeps; of what comes after that only the number is known."""


class LogLine:
    """One line. What does not fit is cut, and what cannot be stored is told by its size: a log never fails the step that writes it.

    Raises ValueError on an unknown level.
    """

    __slots__ = ("json", "level", "message", "metadata")

    def __init__(self, level: Level, message: str, metadata: Mapping[str, Any] | None = None) -> None:
        if level not in LEVELS:
            raise ValueError(f"{level!r} is no level. Use one of {', '.join(LEVELS)}.")
        self.level, self.metadata = level, _fitting(metadata)
        self.message = _storable(message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…")
        self.json: bytes = jsonlimits.encode(
            {"level": self.level, "message": self.message}
            | ({"metadata": dict(self.metadata)} if self.metadata else {})
        )
        """As it is stored."""


def _storable(text: str) -> str:
    """Without what PostgreSQL cannot hold: U+0000 and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _fitting(metadata: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not metadata:
        return {}
    try:
        jsonlimits.storable_bytes(dict(metadata), max_bytes=MAX_METADATA_BYTES, max_depth=MAX_METADATA_DEPTH)
    except (jsonlimits.Unstorable, TypeError, UnicodeError) as error:
        return {"leftOut": str(error)[:200]}
    return metadata


def at_least(level: Level) -> frozenset[Level]:
    """The levels from one on."""
    return frozenset(LEVELS[LEVELS.index(level) :])
