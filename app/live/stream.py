"""One open stream: who listens to what, and what waits to be sent. Its memory is bounded: who does not read is cut, and comes back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.accounts.principal import Principal
from app.live.events import sse

MOST_WAITING = 524_288
"""Bytes that may wait for a reader."""
PIECE = 65_536
"""Bytes of one write: so much of a slow reader's is on its way outside of our count."""


LEAVE_S = 30.0
"""How long the writer of a stream that is over may wait for a reader that takes nothing."""


class Topic(NamedTuple):
    """What a stream is about: one run, one workflow, or with neither all of the workspace. `hints`: only that something changed.

    `events`: hints at events of these names that come in, and at nothing else.
    """

    run_id: UUID | None = None
    workflow_id: UUID | None = None
    hints: bool = False
    events: tuple[str, ...] = ()


class LiveStream:
    """A stream of the hub. `place` is behind which event of its run it stands, `token` what its client saw last of a workspace; `tab`: of
    a page that others are to see (`app.live.presence`), by a name of its own."""

    def __init__(self, principal: Principal, topic: Topic, *, place: int = -1, token: str = "", tab: str = "") -> None:
        self.principal, self.topic, self.place, self.token, self.tab = principal, topic, place, token, tab
        self.step = ""
        """What is selected in its tab."""
        self.fresh = True
        """The hub has not looked for it yet."""
        self.caught_up: frozenset[int] = frozenset()
        """Rows that it got when it came back, which the next look finds once more."""
        self.ended_by = ""
        """Why it ends."""
        self.ended_at = 0.0
        """When that was known (monotonic)."""
        self.writer: asyncio.Task[object] | None = None
        """Who writes to the reader: a server writes no further than the reader reads, and waits there."""
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._changed = asyncio.Event()

    @property
    def tenant_id(self) -> int:
        return self.principal.tenant_id

    def put(self, pieces: Iterable[bytes]) -> None:
        """Have these sent, each of which may be shared with other streams."""
        if self.ended_by:
            return
        for piece in pieces:
            self._waiting += len(piece)
            self._pieces.append(piece)
        if self._waiting > MOST_WAITING:
            self.end("slow")
        self._changed.set()

    def end(self, why: str) -> None:
        """Send nothing more but why."""
        if not self.ended_by:
            self.ended_by, self.ended_at = why, time.monotonic()
        self._pieces.clear()
        self._waiting = 0
        self._changed.set()

    @property
    def is_stuck(self) -> bool:
        """Is it over, and its last write waits for a reader that does not read?"""
        return bool(self.ended_by) and time.monotonic() - self.ended_at > LEAVE_S

    def cut(self) -> None:
        """Let go of a reader that does not read: its connection ends without a farewell."""
        if self.writer is not None:
            self.writer.cancel()

    async def next_pieces(self) -> bytes | None:
        """What to write next, when there is something; None: it is over."""
        while not self._pieces:
            if self.ended_by:
                return None
            self._changed.clear()
            await self._changed.wait()
        size, out = 0, list[bytes]()
        while self._pieces and (not out or size + len(self._pieces[0]) <= PIECE):
            size += len(self._pieces[0])
            out.append(self._pieces.popleft())
        self._waiting -= size
        return b"".join(out)

    def farewell(self) -> bytes:
        """The last event."""
        return sse("over", {"reason": self.ended_by})


def joined_pieces(events: Iterable[bytes], most: int = 262_144) -> tuple[list[bytes], bool]:
    """Events joined to pieces that many streams share, up to so many bytes; False when there were more."""
    pieces, piece, size, whole = list[bytes](), list[bytes](), 0, 0
    for event in events:
        if whole + len(event) > most:
            return [*pieces, b"".join(piece)], False
        if size + len(event) > PIECE and piece:
            pieces.append(b"".join(piece))
            piece, size = [], 0
        piece.append(event)
        size, whole = size + len(event), whole + len(event)
    return [*pieces, b"".join(piece)] if piece else pieces, True
