"""One device's, one connector's or one service's fault is not another's: what goes wrong before, beside and after a notification leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import read_url
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.push import google_tokens, transport
from app.messaging.channels.push.notification import (
    Notification,
    PushAccount,
    PushDelivery,
    PushPacket,
    Unauthorized,
    Verdict,
    result_at,
)
from app.messaging.channels.push.push_reports import device_reports
from app.messaging.channels.reports import CallbackCall, NotVerified
from app.models.status import ReportKind
from tests.callbacks.conftest import KINDS, call
from tests.fixtures.http_server import Reply, json_reply
from tests.messaging.push_services.contacts import PushWorld
from tests.messaging.push_services.fake import Firebase, PushService, error_reply, firebase, push_service, rsa_key
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


@pytest.mark.parametrize("address", ["https://www.northlight.example/contact?about=push", "mailto:push@mailhost"])
def test_whoever_push_services_may_write_to_has_any_address(
    push: PushWorld, web: PushService, world: World, address: str
) -> None:
    world.db.execute(
        "update connectors set config = config || jsonb_build_object('contact', %s::text) where id = %s",
        (address, push.web),
    )
    contact = push.contact()
    push.device(contact, browser=web.browser("one"))
    run_id = push.message(contact)
    world.deliver()
    assert push.end(run_id) == ("sent", None) and len(web.shown) == 1


def test_one_device_for_which_nothing_can_be_written_keeps_it_from_no_other(
    push: PushWorld, fcm: Firebase, web: PushService, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> str:
        raise RuntimeError("a fault of the library")

    monkeypatch.setattr("app.messaging.channels.push.web_push.vapid_header", failing)
    contact, alone = push.contact(), push.contact()
    push.device(contact, "phone")
    push.device(contact, browser=web.browser("one"))
    push.device(alone, browser=web.browser("two"))
    run_id, of_browser = push.message(contact), push.message(alone)
    world.deliver()
    assert push.end(run_id) == ("sent", None) and push.results(run_id) == ["rejected", "sent"]
    assert push.end(of_browser) == ("failed", "message_refused") and not web.shown


@pytest.mark.parametrize(
    "granted", [b'{"access_token": "a", "expires_in": 1e999}', b"[" * 15_000], ids=["endless", "deep"]
)
def test_what_is_no_access_token_leaves_the_message_for_later(
    push: PushWorld, fcm: Firebase, world: World, granted: bytes
) -> None:
    contact = push.contact()
    push.device(contact)
    fcm.token_script = [Reply(200, granted)]
    run_id = push.message(contact)
    world.deliver()
    assert push.end(run_id) == ("queued", "server_away") and push.state(push.fcm) == "away" and not fcm.messages


def test_an_answer_may_say_what_no_database_takes(push: PushWorld, fcm: Firebase, world: World) -> None:
    refused, taken = push.contact(), push.contact()
    push.device(refused, "phone")
    push.device(taken, "tablet")
    fcm.script["phone"] = [error_reply(400, "INVALID_ARGUMENT", words="not\x00good")]
    fcm.script["tablet"] = [json_reply({"name": "projects/\x00" + "n" * 9_000})]
    runs = [push.message(refused), push.message(taken)]
    world.deliver()
    assert [push.end(run_id)[0] for run_id in runs] == ["failed", "sent"]
    assert len(world.row(runs[1])["provider_id"]) <= 1_000


def test_a_key_that_is_none_of_google_is_refused_when_it_is_entered() -> None:
    def account(pem: str) -> str:
        return json.dumps(
            {
                "client_email": "a",
                "private_key": pem,
                "project_id": "p",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )

    forms = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    good = rsa_key().private_bytes(*forms).decode()
    assert google_tokens.read_service_account(account(good)).project_id == "p"
    for pem in (ec.generate_private_key(ec.SECP256R1()).private_bytes(*forms).decode(), good + "\n" * 4_000, "none"):
        with pytest.raises(ValueError, match="no key of a service account"):
            google_tokens.read_service_account(account(pem))


# The transport alone ---------------------------------------------------------------------------------------------------------


class Service(PushAccount, frozen=True, kw_only=True):
    """A service that takes everything, once it is proven who asks."""

    def request(self, packet: PushPacket, device: PushDevice, proof: str) -> HttpRequest:
        return HttpRequest("POST", read_url(self.base_url))

    def judged(self, device: PushDevice, answer: HttpAnswer) -> Verdict:
        return Verdict(result=result_at(device, "sent", "Taken."))


class SilentGoogle(Service, frozen=True, kw_only=True):
    """Gives no access token: the time passes."""

    asked: list[float]

    def __hash__(self) -> int:
        return hash(self.base_url)

    async def authorized(self, client: Any, timeout_s: float, refused: str = "") -> str:
        await asyncio.sleep(0)
        self.asked.append(timeout_s)
        raise Unauthorized("unavailable", "No answer.")


def to(account: PushAccount, devices: int) -> PushPacket:
    places = [PushDevice(id=f"{number}", token=f"token-{number}", platform="android") for number in range(devices)]
    return PushPacket(
        id="m", recipient="c", notification=Notification(title="T", text="t"),
        deliveries=tuple(PushDelivery(place, account) for place in places),
    )  # fmt: skip


async def test_a_service_that_does_not_answer_holds_up_its_own_connector_only(monkeypatch: pytest.MonkeyPatch) -> None:
    hung, other = (Service(base_url=f"https://{name}.example", secret="") for name in ("hung", "other"))
    link, answered = transport.PushTransport(), asyncio.Event()

    async def request(asked: HttpRequest, **_: Any) -> HttpAnswer:
        if asked.url.host == "hung.example":
            await answered.wait()
        return HttpAnswer(200, (), b"", False, 0, asked.url)

    monkeypatch.setattr(link._client, "request", request)
    waiting = [asyncio.create_task(link.send(hung, to(hung, 20))) for _ in range(10)]
    await asyncio.sleep(0)
    assert (await asyncio.wait_for(link.send(other, to(other, 3)), 5)).kind == "sent"
    assert not any(task.done() for task in waiting)
    answered.set()
    assert {result.kind for result in await asyncio.gather(*waiting)} == {"sent"}
    await link.close()


async def test_devices_share_the_time_in_which_google_gives_no_access_token(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()  # each takes as long as it may
    monkeypatch.setattr(transport, "running_time", lambda: sum(waits))
    account, link = SilentGoogle(base_url="https://google.example", secret="", asked=waits), transport.PushTransport(10)
    result = await link.send(account, to(account, 20))
    assert result.kind == "unavailable" and sum(waits) <= 10
    await link.close()


# What devices report ---------------------------------------------------------------------------------------------------------


def called(url: str, secret: str, body: bytes = b"", method: str = "POST", **query: str) -> CallbackCall:
    values, now = {**dict(parse_qsl(urlsplit(url).query)), **query}, datetime(2026, 2, 1, tzinfo=UTC)
    return CallbackCall(
        settings={}, secret=secret, callback_secret="", method=method, url=url, query=values, headers={}, body=body, at=now
    )  # fmt: skip


def test_a_report_is_about_the_notification_and_the_device_that_it_was_signed_for() -> None:
    device = PushDevice(id="d1", token="token-1", platform="web")
    packet = PushPacket(
        id="run-2", recipient="c", notification=Notification(title="T", text="t"), report_to="https://t.example/x", secret="s"
    )  # fmt: skip
    url = packet.report_url(device)
    [report] = device_reports(called(url, "s", b'{"url": "https://shop.example/"}', k="clicked")).reports
    assert (report.kind, report.reference, report.url) == (ReportKind.CLICKED, "run-2", "https://shop.example/")
    delivered = device_reports(called(url, "s", b"no json", k="delivered")).reports
    again = device_reports(called(url, "s", k="delivered")).reports
    assert delivered[0].digest == again[0].digest != report.digest and delivered[0].url == ""
    for body in (b'{"url": "javascript:alert(1)"}', b'{"url": 1}', b"[]", b"[" * 3_000, b"\xff", b"x" * 5_000):
        assert device_reports(called(url, "s", body, k="clicked")).reports[0].url == "", body
    for other in ({"m": "run-3"}, {"d": "d2"}, {"s": ""}, {"s": "é"}, {"m": ""}, {"m": "run-2\nd1", "d": ""}):
        with pytest.raises(NotVerified):
            device_reports(called(url, "s", k="clicked", **other))
    with pytest.raises(NotVerified):
        device_reports(called(url, "another secret", k="clicked"))
    assert device_reports(called(url, "s", k="bought")).unread == 1
    assert device_reports(called(url, "s", k="clicked", method="GET")).reports == []


@pytest.mark.parametrize("kind", ["app", "browser"])
def test_devices_report_what_became_of_a_notification(
    push: PushWorld, fcm: Firebase, web: PushService, world: World, kind: str
) -> None:
    contact = push.contact()
    push.device(contact, "phone") if kind == "app" else push.device(contact, browser=web.browser("one"))
    run_id = push.message(contact)
    world.deliver()
    url = fcm.messages[0]["data"]["report"] if kind == "app" else web.shown[0][1]["report"]
    for _ in range(2):
        call(f"{url}&k=delivered")
        call(f"{url}&k=clicked", {"url": "https://shop.example/"})
    rows = world.db.execute(
        "select kind, url from message_reports where run_id = %s order by kind", (run_id,)
    ).fetchall()
    assert [(KINDS[number], link) for number, link in rows] == [
        ("delivered", None),
        ("clicked", "https://shop.example/"),
    ]
