"""Amazon SES: whole mails by API v2, signed with Signature Version 4; reports by SNS."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.lib import clock
from app.lib.aws_signature import AwsScope, signed_headers
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import read_url
from app.lib.translation import translatable
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
from app.messaging.channels.email.smtp_answers import QUOTA_S, sender_refused
from app.messaging.channels.http_api import AGENT, ApiAccount, answer_words, limited
from app.messaging.channels.reports import CallbackCall, CallbackReply, MessageReport, json_body, moment, read_entries
from app.messaging.channels.result import Result
from app.messaging.channels.sns import confirm_subscription, verify_sns
from app.models.status import ReportKind

REFERENCE = "throughline"
"""The tag by which it reports about a message."""
PATH = "/v2/email/outbound-emails"
Region = Annotated[
    str, Meta(min_length=5, max_length=30, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]\Z", description="AWS region")
]
ConfigurationSet = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*\Z")]


class SesConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Amazon SES with an access key of its own. `configurationSet`: the one that tells SNS; without it nothing is reported."""

    access_key_id: Annotated[str, Meta(min_length=16, max_length=128, pattern=r"^[A-Z0-9]+\Z")]
    secret_access_key: Token
    region: Region
    from_email: Address320
    from_name: Label120 = ""
    configuration_set: ConfigurationSet = ""
    base_url: BaseUrl = ""


class SesAccount(ApiAccount, frozen=True, kw_only=True):
    access_key_id: str
    region: str
    configuration_set: str


class SesConnector(MailApiConnector):
    type, label, Config = "ses", "Amazon SES", SesConfig
    default_url = "https://email.us-east-1.amazonaws.com"
    secret, secret_word = "secretAccessKey", translatable("secret access key")
    asks_again = translatable(
        "Enter the secret key again: a stored one is used with its own access key and address only."
    )
    reports, engagement = True, ("opened", "clicked")
    callback_hint = translatable(
        "In SNS: make a topic and subscribe this address to it by HTTPS, without raw message delivery. In "
        "SES: add the topic to the configuration set as an event destination."
    )
    form = ConnectorForm(
        title="Amazon SES",
        about=translatable("Emails by Amazon SES, with opens, clicks and bounces."),
        place="Server",
        trial_title=translatable("Send a test email"),
        trial_to="email",
        trial_taken=translatable("Amazon SES took it. Look into the inbox of {to}."),
        words={
            **WORDS,
            "accessKeyId": translatable("An access key ID has capital letters and digits, like AKIAIOSFODNN7EXAMPLE."),
            "secretAccessKey": translatable("A secret access key is one word without blanks."),
            "region": translatable("Write a region, for example eu-central-1."),
            "configurationSet": translatable("Write the name of a configuration set."),
        },
        defaults={"region": "eu-central-1"},
    )

    @classmethod
    def base_url(cls, settings: Settings) -> str:
        return str(settings.get("baseUrl") or f"https://email.{settings['region']}.amazonaws.com")

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return cls.base_url(settings), settings["accessKeyId"]

    @classmethod
    def account(cls, settings: Settings, secret: str) -> SesAccount:
        return SesAccount(
            base_url=cls.base_url(settings),
            secret=secret,
            access_key_id=settings["accessKeyId"],
            region=settings["region"],
            configuration_set=settings.get("configurationSet", ""),
        )

    @classmethod
    def request(cls, account: SesAccount, packet: ApiMail) -> HttpRequest:
        mail: dict[str, Any] = {
            "FromEmailAddress": packet.sender,
            "Destination": {"ToAddresses": [packet.recipient]},
            "Content": {"Raw": {"Data": base64.b64encode(packet.mime()).decode()}},
        }
        if packet.reference:
            mail["EmailTags"] = [{"Name": REFERENCE, "Value": packet.reference}]
        if account.configuration_set:
            mail["ConfigurationSetName"] = account.configuration_set
        url, body = read_url(account.base_url + PATH), msgspec.json.encode(mail)
        own = (("Content-Type", "application/json"), ("User-Agent", AGENT))
        scope = AwsScope(account.access_key_id, account.secret, account.region, "ses")
        proof = signed_headers(scope, "POST", url.authority, url.target, own[:1], body, clock.now())
        private = frozenset(name.lower() for name, _ in proof)
        return HttpRequest("POST", url, (*own, *proof), body, private)

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return str(msgspec.json.decode(answer.body)["MessageId"])

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        body = msgspec.json.decode(answer.body)
        return f"{body.get('message') or body.get('Message') or ''} ({_error(answer)})".strip()

    @classmethod
    def refused(cls, account: SesAccount, packet: ApiMail, answer: HttpAnswer, words: str) -> Result | None:
        error, text, lower = _error(answer), answer_words(cls.label, answer, words), words.lower()
        if error in ("TooManyRequestsException", "ThrottlingException", "LimitExceededException"):
            if "daily" in lower or error == "LimitExceededException":
                return Result("unavailable", text, "server_away", everyone=True, wait_s=QUOTA_S)
            return limited(text, answer)
        if error in ("AccountSuspendedException", "SendingPausedException", "NotFoundException"):
            return Result("misconfigured", text, "connector_paused")
        if error == "MailFromDomainNotVerifiedException":
            return sender_refused(text, own_sender=packet.own_sender)
        if error == "MessageRejected" and "not verified" in lower:  # in the sandbox that is said of recipients too
            if packet.headers.sender.lower() in lower or packet.recipient.lower() not in lower:
                return sender_refused(text, own_sender=packet.own_sender)
            return Result("rejected", text, "address_refused")
        if error == "BadRequestException" and "address" in lower:
            return Result("rejected", text, "address_refused")
        return None

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        content = json_body(call)
        kind = await verify_sns(content)
        if kind == "SubscriptionConfirmation":
            await confirm_subscription(content)
            return CallbackReply()
        if kind != "Notification":
            return CallbackReply()
        return read_entries([content["Message"]], lambda text: _report(msgspec.json.decode(text), call.at))


