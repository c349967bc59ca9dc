"""Test messages: one message to one address, now, for the buttons of connectors and templates.

The rules are those of every message: the address must be permitted, the provider reachable. All reads happen first, then the transaction
ends, so that no connection or lock is held while waiting for the provider.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.access_tokens import AccessTokens
from app.connectors.condition import condition_of, note
from app.connectors.schemas import TestResult
from app.connectors.senders import sender_of
from app.errors import TooMany
from app.lib import crypto, database, held_connections
from app.lib.addresses import BadAddress
from app.lib.http_client import HttpClient
from app.lib.http_url import BadUrl
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType, Unsendable
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.messaging.channels.http.oauth2 import NoToken
from app.messaging.channels.parts import Parts
from app.messaging.channels.result import Result
from app.messaging.channels.service import ServiceType
from app.models import Connector
from app.subscriptions.repository import devices_at
from app.subscriptions.service import permission_at

DEADLINE_S = 8.0
"""Time limit: a person waits at the page."""
A_MINUTE = 10
"""Test messages of one user or API key; more looks like a scan of addresses or ports."""
_REMEMBERED = 1_000
_WORDS = {"unavailable": "away"}
"""Words of the API for kinds of results: that of a server that cannot be used is the one of the connector's state."""


class Turns:
    """Who may make a test now: one at a time, and `a_minute` (A_MINUTE) in a minute. Of this process; the least recent are forgotten."""

    def __init__(self, now: Callable[[], float] = time.monotonic, a_minute: int | None = None) -> None:
        self._now, self._a_minute = now, a_minute
        self._tries: OrderedDict[object, deque[float]] = OrderedDict()
        self._busy: set[object] = set()

    @contextmanager
    def take(self, who: object) -> Iterator[None]:
        """Around one test message. Raises TooMany with `retry_after` seconds."""
        if who in self._busy:
            raise TooMany(gettext("Another test of yours is under way. Wait until it has its answer."), retry_after=2)
        now, tries = self._now(), self._tries.setdefault(who, deque())
        while tries and tries[0] <= now - 60:
            tries.popleft()
        a_minute = A_MINUTE if self._a_minute is None else self._a_minute
        if len(tries) >= a_minute:
            raise TooMany(
                gettext("You may send %(a_minute)s tests a minute. Wait a moment.", a_minute=a_minute),
                retry_after=int(tries[0] + 61 - now),
            )
        tries.append(now)
        self._tries.move_to_end(who)
        while len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        self._busy.add(who)
        try:
            yield
        finally:
            self._busy.discard(who)


turns = Turns()


async def send_trial(
    session: AsyncSession,
    principal: Principal,
    connector: Connector,
    to: str,
    parts: Parts | None = None,
    options: Mapping[str, Any] | None = None,
) -> TestResult:
    """Send a short message to `to` and describe the outcome in a sentence. Raises Invalid, TooMany.

    `parts`: what it says instead of that the connector works; `options`: of the step whose message it is. What was changed in `session` is
    committed before it leaves.
    """
    kind = registry.connector_types().get(connector.type)
    if kind is None:
        return TestResult(
            "misconfigured", gettext("Connectors of the type %(type)s are not installed here.", type=connector.type)
        )
    if issubclass(kind, ServiceType):
        return await _try_service(session, principal, connector, kind)
    channel = registry.channel_of(connector.type)
    recipient = channel.recipient_of(channel.in_country(to, principal.country))
    may = await permission_at(session, principal.tenant_id, recipient, channel)
    if not may.allowed:
        return TestResult("rejected", gettext("%(sentence)s Tests do not go there either.", sentence=may.sentence))
    with turns.take((principal.tenant_id, principal.kind, principal.id)):
        condition = condition_of(connector)
        composed = _composed(channel, kind, connector, parts, options or {}, recipient)
        if isinstance(composed, TestResult):
            return composed
        sender, packet = composed
        if channel.to_devices:
            devices = await devices_at(session, principal.tenant_id, recipient)
            try:
                packet = channel.for_devices(packet, sender, devices)
            except Unsendable as error:
                return TestResult("rejected", str(error))
        await held_connections.release_connection(session)
        transport = kind.transport(DEADLINE_S)
        try:
            with database.outside_call(f"a {kind.form.title.lower()}"):
                result = await transport.send(sender.server, packet)
        finally:
            await transport.close()
        await note(session, condition, result)
    return TestResult(_WORDS.get(result.kind, result.kind), result.text)


