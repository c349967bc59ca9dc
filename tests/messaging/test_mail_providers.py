"""Every provider of mail by an HTTP API keeps the same contract: what leaves, what its answers mean, and that nothing leaves twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import pytest

from app.connectors.schemas import ConnectorChange, NewConnector
from app.errors import Invalid
from app.lib import clock
from app.lib.http_client import HttpAnswer
from app.lib.http_url import read_url
from app.messaging.channels import http_api
from app.messaging.channels.http_api import by_status, stated_wait
from tests.messaging.ended import exact
from tests.messaging.providers.mailgun import Mailgun
from tests.messaging.providers.postmark import Postmark
from tests.messaging.providers.provider import FakeProvider, running
from tests.messaging.providers.sendgrid import SendGrid
from tests.messaging.providers.ses import Ses
from tests.messaging.test_deliver import killed_at
from tests.messaging.world import World

PROVIDERS: list[type[FakeProvider]] = [Ses, Postmark, SendGrid, Mailgun]


class Mails:
    """A world whose mails leave by a provider."""

    def __init__(self, world: World, provider: FakeProvider) -> None:
        self.world, self.provider = world, provider
        world.connectors(
            "create", NewConnector(name="API", type=provider.type, config=provider.config(), is_default=True)
        )
        self.connector: UUID = world.value("select id from connectors where name = 'API'")

    def end(self, run_id: UUID) -> tuple[str, str | None]:
        row = self.world.row(run_id)
        return row["word"], row["reason"]

    @property
    def state(self) -> tuple[str, str | None]:
        return self.world.connector_state(self.connector)


@pytest.fixture(params=PROVIDERS, ids=lambda kind: kind.type)
def provider(request: pytest.FixtureRequest) -> Iterator[FakeProvider]:
    with running(request.param) as provider:
        yield provider


@pytest.fixture
def mails(world: World, provider: FakeProvider) -> Mails:
    return Mails(world, provider)


def test_a_mail_leaves_once_and_whole(mails: Mails, provider: FakeProvider, world: World) -> None:
    payload = {"fromName": "Ann, of Support\r\nBcc: x@y.z", "replyTo": "help@example.com"}
    run_id = world.message(world.contact(), payload=payload)
    world.deliver()
    world.deliver()
    assert mails.end(run_id) == ("sent", None)
    (mail,) = provider.taken
    assert mail.sender == '"Ann, of Support Bcc: x@y.z" <shop@example.com>'
    assert (mail.recipient, mail.subject, mail.reply_to) == ("zoe@example.com", "Hi Zoé", "help@example.com")
    assert "Hello Zoé, shoes" in mail.html and "Hello Zoé, shoes" in mail.text
    assert mail.reference == f"{run_id}-2"
    assert mail.headers["Message-ID"] == f"<{run_id}.2@throughline>"
    assert mail.headers["List-Unsubscribe"].startswith("<http") and "/u/" in mail.headers["List-Unsubscribe"]
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["Auto-Submitted"] == "auto-generated"
    assert mails.state[0] == "ok" and not world.sink.mails
    exact(world)


def test_a_backlog_leaves_once_by_two_workers(mails: Mails, provider: FakeProvider, world: World) -> None:
    for _ in range(40):
        world.message()
    world.deliver_by_two()
    assert world.words() == {"sent": 40}
    assert len({mail.reference for mail in provider.taken}) == len(provider.taken) == 40
    exact(world)


def test_a_wrong_key_pauses_the_connector(mails: Mails, provider: FakeProvider, world: World) -> None:
    run_id = world.message()
    provider.script += ["key"]
    world.deliver()
    state, words = mails.state
    assert state == "paused" and words is not None and len(words.split(": ", 1)[1]) > 10, "in the provider's words"
    assert mails.end(run_id)[0] == "queued" and world.held() == 1 and world.row(run_id)["attempt"] == 0
    assert provider.secret not in words
    world.connectors("resume", mails.connector)
    world.deliver()
    assert mails.end(run_id) == ("sent", None) and len(provider.taken) == 1
    exact(world)


def test_the_connectors_own_sender_is_a_setting_and_a_steps_is_the_mails(
    mails: Mails, provider: FakeProvider, world: World
) -> None:
    if not provider.judges_sender:
        pytest.skip("it takes every sender")
    other = world.message(payload={"fromEmail": "ann@elsewhere.example"})
    provider.script += ["sender"]
    world.deliver()
    assert mails.end(other) == ("failed", "sender_refused") and mails.state[0] == "ok"
    own = world.message()
    provider.script += ["sender"]
    world.deliver()
    assert mails.end(own)[0] == "queued" and mails.state[0] == "paused"
    exact(world)


def test_a_recipient_that_is_refused_fails_alone(mails: Mails, provider: FakeProvider, world: World) -> None:
    gone = world.message(world.contact("gone@example.com"))
    provider.script += ["address"]
    world.deliver()
    assert mails.end(gone) == ("failed", provider.bad_address)
    assert mails.state[0] == "ok"
    listed = world.db.execute("select address, reason from suppressions").fetchall()
    assert listed == ([("gone@example.com", "bounced")] if provider.bad_address == "bad_address" else [])
    refused, fine = world.message(), None
    provider.script += ["content"]
    world.deliver()
    fine = world.message()
    world.deliver()
    assert mails.end(refused) == ("failed", "message_refused") and mails.end(fine) == ("sent", None)
    assert world.row(refused)["error_message"]
    exact(world)


def test_a_rate_limit_costs_no_try_and_lasts_as_long_as_it_says(
    mails: Mails, provider: FakeProvider, world: World
) -> None:
    first, second = world.message(), world.message()
    provider.script += ["limit 120", "limit 120"]
    world.deliver()
    assert mails.state[0] == "away" and world.words() == {"queued": 2}
    wait_s = world.value(
        "select extract(epoch from probe_at - clock_now()) from connectors where id = %s", mails.connector
    )
    assert provider.waits[0] < wait_s <= provider.waits[1], "as long as it says"
    assert {world.row(one)["attempt"] for one in (first, second)} == {0}
    world.probe_now()
    world.deliver()
    assert world.words() == {"sent": 2} and len(provider.taken) == 2 and mails.state[0] == "ok"
    exact(world)


def test_a_limit_without_a_time_means_fewer_at_a_time(mails: Mails, provider: FakeProvider, world: World) -> None:
    provider.script += ["limit"]
    for _ in range(12):
        world.message()
    world.deliver()
    assert world.words() == {"sent": 12} and mails.state[0] == "ok"
    assert len(provider.asked) == 13
    exact(world)


def test_a_provider_that_is_away_is_left_alone(mails: Mails, provider: FakeProvider, world: World) -> None:
    run_id = world.message()
    provider.script += ["down"]
    world.deliver()
    assert mails.state[0] == "away" and mails.end(run_id)[0] == "queued" and world.row(run_id)["attempt"] == 0
    world.probe_now()
    world.deliver()
    assert mails.end(run_id) == ("sent", None)
    exact(world)


@pytest.mark.parametrize("act", ["cut", "between"])
def test_what_may_have_been_taken_is_uncertain(mails: Mails, provider: FakeProvider, world: World, act: str) -> None:
    run_id = world.message()
    provider.script += [act]
    world.deliver()
    world.probe_now()
    world.make_due()
    world.deliver()
    assert mails.end(run_id) == ("uncertain", "unconfirmed")
    assert len(provider.asked) == 1, "never twice"
    exact(world)


def test_nothing_listens_there(mails: Mails, world: World) -> None:
    world.connectors("update", mails.connector, ConnectorChange(config={
        "baseUrl": "http://127.0.0.1:9", **{key: value for key, value in mails.provider.config().items() if value == mails.provider.secret},
    }))  # fmt: skip
    run_id = world.message()
    world.deliver()
    assert mails.state[0] == "away" and mails.end(run_id)[0] == "queued"
    assert not mails.provider.asked


@pytest.mark.parametrize(
    ("module", "function", "word", "taken"),
    [("ledger", "settle", "uncertain", 1), ("ledger", "mark_sending", "sent", 1), ("queue", "look", "sent", 1)],
    ids=["between send and commit", "before the intent", "before the look"],
)
def test_kill_9(
    mails: Mails, provider: FakeProvider, world: World, module: str, function: str, word: str, taken: int
) -> None:
    run_id = world.message()
    killed_at(module, function)
    world.deliver()
    world.end_leases()
    world.deliver()
    assert mails.end(run_id)[0] == word
    assert len(provider.taken) == taken, "calls made are messages recorded"
    exact(world)


def test_a_test_mail_says_the_providers_words(mails: Mails, provider: FakeProvider, world: World) -> None:
    result = world.connectors("send_test", mails.connector, "ann@example.com")
    assert result.result == "sent"
    (mail,) = provider.taken
    assert mail.recipient == "ann@example.com" and "List-Unsubscribe" not in mail.headers and mail.reference == ""
    provider.script += ["key"]
    result = world.connectors("send_test", mails.connector, "ann@example.com")
    assert result.result == "misconfigured" and " answered " in result.message and len(result.message) > 30


def test_the_key_goes_to_no_other_address(mails: Mails, world: World) -> None:
    with pytest.raises(Invalid) as refused:
        world.connectors("update", mails.connector, ConnectorChange(config={"baseUrl": "https://elsewhere.example"}))
    assert len(refused.value.errors) == 1 and "again" in str(refused.value.errors)
    for address in ("http://mail.example.com", "https://10.0.0.1", "ftp://x.example", "https://a.example/?q=1"):
        with pytest.raises(Invalid) as refused:
            http_api.checked_base_url(address)
        assert "config.baseUrl" in str(refused.value.errors)


# Answers that no provider documents ------------------------------------------------------------------------------------


def answer(status: int, **headers: str) -> HttpAnswer:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpAnswer(status, named, b"", False, 1, read_url("https://api.example.com"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "rejected"), (404, "rejected"), (413, "rejected"), (422, "rejected"), (401, "misconfigured"), (403, "misconfigured"),
     (408, "unavailable"), (429, "unavailable"), (500, "unavailable"), (503, "unavailable"), (529, "unavailable"),
     (502, "uncertain"), (504, "uncertain"), (302, "rejected")],
)  # fmt: skip
def test_what_a_status_says(status: int, kind: str) -> None:
    result = by_status("Provider", answer(status), "Words.")
    assert result.kind == kind and str(status) in result.text and "Words." in result.text
    assert result.reason


def test_how_long_a_provider_wants_to_be_left_alone() -> None:
    later = format_datetime(clock.now() + timedelta(minutes=5))
    assert stated_wait(answer(429, retry_after="30")) == 30
    assert 290 < (stated_wait(answer(503, retry_after=later)) or 0) <= 300
    past = format_datetime(clock.now() - timedelta(minutes=5))
    odd: list[Any] = ["", "soon", "-5", past, "0"]
    assert [stated_wait(answer(429, retry_after=text)) for text in odd] == [None] * 5
    assert stated_wait(answer(429, retry_after="999999999")) == http_api.LONGEST_WAIT_S
