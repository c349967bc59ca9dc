"""Every place of the product that calls a server that a user names. One that is not here fails `test_contained`.

A place gets a URL as it stands in the table, past the checks of its form, calls it, and answers what people are told of it. Connector types
come from the registry: each of their fields that holds an address is a place by itself.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives import serialization
from pytest import MonkeyPatch

from app.connectors import access_tokens, consent
from app.connectors import trial as connector_trial
from app.connectors.grants import Grant
from app.connectors.service import settings_of
from app.connectors.token_repository import StoredToken
from app.errors import Invalid
from app.flow.outcomes import Call
from app.flow.performers import CallFailed, CallUncertain, PlacedCall, RecordedAnswer
from app.flow.row_poll import RowPoll
from app.lib.http_url import read_url
from app.messaging.channels import presentation, registry, sns
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.http.account import HttpAccount
from app.messaging.channels.http.oauth2 import NoToken
from app.messaging.channels.parts import Parts
from app.messaging.channels.push import google_tokens, web_push
from app.messaging.channels.push.channel import PushChannel
from app.messaging.channels.push.fcm import FcmConnector
from app.messaging.channels.reports import NotVerified
from app.messaging.channels.service import ServiceType
from app.messaging.channels.slack.account import SlackAccount
from app.outside import trials
from app.outside.http_performer import HttpPerformer
from app.outside.slack_performer import SlackPerformer
from app.polls import sources
from app.webhook_endpoints.http_post import opened_client, post
from tests.fixtures.hostile_urls import HOSTS
from tests.messaging.push_services.fake import EMAIL, PROJECT, Browser, rsa_key

Fetch = Callable[[str, float], Awaitable[str]]
SOMEBODY = UUID(int=7)
RECIPIENTS = {"email": "ada@example.com", "phone": "+4930555000", "external_id": "ada-1"}
_REQUEST: dict[str, Any] = {
    "method": "GET", "headers": [], "body": "", "redirects": True, "repeat": True, "expects": ["2xx"], "connectorId": None,
    "shown": {"method": "GET", "url": "-", "headers": {}},
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """`fetch(url, seconds)` calls it, with so much time, and answers the words. `modules`: where its connections are opened.

    `only`: what it is tried with instead of URLs. `bound`: it calls certain servers alone, whatever it is asked for, so no local one can
    play them.
    """

    name: str
    modules: tuple[str, ...]
    fetch: Fetch
    only: list[str] = field(default_factory=list)
    bound: bool = False


OPERATORS = {
    "app/event_sinks/nats_connection.py": "NATS_URL: whoever runs the installation says where it is",
    "app/event_sinks/redis_transport.py": "EVENTS_REDIS_URL: likewise",
    "app/lib/database.py": "DATABASE_URL: likewise",
    "app/lib/egress.py": "the guard",
    "app/lib/http_connections.py": "the connections of the client that every place has, behind the guard",
    "app/lib/jobs.py": "REDIS_URL: likewise",
    "app/live/presence.py": "REDIS_URL: likewise",
    "app/local/": "servers that local mode starts on this machine",
    "app/ops/": "commands of whoever runs the installation",
    "app/web/file_places.py": "REDIS_URL: likewise",
    "app/web/connection_close.py": "a connection that somebody else has opened",
}
"""Modules, and packages with a slash, that open connections to where no user sends them, and why."""


def place_of(kind: str, request: dict[str, Any], seconds: float) -> PlacedCall:
    return PlacedCall(1, SOMEBODY, SOMEBODY, "a", 1, 1, kind, "-", request, seconds + 0.25)  # type: ignore[arg-type]


async def performed(performer: Any, call: PlacedCall) -> str:
    try:
        answer = await performer.perform(call)
    except (CallFailed, CallUncertain) as error:
        return str(error)
    finally:
        await performer.close()
    return f"Answered {answer.value}." if isinstance(answer, RecordedAnswer) else str(answer)


class OneAccount:
    """The connector of a call, whatever its id."""

    def __init__(self, account: Any) -> None:
        self._account = account

    async def account(self, *_: Any) -> Any:
        return self._account

    def close(self) -> None:
        pass


async def step(url: str, seconds: float) -> str:
    return await performed(HttpPerformer(), place_of("http", {**_REQUEST, "url": url}, seconds))


async def step_by_connector(url: str, seconds: float) -> str:
    performer = HttpPerformer()
    performer._connectors = OneAccount(HttpAccount(base_url=url, auth="bearer", secret="t0ken"))  # type: ignore[assignment]
    request = {**_REQUEST, "url": "", "connectorId": str(SOMEBODY)}
    return await performed(performer, place_of("http", request, seconds))


async def slack_step(account: SlackAccount, seconds: float) -> str:
    performer = SlackPerformer()
    performer._connectors = OneAccount(account)  # type: ignore[assignment]
    request = {"connectorId": str(SOMEBODY), "message": {"text": "Hi"}, "shown": {}}
    return await performed(performer, place_of("slack.message", request, seconds))


async def slack_webhook_step(url: str, seconds: float) -> str:
    return await slack_step(SlackAccount(webhook_url=url), seconds)


async def slack_app_step(url: str, seconds: float) -> str:
    return await slack_step(SlackAccount(base_url=url, token="xoxb-1", channel="#a"), seconds)


async def trial(url: str, seconds: float) -> str:
    class Session:
        """It has read all that it needs."""

        sync_session = type("Sync", (), {"info": {}})

        async def commit(self) -> None:
            pass

    who = type("Who", (), {"tenant_id": 1, "kind": "user", "id": object()})()
    with MonkeyPatch.context() as patch:
        patch.setattr(trials, "LONGEST_S", seconds)
        call = Call("http", {**_REQUEST, "url": url})
        exchange = await trials.RequestTrials(Session(), who).send(call, SOMEBODY, "a")  # type: ignore[arg-type]
    return exchange.error or f"Answered {exchange.response}."


async def webhook_endpoint(url: str, seconds: float) -> str:
    async with opened_client() as client:
        reply = await post(client, url, {"webhook-id": "1"}, b"{}", seconds)
    return reply.error or f"Answered {reply.http_status}."


async def amazon(url: str, seconds: float) -> str:
    try:
        await sns.confirm_subscription({"SubscribeURL": url})
    except NotVerified as error:
        return str(error) or str(error.__doc__)
    return "Confirmed."


async def poll(url: str, seconds: float) -> str:
    return await polled(url, seconds)


async def poll_by_connector(url: str, seconds: float) -> str:
    return await polled("", seconds, HttpAccount(base_url=url, auth="bearer", secret="t0ken"))


async def polled(url: str, seconds: float, account: HttpAccount | None = None) -> str:
    """As a trial asks: what it says about the connector is not stored."""
    wanted = RowPoll(
        connector_id=SOMEBODY if account else None, url=url, query="", items="$", every_s=60, id="id", cursor=None,
        occurred_at="", first="new", reception=None,  # type: ignore[arg-type]
    )  # fmt: skip
    source = sources.PollSources()
    source._connectors = OneAccount(account)  # type: ignore[assignment]
    with MonkeyPatch.context() as patch:
        patch.setattr(sources, "HTTP_S", seconds)
        try:
            return f"Answered {await source.ask(1, wanted, None, newest=5)}."
        except sources.PollFailed as error:
            return str(error)
        finally:
            await source.close()


def service_account(token_uri: str) -> str:
    pem = rsa_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {"client_email": EMAIL, "private_key": pem.decode(), "project_id": PROJECT, "token_uri": token_uri}
    return json.dumps(key)


async def notified(
    kind: type[ConnectorType], settings: dict[str, Any], secret: str, device: PushDevice, seconds: float
) -> str:
    sender, transport = kind.sender(SOMEBODY, settings, secret), kind.transport(seconds)
    try:
        sample = PushChannel.sample(Parts("A test", "", "It works."), sender, "ada-1")
        packet = PushChannel.for_devices(sample, sender, [device])
        return str((await transport.send(sender.server, packet)).text)
    finally:
        await transport.close()


PHONE = PushDevice(id=str(SOMEBODY), token="token-1", platform="android")


async def firebase(url: str, seconds: float) -> str:
    """With an access token that Google gave before."""
    account = service_account("https://oauth2.googleapis.com/token")
    known = {hashlib.sha256(account.encode()).digest(): google_tokens._CachedToken("t", math.inf)}
    with MonkeyPatch.context() as patch:
        patch.setattr(google_tokens, "_tokens", known)
        return await notified(FcmConnector, {"baseUrl": url, "projectId": PROJECT}, account, PHONE, seconds)


async def firebase_token(url: str, seconds: float) -> str:
    """The key says where access tokens are given out; who calls looks at that once more, which is passed by here."""

    def unchecked(text: str) -> google_tokens.ServiceAccount:
        return msgspec.json.decode(text, type=google_tokens.ServiceAccount)

    google_tokens.forget_tokens()
    with MonkeyPatch.context() as patch:
        patch.setattr(google_tokens, "read_service_account", unchecked)
        settings = {"baseUrl": "http://127.0.0.1:1", "projectId": PROJECT}
        try:
            return await notified(FcmConnector, settings, service_account(url), PHONE, seconds)
        finally:
            google_tokens.forget_tokens()


async def browser(url: str, seconds: float) -> str:
    """The browser says where it is reached; who calls looks at that once more, which is passed by here, and so is the signature: the
    library that makes it knows no server by an IPv6 address."""
    device = PushDevice(id=str(SOMEBODY), token=url, platform="web", keys=Browser(url).keys)
    settings = {"contact": "mailto:push@example.com", "origins": "https://www.example.com"}
    with MonkeyPatch.context() as patch:
        patch.setattr(web_push, "push_endpoint", read_url)
        patch.setattr(web_push, "vapid_header", lambda *_: "vapid t=t,k=k")
        return await notified(web_push.WebPushConnector, settings, web_push.new_private_key(), device, seconds)


def consenting(url: str) -> HttpAccount:
    return HttpAccount(
        base_url="https://api.example.com",
        auth="oauth2_code",
        secret="s3cret",
        token_url=url,
        client_id="c",
        authorize_url="https://a.example",
    )


async def code_of_consent(url: str, seconds: float) -> str:
    with MonkeyPatch.context() as patch:
        patch.setattr(consent, "EXCHANGE_S", seconds)
        try:
            return f"Answered {await consent._exchanged(consenting(url), 'c0de', 'verifier')}."
        except consent.NoConsent as error:
            return error.message


class OneGrant:
    """The rows of a consent that nobody has renewed yet."""

    def read(self, *_: Any) -> StoredToken:
        return StoredToken("", False, None)

    def grant(self, *_: Any) -> Grant:
        return Grant(refresh="r3fresh")

    def lease(self, *_: Any) -> bool:
        return True

    def store_grant(self, *_: Any) -> bool:
        return True

    def give_back(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        pass


async def renewed_consent(url: str, seconds: float) -> str:
    with MonkeyPatch.context() as patch:
        patch.setattr(access_tokens, "TokenRepository", OneGrant)
        patch.setattr(access_tokens, "FETCH_S", seconds)
        try:
            return f"Answered {(await connector_trial.with_token(1, SOMEBODY, consenting(url), seconds + 1)).token}."
        except NoToken as error:
            return str(error)


PUSH = ("app/messaging/channels/push/transport.py",)
OF_HOSTS = {
    "smtp": ("app/messaging/channels/email/smtp_connection.py", "app/messaging/channels/email/smtp_exchange.py"),
    "postgres": ("app/lib/postgres_client.py",),
}
"""Connector types that name a server instead of a URL, and where they connect to it."""


AT_DEVICES = {"fcm.baseUrl": firebase}
"""Fields that lead somewhere only with a key and a device."""
ELSEWHERE = {"web_push": "web push"}
"""Connector types whose address is no setting, and the place to which they lead."""


OF_BROWSERS = {"authorizeUrl"}
"""Addresses to which a person's browser is sent; the product opens nothing there."""


