"""Who may report: each provider's calls are verified by its own scheme, and read as its documentation states them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from app.messaging.channels import sns
from app.messaging.channels.email.mailgun import MailgunConnector
from app.messaging.channels.email.sendgrid import SendGridConnector
from app.messaging.channels.email.ses import SesConnector
from app.messaging.channels.reports import CallbackCall, CallbackReply, NotVerified
from app.models.status import ReportKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = int((NOW - timedelta(minutes=1)).timestamp())
REFERENCE = "01953a1e-7d0c-7c2a-9f64-0f2f6a7f1f10-2"


def ask(kind: Any, body: bytes, *, callback_secret: str = "", headers: Any = None, **settings: Any) -> CallbackReply:
    call = CallbackCall(
        settings=settings, secret="", callback_secret=callback_secret, method="POST", url="https://x.example/", query={},
        headers=headers or {}, body=body, at=NOW,
    )  # fmt: skip
    return asyncio.run(kind.callbacks(call))  # type: ignore[no-any-return]


def kinds(reply: CallbackReply) -> list[tuple[ReportKind, bool]]:
    return [(report.kind, report.lasting) for report in reply.reports]


# SendGrid ---------------------------------------------------------------------------------------------------------------

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()


def sendgrid(events: Any, *, key: str = PUBLIC, tamper: bytes = b"") -> CallbackReply:
    body, time = json.dumps(events).encode(), str(AT)
    signature = base64.b64encode(KEY.sign(time.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": time,
    }
    return ask(SendGridConnector, body + tamper, headers=headers, webhookKey=key)


def of_sendgrid(event: str, **more: Any) -> dict[str, Any]:
    return {
        "email": "zoe@example.com", "timestamp": AT, "event": event, "sg_event_id": f"{event}-1", "throughline": REFERENCE,
        "sg_message_id": "sGmEsSaGe1.recvd-canary-abc-1-65F-1.0", **more,
    }  # fmt: skip


def test_sendgrid_signs_time_and_body() -> None:
    events = [
        of_sendgrid("processed"), of_sendgrid("deferred"), of_sendgrid("delivered", response="250 OK"), of_sendgrid("open"),
        of_sendgrid("open", sg_machine_open=True), of_sendgrid("click", url="https://shop.example/"),
        of_sendgrid("bounce", type="bounce", reason="550 5.1.1 unknown"), of_sendgrid("bounce", type="blocked"),
        of_sendgrid("dropped", reason="Bounced Address"), of_sendgrid("spamreport"), of_sendgrid("group_unsubscribe"), {"event": "open"}, 7,
    ]  # fmt: skip
    reply = sendgrid(events)
    assert kinds(reply) == [
        (ReportKind.DELIVERED, False), (ReportKind.OPENED, False), (ReportKind.CLICKED, False), (ReportKind.BOUNCED, True),
        (ReportKind.BOUNCED, False), (ReportKind.FAILED, False), (ReportKind.COMPLAINED, False), (ReportKind.UNSUBSCRIBED, False),
    ]  # fmt: skip
    assert reply.unread == 2
    first, click = reply.reports[0], reply.reports[2]
    assert (first.reference, first.provider_id, first.detail) == (REFERENCE, "sGmEsSaGe1", "250 OK")
    assert first.at.timestamp() == AT and click.url == "https://shop.example/"


def test_sendgrid_is_not_believed_without_its_signature() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    strange = base64.b64encode(
        other.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    for change in ({"tamper": b" "}, {"key": strange}, {"key": ""}, {"key": "AAAA"}):
        with pytest.raises(NotVerified):
            sendgrid([of_sendgrid("open")], **change)  # type: ignore[arg-type]
    for headers in ({}, {"x-twilio-email-event-webhook-signature": "no base64!"}):
        with pytest.raises(NotVerified):
            ask(SendGridConnector, b"[]", headers=headers, webhookKey=PUBLIC)


# Mailgun ----------------------------------------------------------------------------------------------------------------


def mailgun(event: Any, *, secret: str = "signing", key: str = "signing", at: int = AT, **proof: Any) -> CallbackReply:
    signature = hmac.new(key.encode(), f"{at}tok".encode(), "sha256").hexdigest()
    content = {
        "signature": {"timestamp": str(at), "token": "tok", "signature": signature, **proof},
        "event-data": event,
    }
    return ask(MailgunConnector, json.dumps(content).encode(), callback_secret=secret)


def of_mailgun(event: str, **more: Any) -> dict[str, Any]:
    return {
        "event": event, "id": f"{event}-1", "timestamp": AT + 0.5, "recipient": "zoe@example.com",
        "user-variables": {"throughline": REFERENCE}, "message": {"headers": {"message-id": "20260301.1@mg.example.com"}}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (of_mailgun("delivered", **{"delivery-status": {"code": 250, "message": "OK"}}), [(ReportKind.DELIVERED, False)]),
        (of_mailgun("opened", **{"client-info": {"bot": ""}}), [(ReportKind.OPENED, False)]),
        (of_mailgun("opened", **{"client-info": {"bot": "apple"}}), []),
        (of_mailgun("clicked", url="https://shop.example/"), [(ReportKind.CLICKED, False)]),
        (of_mailgun("failed", severity="permanent", reason="bounce"), [(ReportKind.BOUNCED, True)]),
        (of_mailgun("failed", severity="permanent", reason="old"), [(ReportKind.BOUNCED, False)]),
        (of_mailgun("failed", severity="temporary", reason="generic"), []),
        (of_mailgun("complained"), [(ReportKind.COMPLAINED, False)]),
        (of_mailgun("unsubscribed"), [(ReportKind.UNSUBSCRIBED, False)]),
        (of_mailgun("accepted"), []),
    ],
)  # fmt: skip
def test_mailgun_reports(event: dict[str, Any], expected: list[Any]) -> None:
    reply = mailgun(event)
    assert kinds(reply) == expected and not reply.unread
    for report in reply.reports:
        assert (report.reference, report.provider_id) == (REFERENCE, "20260301.1@mg.example.com")


def test_mailgun_is_not_believed_without_its_signature() -> None:
    event = of_mailgun("delivered")
    old = int((NOW - timedelta(hours=25)).timestamp())
    for change in (
        {"key": "other"},
        {"secret": ""},
        {"at": old},
        {"signature": "x"},
        {"timestamp": "soon"},
        {"token": "other"},
    ):
        with pytest.raises(NotVerified):
            mailgun(event, **change)  # type: ignore[arg-type]
    with pytest.raises(NotVerified):
        ask(MailgunConnector, b'{"event-data": {}}', callback_secret="signing")


# Amazon -----------------------------------------------------------------------------------------------------------------

CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789.pem"
SIGNER = rsa.generate_private_key(65537, 2048)


def _pem() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(SIGNER.public_key())
    built = built.serial_number(1).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=400))
    return built.sign(SIGNER, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Amazon's servers, as far as they are Amazon's; the addresses that were asked."""
    asked: list[str] = []
    guarded = sns._get

    async def get(text: str) -> bytes:
        if not str(text).startswith("https://sns.eu-central-1.amazonaws.com/"):
            return await guarded(text)
        asked.append(text)
        return _pem()

    monkeypatch.setattr(sns, "_get", get)
    sns._certificates.clear()
    return asked


