"""Every provider of messages under workers that are killed: calls made are messages recorded, and none is made twice.

A connector type of a channel that is not in the table fails here, so that it gets a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from app.connectors.schemas import NewConnector
from app.messaging.channels import registry
from tests.messaging.ended import exact
from tests.messaging.phone_providers.fake import Meta, Twilio, TwilioWhatsapp, Vonage, listening
from tests.messaging.phone_providers.phones import Phones
from tests.messaging.providers.mailgun import Mailgun
from tests.messaging.providers.postmark import Postmark
from tests.messaging.providers.provider import running
from tests.messaging.providers.sendgrid import SendGrid
from tests.messaging.providers.ses import Ses
from tests.messaging.push_services.contacts import PushWorld
from tests.messaging.push_services.fake import Firebase, PushService, firebase, push_service
from tests.messaging.test_deliver import killed_at
from tests.messaging.world import World


class Row(NamedTuple):
    """How a provider is played. `queued` makes the world send by it, and answers what queues one message."""

    opened: Callable[[], AbstractContextManager[Any]]
    queued: Callable[[World, Any], Callable[[], UUID]]


def by_phone(world: World, provider: Any) -> Callable[[], UUID]:
    return Phones(world, provider).message


def by_mail(world: World, provider: Any) -> Callable[[], UUID]:
    world.connectors("create", NewConnector(name="API", type=provider.type, config=provider.config(), is_default=True))
    return world.message


class PushServices:
    """Both services of notifications, of which one has the devices. `taken`: what it was handed."""

    def __init__(self, kind: str, fcm: Firebase, web: PushService) -> None:
        self._kind, self._fcm, self._web = kind, fcm, web

    @property
    def taken(self) -> Sequence[Any]:
        return self._fcm.messages if self._kind == "fcm" else self._web.shown

    def queue_in(self, world: World) -> Callable[[], UUID]:
        push = PushWorld(world, self._fcm, self._web)

        def queue() -> UUID:
            contact = push.contact()
            push.device(contact, browser=None if self._kind == "fcm" else self._web.browser(contact.hex))
            return push.message(contact)

        return queue


@contextmanager
def pushing(kind: str) -> Iterator[PushServices]:
    with firebase() as fcm, push_service() as web:
        yield PushServices(kind, fcm, web)


def by_push(world: World, provider: Any) -> Callable[[], UUID]:
    queue: Callable[[], UUID] = provider.queue_in(world)
    return queue


PROVIDERS = {
    **{kind: Row(lambda kind=kind: pushing(kind), by_push) for kind in ("fcm", "web_push")},
    **{kind.type: Row(lambda kind=kind: running(kind), by_mail) for kind in (Ses, Postmark, SendGrid, Mailgun)},
    **{kind.type: Row(lambda kind=kind: listening(kind), by_phone) for kind in (Twilio, Vonage, TwilioWhatsapp, Meta)},
}
ELSEWHERE = {
    "smtp": "tests/messaging/test_deliver.py: a mail server, killed at the same places",
}
PLACES = [("ledger", "settle", "uncertain"), ("ledger", "mark_sending", "sent"), ("queue", "look", "sent")]
IDS = ["between send and commit", "before the intent", "before the look"]


def test_every_provider_has_a_row() -> None:
    installed = {kind.type for channel in registry.channels() for kind in channel.connectors}
    assert installed == PROVIDERS.keys() | ELSEWHERE.keys()


@pytest.fixture(params=PROVIDERS)
def row(request: pytest.FixtureRequest) -> Row:
    return PROVIDERS[request.param]


@pytest.fixture
def provider(row: Row) -> Iterator[Any]:
    with row.opened() as provider:
        yield provider


@pytest.mark.parametrize(("module", "function", "word"), PLACES, ids=IDS)
def test_kill_9(world: World, row: Row, provider: Any, module: str, function: str, word: str) -> None:
    run_id = row.queued(world, provider)()
    killed_at(module, function)
    world.deliver()
    world.end_leases()
    world.deliver()
    assert world.row(run_id)["word"] == word
    assert len(provider.taken) == 1, "calls made are messages recorded"
    exact(world)


def test_workers_that_die_one_after_the_other(world: World, row: Row, provider: Any) -> None:
    """Each dies with what it has handed over. Whatever it had begun is uncertain, and is not sent again."""
    queue = row.queued(world, provider)
    for _ in range(3):
        queue()
        queue()
        killed_at("ledger", "settle")
    world.end_leases()
    world.deliver()
    words = world.words()
    assert sum(words.values()) == 6 == len(provider.taken), "each was handed over once"
    assert words.get("uncertain", 0) >= 3 and set(words) <= {"sent", "uncertain"}
    world.make_due()
    world.deliver()
    assert len(provider.taken) == 6
    exact(world)
