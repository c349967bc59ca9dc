"""Who may claim events: one worker at a time, for as short as may be."""

from __future__ import annotations

import time
from typing import Any

import psycopg

_TURN = 7_401_002
HELD_MS = 500
"""How long whoever has the turn waits for a contact that somebody holds: for the end of another batch, not of what takes seconds."""

TRIES, PAUSE_S = 20, 0.05


class TurnTaken(Exception):
    """Somebody else claims events, for longer than it should take."""


class ClaimLock:
    """The right to claim events, held by one worker at a time; a lock of the session, so that it ends before the commit.

    Two workers that each hold events of one contact must not swap them. Until the first has locked the contacts of its
    events, nobody takes later ones; then the later batch waits for the contacts that both want. Nobody claims meanwhile, so it does
    not wait long: what is held for longer is left where it is.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self._held = connection, False
        self._patient = True
        """Wait for it (as long as `lock_timeout` says). Who has waited in vain only looks whether it is free again."""
        row = connection.execute("select setting::int from pg_settings where name = 'lock_timeout'").fetchone()
        self._own_ms: int = row[0] if row else 0
        self._short_ms = min(self._own_ms or HELD_MS, HELD_MS)

    def take(self) -> None:
        """Take it, or raise TurnTaken, which spoils the transaction."""
        if self._patient:
            try:
                self._ask("pg_advisory_lock", self._short_ms)
            except psycopg.errors.LockNotAvailable as error:
                self._patient = False
                raise TurnTaken from error
        else:
            if not self._ask("pg_try_advisory_lock", self._short_ms):
                raise TurnTaken
            self._patient = True
        self._held = True

    def give(self) -> None:
        """Pass it on, if it is held. Not inside a failed transaction."""
        if self._held:
            self._held = False
            if not self._connection.closed:
                self._ask("pg_advisory_unlock", self._own_ms)

    def _ask(self, function: str, wait_ms: int) -> Any:
        """Call it, and wait so long for other locks from then on, in this transaction. Columns are worked out in their order."""
        sql = f"select {function}(%s), set_config('lock_timeout', %s, true)"
        row = self._connection.execute(sql, (_TURN, f"{wait_ms}ms")).fetchone()
        return row and row[0]


def let_claims_pass(connection: psycopg.Connection[Any]) -> bool:
    """Wait until whoever has claimed events by now has locked their contacts, though it may not know what has changed before it.

    So what builds something for all contacts beside running engines comes after them. False when the turn was not free for a second.
    """
    turn = ClaimLock(connection)
    for _ in range(TRIES):
        try:
            with connection.transaction():
                turn.take()
                turn.give()
            return True
        except TurnTaken:
            time.sleep(PAUSE_S)  # a claim takes milliseconds, and nobody tells of its end
    return False
