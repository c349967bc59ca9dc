"""Known devices: a signed cookie after a successful sign-in, so that failures of strangers never lock out known devices.

It signs nobody in. It says only that somebody signed in on this device with these addresses, which gives it a throttle of its own.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from app.accounts.deps import AppRequest
from app.lib import addresses, clock, crypto
from app.settings import settings

LIFE = timedelta(days=180)
PEOPLE = 5
"""People that one device is known of; the latest stay."""
_PURPOSE = "device"


class Device(msgspec.Struct, frozen=True, array_like=True):
    """What the cookie says. The addresses in it are hashed with the id."""

    id: str
    people: list[str]
    until: float
    """A POSIX timestamp."""


def device_cookie() -> str:
    """Its name; over https no neighbour subdomain can plant one."""
    return "__Host-device" if settings().web.secure_cookies else "device"


def known_device(request: AppRequest, email: str) -> str | None:
    """The id of this device if this address signed in on it before; else None."""
    device = _read(request)
    return device.id if device is not None and _mark(device.id, email) in device.people else None


def remember(request: AppRequest, answer: Response[Any], email: str) -> None:
    """This person signed in here with a password or a link of their own: know the device from now on."""
    before = _read(request)
    device_id = before.id if before else secrets.token_urlsafe(12)
    mark = _mark(device_id, email)
    people = [mark, *(other for other in (before.people if before else []) if other != mark)][:PEOPLE]
    until = clock.now() + LIFE
    answer.set_cookie(
        Cookie(
            key=device_cookie(),
            value=crypto.sign(_PURPOSE, Device(device_id, people, until.timestamp())),
            max_age=int(LIFE.total_seconds()),
            httponly=True,
            secure=settings().web.secure_cookies,
            samesite="lax",
            path="/",
        )
    )


def _read(request: AppRequest) -> Device | None:
    try:
        device = msgspec.convert(crypto.unsign(_PURPOSE, request.cookies.get(device_cookie(), "")), Device)
    except (crypto.CannotUnseal, msgspec.ValidationError):
        return None
    return device if device.until > clock.now().timestamp() else None


def _mark(device_id: str, email: str) -> str:
    return hashlib.sha256(f"{device_id} {addresses.lookup_form(email)}".encode()).hexdigest()[:24]
