"""Notifications: what leaves is as the services document it, what they answer means what it says, and nothing is shown twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.connectors.trial import send_trial
from app.lib.ids import uuid7
from app.messaging.channels.push import google_tokens
from app.models import Connector
from tests.fixtures.http_server import Reply
from tests.messaging.ended import exact
from tests.messaging.push_services.contacts import PushWorld
from tests.messaging.push_services.fake import Firebase, PushService, error_reply, firebase, push_service
from tests.messaging.world import World


@pytest.fixture
def fcm() -> Iterator[Firebase]:
    google_tokens.forget_tokens()
    with firebase() as service:
        yield service


@pytest.fixture
def web() -> Iterator[PushService]:
    with push_service() as service:
        yield service


@pytest.fixture
def push(world: World, fcm: Firebase, web: PushService) -> PushWorld:
    return PushWorld(world, fcm, web)


FULL = {
    "link": "https://shop.example/orders/{{ event.thing }}", "image": "https://shop.example/shoes.png", "urgency": "high",
    "ttl": "600", "collapseKey": "order {{ event.thing }}", "data": [{"key": "order", "value": "{{ event.thing }}"}],
}  # fmt: skip


def test_one_message_goes_once_to_each_device(push: PushWorld, fcm: Firebase, web: PushService, world: World) -> None:
    contact = push.contact()
    push.device(contact, "phone", "android")
    push.device(contact, "tablet", "ios")
    browser = push.device(contact, browser=web.browser("one"))
    run_id = push.message(contact, push.saying(**FULL))
    world.deliver()
    world.deliver()
    assert push.end(run_id) == ("sent", None) and push.results(run_id) == ["sent"] * 3
    assert world.row(run_id)["recipient"] == f"c-{contact}" and world.row(run_id)["provider_id"].startswith("projects/")
    assert len(fcm.messages) == 2 and len(web.shown) == 1
    by_token = {message["token"]: message for message in fcm.messages}
    image, link = "https://shop.example/shoes.png", "https://shop.example/orders/shoes"
    for message in fcm.messages:
        assert message["notification"] == {"title": "Hi Zoé", "body": "Your shoes", "image": image}
        data = message["data"]
        assert (data["order"], data["link"], data["messageId"]) == ("shoes", link, f"{run_id}-2") and data["report"]
    android, apple = by_token["phone"]["android"], by_token["tablet"]["apns"]
    assert (android["priority"], android["ttl"], android["collapse_key"]) == ("HIGH", "600s", "order shoes")
    assert apple["headers"]["apns-collapse-id"] == "order shoes" and apple["headers"]["apns-priority"] == "10"
    assert apple["payload"]["aps"]["mutable-content"] == 1 and apple["fcm_options"] == {"image": image}
    _, content, headers = web.shown[0]
    assert (content["title"], content["body"], content["link"]) == ("Hi Zoé", "Your shoes", link)
    assert content["data"] == {"order": "shoes"} and str(browser) in content["report"]
    assert (headers["ttl"], headers["urgency"]) == ("600", "high") and len(headers["topic"]) == 32
    assert len(fcm.tokens) == 1, "one access token for all"
    exact(world)


def test_a_token_of_google_is_used_until_its_end_and_fetched_again_when_refused(
    push: PushWorld, fcm: Firebase, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one() -> tuple[str, str | None]:
        contact = push.contact()
        push.device(contact)
        run_id = push.message(contact)
        world.deliver()
        return push.end(run_id)

    assert [one(), one()] == [("sent", None)] * 2 and len(fcm.tokens) == 1
    fcm.revoked = {"ya29.0"}
    assert one() == ("sent", None) and len(fcm.tokens) == 2, "401: one more request with another token"
    now = google_tokens.running_time()
    monkeypatch.setattr(google_tokens, "running_time", lambda: now + 3_600)
    assert one() == ("sent", None) and len(fcm.tokens) == 3
    fcm.revoked = set(fcm.tokens) | {"ya29.3"}
    assert one()[0] == "queued" and push.state(push.fcm) == "paused", "refused twice: the key is no good"


TOKEN_FIELD = {
    "details": [{"fieldViolations": [{"field": "message.token", "description": "Invalid registration token"}]}]
}
AT_FIREBASE: list[tuple[str, Reply, tuple[str, str | None], str, str]] = [
    ("unregistered", error_reply(404, "NOT_FOUND", "UNREGISTERED"), ("failed", "unregistered"), "ok", "gone"),
    ("no token", error_reply(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", **TOKEN_FIELD), ("failed", "unregistered"), "ok", "gone"),
    ("invalid", error_reply(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), ("failed", "message_refused"), "ok", "rejected"),
    ("sender", error_reply(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), ("failed", "message_refused"), "ok", "rejected"),
    ("apple", error_reply(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), ("failed", "message_refused"), "ok", "rejected"),
    ("quota", error_reply(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), ("queued", None), "away", ""),
    ("unavailable", error_reply(503, "UNAVAILABLE", "UNAVAILABLE"), ("queued", None), "away", ""),
    ("internal", error_reply(500, "INTERNAL", "INTERNAL"), ("queued", None), "away", ""),
    ("denied", error_reply(403, "PERMISSION_DENIED"), ("queued", None), "paused", ""),
    ("no project", error_reply(404, "NOT_FOUND"), ("queued", None), "paused", ""),
    ("gateway", Reply(502, b"<html>"), ("uncertain", "unconfirmed"), "ok", "uncertain"),
    ("strange", Reply(200, b"<html>"), ("uncertain", "unconfirmed"), "ok", "uncertain"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "end", "state", "result"), [case[1:] for case in AT_FIREBASE], ids=[c[0] for c in AT_FIREBASE]
)
def test_what_firebase_answers(
    push: PushWorld, fcm: Firebase, world: World, reply: Reply, end: tuple[str, str | None], state: str, result: str
) -> None:
    contact = push.contact()
    push.device(contact, "phone")
    fcm.script["phone"] = [reply]
    run_id = push.message(contact)
    world.deliver()
    word, reason = push.end(run_id)
    assert word == end[0] and (end[1] is None or reason == end[1])
    assert push.state(push.fcm) == state
    assert push.devices(contact) == [] if result == "gone" else len(push.devices(contact)) == 1
    assert push.results(run_id) == ([result] if result else [])
    assert len([asked for asked in fcm.recorder.asked if asked.path != "/token"]) == 1 and not fcm.messages
    exact(world)


def test_google_is_left_alone_as_long_as_it_says(push: PushWorld, fcm: Firebase, world: World) -> None:
    contact = push.contact()
    push.device(contact, "phone")
    fcm.script["phone"] = [error_reply(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", headers={"Retry-After": "120"})]
    push.message(contact)
    world.deliver()
    seconds = world.value(
        "select extract(epoch from probe_at - clock_now())::int from connectors where id = %s", push.fcm
    )
    assert 110 <= seconds <= 140


AT_BROWSERS: list[tuple[str, Reply, tuple[str, str | None], str]] = [
    ("gone", Reply(410), ("failed", "unregistered"), "gone"),
    ("unknown", Reply(404), ("failed", "unregistered"), "gone"),
    ("too large", Reply(413), ("failed", "message_refused"), "rejected"),
    ("other key", Reply(403, b"VAPID mismatch"), ("failed", "message_refused"), "rejected"),
    ("bad request", Reply(400), ("failed", "message_refused"), "rejected"),
    ("too many", Reply(429, headers={"Retry-After": "120"}), ("queued", "deferred"), "deferred"),
    ("down", Reply(503), ("queued", "deferred"), "deferred"),
    ("gateway", Reply(504), ("uncertain", "unconfirmed"), "uncertain"),
]


@pytest.mark.parametrize(
    ("reply", "end", "result"), [case[1:] for case in AT_BROWSERS], ids=[c[0] for c in AT_BROWSERS]
)
def test_what_a_push_service_answers_is_about_its_browser_alone(
    push: PushWorld, web: PushService, world: World, reply: Reply, end: tuple[str, str | None], result: str
) -> None:
    contact, other = push.contact(), push.contact()
    push.device(contact, browser=web.browser("one"))
    push.device(other, browser=web.browser("two"))
    web.script["/wpush/v2/one"] = [reply]
    world.db.execute("update connectors set is_default = false where channel = 4")
    world.db.execute("update connectors set is_default = true where type = 'web_push'")
    run_id, beside = push.message(contact), push.message(other)
    world.deliver()
    assert push.end(run_id) == end and push.results(run_id) == [result]
    assert push.end(beside) == ("sent", None) and push.state(push.web) == "ok"
    assert len(push.devices(contact)) == (0 if result == "gone" else 1)
    if reply.headers:
        wait = world.value(
            "select extract(epoch from due_at - clock_now())::int from messages where run_id = %s", run_id
        )
        assert wait >= 110, "Retry-After"
    exact(world)


def test_sent_where_one_device_took_it(push: PushWorld, fcm: Firebase, web: PushService, world: World) -> None:
    contact = push.contact()
    push.device(contact, "old", "android")
    kept = push.device(contact, "phone", "android")
    push.device(contact, browser=web.browser("one"))
    fcm.script["old"] = [error_reply(404, "NOT_FOUND", "UNREGISTERED")]
    web.script["/wpush/v2/one"] = [Reply(410)]
    run_id = push.message(contact)
    world.deliver()
    assert push.end(run_id) == ("sent", None) and push.results(run_id) == ["gone", "gone", "sent"]
    assert push.devices(contact) == [kept]


@pytest.mark.parametrize("cut", ["firebase", "browser"])
def test_one_that_was_cut_is_uncertain_and_never_sent_again(
    push: PushWorld, fcm: Firebase, web: PushService, world: World, cut: str
) -> None:
    contact = push.contact()
    if cut == "firebase":
        push.device(contact, "phone")
        fcm.script["phone"] = [None]
    else:
        push.device(contact, browser=web.browser("one"))
        web.script["/wpush/v2/one"] = [None]
    run_id = push.message(contact)
    world.deliver()
    world.make_due()
    world.deliver()
    assert push.end(run_id) == ("uncertain", "unconfirmed") and len(fcm.messages) + len(web.shown) == 1
    exact(world)


def test_whoever_cannot_be_reached_or_said_no_gets_nothing(push: PushWorld, fcm: Firebase, world: World) -> None:
    nowhere = push.contact()
    opted_out, of_topic = push.contact(consent={"push": False}), push.contact(consent={"offers": False})
    for contact in (opted_out, of_topic):
        push.device(contact)
    nowhere_run = push.message(nowhere)
    runs = [nowhere_run, push.message(opted_out), push.message(of_topic, payload={"topic": "offers"})]
    world.deliver()
    ends = [push.end(run_id) for run_id in runs]
    assert ends == [("suppressed", "no_address"), ("suppressed", "no_consent"), ("suppressed", "no_topic_consent")]
    assert world.row(nowhere_run)["error_message"] == "The contact has no device that takes notifications."
    transactional = push.message(opted_out, payload={"class": "transactional"})
    world.deliver()
    assert push.end(transactional) == ("sent", None) and len(fcm.messages) == 1


def test_only_the_chosen_platforms_and_the_named_connector(
    push: PushWorld, fcm: Firebase, web: PushService, world: World
) -> None:
    contact = push.contact()
    push.device(contact, "phone", "android")
    push.device(contact, "tablet", "ios")
    push.device(contact, browser=web.browser("one"))
    apple = push.message(contact, payload={"platforms": ["ios"]})
    world.deliver()
    assert [message["token"] for message in fcm.messages] == ["tablet"] and push.results(apple) == ["sent"]
    named = push.message(contact, payload={"connectorId": str(push.web)})
    world.deliver()
    assert push.results(named) == ["sent"] and len(web.shown) == 1
    neither = push.message(contact, payload={"connectorId": str(push.web), "platforms": ["ios"]})
    world.deliver()
    assert push.end(neither) == ("failed", "no_address")


def test_a_backlog_leaves_once_by_two_workers(push: PushWorld, fcm: Firebase, world: World) -> None:
    for number in range(30):
        contact = push.contact()
        push.device(contact, f"phone-{number}")
        push.message(contact)
    world.deliver_by_two()
    assert world.words() == {"sent": 30}
    assert sorted(message["token"] for message in fcm.messages) == sorted(f"phone-{number}" for number in range(30))
    exact(world)


def test_a_device_that_moved_meanwhile_is_not_shown_it(
    push: PushWorld, fcm: Firebase, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the claim and the hand-over a device was signed in by somebody else."""
    contact, other = push.contact(), push.contact()
    device = push.device(contact, "phone")
    run_id = push.message(contact)
    real = google_tokens.google_token

    async def moving(*args: Any, **more: Any) -> str:
        world.db.execute("update contact_devices set contact_id = %s where id = %s", (other, device))
        return await real(*args, **more)

    monkeypatch.setattr("app.messaging.channels.push.fcm.google_token", moving)
    world.deliver()
    assert not fcm.messages and push.end(run_id) == ("suppressed", "no_address")


