"""Postmark: mails by its `/email`, with the token of a server."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.lib.http_client import HttpAnswer, HttpRequest
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
from app.messaging.channels.email.smtp_answers import sender_refused
from app.messaging.channels.http_api import ApiAccount, answer_words, json_request, limited
from app.messaging.channels.reports import CallbackCall, CallbackReply, MessageReport, json_body, moment, read_entries
from app.messaging.channels.result import Result
from app.models.status import ReportKind

REFERENCE = "throughline"
"""The key of the metadata by which it reports about a message; 20 characters at most."""
_ACCOUNT = (10, 405, 412, 413, 1235)
"""A wrong token, out of credits, an account that is not approved or may not send, a stream that does not exist."""
_SENDER = (400, 401)
"""No signature for the sender's address, or one that was not confirmed."""
_INACTIVE, _TOO_MANY = 406, 429


class PostmarkConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A server at Postmark. `stream`: its message stream; `outbound` is the transactional one that every server has."""

    server_token: Token
    from_email: Address320
    from_name: Label120 = ""
    stream: Annotated[str, Meta(min_length=1, max_length=30, pattern=r"^[a-z][a-z0-9_-]*\Z")] = "outbound"
    base_url: BaseUrl = ""


class PostmarkAccount(ApiAccount, frozen=True, kw_only=True):
    stream: str


class PostmarkConnector(MailApiConnector):
    type, label, Config = "postmark", "Postmark", PostmarkConfig
    default_url = "https://api.postmarkapp.com"
    secret, secret_word = "serverToken", translatable("server token")
    asks_again = translatable("Enter the token again: a stored one is not sent to another address.")
    reports, engagement = True, ("opened", "clicked")
    callback_hint = translatable(
        "In Postmark under the stream’s Webhooks: add this address, and choose Delivery, Bounce, Spam "
        "Complaint, Open, Link Click and Subscription Change."
    )
    form = ConnectorForm(
        title="Postmark",
        about=translatable("Emails by the API of Postmark, with opens, clicks and bounces."),
        place="Server",
        trial_title=translatable("Send a test email"),
        trial_to="email",
        trial_taken=translatable("Postmark took it. Look into the inbox of {to}."),
        words={
            **WORDS,
            "serverToken": translatable("A token is one word of letters, digits and hyphens."),
            "stream": translatable("Write the id of a message stream, for example outbound or broadcast."),
        },
        defaults={"stream": "outbound"},
    )

    @classmethod
    def account(cls, settings: Settings, secret: str) -> PostmarkAccount:
        return PostmarkAccount(base_url=cls.base_url(settings), secret=secret, stream=settings["stream"])

    @classmethod
    def request(cls, account: PostmarkAccount, packet: ApiMail) -> HttpRequest:
        headers = [("Message-ID", packet.headers.message_id), ("X-PM-KeepID", "true"), *packet.own_headers()]
        mail: dict[str, Any] = {
            "From": packet.sender,
            "To": packet.recipient,
            "Subject": packet.subject,
            "HtmlBody": packet.parts.html or None,
            "TextBody": packet.parts.text or None,
            "ReplyTo": packet.headers.reply_to or None,
            "MessageStream": account.stream,
            "Headers": [{"Name": name, "Value": value} for name, value in headers],
            "Metadata": {REFERENCE: packet.reference} if packet.reference else None,
        }
        value = {name: field for name, field in mail.items() if field is not None}
        return json_request(account, "/email", value, (("X-Postmark-Server-Token", account.secret),))

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return str(msgspec.json.decode(answer.body)["MessageID"])

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        body = msgspec.json.decode(answer.body)
        return f"{body['Message']} (code {body['ErrorCode']})"

    @classmethod
    def refused(cls, account: PostmarkAccount, packet: ApiMail, answer: HttpAnswer, words: str) -> Result | None:
        code, text = msgspec.json.decode(answer.body).get("ErrorCode"), answer_words(cls.label, answer, words)
        if code == _TOO_MANY:
            return limited(text, answer)
        if code in _ACCOUNT:
            return Result("misconfigured", text, "connector_paused")
        if code in _SENDER:
            return sender_refused(text, own_sender=packet.own_sender)
        if code == _INACTIVE:  # it bounced, complained or was suppressed by hand there
            return Result("rejected", text, "bad_address")
        return None

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        """Postmark signs nothing: the secret is the address itself."""
        content = json_body(call)
        entries = content if isinstance(content, list) else [content]
        return read_entries(entries, lambda entry: _report(entry, call.at))


_EVENTS = {
    "Delivery": (ReportKind.DELIVERED, "DeliveredAt"),
    "Open": (ReportKind.OPENED, "ReceivedAt"),
    "Click": (ReportKind.CLICKED, "ReceivedAt"),
    "Bounce": (ReportKind.BOUNCED, "BouncedAt"),
    "SpamComplaint": (ReportKind.COMPLAINED, "BouncedAt"),
    "SubscriptionChange": (ReportKind.UNSUBSCRIBED, "ChangedAt"),
}
_HARD = ("HardBounce", "BadEmailAddress")


def _report(entry: Any, now: datetime) -> MessageReport | None:
    event = entry["RecordType"]
    if event not in _EVENTS:
        return None
    # Who bounced or complained is told by an entry of its own; only what the recipient did is news.
    if event == "SubscriptionChange" and (
        not entry["SuppressSending"] or entry.get("SuppressionReason") not in (None, "ManualSuppression")
    ):
        return None
    kind, time = _EVENTS[event]
    words = (entry.get("Description"), entry.get("Details")) if event != "SubscriptionChange" else ()
    return MessageReport(
        kind=kind,
        at=moment(entry[time], now),
        reference=str((entry.get("Metadata") or {}).get(REFERENCE, "")),
        provider_id=str(entry["MessageID"]),
        detail=" ".join(word for word in words if isinstance(word, str) and word),
        url=str(entry.get("OriginalLink") or ""),
        key=str(entry["ID"]) if "ID" in entry else "",
        lasting=event == "Bounce" and (entry.get("Type") in _HARD or entry.get("Inactive") is True),
    )
