"""How much one key, one person or one address may ask of a web process, so that one runaway program does not slow down other clients.

A limit is a bucket that refills evenly (the generic cell rate algorithm: one number for each who asks, nothing to await, and
nothing to clean up but the oldest). Buckets are in the memory of the process: with several web processes each has its own, so a
limit is never tighter than it says, and no other server has to answer before a request may be looked at. The defaults are far
above what an honest sender reaches: they stop loops and guesses, not work.

Answers of the API say how things stand: `RateLimit-Policy: "requests";q=10000;w=10` and `RateLimit: "requests";r=9999;t=1`
(draft-ietf-httpapi-ratelimit-headers), and 429 has `Retry-After`.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooMany
from app.settings import settings
from app.web.client_address import client_address, network_of

MOST_ASKERS = 50_000
"""Buckets that are kept at most; above that the one that was not used for longest is forgotten, which is to say full again."""
OPEN = ("/static/", "/health", "/metrics")
WEBHOOKS, CALLBACKS = "/api/webhooks/", "/api/callbacks/"
"""Where strangers are told apart by the address that they call, and not by the network that they share with others."""
_STATE, _TAKEN = "rate_limits", "throughline.rate_taken"


class RateLimited(TooMany):
    """Too many requests came in a short time, and this one was not looked at. Wait as long as `Retry-After` says, then continue."""

    code = "rate_limited"


class Limit(NamedTuple):
    """`quota` units within `window` seconds, all at once or evenly."""

    name: str
    quota: int
    window: int

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.quota};w={self.window}'


class BucketState(NamedTuple):
    """How a bucket stands after a request: was it let in, units left, seconds until it is full and until the request would fit."""

    allowed: bool
    left: int
    full_in: float
    fits_in: float


class Buckets:
    """The buckets of one limit, by who asks. `clock` counts seconds from anywhere."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self._clock = limit, clock
        self._each = limit.window / limit.quota
        self.raw_name, self.raw_policy = limit.name.encode(), limit.policy.encode()
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def look(self, who: Hashable, cost: int = 1) -> BucketState:
        """How it would be, and nothing is taken."""
        now = self._clock()
        full_at = max(self._full_at.get(who, now), now)
        return self._standing(now, full_at, full_at + cost * self._each)

    def take(self, who: Hashable, cost: int = 1) -> BucketState:
        """Take `cost` units when they are there. What is refused takes nothing, so who waits is let in."""
        now = self._clock()
        full_at = max(self._full_at.get(who, now), now)
        after = full_at + min(cost, self.limit.quota) * self._each
        state = self._standing(now, full_at, after)
        if state.allowed:
            self._full_at[who] = after
            self._full_at.move_to_end(who)
            while len(self._full_at) > MOST_ASKERS:
                self._full_at.popitem(last=False)
        return state

    def _standing(self, now: float, full_at: float, after: float) -> BucketState:
        excess_s = after - now - self.limit.window
        allowed = excess_s <= 1e-9
        at = after if allowed else full_at
        remaining = math.floor((self.limit.window - (at - now)) / self._each + 1e-6)
        return BucketState(allowed, max(remaining, 0), at - now, max(excess_s, 0.0))


@dataclass
class Limits:
    """The limits of one web process."""

    requests: Buckets
    events: Buckets
    addresses: Buckets
    webhooks: Buckets = field(default_factory=lambda: Buckets(Limit("webhook", settings().web.rate_webhooks * 10, 10)))
    """By address that programs call, so that one that is flooded slows nobody else down."""
    wrong_webhooks: Buckets = field(default_factory=lambda: Buckets(Limit("wrong-webhook", 60, 60)))
    """By network: calls of addresses that are none."""
    new_devices: Buckets = field(default_factory=lambda: Buckets(Limit("new-device", 20, 3600)))
    """By contact: browsers that are registered with what proves to be the contact's, and were not there before."""

    @classmethod
    def of_settings(cls) -> Limits:
        web = settings().web
        return cls(
            requests=Buckets(Limit("requests", web.rate_requests * 10, 10)),
            events=Buckets(Limit("events", web.rate_events * 10, 10)),
            addresses=Buckets(Limit("address", web.rate_addresses, 60)),
        )

    def __post_init__(self) -> None:
        self._known: OrderedDict[int, None] = OrderedDict()

    def know(self, credential: int, good: bool) -> None:
        """Who came in a moment ago is not counted among the strangers of an address."""
        if not good:
            self._known.pop(credential, None)
            return
        self._known[credential] = None
        self._known.move_to_end(credential)
        while len(self._known) > MOST_ASKERS:
            self._known.popitem(last=False)

    def knows(self, credential: int) -> bool:
        return credential in self._known


