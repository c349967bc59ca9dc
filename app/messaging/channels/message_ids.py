"""What a message is called: its key in the ledger, its id for people and programs, and its name on the wire."""

from __future__ import annotations

from uuid import UUID

from app.errors import NotFound

MessageKey = tuple[UUID, int]
"""The run, and the number of its step."""


def message_id(run_id: UUID, seq: int) -> str:
    """The id that the API knows a message by; its step has the same one."""
    return f"{run_id}-{seq}"


def message_key(text: str) -> MessageKey:
    """Read an id of `message_id` back. Raises NotFound when it is none."""
    run, _, seq = text.rpartition("-")
    try:
        key = (UUID(run), int(seq))
    except ValueError as error:
        raise NotFound from error
    if not 0 <= key[1] < 32768:
        raise NotFound
    return key


def wire_message_id(run_id: UUID, seq: int) -> str:
    """A Message-ID (RFC 5322), the same for every try of a message, so that a receiver can tell a repeat."""
    return f"<{run_id}.{seq}@throughline>"
