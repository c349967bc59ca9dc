"""API keys that were let in a moment ago, so that not each of a thousand requests reads the same rows.

This is no permission: whoever takes a principal from here writes for it only while the database says that its key stands as it did
(`key_repository.standing_sql`), in the statement that writes. So a key that is revoked writes nothing from the commit of that on, in
any process, and nobody has to be told.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from app.accounts.authentication import TOUCH_AFTER
from app.accounts.principal import Principal
from app.web.rate_limit import asker_of

MOST_KEYS = 10_000


class KnownKey(NamedTuple):
    """A key that was let in; `asker` is the name by which its requests are limited (`app.web.rate_limit`)."""

    digest: bytes
    principal: Principal
    asker: str


class KnownKeys:
    """The keys of one web process, by the digest of the header that they came with: no secret is kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._keys: dict[bytes, KnownKey] = {}
        self._look_at: dict[bytes, float] = {}

    def key(self, digest: bytes) -> KnownKey | None:
        """The key of a header. Once in TOUCH_AFTER one request gets None, so that `Authentication` looks and notes that the key is used."""
        key = self._keys.get(digest)
        if key is not None and self._clock() >= self._look_at[digest]:
            self._look_at[digest] = self._clock() + TOUCH_AFTER.total_seconds()
            return None
        return key

    def learn(self, digest: bytes, principal: Principal) -> None:
        """`Authentication` has just let this key in."""
        self.forget(digest)
        while len(self._keys) >= MOST_KEYS:
            self.forget(next(iter(self._keys)))
        self._keys[digest] = KnownKey(digest, principal, asker_of(principal))
        self._look_at[digest] = self._clock() + TOUCH_AFTER.total_seconds()

    def forget(self, digest: bytes) -> None:
        """It does not stand as it did, or was not let in."""
        self._keys.pop(digest, None)
        self._look_at.pop(digest, None)


def header_digest(authorization: bytes) -> bytes:
    """Of the header that says who asks."""
    return hashlib.sha256(authorization).digest()
