"""Settings of the operator's buses: NATS, and streams of Redis. `app.settings` reads them with all others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,60}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
NONE = "none"
ALL = "all"


@dataclass(frozen=True)
class NatsSettings:
    """A NATS with JetStream."""

    servers: tuple[str, ...] = field(default=(), repr=False)
    """`nats://user:password@host:4222` or `tls://…`, of one cluster. Empty: no NATS."""
    credentials: str = ""
    """The path of a file with a user's JWT and seed."""
    authority: str = ""
    """The path of certificates that servers are checked by, where the machine does not know their issuer."""
    types: tuple[str, ...] = ()
    """Types of events that are told; empty: all but one for each step; `all`: really all."""
    workspaces: Mapping[str, str] = field(default_factory=dict)
    """Tokens of subjects, with the short name of the workspace of each. Empty: all workspaces, without a token."""
    publish_prefix: str = ""
    subscribe_prefix: str = "inbound"
    subscribe: bool = True


@dataclass(frozen=True)
class RedisStreamSettings:
    """A stream of a Redis or Valkey."""

    url: str = field(default="", repr=False)
    """Empty: no stream."""
    stream: str = "throughline:events"
    longest: int = 10_000
    """Entries, about: older ones go."""
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class BusSettings:
    """All buses."""

    nats: NatsSettings = field(default_factory=NatsSettings)
    redis: RedisStreamSettings = field(default_factory=RedisStreamSettings)


def read_bus(setting: Callable[[str], str]) -> BusSettings:
    """Read them; `setting` gives a variable or "". Raises ValueError that names the variable and the mend."""
    return BusSettings(_nats(setting), _redis(setting))


def _nats(setting: Callable[[str], str]) -> NatsSettings:
    servers = _list(setting("NATS_URL"))
    for server in servers:
        if not re.match(r"(nats|tls|ws|wss)://[^/]", server):
            raise ValueError("NATS_URL must be addresses like nats://host:4222 or tls://host:4222, with commas.")
    publish = _prefix("NATS_PUBLISH_PREFIX", setting("NATS_PUBLISH_PREFIX") or NONE)
    subscribe = _prefix("NATS_SUBSCRIBE_PREFIX", setting("NATS_SUBSCRIBE_PREFIX") or "inbound")
    switch = setting("NATS_SUBSCRIBE").lower() or "on"
    if switch not in ("on", "off"):
        raise ValueError(f"NATS_SUBSCRIBE must be on or off, not {switch!r}.")
    if switch == "on" and publish == subscribe:
        raise ValueError(
            "NATS_PUBLISH_PREFIX and NATS_SUBSCRIBE_PREFIX are the same, so the product would hear itself. Change one of them."
        )
    return NatsSettings(
        servers=servers,
        credentials=setting("NATS_CREDS"),
        authority=setting("NATS_CA"),
        types=_list(setting("NATS_TYPES")),
        workspaces=_workspaces(setting("NATS_WORKSPACES")),
        publish_prefix=publish,
        subscribe_prefix=subscribe,
        subscribe=switch == "on",
    )


def _redis(setting: Callable[[str], str]) -> RedisStreamSettings:
    url = setting("EVENTS_REDIS_URL")
    if url == "on":
        url = setting("REDIS_URL")
        if not url:
            raise ValueError("EVENTS_REDIS_URL is on, and there is no REDIS_URL. Set one of them to redis://….")
    if url and not re.match(r"(redis|rediss|unix)://", url):
        raise ValueError(
            "EVENTS_REDIS_URL must be an address like redis://host:6379/0, or on for the one of REDIS_URL."
        )
    longest = setting("EVENTS_REDIS_LENGTH") or "10000"
    if not longest.isdigit() or not 1_000 <= int(longest) <= 100_000_000:
        raise ValueError(f"EVENTS_REDIS_LENGTH must be a whole number from 1000 to 100000000, not {longest!r}.")
    return RedisStreamSettings(
        url=url,
        stream=setting("EVENTS_REDIS_STREAM") or "throughline:events",
        longest=int(longest),
        types=_list(setting("EVENTS_REDIS_TYPES")),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _prefix(name: str, text: str) -> str:
    if text == NONE:
        return ""
    if not _PREFIX.fullmatch(text):
        raise ValueError(f"{name} must be tokens like events.throughline, or none, not {text!r}.")
    return text


def _workspaces(text: str) -> dict[str, str]:
    pairs = dict[str, str]()
    for part in _list(text):
        token, _, slug = part.partition("=")
        if not _TOKEN.fullmatch(token) or token in pairs or not (slug or "=" not in part):
            raise ValueError(
                f"NATS_WORKSPACES must be tokens with the short name of a workspace each, like shop=acme-shop, each once; {part!r} is not."
            )
        pairs[token] = slug or token
    return pairs