def by_connector(kind: type[ConnectorType], name: str) -> Place:
    """The place to which a field of a connector type leads."""
    example = settings_of(kind.Config, presentation.installed()[kind.type].example)

    async def fetch(url: str, seconds: float) -> str:
        settings = {**example, name: url}
        if name == "tokenUrl":
            settings |= {"auth": "oauth2", "clientId": "c"}
        secret = settings.pop(kind.secret, "")
        settings.pop(kind.callback_secret, "")
        sender = kind.sender(SOMEBODY, settings, secret)
        if issubclass(kind, ServiceType):
            return (await kind.tried(sender.server, seconds)).message
        channel = registry.channel_of(kind.type)
        transport = kind.transport(seconds)
        try:
            packet = channel.sample(Parts("A test", "", "It works."), sender, RECIPIENTS[channel.identifier])
            return str((await transport.send(sender.server, packet)).text)
        except Invalid as error:
            return error.errors[0].message
        finally:
            await transport.close()

    if of_device := AT_DEVICES.get(f"{kind.type}.{name}"):
        return Place(f"{kind.type}.{name}", PUSH, of_device)
    module = (
        kind.__module__.rpartition("channels.")[2].replace(".", "/") if issubclass(kind, ServiceType) else "http_api"
    )
    modules = OF_HOSTS[kind.type] if name == "host" else (f"app/messaging/channels/{module}.py",)
    hosts = HOSTS if name == "host" else []
    return Place(f"{kind.type}.{name}", modules, fetch, hosts)


