"""Who does what steps ask of the outside, by kind of call. Whoever can do a kind registers it when its module is imported."""

from __future__ import annotations

from typing import Any, Protocol


class CallFailed(Exception):
    """The call came to nothing, and the text says why. `permanent`: trying again would not help."""

    def __init__(self, error: str, *, permanent: bool = False) -> None:
        super().__init__(error)
        self.permanent = permanent


class Performer(Protocol):
    """Does one call. `key` is the same each time this attempt of the step is tried: send it along as the idempotency key.

    Answers JSON, raises CallFailed; whatever else it raises is a fault of the program, and passes.
    """

    async def __call__(self, request: dict[str, Any], key: str) -> Any: ...


_performers: dict[str, Performer] = {}


def perform_by(kind: str, performer: Performer) -> None:
    """Have calls of this kind done by `performer`. Raises ValueError when somebody does them already."""
    if kind in _performers:
        raise ValueError(f"Two performers do calls of the kind {kind!r}.")
    _performers[kind] = performer


def forget_performer(kind: str) -> None:
    """Nobody does calls of this kind any more."""
    _performers.pop(kind, None)


def performer_of(kind: str) -> Performer:
    """Raises KeyError."""
    return _performers[kind]


def performed_kinds() -> list[str]:
    """The kinds of calls that this process can do; others are left to processes that can."""
    return sorted(_performers)
