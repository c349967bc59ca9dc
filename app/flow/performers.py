"""The registry of performers, which make external calls for steps, by kind of call.

The module of a step type registers its performer when it is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

MAX_ANSWER_BYTES, MAX_ANSWER_DEPTH = 262_144, 64
"""Of the JSON that a call may answer. Stop reading beyond it: what is larger is refused, and the step fails."""
LONGEST_S = 300
"""Seconds that a call may take at most."""
AT_ONCE = 100
"""Calls that one worker process makes at a time, of all kinds together."""


Record = dict[str, Any]
"""What is kept of a call besides its answer, as JSON without credentials: `request` and `response`."""


class RecordedAnswer(NamedTuple):
    """What a performer may answer instead of the bare value: the value, and what is recorded of the call."""

    value: Any
    record: Record


class CallFailed(Exception):
    """The call came to nothing, and the text says why. `permanent`: trying again would not help."""

    def __init__(self, error: str, *, permanent: bool = False, record: Record | None = None) -> None:
        super().__init__(error)
        self.permanent, self.record = permanent, record


class CallUncertain(Exception):
    """Nobody knows whether the call arrived, and it must not be made twice: its run is held, and the text says why."""

    def __init__(self, error: str, *, record: Record | None = None) -> None:
        super().__init__(error)
        self.record = record


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """One call, as its performer gets it.

    `key` is the same each time this attempt of the step is made: send it along as the idempotency key. `repeated`: a worker
    had it before and did not end it, so it may have arrived already. `request` is what the step asked for.
    """

    tenant_id: int
    workflow_id: UUID
    run_id: UUID
    node_id: str
    seq: int
    attempt: int
    kind: str
    target: str
    request: Any
    timeout_s: int
    repeated: bool = False

    @property
    def key(self) -> str:
        return f"{self.run_id}-{self.seq}" + (f"-{self.attempt}" if self.attempt > 1 else "")


class Performer:
    """Does calls of one kind. Made on the event loop that it works on, so it may keep connections; `close` gives them back."""

    async def perform(self, call: PlacedCall) -> Any:
        """The answer, as JSON. Raises CallFailed; whatever else it raises is a fault of the program, and ends this call alone.

        It is cancelled when `call.timeout_s` are over. Many calls run at once: it must never block the loop.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """No more calls come."""


class CallKind(NamedTuple):
    """How calls of one kind are made. `at_once`: at most so many at a time in one process; None: as its share of AT_ONCE allows."""

    performer: Callable[[], Performer]
    at_once: int | None


_kinds: dict[str, CallKind] = {}


def perform_by(kind: str, performer: Callable[[], Performer], *, at_once: int | None = None) -> None:
    """Register `performer`, which makes performers of this kind of call. Raises ValueError when the kind has one."""
    if kind in _kinds:
        raise ValueError(f"Two performers do calls of the kind {kind!r}.")
    _kinds[kind] = CallKind(performer, at_once)


def forget_performer(kind: str) -> None:
    """Remove the performer of this kind of call."""
    _kinds.pop(kind, None)


def performed_kinds() -> dict[str, CallKind]:
    """The kinds of calls that this process can do; others are left to processes that can."""
    return dict(_kinds)
