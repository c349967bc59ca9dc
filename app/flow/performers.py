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
AT_ONCE = 150
"""Calls that one worker process makes at a time, of all kinds together."""


CONNECTOR_TARGET = "connector "
"""How the target of calls begins that are made by a connector."""


def connector_target(connector_id: UUID) -> str:
    """The target of calls that are made by a connector: its limits and its health are theirs."""
    return f"{CONNECTOR_TARGET}{connector_id}"


def connector_of(target: str) -> UUID | None:
    """The connector that calls with this target are made by; None for others."""
    if not target.startswith(CONNECTOR_TARGET):
        return None
    try:
        return UUID(target.removeprefix(CONNECTOR_TARGET))
    except ValueError:
        return None


Record = dict[str, Any]
"""What is kept of a call besides its answer, as JSON without credentials: `request` and `response`."""


class ServiceSign(NamedTuple):
    """What a call says about the service that it was made to, whatever it means for its step."""

    works: bool
    """False: the service was at fault (no answer, no connection, a status of 5xx), so others would have met the same."""
    words: str = ""
    wait_s: float | None = None
    """For so long the service wants to be left alone."""
    refused: bool = False
    """The service does not take the credentials: the connector pauses until somebody mends it, and the call did nothing."""
    doubted: str = ""
    """The credentials may be refused, or this request alone: which one it was, as a digest. Several in a row count as refused."""
    again: bool = False
    """The call did nothing, or may be made twice: it can wait until the service works, instead of failing."""


class RecordedAnswer(NamedTuple):
    """What a performer may answer instead of the bare value: the value, and what is recorded of the call."""

    value: Any
    record: Record | None = None
    sign: ServiceSign | None = None


class CallFailed(Exception):
    """The call came to nothing, and the text says why. `permanent`: trying again would not help."""

    def __init__(
        self, error: str, *, permanent: bool = False, record: Record | None = None, sign: ServiceSign | None = None
    ) -> None:
        super().__init__(error)
        self.permanent, self.record, self.sign = permanent, record, sign


class CallUncertain(Exception):
    """Nobody knows whether the call arrived, and it must not be made twice: its run is held, and the text says why."""

    def __init__(self, error: str, *, record: Record | None = None, sign: ServiceSign | None = None) -> None:
        super().__init__(error)
        self.record, self.sign = record, sign


class CallWithheld(Exception):
    """The call was not made, and will not be before a person changes something: its run is held, and the text says what to do."""


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

    reaches_services = True
    """A call that takes too long says something of a service outside, which others may be about to call."""

    async def perform(self, call: PlacedCall) -> Any:
        """The answer, as JSON. Raises CallFailed, CallUncertain, CallWithheld.

        Whatever else it raises is a fault of the program, and ends this call alone.

        It is cancelled when `call.timeout_s` are over. Many calls run at once: it must never block the loop.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """No more calls come."""


class CallKind(NamedTuple):
    """How calls of one kind are made. `at_once`: at most so many at a time in one process; None: as its share of AT_ONCE allows.
    `harmless`: they leave nothing outside, so a test of a workflow makes them."""

    performer: Callable[[], Performer]
    at_once: int | None
    harmless: bool = False


_kinds: dict[str, CallKind] = {}


def perform_by(
    kind: str, performer: Callable[[], Performer], *, at_once: int | None = None, harmless: bool = False
) -> None:
    """Register `performer`, which makes performers of this kind of call. Raises ValueError when the kind has one."""
    if kind in _kinds:
        raise ValueError(f"Two performers do calls of the kind {kind!r}.")
    _kinds[kind] = CallKind(performer, at_once, harmless)


def forget_performer(kind: str) -> None:
    """Remove the performer of this kind of call."""
    _kinds.pop(kind, None)


def performed_kinds() -> dict[str, CallKind]:
    """The kinds of calls that this process can do; others are left to processes that can."""
    return dict(_kinds)
