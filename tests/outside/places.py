"""Every place of the product that calls a server that a user names. One that is not here fails `test_contained`.

A place gets a URL as it stands in the table, past the checks of its form, calls it, and answers what people are told of it. Connector types
come from the registry: each of their fields that holds an address is a place by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pytest import MonkeyPatch

from app.connectors.service import settings_of
from app.errors import Invalid
from app.flow.outcomes import Call
from app.flow.performers import CallFailed, CallUncertain, PlacedCall, RecordedAnswer
from app.messaging.channels import presentation, registry, sns
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.http.account import HttpAccount
from app.messaging.channels.parts import Parts
from app.messaging.channels.reports import NotVerified
from app.messaging.channels.service import ServiceType
from app.messaging.channels.slack.account import SlackAccount
from app.outside import trials
from app.outside.http_performer import HttpPerformer
from app.outside.slack_performer import SlackPerformer
from app.webhook_endpoints.http_post import opened_client, post
from tests.fixtures.hostile_urls import HOSTS

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
    "app/lib/http_client.py": "the client that every place has, behind the guard",
    "app/lib/jobs.py": "REDIS_URL: likewise",
    "app/local/": "servers that local mode starts on this machine",
    "app/ops/": "commands of whoever runs the installation",
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


OF_HOSTS = {
    "smtp": ("app/messaging/channels/email/smtp_connection.py", "app/messaging/channels/email/smtp_exchange.py"),
    "postgres": ("app/lib/postgres_client.py",),
}
"""Connector types that name a server instead of a URL, and where they connect to it."""


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

    module = (
        kind.__module__.rpartition("channels.")[2].replace(".", "/") if issubclass(kind, ServiceType) else "http_api"
    )
    modules = OF_HOSTS[kind.type] if name == "host" else (f"app/messaging/channels/{module}.py",)
    hosts = HOSTS if name == "host" else []
    return Place(f"{kind.type}.{name}", modules, fetch, hosts)


def address_fields(kind: type[ConnectorType]) -> list[str]:
    """The fields of a connector type that say where it leads."""
    return [name for name in kind.fields() if name == "host" or name.lower().endswith("url")]


BY_HAND = [
    Place("http_request", ("app/outside/http_performer.py",), step),
    Place("http_request by connector", ("app/outside/http_performer.py",), step_by_connector),
    Place("a request that is tried", ("app/outside/trials.py",), trial),
    Place("slack by webhook", ("app/outside/slack_performer.py",), slack_webhook_step),
    Place("slack by app", ("app/outside/slack_performer.py",), slack_app_step),
    Place("webhook endpoint", ("app/webhook_endpoints/http_post.py",), webhook_endpoint),
    Place("notifications of Amazon", ("app/messaging/channels/sns.py",), amazon, bound=True),
]
PLACES = BY_HAND + [
    by_connector(kind, name) for kind in registry.connector_types().values() for name in address_fields(kind)
]
