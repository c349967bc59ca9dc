"""Hands a notification to the services of all devices of a contact, side by side, and sums up what became of it.

It is sent when at least one service took it. What a device's own service says counts for its connector only where the message waited
for that one: a service that is away for some devices does not keep others from theirs.

| at the devices                 | then                                                                      |
|--------------------------------|---------------------------------------------------------------------------|
| one took it                    | sent; the others have their result, and are not tried again               |
| one may have taken it          | uncertain: nothing is shown twice                                         |
| some say "not now"             | all are tried again: by the connector's state, or this message alone      |
| none will take it              | rejected                                                                  |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import structlog

from app.lib.formats import counted
from app.lib.http_client import HttpClient, HttpFailed
from app.lib.http_url import BadUrl
from app.lib.translation import gettext, translatable
from app.messaging.channels.channel import Unsendable
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.http_api import MOST_ANSWER
from app.messaging.channels.push.notification import (
    PushAccount,
    PushDelivery,
    PushPacket,
    Unauthorized,
    Verdict,
    result_at,
)
from app.messaging.channels.result import DEADLINE_S, Begin, Result, Withheld, running_time

log = structlog.get_logger()
UNREACHED = translatable(
    "None of the connectors that can be used reaches this device. Its own was deleted, or is paused."
)
TOO_LATE = translatable("It could not be handed over in time.")
SENT_OF = translatable("Taken for %(taken)s of %(all)s.")
UNWRITTEN = translatable("The notification could not be written for this device.")
AT_ONCE = 20
"""Devices that are written to side by side by one connector: a service that does not answer holds up no other connector."""


class _Gate:
    """Asks once whether the message may leave, for all of its devices."""

    def __init__(self, begin: Begin | None) -> None:
        self._begin, self._lock = begin, asyncio.Lock()
        self._until: float | None = None

    async def enter(self) -> None:
        """Raises Withheld."""
        if self._begin is None:
            return
        async with self._lock:
            if self._until is None:
                self._until = await self._begin()
        if running_time() > self._until:
            raise Withheld


class _Lane:
    """What the devices of one account share."""

    def __init__(self) -> None:
        self.beside = asyncio.Semaphore(AT_ONCE)
        self.proving = asyncio.Lock()
        """One device asks for an access token, and the others use it."""


class PushTransport:
    """Belongs to one event loop; close it at the end."""

    def __init__(self, deadline_s: float | None = None) -> None:
        self._deadline_s = deadline_s or DEADLINE_S
        self._client = HttpClient()
        self._lanes: WeakValueDictionary[PushAccount, _Lane] = WeakValueDictionary()
        """Each as long as a device is under way in it."""

    async def send(self, server: PushAccount, packet: PushPacket, begin: Begin | None = None) -> Result:
        gate = _Gate(begin)
        tries = [self._one(delivery, packet, gate) for delivery in packet.deliveries]
        verdicts = await asyncio.gather(*tries)
        left = any(verdict and verdict.result.result in ("sent", "uncertain") for verdict in verdicts)
        if not left and any(verdict is None for verdict in verdicts):
            return Result("withheld", "")
        whole = [
            verdict or Verdict(result=result_at(delivery.device, "deferred", TOO_LATE))
            for delivery, verdict in zip(packet.deliveries, verdicts, strict=True)
        ]
        own = [delivery.account == server for delivery in packet.deliveries]
        return summed_up(list(zip(whole, own, strict=True)))

    async def _one(self, delivery: PushDelivery, packet: PushPacket, gate: _Gate) -> Verdict | None:
        """What became of it at one device; None when nothing may leave."""
        device, account = delivery.device, delivery.account
        if account is None:
            return Verdict(result=result_at(device, "rejected", UNREACHED))
        began, lane = running_time(), self._lanes.setdefault(account, _Lane())
        try:
            async with lane.beside:
                return await self._asked(delivery, packet, gate, lane, began)
        except Withheld:
            return None
        except (Unsendable, BadUrl) as error:
            return Verdict(result=result_at(device, "rejected", str(error)))
        except Unauthorized as error:
            return Verdict(result=result_at(device, error.kind, str(error)), of_all=True, wait_s=error.wait_s)
        except HttpFailed as error:
            return _unanswered(account, device, error)

    async def _asked(
        self, delivery: PushDelivery, packet: PushPacket, gate: _Gate, lane: _Lane, began: float
    ) -> Verdict:
        account: PushAccount = delivery.account
        device, proof = delivery.device, ""
        for again in (False, True):
            async with lane.proving:
                proof = await self._authorized(account, proof, began)
            try:
                request = account.request(packet, device, proof)
            except (Unsendable, BadUrl):
                raise
            except Exception:  # of a library: nothing has left, and the other devices get theirs
                log.exception("push.unwritten")
                return Verdict(result=result_at(device, "rejected", UNWRITTEN))
            answer = await self._client.request(
                request,
                timeout_s=max(1.0, self._remaining_s(began)),
                most_bytes=MOST_ANSWER,
                whole=False,
                before=gate.enter,
            )
            if again or not account.wants_other_proof(answer):
                break
        try:
            return account.judged(device, answer)
        except Exception:
            log.exception("push.unreadable", status=answer.status)
            text = gettext("The service answered %(status)s, and not as its documentation says.", status=answer.status)
            return Verdict(result=result_at(device, "uncertain" if answer.status < 500 else "deferred", text))

    def _remaining_s(self, began: float) -> float:
        return self._deadline_s - (running_time() - began)

    async def _authorized(self, account: PushAccount, refused: str, began: float) -> str:
        """The proof, within the time that is left: those who waited for others in vain do not wait as long again. Raises Unauthorized."""
        remaining_s = self._remaining_s(began)
        if remaining_s <= 0:
            raise Unauthorized("unavailable", TOO_LATE)
        return await account.authorized(self._client, min(self._deadline_s / 2, remaining_s), refused)

    async def close(self) -> None:
        """Give all connections back."""
        with suppress(Exception):
            await self._client.close()


def _unanswered(account: PushAccount, device: PushDevice, error: HttpFailed) -> Verdict:
    if error.sent:
        return Verdict(result=result_at(device, "uncertain", gettext("%(error)s It may have been taken.", error=error)))
    kind: Any = "unavailable" if account.base_url else "deferred"
    return Verdict(result=result_at(device, kind, str(error)), of_all=bool(account.base_url))


def summed_up(verdicts: Sequence[tuple[Verdict, bool]]) -> Result:
    """What became of the whole message. With each verdict stands whether its account is the one that the message waited for."""
    results = tuple(verdict.result for verdict, _ in verdicts)
    by_kind: dict[str, list[tuple[Verdict, bool]]] = {}
    for verdict, own in verdicts:
        by_kind.setdefault(verdict.result.result, []).append((verdict, own))
    text = _words(results)
    if taken := by_kind.get("sent"):
        ids = [verdict.provider_id for verdict, _ in taken if verdict.provider_id]
        return Result("sent", text, provider_id=ids[0] if ids else "", devices=results)
    if "uncertain" in by_kind:
        return Result("uncertain", text, "unconfirmed", devices=results)
    for verdict, own in (*by_kind.get("misconfigured", ()), *by_kind.get("unavailable", ())):
        if own:  # it says something about the connector that the message waits for
            if verdict.result.result == "misconfigured":
                return Result("misconfigured", verdict.result.text, "connector_paused", devices=results)
            return Result(
                "unavailable",
                verdict.result.text,
                "server_away",
                everyone=verdict.of_all,
                wait_s=verdict.wait_s,
                crowded=verdict.crowded,
                devices=results,
            )
    if later := [*by_kind.get("unavailable", ()), *by_kind.get("deferred", ())]:
        waits = [verdict.wait_s for verdict, _ in later if verdict.wait_s]
        return Result("deferred", text, "deferred", wait_s=max(waits, default=None), devices=results)
    lasting = all(result.result == "gone" for result in results)
    return Result("rejected", text, "unregistered" if lasting else "message_refused", devices=results)


def _words(results: Sequence[Any]) -> str:
    """What happened at each device, as a sentence; only what the services said where none took it."""
    sent = sum(result.result == "sent" for result in results)
    if sent:
        return SENT_OF % {"taken": sent, "all": counted(len(results), "device")}
    texts = dict.fromkeys(result.text for result in results)
    return " ".join(texts)[:900]