def _composed(
    channel: type[ChannelType],
    kind: type[ConnectorType],
    connector: Connector,
    parts: Parts | None,
    options: Mapping[str, Any],
    recipient: str,
) -> tuple[Any, Any] | TestResult:
    """The sender and the message; or why there is none."""
    try:
        own = sender_of(connector.type, connector.id, connector.config, connector.secret)
        sender = channel.sender_for(own, options)
        return sender, channel.sample(parts or _greeting(channel, connector.name), sender, recipient)
    except crypto.CannotUnseal:
        text = gettext(
            "The %(secret_word)s of the connector cannot be read. An admin can enter it again.",
            secret_word=gettext(kind.secret_word),
        )
        return TestResult("misconfigured", text)
    except BadAddress:
        return TestResult(
            "misconfigured",
            gettext("The sender's address of the connector cannot be used. An admin can change it."),
        )


async def _try_service(
    session: AsyncSession, principal: Principal, connector: Connector, kind: type[ServiceType]
) -> TestResult:
    with turns.take((principal.tenant_id, principal.kind, principal.id)):
        condition = condition_of(connector)
        try:
            account = sender_of(connector.type, connector.id, connector.config, connector.secret).server
        except crypto.CannotUnseal:
            return TestResult(
                "misconfigured",
                gettext(
                    "The %(secret_word)s of the connector cannot be read. An admin can enter it again.",
                    secret_word=gettext(kind.secret_word),
                ),
            )
        await held_connections.release_connection(session)
        with database.outside_call(f"a {kind.form.title.lower()}"):
            try:
                account = await with_token(principal.tenant_id, connector.id, account, DEADLINE_S)
                result, text = await kind.tried(account, DEADLINE_S)
            except NoToken as error:
                result, text = "misconfigured" if error.refused else "away", str(error)
        answers = result == "sent" or (result == "rejected" and condition.state == "away")
        if answers and condition.state != "ok":  # what waits need not wait for the next probe
            await note(session, condition, Result("sent", text))
        elif result == "misconfigured" and condition.state == "ok":
            await note(session, condition, Result("misconfigured", text, "connector_paused"))
    return TestResult(result, text)


async def with_token(tenant_id: int, connector_id: UUID, account: Any, seconds: float) -> Any:
    """The account of a service with the access token that calls bear now, where a person consented to it. Raises NoToken.

    Not one of its own: a service may give a new refresh token with each, and take none of before.
    """
    if not isinstance(account, HttpAccount) or not account.consent_terms:
        return account
    client = HttpClient(connections=1)
    tokens = AccessTokens(client)
    try:
        token = await asyncio.wait_for(tokens.token(tenant_id, connector_id, account), seconds)
    except (BadUrl, BadCredentials) as error:
        raise NoToken(str(error), refused=True) from error
    except (TimeoutError, psycopg.OperationalError) as error:
        raise NoToken(gettext("No access token: the token address did not answer in time."), refused=False) from error
    finally:
        await tokens.close()
        await client.close()
    return msgspec.structs.replace(account, token=token)


def _greeting(channel: type[ChannelType], name: str) -> Parts:
    text = gettext(
        "This %(noun)s came through the connector “%(name)s”. If you can read it, your workflows can send too.\n",
        noun=gettext(channel.noun),
        name=name,
    )
    return Parts("A test from Throughline", "", text)
