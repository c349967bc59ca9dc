"""Rows that a batch writes beside runs, steps and messages."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.engine.state import RunState
from app.engine.stored_rows import Item
from app.models.status import Priority


class Attempt(NamedTuple):
    """A failed attempt that is tried again at `due`; None: when a person says so."""

    run: RunState
    seq: int
    attempt: int
    error: str
    due: int | None


class Refusal(NamedTuple):
    """Somebody who met a trigger and was not let in, or a start of nobody that was refused."""

    tenant_id: int
    workflow_id: bytes
    contact_id: bytes | None
    event_id: bytes | None
    reason: str
    detail: dict[str, Any] | None
    run_id: bytes | None = None
    """The run that somebody asked for."""
    trigger_id: str | None = None
    """The trigger that was met, where one was."""


class TakenStart(NamedTuple):
    """A start that its workflow takes and that waits for its turn, because the workflow limits how many begin."""

    item: Item
    workflow_id: bytes
    entry_key: str | None


class CalledRuns:
    """What a batch has to do with runs that other runs call, besides those that its own runs call."""

    __slots__ = ("in_vain", "requested", "runs")

    def __init__(self) -> None:
        self.runs: list[RunState] = []
        """Runs of the batch that were called, new ones and stored ones."""
        self.requested: set[bytes] = set()
        """Ids of the runs that it was asked to start."""
        self.in_vain: list[tuple[int, bytes]] = []
        """Workspaces and ids of those whose contact is not there any more."""

    def ask(self, tenant_id: int, run_id: bytes, *, in_vain: bool) -> None:
        """Note that a run is asked for."""
        self.requested.add(run_id)
        if in_vain:
            self.in_vain.append((tenant_id, run_id))


class SegmentWork:
    """What dynamic segments and due dates have to look at after a batch, besides the changes that its runs make."""

    __slots__ = ("dates", "events", "turns")

    def __init__(self) -> None:
        self.events: list[Item] = []
        """Events that rules count, or that tell of changes of contacts."""
        self.dates: list[Item] = []
        """What came in that may change when dates of contacts are due."""
        self.turns: dict[int, list[bytes]] = {}
        """Contacts whose membership time may change now, by workspace."""


class Remembered(NamedTuple):
    """That a contact, with this entry key or '', started a workflow whose policy asks for it. The instant is that of the last start."""

    tenant_id: int
    contact_id: bytes
    workflow_id: bytes
    entry_key: str
    started: int


class ContactChangeEvent(NamedTuple):
    """An event for the inbox. `workflow_id` caused it; `depth` counts how many workflows lie before it."""

    tenant_id: int
    name: str
    contact_id: bytes
    workflow_id: bytes
    depth: int
    properties: dict[str, Any]
    priority: int = int(Priority.NORMAL)
    """Of the workflow."""
    lane: int = 0
    """Of the run that changed the contact."""
