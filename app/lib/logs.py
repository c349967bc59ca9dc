"""Structured logs: one JSON event a line with ids bound, never payloads or personal data.

The fault to be logged may itself keep the log from being written: a full disk, or a pipe without a reader.
So a line that cannot be written is lost, and nothing is raised. With a database that is away hundreds of requests say the same
thing; of the same trouble a few lines are written and the rest are counted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Hashable
from typing import Any, TextIO

import structlog

from app.lib import redaction
from app.settings import settings

BURST, WINDOW_S = 5, 10.0
"""Of the same trouble this many lines are written within so many seconds."""
_MOST_KINDS = 500
_TELLING = ("error", "poll", "actor", "job")
"""Members of an event that make it another trouble than one of the same name without them."""


class SafeStream:
    """Writes each text at once and swallows what cannot be written. A line goes out as one piece, whatever other threads write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        try:
            self._number: int | None = stream.fileno()
        except (OSError, ValueError, AttributeError):  # a stream in memory, as tests have
            self._number = None

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            if self._number is None:
                self._stream.write(text)
            else:  # past the buffers: they would keep what could not be written, and grow
                os.write(self._number, text.encode(errors="replace"))
        return len(text)

    def flush(self) -> None:
        if self._number is None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.flush()


class Repeats:
    """Counts how often lines of one kind were written in the last WINDOW_S seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: dict[Hashable, tuple[float, int]] = {}

    def left_out(self, kind: Hashable) -> int | None:
        """None when this line of `kind` is one too many, else how many were left out since the last that was written."""
        now = time.monotonic()
        with self._lock:
            if len(self._written) > _MOST_KINDS:
                self._written.clear()
            began, count = self._written.get(kind, (now, 0))
            missed = 0
            if now - began > WINDOW_S:
                began, count, missed = now, 0, max(0, count - BURST)
            self._written[kind] = began, count + 1
            return missed if count < BURST else None


class _FewOfAKind(logging.Filter):
    """For the libraries' own lines, whose tracebacks are long."""

    def __init__(self) -> None:
        super().__init__()
        self._repeats = Repeats()

    def filter(self, record: logging.LogRecord) -> bool:
        missed = self._repeats.left_out((record.name, record.levelno, record.msg, record.lineno))
        if missed:
            record.msg = f"{record.msg} [and {missed} more like this before]"
        return missed is not None


def few_of_a_kind() -> Any:
    """A structlog processor that drops warnings and errors that repeat, and says how many with the next one."""
    repeats = Repeats()

    def processor(_logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        if method in ("debug", "info"):
            return event
        exception = type(event.get("exc_info")).__name__
        likeness = (event.get("event"), exception, *(str(event.get(name)) for name in _TELLING))
        missed = repeats.left_out(likeness)
        if missed is None:
            raise structlog.DropEvent
        return {**event, "left_out": missed} if missed else event

    return processor


def configure() -> None:
    """Set up structlog and the standard library's logging for this process."""
    level = getattr(logging, settings().log_level.upper(), logging.INFO)
    renderer = (
        structlog.dev.ConsoleRenderer(colors=False) if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        few_of_a_kind(),
    ]
    stream: Any = SafeStream(sys.stderr)
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, redaction.redact, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_FewOfAKind())
    handler.setFormatter(redaction.RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
