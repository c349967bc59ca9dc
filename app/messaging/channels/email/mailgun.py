"""Mailgun: whole mails by `/v3/{domain}/messages.mime`, reports by its signed webhooks."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import read_url
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
from app.messaging.channels.http_api import AGENT, ApiAccount, answer_words
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
"""The user variable by which it reports about a message."""
WINDOW = timedelta(hours=24)
"""How old a signature may be: reports that were not taken come again for eight hours."""
_REGIONS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
Domain = Annotated[
    str, Meta(min_length=3, max_length=253, pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z", description="Sending domain")
]
SigningKey = Annotated[str, Meta(max_length=200, pattern=r"^[\x21-\x7e]*\Z")]


class MailgunConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A sending domain at Mailgun. `signingKey`: the HTTP webhook signing key; without it reports are refused."""

    api_key: Token
    domain: Domain
    from_email: Address320
    from_name: Label120 = ""
    region: Literal["us", "eu"] = "us"
    signing_key: SigningKey = ""
    base_url: BaseUrl = ""


class MailgunAccount(ApiAccount, frozen=True, kw_only=True):
    domain: str


class MailgunConnector(MailApiConnector):
    type, label, Config = "mailgun", "Mailgun", MailgunConfig
    default_url = _REGIONS["us"]
    secret, secret_word = "apiKey", translatable("API key")
    asks_again = translatable("Enter the key again: a stored one is not sent to another address or region.")
    reports, callback_secret = True, "signingKey"
    engagement = ("opened", "clicked")
    callback_hint = translatable(
        "In Mailgun under Send, Webhooks: add this address for delivered, opened, clicked, permanent "
        "failure, spam complaints and unsubscribes, and enter the HTTP webhook signing key here."
    )
    form = ConnectorForm(
        title="Mailgun",
        about=translatable("Emails by the API of Mailgun, with opens, clicks and bounces."),
        place="Server",
        trial_title=translatable("Send a test email"),
        trial_to="email",
        trial_taken=translatable("Mailgun took it. Look into the inbox of {to}."),
        words={
            **WORDS,
            "apiKey": translatable("A key is one word without blanks."),
            "domain": translatable("Write the sending domain, for example mg.example.com."),
            "region": translatable("One of us, eu."),
            "signingKey": translatable("A signing key is one word without blanks."),
        },
        choices={"region": [("us", translatable("United States")), ("eu", translatable("European Union"))]},
        defaults={"region": "us"},
    )

    @classmethod
    def base_url(cls, settings: Settings) -> str:
        return str(settings.get("baseUrl") or _REGIONS[settings["region"]])

    @classmethod
    def account(cls, settings: Settings, secret: str) -> MailgunAccount:
        return MailgunAccount(base_url=cls.base_url(settings), secret=secret, domain=settings["domain"].lower())

    @classmethod
    def request(cls, account: MailgunAccount, packet: ApiMail) -> HttpRequest:
        fields = {"to": packet.recipient}
        if packet.reference:
            fields[f"v:{REFERENCE}"] = packet.reference
        kind, body = _multipart(fields, packet.mime())
        pair = base64.b64encode(f"api:{account.secret}".encode()).decode()
        url = read_url(f"{account.base_url}/v3/{account.domain}/messages.mime")
        own = (("Content-Type", kind), ("Accept", "application/json"), ("User-Agent", AGENT))
        return HttpRequest("POST", url, (*own, ("Authorization", f"Basic {pair}")), body, frozenset({"authorization"}))

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return str(msgspec.json.decode(answer.body)["id"]).strip("<>")

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        if "json" not in answer.header("content-type"):
            return answer.body.decode("utf-8", "replace")
        return str(msgspec.json.decode(answer.body)["message"])

    @classmethod
    def refused(cls, account: MailgunAccount, packet: ApiMail, answer: HttpAnswer, words: str) -> Result | None:
        text, lower = answer_words(cls.label, answer, words), words.lower()
        if answer.status in (402, 404):  # nobody pays, or there is no such domain in this region
            return Result("misconfigured", text, "connector_paused")
        if answer.status == 403 and "authorized recipients" in lower:
            return Result("rejected", text, "address_refused")
        if answer.status == 400 and lower.startswith(("'to' parameter", "to parameter")):
            return Result("rejected", text, "address_refused")
        return None

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        if not call.callback_secret:
            raise NotVerified(gettext("This connector has no signing key yet. An admin can enter it."))
        content = json_body(call)
        try:
            proof = content["signature"]
            time, token, signature = str(proof["timestamp"]), str(proof["token"]), str(proof["signature"])
            sent_at = datetime.fromtimestamp(int(time), UTC)
        except (LookupError, TypeError, ValueError, OverflowError, OSError) as error:
            raise NotVerified from error
        wanted = hmac.digest(call.callback_secret.encode(), f"{time}{token}".encode("utf-8", "replace"), "sha256").hex()
        if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
            raise NotVerified
        if abs(call.at - sent_at) > WINDOW:
            raise NotVerified(gettext("The signature of this call is more than a day away."))
        return read_entries([content.get("event-data")], lambda entry: _report(entry, call.at))


def _multipart(fields: dict[str, str], mail: bytes) -> tuple[str, bytes]:
    """The content type and body of a form with a file called `message`."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="message"; filename="message.mime"\r\n'
    parts += [f"{head}Content-Type: message/rfc822\r\n\r\n".encode(), mail, f"\r\n--{boundary}--\r\n".encode()]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


_EVENTS = {
    "delivered": ReportKind.DELIVERED,
    "opened": ReportKind.OPENED,
    "clicked": ReportKind.CLICKED,
    "failed": ReportKind.BOUNCED,
    "complained": ReportKind.COMPLAINED,
    "unsubscribed": ReportKind.UNSUBSCRIBED,
}
_GONE = ("bounce", "suppress-bounce")


def _report(entry: Any, now: datetime) -> MessageReport | None:
    event = entry["event"]
    kind = _EVENTS.get(event)
    passing = event == "failed" and entry["severity"] != "permanent"  # it is tried again there
    by_machine = bool((entry.get("client-info") or {}).get("bot"))
    if kind is None or passing or by_machine:
        return None
    status = entry.get("delivery-status") or {}
    words = [str(status[name]) for name in ("code", "message", "description") if status.get(name)]
    return MessageReport(
        kind=kind,
        at=moment(entry["timestamp"], now),
        reference=str((entry.get("user-variables") or {}).get(REFERENCE, "")),
        provider_id=str(entry["message"]["headers"]["message-id"]),
        detail=" ".join(words) if event == "failed" else "",
        url=str(entry.get("url") or ""),
        key=str(entry["id"]),
        lasting=event == "failed" and entry.get("reason") in _GONE,
    )
