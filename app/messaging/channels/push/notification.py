"""A notification as it leaves, and the accounts by which it does: one for each connector, which reach devices of their kind."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from app.lib.http_client import HttpAnswer, HttpClient, HttpRequest
from app.messaging.channels.devices import DeviceResult, PushDevice
from app.messaging.channels.http_api import ApiAccount
from app.messaging.channels.parts import Parts


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What a device shows: `link` is what a tap opens, `data` what the app gets with it. `ttl_s`: for how long a service keeps it."""

    title: str
    text: str
    link: str = ""
    image: str = ""
    data: tuple[tuple[str, str], ...] = ()
    collapse_key: str = ""
    ttl_s: int = 0
    urgency: str = "normal"


def notification_of(filled: Parts) -> Notification:
    """What a filled template says."""
    content = filled.content
    return Notification(
        title=filled.subject,
        text=filled.text,
        link=content["link"],
        image=content["image"],
        data=tuple((one["key"], one["value"]) for one in content["data"]),
        collapse_key=content["collapseKey"],
        ttl_s=int(content["ttl"]),
        urgency=content["urgency"],
    )


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a notification at one device. `of_all`: the service would have said the same about any other."""

    result: DeviceResult
    provider_id: str = ""
    wait_s: float | None = None
    of_all: bool = False
    crowded: bool = False


class PushAccount(ApiAccount, frozen=True, kw_only=True):
    """A connector ready for use. `report_to`: where devices report what became of a notification; empty where nothing is reported."""

    report_to: str = ""

    def reaches(self, device: PushDevice) -> bool:
        """Is it a device of this service?"""
        raise NotImplementedError

    async def authorized(self, client: HttpClient, timeout_s: float, refused: str = "") -> str:
        """What proves who we are, as each request needs it; another one than `refused`. Raises Unauthorized."""
        return ""

    def request(self, packet: PushPacket, device: PushDevice, proof: str) -> HttpRequest:
        """The request that shows it on this device. Raises Unsendable, BadUrl."""
        raise NotImplementedError

    def judged(self, device: PushDevice, answer: HttpAnswer) -> Verdict:
        """What an answer says. Raises what a strange body makes it raise."""
        raise NotImplementedError

    def wants_other_proof(self, answer: HttpAnswer) -> bool:
        """Is the proof too old? Then nothing was done, and the request is made once more with another one."""
        return False


class Unauthorized(Exception):
    """The service did not give us an access token: what that says about every device."""

    def __init__(self, kind: str, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.kind, self.wait_s = kind, wait_s


class PushDelivery(msgspec.Struct, frozen=True):
    """One device, and by which account it is reached; None when none of those that may be used reaches it."""

    device: PushDevice
    account: Any


class PushPacket(msgspec.Struct, frozen=True, kw_only=True):
    """A notification on its way to each device of a contact. `recipient`: whom it is for."""

    id: str
    recipient: str
    notification: Notification
    deliveries: tuple[PushDelivery, ...] = ()
    report_to: str = ""
    secret: str = ""
    """Of the connector that reports are about: it signs their addresses."""
    expires_at: int = 0
    """Until when a device that is off may still get it, in seconds since 1970."""

    def report_url(self, device: PushDevice) -> str:
        """Where this device reports that it showed the notification, and that somebody opened it; empty where nothing is reported."""
        if not self.report_to:
            return ""
        return f"{self.report_to}?m={self.id}&d={device.id}&s={report_signature(self.secret, self.id, device.id)}"


def report_signature(secret: str, message_id: str, device_id: str) -> str:
    """What proves that a report is about a notification that this connector sent to this device."""
    key = hashlib.sha256(f"push report\n{secret}".encode()).digest()
    digest = hmac.digest(key, f"{message_id}\n{device_id}".encode(), "sha256")[:18]
    return base64.urlsafe_b64encode(digest).decode()


def result_at(device: PushDevice, result: Any, text: str) -> DeviceResult:
    """What became of it at a device, as it is stored with the message."""
    return DeviceResult(device_id=device.id, platform=device.platform, app=device.app, result=result, text=text)


def devices_in(values: Any) -> list[PushDevice]:
    """The devices in `contact["devices"]`; those that are not as they should be are left out."""
    devices = []
    for value in values or ():
        try:
            devices.append(value if isinstance(value, PushDevice) else msgspec.convert(dict(value), PushDevice))
        except (msgspec.ValidationError, TypeError, ValueError):
            continue
    return devices


def account_for(device: PushDevice, accounts: Mapping[str, PushAccount]) -> PushAccount | None:
    """By which of these connectors, by id, a device is reached: the one that it was registered by, else the first of its service."""
    if device.connector_id and (account := accounts.get(device.connector_id)) is not None:
        return account if account.reaches(device) else None
    if device.connector_id and device.keys:
        return None  # a browser's subscription holds for the key of one connector
    return next((account for account in accounts.values() if account.reaches(device)), None)
