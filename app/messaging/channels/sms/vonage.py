"""Text messages by Vonage's SMS API: https://developer.vonage.com/en/api/sms.

It answers 200 for refusals too and says in `status` of each part what it took. It knows no key by which a repeat would be recognised.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import single_line
from app.lib.addresses import BadAddress, phone
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import read_url
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings
from app.messaging.channels.http_api import AGENT, ApiAccount, HttpApiConnector
from app.messaging.channels.reports import CallbackCall, CallbackReply
from app.messaging.channels.result import Result
from app.messaging.channels.sms.text_message import TextMessage
from app.messaging.channels.sms.vonage_reports import Method, vonage_callback
from app.messaging.channels.sms_segments import count_segments
from app.messaging.channels.twilio_api import NAME, SHORT_CODE, ApiUrl, TwilioSecret

SENT, THROTTLED, INTERNAL = "0", "1", "5"
CONNECTOR = ("4", "8", "9", "11", "14", "15", "32")
"""Credentials, an account that is barred, without credit or not enabled, or a sender that cannot be used."""
NOBODY = ("33",)
"""The number is not in use any more."""


class VonageConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An account at Vonage. `sender`: what messages come from. A stored secret goes to `baseUrl` and for `apiKey` only."""

    api_key: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9]+\Z")]
    sender: Annotated[str, Meta(min_length=1, max_length=20, pattern=single_line.PATTERN)]
    api_secret: TwilioSecret = ""
    signature_secret: TwilioSecret = ""
    signature_method: Method = "sha256"
    base_url: ApiUrl = ""


class VonageAccount(ApiAccount, frozen=True, kw_only=True):
    api_key: str
    sender: str


class VonageConnector(HttpApiConnector):
    type, label, Config = "vonage", "Vonage", VonageConfig
    default_url = "https://rest.nexmo.com"
    secret, secret_word = "apiSecret", translatable("API secret")
    reports, callback_secret = True, "signatureSecret"
    callback_hint = translatable(
        "In the Vonage dashboard under API settings enter it as webhook for delivery receipts and for "
        "inbound SMS, and let calls be signed."
    )
    form = ConnectorForm(
        title="SMS",
        about=translatable("Text messages by an account at Vonage."),
        place="Service",
        trial_title=translatable("Send a test message"),
        trial_to="tel",
        trial_taken=translatable("Vonage took it. See whether it arrived at {to}."),
        words={
            "apiKey": translatable("The API key stands at the top of the Vonage dashboard."),
            "sender": translatable("Write a number or a name of up to 11 characters."),
            "apiSecret": translatable("A secret holds no line breaks."),
            "signatureSecret": translatable("A secret holds no line breaks."),
            "signatureMethod": translatable("One of %(words)s.") % {"words": ", ".join(get_args(Method))},
            "baseUrl": translatable("Write an address like https://rest.nexmo.com, or leave it empty."),
        },
        choices={
            "signatureMethod": [
                ("sha256", "SHA-256 HMAC"),
                ("sha512", "SHA-512 HMAC"),
                ("sha1", "SHA-1 HMAC"),
                ("md5", "MD5 HMAC"),
                ("md5hash", "MD5 hash"),
            ]
        },
        defaults={"signatureMethod": "sha256"},
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**super().checked(settings), "sender": _checked_sender(settings["sender"].strip())}

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        return vonage_callback(call)

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return cls.base_url(settings), settings.get("apiKey")

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        nameless = NAME.fullmatch(settings["sender"]) is None
        detail = gettext("Number") if nameless else gettext("Name, cannot be answered")
        return ConnectorSummary(place=super().summary(settings).place, detail=detail, sender=settings["sender"])

    @classmethod
    def account(cls, settings: Settings, secret: str) -> VonageAccount:
        return VonageAccount(
            base_url=cls.base_url(settings), secret=secret, api_key=settings["apiKey"], sender=settings["sender"]
        )

    @classmethod
    def request(cls, account: VonageAccount, packet: TextMessage) -> HttpRequest:
        fields = {
            "from": account.sender.removeprefix("+"),
            "to": packet.recipient.removeprefix("+"),
            "text": packet.text,
            "client-ref": packet.id,
        }
        if count_segments(packet.text).encoding == "UCS-2":
            fields["type"] = "unicode"
        pair = base64.b64encode(f"{account.api_key}:{account.secret}".encode()).decode()
        headers = (
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
            ("User-Agent", AGENT),
            ("Authorization", f"Basic {pair}"),
        )
        url = read_url(f"{account.base_url}/sms/json")
        return HttpRequest("POST", url, headers, urlencode(fields).encode(), frozenset({"authorization"}))

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return str(json.loads(answer.body)["messages"][0]["message-id"])

    @classmethod
    def judged(cls, account: Any, packet: Any, answer: HttpAnswer) -> Result:
        if not 200 <= answer.status < 300:
            return super().judged(account, packet, answer)
        try:
            parts = [
                (str(one["status"]), str(one.get("error-text", ""))) for one in json.loads(answer.body)["messages"]
            ]
        except (ValueError, KeyError, TypeError):
            parts = []
        if not parts:
            text = gettext("Vonage answered something else than its documentation says. It may have taken the message.")
            return Result("uncertain", text, "unconfirmed")
        refusals = [part for part in parts if part[0] != SENT]
        if not refusals:
            return super().judged(account, packet, answer)
        status, words = refusals[0]
        text = gettext(
            "Vonage refused it with status %(status)s: %(value)s", status=status, value=words or gettext("no reason")
        )
        if len(refusals) < len(parts):
            taken = gettext(
                "Vonage took %(parts)s of %(parts_2)s parts of the message. ",
                parts=len(parts) - len(refusals),
                parts_2=len(parts),
            )
            return Result("uncertain", taken + text, "unconfirmed")
        return _refusal(status, text[:500], answer)


def _refusal(status: str, text: str, answer: HttpAnswer) -> Result:
    if status in CONNECTOR:
        return Result("misconfigured", text, "connector_paused")
    if status == THROTTLED:
        return Result("unavailable", text, "server_away", everyone=True, crowded=True)
    if status == INTERNAL:
        return Result("deferred", text, "deferred", strict=False)
    return Result("rejected", text, "bad_address" if status in NOBODY else "message_refused")


def _checked_sender(text: str) -> str:
    if NAME.fullmatch(text) or SHORT_CODE.fullmatch(text):
        return text
    try:
        return phone(text if text.startswith("+") else f"+{text}")
    except BadAddress as error:
        message = gettext("Write a number like +447700900000, a short code, or a name of up to 11 letters and digits.")
        raise Invalid(errors=[FieldError(path="config.sender", message=message)]) from error
