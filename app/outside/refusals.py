"""What an answer of 401 says: that the credentials of its connector are refused, or that this request is.

Sure are the service's own word for it (RFC 6750: `invalid_token`) and the connector's own test, which is made then, once a minute at most.
Where neither is there, the request is noted, and several in a row count (`connectors.call_signs`).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

from app.flow.performers import ServiceSign
from app.lib import clock
from app.lib.http_client import HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl
from app.lib.translation import translatable
from app.messaging.channels.http.account import BadCredentials, HttpAccount

FRESH_S, REMEMBERED = 60.0, 1_000
LONGEST_S = 5.0
WORDS = translatable("The service refused the credentials: it answered 401 Unauthorized.")


class _Shown(NamedTuple):
    """Which credentials a test showed: another secret or token is another test."""

    tenant_id: int
    connector_id: UUID
    account: HttpAccount
    token: str


class Refusals:
    """Tests of one worker's connectors. Requests that are refused side by side wait for one test."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._tests: OrderedDict[_Shown, tuple[float, asyncio.Task[bool | None]]] = OrderedDict()

    async def sign(
        self,
        key: tuple[int, UUID],
        account: HttpAccount,
        token: str,
        request: HttpRequest,
        answer: HttpAnswer,
        end: float,
        step: str,
    ) -> ServiceSign:
        """What the 401 that answered `request` of a `step` says of the service. `end`: until when (monotonic) there is time to ask."""
        test = _test_of(account, token)
        if names_token(answer) or (test is not None and is_same(test, request)):
            return ServiceSign(False, WORDS, refused=True, again=True)
        refused = await self._tested(_Shown(*key, account, token), test, end - time.monotonic()) if test else None
        if refused is None:
            return ServiceSign(False, WORDS, doubted=asker_digest(step), again=True)
        return ServiceSign(not refused, WORDS if refused else "", refused=refused, again=refused)

    async def _tested(self, shown: _Shown, test: HttpRequest, seconds: float) -> bool | None:
        at, task = self._tests.get(shown, (0.0, None))
        if task is None or time.monotonic() - at > FRESH_S:
            task = asyncio.create_task(self._is_refused(test))
            self._tests[shown] = time.monotonic(), task
            self._tests.move_to_end(shown)
            while len(self._tests) > REMEMBERED:
                self._tests.popitem(last=False)
        finished, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
        return task.result() if finished else None

    async def _is_refused(self, test: HttpRequest) -> bool | None:
        try:
            answer = await self._client.request(test, timeout_s=LONGEST_S, most_bytes=8_000)
        except HttpFailed:
            return None
        return None if answer.status >= 500 else answer.status == 401

    async def close(self) -> None:
        """No more calls come."""
        for _, task in self._tests.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in self._tests.values()), return_exceptions=True)


def names_token(answer: HttpAnswer) -> bool:
    """Does the service say that it is the token?"""
    return "invalid_token" in answer.header("www-authenticate")


def asker_digest(step: str) -> str:
    """Who asks, a step or a trigger: what it asks for differs with each contact, though it is one resource that its token may not read."""
    return hashlib.sha256(step.encode()).hexdigest()[:16]


def is_same(test: HttpRequest, request: HttpRequest) -> bool:
    """Is the request the connector's own test?"""
    return request.method == test.method and str(request.url) == str(test.url)


def _test_of(account: HttpAccount, token: str) -> HttpRequest | None:
    if not account.test_path:
        return None
    try:
        private = account.headers("test", clock.now(), b"", token)
        return HttpRequest(
            "GET",
            account.url_of(account.test_path),
            (("User-Agent", "Throughline"), ("Accept", "*/*"), *private),
            b"",
            frozenset(name.lower() for name, _ in private),
        )
    except (BadUrl, BadCredentials):
        return None