def _error(answer: HttpAnswer) -> str:
    """The name of an error, which Amazon writes into a header: `MessageRejected`."""
    name = answer.header("x-amzn-errortype") or str(msgspec.json.decode(answer.body).get("__type", ""))
    return name.partition(":")[0].rpartition("#")[2]


_EVENTS = {
    "Delivery": (ReportKind.DELIVERED, "delivery"),
    "Open": (ReportKind.OPENED, "open"),
    "Click": (ReportKind.CLICKED, "click"),
    "Bounce": (ReportKind.BOUNCED, "bounce"),
    "Complaint": (ReportKind.COMPLAINED, "complaint"),
    "Reject": (ReportKind.FAILED, "reject"),
    "Subscription": (ReportKind.UNSUBSCRIBED, "subscription"),
}


def _report(event: Any, now: datetime) -> MessageReport | None:
    name = event.get("eventType") or event["notificationType"]
    if name not in _EVENTS:
        return None
    kind, place = _EVENTS[name]
    about, mail = event[place], event["mail"]
    recipients = about.get("bouncedRecipients") or []
    words = [
        about.get("smtpResponse"), about.get("reason"), about.get("bounceType"), about.get("bounceSubType"),
        about.get("complaintFeedbackType"), *(one.get("diagnosticCode") for one in recipients),
    ]  # fmt: skip
    return MessageReport(
        kind=kind,
        at=moment(about.get("timestamp") or mail["timestamp"], now),
        reference=next(iter((mail.get("tags") or {}).get(REFERENCE) or ()), ""),
        provider_id=str(mail["messageId"]),
        detail=" ".join(str(word) for word in words if word),
        url=str(about.get("link") or ""),
        key=str(about.get("feedbackId") or ""),
        lasting=name == "Bounce" and about["bounceType"] == "Permanent",
    )