def address_fields(kind: type[ConnectorType]) -> list[str]:
    """The fields of a connector type that say where it leads."""
    return [
        name for name in kind.fields() if name == "host" or (name.lower().endswith("url") and name not in OF_BROWSERS)
    ]


BY_HAND = [
    Place("http_request", ("app/outside/http_performer.py",), step),
    Place("http_request by connector", ("app/outside/http_performer.py",), step_by_connector),
    Place("a request that is tried", ("app/outside/trials.py",), trial),
    Place("slack by webhook", ("app/outside/slack_performer.py",), slack_webhook_step),
    Place("slack by app", ("app/outside/slack_performer.py",), slack_app_step),
    Place("webhook endpoint", ("app/webhook_endpoints/http_post.py",), webhook_endpoint),
    Place("poll", ("app/polls/sources.py",), poll),
    Place("poll by connector", ("app/polls/sources.py",), poll_by_connector),
    Place("code of a consent", ("app/connectors/consent.py",), code_of_consent),
    Place("a renewed consent", ("app/connectors/trial.py",), renewed_consent),
    Place("web push", PUSH, browser),
    Place("access tokens of Google", PUSH, firebase_token),
    Place("notifications of Amazon", ("app/messaging/channels/sns.py",), amazon, bound=True),
]
PLACES = BY_HAND + [
    by_connector(kind, name) for kind in registry.connector_types().values() for name in address_fields(kind)
]