def test_too_much_for_a_push_service_is_an_error_and_sends_nothing(
    push: PushWorld, web: PushService, world: World
) -> None:
    contact = push.contact()
    push.device(contact, browser=web.browser("one"))
    much = [{"key": f"k{at}", "value": "x" * 400} for at in range(10)]
    run_id = push.message(contact, push.saying(data=much))
    world.deliver()
    assert push.end(run_id) == ("failed", "message_refused") and "3,993" in world.row(run_id)["error_message"]
    assert not web.shown


def test_a_push_service_inside_is_not_called(push: PushWorld, web: PushService, world: World) -> None:
    contact = push.contact()
    browser = web.browser("one")
    browser.endpoint = "https://169.254.169.254/latest/meta-data"
    push.device(contact, browser=browser)
    run_id = push.message(contact)
    world.deliver()
    assert push.end(run_id)[0] == "failed" and push.state(push.web) == "ok"


def test_a_test_goes_to_the_devices_of_a_contact(push: PushWorld, fcm: Firebase, world: World) -> None:
    contact = push.contact()
    push.device(contact, "phone")

    async def tried(session: Any, principal: Any, to: str = f"c-{contact}") -> tuple[str, str]:
        connector = await session.get(Connector, (world.tenant, push.fcm))
        result = await send_trial(session, principal, connector, to)
        return result.result, result.message

    assert world.by(tried)[0] == "sent"
    assert fcm.messages[0]["notification"]["title"] == "A test from Throughline"
    assert world.by(lambda session, who: tried(session, who, "nobody"))[0] == "rejected"


def test_secrets_are_sealed_and_keys_are_made(push: PushWorld, world: World) -> None:
    rows = world.db.execute("select config, secret from connectors where channel = 4").fetchall()
    assert all(secret and secret.startswith(b"aim:") for _, secret in rows)
    assert "PRIVATE KEY" not in json.dumps([config for config, _ in rows])
    assert len(push.service.public_key) == 87 and uuid7()
