"""Streams of workspaces and workflows: what is new since the last look, for all of them by one statement.

How far a client is, is a snapshot of PostgreSQL: it comes back with the one that it saw last (`Last-Event-ID`) and gets all that was not
visible in it, whatever was committed in which order.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence

from app.lib.deadline import BoundedConnection
from app.live import live_repository
from app.live.events import HEARTBEAT, events_of_moves, sse, workflows_of
from app.live.live_repository import KEEP_S, RENEW_S, MoveRow
from app.live.stream import LiveStream, joined_pieces

_TOKEN = re.compile(r"(\d{10,12})-(\d{1,19}:\d{1,19}:[\d,]{0,4000})")


class WorkspaceFeeds:
    """What the streams of one process have seen of workspaces."""

    def __init__(self) -> None:
        self._seen = ""
        """The snapshot of the last look."""
        self._listened: dict[int, float] = {}
        """When the lease of each workspace was looked at."""

    async def look(self, connection: BoundedConnection, streams: Sequence[LiveStream]) -> None:
        """Hand out what is new. Raises psycopg.Error when the database is away; then nothing was handed out."""
        if not streams:
            self._seen = ""
            return
        await self._listen(connection, {stream.tenant_id for stream in streams})
        known = [stream for stream in streams if not stream.fresh]
        rows, more = list[MoveRow](), False
        if self._seen and known:
            tenants = {stream.tenant_id for stream in known}
            self._seen, rows, more = await live_repository.since(connection, tenants, self._seen)
        else:
            self._seen = await live_repository.snapshot(connection)
        self._hand_out(known, rows, more=more)
        for stream in streams:
            if stream.fresh:
                await self._begin(connection, stream)

    async def _listen(self, connection: BoundedConnection, tenants: set[int]) -> None:
        """Have what happens written down, from before the first look on."""
        now = time.monotonic()
        late = {tenant for tenant in tenants if now - self._listened.get(tenant, -RENEW_S) >= RENEW_S / 2}
        if late:
            await live_repository.listen(connection, late)
            self._listened = {tenant: at for tenant, at in self._listened.items() if tenant in tenants}
            self._listened |= dict.fromkeys(late, now)

    async def _begin(self, connection: BoundedConnection, stream: LiveStream) -> None:
        """Let a stream go on where its client was, or from now on."""
        known = _TOKEN.fullmatch(stream.token)
        if stream.topic.hints:
            stream.fresh = False
            stream.put([sse("changed", {})])
            return
        missed = bool(stream.token) and (known is None or time.time() - int(known[1]) > KEEP_S)
        if known is not None and not missed:
            token, rows, missed = await live_repository.since(connection, [stream.tenant_id], known[2])
            stream.caught_up = frozenset(row.id for row in rows)
            self._put(stream, rows, _token(token))
        else:
            stream.put([_token(self._seen)])
        stream.fresh = False
        if missed:
            stream.put([sse("missed", {"message": "You were away for too long: some events are not told any more."})])

    def _hand_out(self, streams: Sequence[LiveStream], rows: Iterable[MoveRow], *, more: bool) -> None:
        by_tenant: dict[int, list[MoveRow]] = {}
        for row in rows:
            by_tenant.setdefault(row.tenant_id, []).append(row)
        shared: dict[tuple[int, str | None], list[bytes]] = {}
        for stream in streams:
            caught_up, stream.caught_up = stream.caught_up, frozenset()
            of_tenant = [row for row in by_tenant.get(stream.tenant_id, ()) if row.id not in caught_up]
            workflow_id = str(stream.topic.workflow_id) if stream.topic.workflow_id else None
            if workflow_id is not None:
                of_tenant = [row for row in of_tenant if workflow_id in workflows_of(row)]
            if more:
                stream.put([sse("missed", {"message": "Too much happened at once: some events are not told."})])
            if stream.topic.hints and of_tenant:
                stream.put([sse("changed", {})])
            elif of_tenant and caught_up:
                self._put(stream, of_tenant, _token(self._seen))
            elif of_tenant:
                key = stream.tenant_id, workflow_id
                if key not in shared:
                    shared[key] = [*_pieces(of_tenant, workflow_id), _token(self._seen)]
                stream.put(shared[key])

    def _put(self, stream: LiveStream, rows: Sequence[MoveRow], token: bytes) -> None:
        workflow_id = str(stream.topic.workflow_id) if stream.topic.workflow_id else None
        stream.put([*_pieces(rows, workflow_id), token])

    def heartbeat(self, stream: LiveStream) -> bytes:
        """Keeps the connection, and how far the client is."""
        return _token(self._seen) if self._seen and not stream.fresh and not stream.topic.hints else HEARTBEAT


def _token(snapshot: str) -> bytes:
    """A client keeps the id of what it was sent last, also where nothing else is said."""
    return f": \nid: {int(time.time())}-{snapshot}\n\n".encode()


def _pieces(rows: Iterable[MoveRow], workflow_id: str | None) -> list[bytes]:
    pieces, whole = joined_pieces(sse(name, data) for row in rows for name, data in events_of_moves(row, workflow_id))
    return (
        pieces
        if whole
        else [*pieces, sse("missed", {"message": "Too much happened at once: some events are not told."})]
    )
