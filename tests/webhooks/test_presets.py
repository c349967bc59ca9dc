"""What senders sign and say, each as its documentation states it: a preset takes the call, knows a repeated one, and refuses the others."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow import presentation, trigger_registry
from app.flow.reception import HmacSignature
from app.triggers.types.webhook import WebhookConfig
from app.webhooks import signatures
from tests.webhooks.conftest import Hook, MakeHook, starts

SECRET = "a-secret-of-the-sender-1234"
PRESETS = {preset.id: preset for preset in presentation.trigger("webhook").presets}
Headers = dict[str, str]


def digest(content: bytes) -> bytes:
    return hmac.digest(SECRET.encode(), content, hashlib.sha256)


def timed(header: str) -> Callable[[bytes, int], Headers]:
    return lambda body, at: {header: f"t={at},v1={digest(f'{at}.'.encode() + body).hex()}"}


def slack(body: bytes, at: int) -> Headers:
    signed = digest(b"v0:" + str(at).encode() + b":" + body).hex()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={signed}"}


def in_base64(header: str, prefix: str = "", **more: str) -> Callable[[bytes, int], Headers]:
    return lambda body, at: {header: prefix + base64.b64encode(digest(body)).decode(), **more}


SIGNED: dict[str, Callable[[bytes, int], Headers]] = {
    "stripe": timed("Stripe-Signature"),
    "calendly": timed("Calendly-Webhook-Signature"),
    "slack": slack,
    "shopify": in_base64("X-Shopify-Hmac-SHA256", **{"X-Shopify-Topic": "orders/paid", "X-Shopify-Shop-Domain": "a.example"}),
    "typeform": in_base64("Typeform-Signature", "sha256="),
    "github": lambda body, at: {"X-Hub-Signature-256": f"sha256={digest(body).hex()}", "X-GitHub-Event": "release"},
    "google": lambda body, at: {
        "X-Goog-Channel-Token": SECRET, "X-Goog-Channel-ID": "c1", "X-Goog-Message-Number": "7",
        "X-Goog-Resource-State": "exists", "X-Goog-Resource-URI": "https://calendar.example/e",
    },
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "stripe": {
        "id": "evt_1", "object": "event", "type": "invoice.paid",
        "data": {"object": {"id": "in_1", "customer": "cus_1", "customer_email": "Ada@a.example", "amount_paid": 990, "currency": "eur"}},
    },
    "calendly": {
        "event": "invitee.created", "created_at": "2026-11-20T10:00:00Z",
        "payload": {
            "email": "ada@example.com", "name": "Ada", "status": "active", "scheduled_event": {"start_time": "2026-12-01T09:00:00Z"},
        },
    },
    "slack": {"type": "event_callback", "event_id": "Ev1", "event": {"type": "message", "user": "U1", "text": "Hi", "channel": "C1"}},
    "shopify": {
        "id": 450789469, "email": "ada@example.com", "name": "#1001", "total_price": "19.90", "customer": {"id": 7, "orders_count": 2},
    },
    "typeform": {
        "event_id": "01H", "event_type": "form_response",
        "form_response": {"form_id": "lT4Z3j", "hidden": {"email": "ada@example.com"}, "answers": [{"type": "text", "text": "Tea"}]},
    },
    "github": {"action": "published", "repository": {"full_name": "octo/hello"}, "sender": {"login": "octocat"}},
}  # fmt: skip
READ: dict[str, dict[str, Any]] = {
    "stripe": {"type": "invoice.paid", "id": "in_1", "amount": 990, "currency": "eur", "customer": "cus_1"},
    "calendly": {"type": "invitee.created", "name": "Ada", "starts_at": "2026-12-01T09:00:00Z", "status": "active"},
    "slack": {"type": "message", "user": "U1", "text": "Hi", "channel": "C1"},
    "shopify": {
        "id": 450789469, "name": "#1001", "total_price": "19.90", "customer_id": 7, "orders_count": 2,
        "topic": "orders/paid", "shop": "a.example",
    },
    "typeform": {"form": "lT4Z3j", "answers": [{"type": "text", "text": "Tea"}]},
    "github": {"action": "published", "repository": "octo/hello", "sender": "octocat", "kind": "release"},
    "google": {"state": "exists", "resource": "https://calendar.example/e", "channel": "c1", "message": "7"},
}  # fmt: skip
OF_CONTACTS = {"stripe", "shopify", "typeform", "calendly"}
OF_TIME = {"stripe", "calendly", "slack"}


def body_of(name: str, **more: Any) -> bytes:
    return msgspec.json.encode({**BODIES[name], **more}) if name in BODIES else b""


@pytest.fixture
def sender(hook: MakeHook) -> Callable[[str], Any]:
    async def make(name: str) -> Hook:
        shop = await hook(**PRESETS[name].data)
        await shop.make_secret(secret=SECRET)
        return shop

    return make


def test_each_is_a_config_that_is_known_again_when_the_form_wrote_it_out() -> None:
    assert set(PRESETS) == set(SIGNED) == set(READ)
    look, kind = presentation.trigger("webhook"), trigger_registry.types()["webhook"]
    for preset in PRESETS.values():
        config = msgspec.convert(preset.data, WebhookConfig)
        assert not kind.diagnostics(config), preset.id
        chosen = look.preset_of(msgspec.to_builtins(config))
        assert chosen is not None and chosen.id == preset.id
        assert preset.label and "<li>" in preset.text
    assert look.preset_of({"signature": "standard"}) is None


@pytest.mark.parametrize("name", sorted(PRESETS))
async def test_a_call_starts_one_run(name: str, sender: Any, db_session: AsyncSession) -> None:
    shop = await sender(name)
    body, at = body_of(name), int(shop.clock.now().timestamp())
    answer = await shop.send(body, SIGNED[name](body, at))
    assert answer.status_code == 202, answer.text
    assert (answer.json()["data"]["contactId"] is not None) == (name in OF_CONTACTS)
    again = await shop.send(body, SIGNED[name](body, at))
    assert again.json()["data"]["repeated"] is True
    (row,) = await starts(db_session)
    assert row.payload == READ[name]


@pytest.mark.parametrize("name", sorted(PRESETS))
async def test_another_secret_and_another_body_are_refused(name: str, sender: Any, db_session: AsyncSession) -> None:
    shop = await sender(name)
    body, at = body_of(name), int(shop.clock.now().timestamp())
    headers = SIGNED[name](body, at)
    token = "X-Goog-Channel-Token"
    forged = {**headers, token: "another-secret-of-somebody"} if token in headers else headers
    assert (await shop.send(body if token in headers else body + b" ", forged)).status_code == 401
    assert (await shop.send(body, {})).status_code == 401
    assert await starts(db_session) == []


@pytest.mark.parametrize("name", sorted(OF_TIME))
@pytest.mark.parametrize("away", [-301, 301])
async def test_an_old_call_is_refused_though_its_signature_fits(name: str, away: int, sender: Any) -> None:
    shop = await sender(name)
    body, at = body_of(name), int(shop.clock.now().timestamp())
    answer = await shop.send(body, SIGNED[name](body, at + away))
    assert (answer.status_code, "5 minutes" in answer.text) == (401, True)


async def test_a_delivery_is_known_by_its_own_id_though_it_is_sent_again_otherwise(sender: Any) -> None:
    """Stripe signs each try anew, and what it says of the tries that are left is another body."""
    shop = await sender("stripe")
    first, second = body_of("stripe", pending_webhooks=2), body_of("stripe", pending_webhooks=1)
    at = int(shop.clock.now().timestamp())
    one = await shop.send(first, SIGNED["stripe"](first, at))
    two = await shop.send(second, SIGNED["stripe"](second, at + 60))
    assert two.json()["data"] == {**one.json()["data"], "repeated": True, "contactId": None}


async def test_messages_of_one_channel_are_told_apart_without_a_body(sender: Any, db_session: AsyncSession) -> None:
    shop = await sender("google")
    for number in ("7", "8", "7"):
        await shop.send(b"", {**SIGNED["google"](b"", 0), "X-Goog-Message-Number": number})
    assert [row.payload["message"] for row in await starts(db_session)] == ["7", "8"]


async def test_a_signed_challenge_is_given_back_and_starts_nothing(sender: Any, db_session: AsyncSession) -> None:
    shop = await sender("slack")
    body = msgspec.json.encode({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"})
    answer = await shop.send(body, slack(body, int(shop.clock.now().timestamp())))
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})
    assert (await shop.send(body, {"X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": "0"})).status_code == 401
    other = await sender("github")
    plain = await other.send(body, SIGNED["github"](body, 0))
    assert plain.status_code == 202  # of a sender that asks no challenges it is a call like any other
    assert len(await starts(db_session)) == 1


@pytest.mark.parametrize(
    ("secret", "signature", "body", "headers", "at"),
    [
        (  # of GitHub's documentation
            "It's a Secret to Everybody", HmacSignature(header="X-Hub-Signature-256"), b"Hello, World!",
            {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}, 0,
        ),
        (  # of Slack's
            "8f742231b10e8888abcd99yyyzzz85a5",
            HmacSignature(header="X-Slack-Signature", covers="v0:time:body", time_header="X-Slack-Request-Timestamp"),
            b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
            b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
            b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
            b"803a0bc887a14d10d2c447fce8b6703c",
            {
                "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
                "x-slack-request-timestamp": "1531420618",
            },
            1531420618,
        ),
    ],
)  # fmt: skip
def test_the_examples_of_their_documentation(
    secret: str, signature: HmacSignature, body: bytes, headers: Headers, at: int
) -> None:
    now = datetime.fromtimestamp(at, UTC)
    assert signatures.delivery_id(signature, [secret], headers, body, now)
    with pytest.raises(signatures.NotSigned):
        signatures.delivery_id(signature, [secret + "x"], headers, body, now)
    if signature.has_time:
        with pytest.raises(signatures.NotSigned, match="5 minutes"):
            signatures.delivery_id(signature, [secret], headers, body, now + timedelta(seconds=301))


@pytest.mark.parametrize(
    "sent", ["", "t=", "v1=00", "t=1e5,v1=00", "t=99999999999999,v1=00", "," * 10_000, "t=0,t=1,v1="]
)
def test_a_header_that_is_no_signature_is_refused(sent: str) -> None:
    signature = HmacSignature(header="Stripe-Signature", covers="time.body")
    with pytest.raises(signatures.NotSigned):
        signatures.delivery_id(signature, [SECRET], {"stripe-signature": sent}, b"{}", datetime.fromtimestamp(0, UTC))
