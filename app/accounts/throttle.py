"""Failed sign-ins: at most 10 an email and 30 an address in 15 minutes.

A try is written down before the password is looked at and taken back when it was right, so that a hundred tries at once
do not slip through together. It is committed on its own, because a refused request is rolled back.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import TooMany
from app.lib import clock
from app.models.session import SignInFailure

WINDOW = timedelta(minutes=15)
PER_EMAIL, PER_ADDRESS = 10, 30
_WARN_BELOW = 5


async def take(session: AsyncSession, email: str, address: str) -> int:
    """Count one try. Returns how many this email has left; TooMany with `retry_after` seconds when there were none."""
    now = clock.now()
    left = PER_EMAIL
    for key, allowed in ((_email_key(email), PER_EMAIL), (_address_key(address), PER_ADDRESS)):
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))"), {"key": key})
        tries = await session.scalars(
            select(SignInFailure.at)
            .where(SignInFailure.key == key, SignInFailure.at > now - WINDOW)
            .order_by(SignInFailure.at)
        )
        times = list(tries)
        if len(times) >= allowed:
            _refuse(times[-allowed], now)
        if allowed == PER_EMAIL:
            left = allowed - len(times) - 1
    await session.execute(
        insert(SignInFailure), [{"key": _email_key(email), "at": now}, {"key": _address_key(address), "at": now}]
    )
    return left


async def give_back(session: AsyncSession, email: str, address: str) -> None:
    """The password was right: forget this email's tries and this one of the address."""
    await session.execute(delete(SignInFailure).where(SignInFailure.key == _email_key(email)))
    last = select(func.max(SignInFailure.id)).where(SignInFailure.key == _address_key(address)).scalar_subquery()
    await session.execute(delete(SignInFailure).where(SignInFailure.id == last))


async def forget_old(session: AsyncSession) -> None:
    """Drop tries that no longer count."""
    await session.execute(delete(SignInFailure).where(SignInFailure.at < clock.now() - WINDOW))


def remaining(left: int) -> str:
    """The part of the message that says how many tries are left; empty while there are plenty."""
    if left >= _WARN_BELOW:
        return ""
    if left <= 0:
        return " That was the last try for a quarter of an hour."
    return " 1 try left." if left == 1 else f" {left} tries left."


def _refuse(oldest: datetime, now: datetime) -> None:
    seconds = max(1, int((oldest + WINDOW - now).total_seconds()) + 1)
    minutes = max(1, round(seconds / 60))
    raise TooMany(
        f"Too many tries. Wait {minutes} minute{'s' if minutes != 1 else ''} and try again.", retry_after=seconds
    )


def _email_key(email: str) -> str:
    return "email:" + hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _address_key(address: str) -> str:
    return "address:" + address
