"""Failed tries of passwords: each counts against budgets of the last 15 minutes, and the same place waits longer each time.

| who tries                                    | waits between tries         | at most                                        |
|----------------------------------------------|-----------------------------|------------------------------------------------|
| a device that signed in as this person before | 1, 2, 4 … s after 3 failures | nothing that others do counts against it       |
| anybody else, for one email from one address | 1, 2, 4 … s after 3 failures | 30 for an email, 60 from an address            |
| a signed-in person, for their own password   | 1, 2, 4 … s after 3 failures | 10                                             |

So strangers can hold up an unknown device, never a known one, and a one-time link passes them all. An address of IPv6 is its
/64, which one household has to itself. A try is written down before the password is looked at and taken back when it was right,
so that a hundred tries at once do not slip through together. It is committed on its own, because a refused request is rolled back.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import throttle_repository
from app.accounts.throttle_repository import FailureRepository
from app.errors import TooMany
from app.lib import addresses, clock
from app.lib.translation import gettext
from app.web.client_address import network_of

WINDOW = timedelta(minutes=15)
PER_EMAIL, PER_ADDRESS, PER_USER = 30, 60, 10
FREE = 3
"""Failures that anybody may have without waiting."""
LONGEST = timedelta(minutes=5)


class Budget(NamedTuple):
    """What a try counts against. `slows`: each failure makes the next try wait longer. `allowed` None: that is all."""

    key: str
    allowed: int | None
    slows: bool


def of_sign_in(email: str, address: str, device: str | None = None) -> list[Budget]:
    """The budgets of a try to sign in; `device` is the id of a device that this person signed in on before."""
    who = hashlib.sha256(addresses.lookup_form(email).encode()).hexdigest()
    if device is not None:
        return [Budget(f"device:{device}:{who}", None, slows=True)]
    place = network_of(address)
    return [
        Budget(f"pair:{place}:{who}", None, slows=True),
        Budget(f"email:{who}", PER_EMAIL, slows=False),
        Budget(f"address:{place}", PER_ADDRESS, slows=False),
    ]


def of_own_password(user_id: UUID) -> list[Budget]:
    """The budget of a signed-in person who has to know their password."""
    return [Budget(f"user:{user_id}", PER_USER, slows=True)]


def delay(failures: int) -> timedelta:
    """How long after its last failure a place must wait that has so many."""
    doublings = min(failures - FREE, 20)  # far beyond the longest, and no number that a timedelta cannot hold
    return min(timedelta(seconds=2**doublings), LONGEST) if doublings >= 0 else timedelta(0)


async def take(session: AsyncSession, budgets: Sequence[Budget]) -> timedelta:
    """Count one try. Returns how long the next must wait if this one fails; TooMany with `retry_after` when it comes too early."""
    now, wait = clock.now(), timedelta(0)
    for budget in budgets:
        failures = FailureRepository(session, budget.key)
        await failures.lock()
        times = await failures.since(now - WINDOW)
        if budget.allowed is not None and len(times) >= budget.allowed:
            _refuse(times[-budget.allowed] + WINDOW - now)
        if budget.slows:
            if times and (remaining := times[-1] + delay(len(times)) - now) > timedelta(0):
                _refuse(remaining)
            wait = max(wait, delay(len(times) + 1))
    await throttle_repository.add_failures(session, [budget.key for budget in budgets], now)
    return wait


async def record_success(session: AsyncSession, budgets: Sequence[Budget]) -> None:
    """The password was right: this place starts anew, and of what it shares with others this one try is forgotten."""
    for budget in budgets:
        failures = FailureRepository(session, budget.key)
        if budget.slows:
            await failures.delete_where()
        else:
            await failures.forget_last()


async def forget_old(session: AsyncSession) -> None:
    """Drop tries that no longer count."""
    await throttle_repository.forget_failures(session, clock.now() - WINDOW)


def in_words(wait: timedelta) -> str:
    """What to add to "wrong": how long the next try must wait. Empty when it need not."""
    return gettext(" Wait %(span)s before you try again.", span=_span(math.ceil(wait.total_seconds()))) if wait else ""


def _refuse(remaining: timedelta) -> None:
    seconds = max(1, math.ceil(remaining.total_seconds()))
    raise TooMany(gettext("Too many attempts. Wait %(span)s and try again.", span=_span(seconds)), retry_after=seconds)


def _span(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 90 else (round(seconds / 60), "minute")
    return f"{number} {unit}{'s' if number != 1 else ''}"