def limits_of(app: Litestar) -> Limits:
    """The limits of a web process, made at first use."""
    state = app.state
    limits: Limits | None = state.get(_STATE)
    if limits is None:
        limits = state[_STATE] = Limits.of_settings()
    return limits


def _credential(scope: Scope) -> int:
    """Tells one key or cookie from another without keeping it; Python's hash of bytes is salted for each process."""
    headers = ASGIConnection[Any, Any, Any, Any](scope).headers
    return hash((headers.get("authorization", ""), headers.get("cookie", "")))


def _address(scope: Scope) -> str:
    return network_of(client_address(scope))


def _refuse(buckets: Buckets, state: BucketState) -> RateLimited:
    wait = max(1, math.ceil(state.fits_in))
    return RateLimited(retry_after=wait, headers=_headers(buckets, state))


def _headers(buckets: Buckets, state: BucketState) -> dict[str, str]:
    names = ("RateLimit-Policy", "RateLimit")
    return {name: value.decode() for name, (_, value) in zip(names, raw_headers(buckets, state), strict=True)}


def asker_of(principal: Any) -> str:
    """By what name its buckets are kept."""
    return f"{principal.kind}:{principal.id}"


def take_ahead(scope: Scope, buckets: Buckets, asker: str) -> BucketState:
    """For a route before the framework: take a unit for `asker` now. Whatever becomes of the request, `RateLimits` takes no second one."""
    state = buckets.take(asker)
    if state.allowed:
        cast("dict[str, Any]", scope)[_TAKEN] = state
    return state


class StrangersLimit:
    """ASGI middleware, outside `Authentication`: an address whose strangers asked too often asks the database nothing more."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and not scope["path"].startswith((*OPEN, WEBHOOKS, CALLBACKS)):
            limits = limits_of(scope["litestar_app"])
            if not limits.knows(_credential(scope)):
                state = limits.addresses.look(_address(scope))
                if not state.allowed:
                    raise _refuse(limits.addresses, state)
        await self.app(scope, receive, send)


class RateLimits:
    """ASGI middleware, inside `Authentication`: takes a token from the client's bucket, and adds rate limit headers for programs.

    A handler that costs much says `cost=20`; the one that takes events says `rate="events"`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(OPEN):
            await self.app(scope, receive, send)
            return
        limits, principal = limits_of(scope["litestar_app"]), cast("Any", scope.get("user"))
        limits.know(_credential(scope), principal is not None)
        opt, taken = scope["route_handler"].opt, cast("dict[str, Any]", scope).pop(_TAKEN, None)
        if scope["path"].startswith((WEBHOOKS, CALLBACKS)):
            refuse_wrong_webhooks(scope, cost=0)
            buckets, who, taken = limits.webhooks, scope["path"], None
        elif principal is None:
            buckets, who, taken = limits.addresses, _address(scope), None
        else:
            buckets = limits.events if opt.get("rate") == "events" else limits.requests
            who = asker_of(principal)
        state = taken or buckets.take(who, opt.get("cost", 1))
        if not state.allowed:
            raise _refuse(buckets, state)
        shows_limits = principal is not None and scope["path"].startswith("/api/")
        await self.app(scope, receive, _with_headers(send, raw_headers(buckets, state)) if shows_limits else send)


def refuse_wrong_webhooks(scope: Scope, cost: int = 1) -> None:
    """Count a call of an address that is none (`cost` 0: only look). Raises RateLimited when its network calls too many such."""
    limits, network = limits_of(scope["litestar_app"]), _address(scope)
    buckets = limits.wrong_webhooks
    state = buckets.take(network, cost) if cost else buckets.look(network)
    if not state.allowed:
        raise _refuse(buckets, state)


def refuse_new_devices(scope: Scope, contact: Hashable) -> None:
    """Count a new device that a page registered for a contact. Raises RateLimited when there were too many, so that it is not kept."""
    buckets = limits_of(scope["litestar_app"]).new_devices
    state = buckets.take(contact)
    if not state.allowed:
        raise _refuse(buckets, state)


def raw_headers(buckets: Buckets, state: BucketState) -> list[tuple[bytes, bytes]]:
    """How things stand, as an answer of the API says it."""
    standing = b'"%b";r=%d;t=%d' % (buckets.raw_name, state.left, math.ceil(state.full_in))
    return [(b"ratelimit-policy", buckets.raw_policy), (b"ratelimit", standing)]


def _with_headers(send: Send, raw: list[tuple[bytes, bytes]]) -> Send:

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *raw]
        await send(message)

    return send_with_headers
