"""Devices that notifications go to, and what became of a message at each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Platform = Literal["web", "android", "ios"]
PLATFORM_WORDS = {"web": "Browser", "android": "Android", "ios": "iOS"}


class PushDevice(msgspec.Struct, frozen=True):
    """A device of a contact. `token`: its registration token, or the endpoint of a browser's subscription, which has `keys`."""

    id: str
    token: str
    platform: Platform
    app: str = ""
    keys: Mapping[str, str] | None = None
    connector_id: str | None = None
    """By which it was registered, if that was said."""

    @property
    def label(self) -> str:
        """What people call it: `Android, Northlight`."""
        word = PLATFORM_WORDS[self.platform]
        return f"{word}, {self.app}" if self.app else word


class DeviceResult(msgspec.Struct, frozen=True, rename="camel"):
    """What became of a message at one device, in a word and a sentence; `gone`: it is removed, because nothing arrives there any more."""

    device_id: str
    platform: Platform
    result: Literal["sent", "gone", "rejected", "deferred", "unavailable", "misconfigured", "uncertain"]
    text: str
    app: str = ""