def signed(content: dict[str, Any], version: str = "2", **change: Any) -> bytes:
    names = {
        "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
        "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    }[content["Type"]]
    text = "".join(f"{name}\n{content[name]}\n" for name in names if name in content)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = base64.b64encode(SIGNER.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
    whole = {**content, "SignatureVersion": version, "Signature": signature, "SigningCertURL": CERTIFICATE, **change}
    return json.dumps(whole).encode()


def notification(event: Any) -> dict[str, Any]:
    return {
        "Type": "Notification", "MessageId": "m1", "TopicArn": "arn:aws:sns:eu-central-1:1:ses", "Timestamp": "2026-03-01T11:59:00.000Z",
        "Message": event if isinstance(event, str) else json.dumps(event),
    }  # fmt: skip


def of_ses(event: str, place: str, **about: Any) -> dict[str, Any]:
    mail = {"messageId": "0107018d", "timestamp": "2026-03-01T11:58:00.000Z", "tags": {"throughline": [REFERENCE]}}
    return {"eventType": event, "mail": mail, place: {"timestamp": "2026-03-01T11:59:00.000Z", **about}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (of_ses("Delivery", "delivery", smtpResponse="250 OK"), [(ReportKind.DELIVERED, False)]),
        (of_ses("Open", "open"), [(ReportKind.OPENED, False)]),
        (of_ses("Click", "click", link="https://shop.example/"), [(ReportKind.CLICKED, False)]),
        (of_ses("Bounce", "bounce", bounceType="Permanent", bounceSubType="General",
                bouncedRecipients=[{"emailAddress": "zoe@example.com", "diagnosticCode": "550 5.1.1"}]), [(ReportKind.BOUNCED, True)]),
        (of_ses("Bounce", "bounce", bounceType="Transient"), [(ReportKind.BOUNCED, False)]),
        (of_ses("Complaint", "complaint", complaintFeedbackType="abuse"), [(ReportKind.COMPLAINED, False)]),
        (of_ses("Reject", "reject", reason="Bad content"), [(ReportKind.FAILED, False)]),
        (of_ses("Send", "send"), []),
        (of_ses("DeliveryDelay", "deliveryDelay"), []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["1", "2"])
def test_amazon_reports(amazon: list[str], event: dict[str, Any], expected: list[Any], version: str) -> None:
    reply = ask(SesConnector, signed(notification(event), version))
    assert kinds(reply) == expected and not reply.unread
    for report in reply.reports:
        assert (report.reference, report.provider_id) == (REFERENCE, "0107018d")
        assert report.at == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
    assert amazon == [CERTIFICATE]
    ask(SesConnector, signed(notification(event), version))
    assert amazon == [CERTIFICATE], "a certificate is kept"


def test_amazon_asks_for_a_confirmation(amazon: list[str]) -> None:
    url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"
    content = {
        **notification("You have chosen to subscribe"),
        "Type": "SubscriptionConfirmation",
        "Token": "2336412f37",
        "SubscribeURL": url,
    }
    assert ask(SesConnector, signed(content)).reports == []
    assert amazon == [CERTIFICATE, url]
    elsewhere = {**content, "SubscribeURL": "https://sns.eu-central-1.amazonaws.com.evil.example/"}
    with pytest.raises(NotVerified):
        ask(SesConnector, signed(elsewhere))


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"}, {"Signature": "AAAA"}, {"Signature": "no base64!"}, {"SignatureVersion": "3"}, {"Type": "Other"}, {"Type": []},
        *({"SigningCertURL": url} for url in (
            "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem", "http://sns.eu-central-1.amazonaws.com/x.pem",
            "https://evil.example/sns.eu-central-1.amazonaws.com/x.pem", "https://sns.eu-central-1.amazonaws.com@evil.example/x.pem",
            "https://s3.amazonaws.com/x.pem", "https://sns.eu-central-1.amazonaws.com/x.txt", "file:///etc/x.pem", None, 7)),
    ],
)  # fmt: skip
def test_amazon_is_not_believed_without_its_signature(amazon: list[str], change: dict[str, Any]) -> None:
    with pytest.raises(NotVerified):
        ask(SesConnector, signed(notification(of_ses("Open", "open")), **change))
