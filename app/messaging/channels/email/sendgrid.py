"""SendGrid: mails by `/v3/mail/send`, reports by its signed Event Webhook."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import clock
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import ConnectorForm, Settings
from app.messaging.channels.email.api_connector import (
    WORDS,
    Address320,
    ApiMail,
    BaseUrl,
    Label120,
    MailApiConnector,
    Token,
)
from app.messaging.channels.email.smtp_answers import sender_refused
from app.messaging.channels.http_api import ApiAccount, answer_words, json_request, limited
from app.messaging.channels.reports import (
    CallbackCall,
    CallbackReply,
    MessageReport,
    NotVerified,
    json_body,
    moment,
    read_entries,
)
from app.messaging.channels.result import Result
from app.models.status import ReportKind

REFERENCE = "throughline"
"""The custom argument by which it reports about a message."""


class SendGridConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An account at SendGrid. `webhookKey`: the public key of its signed Event Webhook; without it reports are refused."""

    api_key: Token
    from_email: Address320
    from_name: Label120 = ""
    webhook_key: Annotated[str, Meta(max_length=400, pattern=r"^[A-Za-z0-9+/=]*\Z")] = ""
    base_url: BaseUrl = ""


class SendGridConnector(MailApiConnector):
    type, label, Config = "sendgrid", "SendGrid", SendGridConfig
    default_url = "https://api.sendgrid.com"
    secret, secret_word = "apiKey", translatable("API key")
    asks_again = translatable("Enter the key again: a stored one is not sent to another address.")
    reports, engagement = True, ("opened", "clicked")
    callback_hint = translatable(
        "In SendGrid under Settings, Mail Settings, Event Webhooks: add this address, switch signature "
        "verification on, and enter its verification key here."
    )
    form = ConnectorForm(
        title="SendGrid",
        about=translatable("Emails by the API of SendGrid, with opens, clicks and bounces."),
        place="Server",
        trial_title=translatable("Send a test email"),
        trial_to="email",
        trial_taken=translatable("SendGrid took it. Look into the inbox of {to}."),
        words={
            **WORDS,
            "apiKey": translatable("A key begins with SG. and has no blanks."),
            "webhookKey": translatable("The verification key is one word of letters, digits, + and /."),
        },
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        checked = super().checked(settings)
        if checked["webhookKey"] and _public_key(checked["webhookKey"]) is None:
            message = gettext("This is not a verification key. Copy it whole from the settings of the Event Webhook.")
            raise Invalid(errors=[FieldError(path="config.webhookKey", message=message)])
        return checked

    @classmethod
    def request(cls, account: ApiAccount, packet: ApiMail) -> HttpRequest:
        texts = [("text/plain", packet.parts.text), ("text/html", packet.parts.html)]
        content = [{"type": kind, "value": text} for kind, text in texts if text]
        mail: dict[str, Any] = {
            "personalizations": [{"to": [{"email": packet.recipient}]}],
            "from": {"email": packet.headers.sender, **_named(packet.headers.sender_name)},
            "subject": packet.subject,
            "content": content or [{"type": "text/plain", "value": " "}],
            "headers": {"Message-ID": packet.headers.message_id, **dict(packet.own_headers())},
        }
        if packet.headers.reply_to:
            mail["reply_to"] = {"email": packet.headers.reply_to}
        if packet.reference:
            mail["custom_args"] = {REFERENCE: packet.reference}
        return json_request(account, "/v3/mail/send", mail, (("Authorization", f"Bearer {account.secret}"),))

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return answer.header("x-message-id")

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        return " ".join(str(error["message"]) for error in msgspec.json.decode(answer.body)["errors"])

    @classmethod
    def refused(cls, account: ApiAccount, packet: ApiMail, answer: HttpAnswer, words: str) -> Result | None:
        text = answer_words(cls.label, answer, words)
        if answer.status == 429:
            reset = answer.header("x-ratelimit-reset")
            wait_s = max(1.0, float(reset) - clock.now().timestamp()) if reset.isdecimal() else None
            result = limited(text, answer)
            return msgspec.structs.replace(result, wait_s=wait_s, crowded=False) if wait_s else result
        errors = msgspec.json.decode(answer.body).get("errors") or []
        fields = [str(error.get("field") or "") for error in errors]
        if any(field == "from" or field.startswith("from.") for field in fields):
            return sender_refused(text, own_sender=packet.own_sender)
        if answer.status == 400 and any(".to." in field for field in fields):
            return Result("rejected", text, "address_refused")
        return None

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        key = _public_key(call.settings.get("webhookKey", ""))
        if key is None:
            raise NotVerified(gettext("This connector has no verification key yet. An admin can enter it."))
        signed = call.headers.get("x-twilio-email-event-webhook-timestamp", "").encode() + call.body
        try:
            signature = base64.b64decode(call.headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
            key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise NotVerified from error
        content = json_body(call)
        return read_entries(content if isinstance(content, list) else [content], lambda entry: _report(entry, call.at))


def _named(name: str) -> dict[str, str]:
    clean = " ".join(name.split())
    return {"name": clean} if clean else {}


def _public_key(text: str) -> ec.EllipticCurvePublicKey | None:
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


_EVENTS = {
    "delivered": ReportKind.DELIVERED,
    "open": ReportKind.OPENED,
    "click": ReportKind.CLICKED,
    "bounce": ReportKind.BOUNCED,
    "dropped": ReportKind.FAILED,
    "spamreport": ReportKind.COMPLAINED,
    "unsubscribe": ReportKind.UNSUBSCRIBED,
    "group_unsubscribe": ReportKind.UNSUBSCRIBED,
}


def _report(entry: Any, now: datetime) -> MessageReport | None:
    event = entry["event"]
    kind = _EVENTS.get(event)
    if kind is None or entry.get("sg_machine_open") is True:  # a mail program that loads every picture opens nothing
        return None
    return MessageReport(
        kind=kind,
        at=moment(entry["timestamp"], now),
        reference=str(entry.get(REFERENCE) or ""),
        provider_id=str(entry.get("sg_message_id") or "").partition(".")[0],
        detail=str(entry.get("reason") or entry.get("response") or ""),
        url=str(entry.get("url") or ""),
        key=str(entry["sg_event_id"]),
        lasting=event == "bounce" and entry.get("type") == "bounce",
    )
