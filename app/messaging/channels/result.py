"""What a provider's answer to one message says, whatever the channel, and how messages are handed over."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec

from app.messaging.channels.devices import DeviceResult

Kind = Literal["sent", "deferred", "rejected", "unavailable", "misconfigured", "uncertain", "withheld"]


class Result(msgspec.Struct, frozen=True):
    """What became of one message.

    sent: taken. deferred: not now, for this message. rejected: never. unavailable: the connection failed, which is no fault of the
    message. misconfigured: the connector's settings do not work. uncertain: cut after the text left, it may have been taken.
    withheld: we did not begin it, or broke off before its end, so the provider has nothing.
    """

    kind: Kind
    text: str
    """The provider's own words, or a sentence."""
    reason: str = ""
    """A stable word for those that were not sent: bad_address, address_refused, message_refused, sender_refused, deferred …

    `bad_address` and `opted_out` put the recipient on the suppression list.
    """
    everyone: bool = False
    """Of `unavailable` and `uncertain`: any other message would have met the same, so the provider is left alone for a while."""
    wait_s: float | None = None
    """How many seconds the provider asked us to wait."""
    crowded: bool = False
    """Of `unavailable`: the provider takes no more connections at a time, and goes on with those that it has."""
    strict: bool = True
    """Of `deferred`: it is about this message for sure (a full mailbox, greylisting), not perhaps about all."""
    detail: str = ""
    """What only the log is told, because `text` hides it."""
    provider_id: str = ""
    """Of `sent`: what the provider calls the message, by which it reports about it later."""
    devices: tuple[DeviceResult, ...] = ()
    """Of a channel to devices: what became of it at each. Those that are `gone` are removed."""


Begin = Callable[[], Awaitable[float]]
"""Asked when the provider would take the message, immediately before anything of it leaves that cannot be taken back.

Answers until when (`running_time`) it may be handed over; 0: not at all.
"""


class Withheld(Exception):
    """The message is not handed over; the provider has nothing of it, or nothing that it could take for a whole message."""


def running_time() -> float:
    """Seconds on a clock that nobody sets and that goes on while this process, or the machine, is asleep."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


DEADLINE_S = 30.0
"""How long one message may take in all, whatever its provider does."""


class Packet(Protocol):
    """A message in the form in which its provider takes it."""

    @property
    def recipient(self) -> str:
        """The address that it goes to, as `ChannelType.wire` writes it."""


class Transport(Protocol):
    """Open connections to providers, reused from message to message. Belongs to one event loop; close it at the end."""

    async def send(self, server: Any, packet: Any, begin: Begin | None = None) -> Result:
        """Hand one message over within DEADLINE_S. Never raises for what a provider may do.

        `begin` is awaited exactly once, before the provider gets what it could take for the message, and outside the deadline; when it
        answers 0, or the moment that it answers has passed, nothing is handed over and the result is `withheld`. Whoever cannot say
        whether the provider took the message answers `uncertain`, never `unavailable`: that one is not sent again by machine.
        """

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
