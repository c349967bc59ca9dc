"""Passwords: Argon2id at 19 MiB, two passes, one lane (OWASP's first choice), two at a time beside the event loop.

Unknown people and people without a password cost the same work as a wrong password, so that timing does not reveal which accounts exist.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Invalid, TooMany
from app.lib.translation import gettext

T = TypeVar("T")
MIN_LENGTH, MAX_LENGTH = 10, 256
_WAITING_AT_MOST = 64
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_waiting = 0


async def hashed(password: str) -> str:
    """The string to store for `password`, with its salt and parameters."""
    return await _beside(functools.partial(_hasher.hash, password))


async def verify(stored: str | None, password: str) -> bool:
    """Is `password` the one that was stored? With `stored` None the answer is no, after the same work."""
    return await _beside(functools.partial(_verify, stored, password))


def outdated(stored: str) -> bool:
    """Was this hash made with other parameters than today's? Then hash again, now that the password is at hand."""
    return _hasher.check_needs_rehash(stored)


def checked_password(password: str, email: str = "", *, path: str = "password") -> str:
    """The password when it may be used; Invalid otherwise. Length counts, kinds of characters do not (NIST 800-63B)."""
    text = ""
    if len(password) < MIN_LENGTH:
        text = gettext("Use at least %(min_length)s characters.", min_length=MIN_LENGTH)
    elif len(password) > MAX_LENGTH:
        text = gettext("Use at most %(max_length)s characters.", max_length=MAX_LENGTH)
    elif len(set(password)) < 5 or (email and password.lower() in (email.lower(), email.partition("@")[0].lower())):
        text = gettext("This password is easy to guess. Use a few unrelated words.")
    if text:
        raise Invalid(text, errors=[{"path": path, "message": text}])
    return password


@functools.cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobody(), password[: MAX_LENGTH + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


async def _beside(work: Callable[[], T]) -> T:
    global _waiting
    if _waiting >= _WAITING_AT_MOST:
        raise TooMany(gettext("Many people are signing in at this moment. Try again in a few seconds."), retry_after=5)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _waiting -= 1
