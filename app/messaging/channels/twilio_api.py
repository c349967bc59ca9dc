"""Twilio's Messages resource, which takes text messages and WhatsApp messages alike: who we are, the request, and what its errors mean.

https://www.twilio.com/docs/messaging/api/message-resource. It knows no key by which a repeat would be recognised, so a request that was cut
is uncertain.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import egress, single_line
from app.lib.addresses import BadAddress, phone
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import read_url
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import Sender
from app.messaging.channels.http_api import AGENT, ApiAccount, HttpApiConnector, answer_words, limited
from app.messaging.channels.reports import CallbackCall, CallbackReply
from app.messaging.channels.result import Result
from app.messaging.channels.twilio_reports import NOBODY, STOPPED, twilio_callback

BASE_URL = "https://api.twilio.com"
SERVICE = re.compile(r"MG[0-9a-f]{32}")
SHORT_CODE = re.compile(r"\d{3,8}")
NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{2,11}")
"""An alphanumeric sender: up to eleven characters, one of them a letter. Nobody can answer it."""
AccountSid = Annotated[
    str, Meta(pattern=r"^AC[0-9a-fA-F]{32}\Z", description="The account: AC and 32 hexadecimal digits")
]
TwilioSender = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        pattern=single_line.PATTERN,
        description="A number (+15017122661), a short code, a name of up to 11 characters, or a messaging service (MG…)",
    ),
]
TwilioSecret = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00\r\n]*\Z")]
ApiUrl = Annotated[str, Meta(max_length=500, pattern=single_line.PATTERN)]

SENDER = (21212, 21603, 21606, 21659, 21660, 21661, 21703, 21705, 21710, 63007, 63112)
"""The number, the name or the messaging service that messages come from cannot be used: about the connector, not about one message."""
CREDENTIALS = (20003, 20005, 20006, 20404, 20008)
LATER = (14107, 20429, 21611, 30001, 30022, 63018, 63038)
"""Too many requests, or a queue of the sender that is full."""
BLOCKED = (21408, 21612, 30004, 30007)
"""Not to this country or by this way, filtered, or blocked."""


class TwilioAccount(ApiAccount, frozen=True, kw_only=True):
    account_sid: str
    sender: str
    status_url: str = ""
    """Where Twilio tells what became of a message; empty when it cannot reach us."""


def sender_kind(text: str) -> str:
    """What messages come from: `service`, `number`, `short code` or `name`. Raises BadAddress."""
    if SERVICE.fullmatch(text):
        return "service"
    if SHORT_CODE.fullmatch(text):
        return "short code"
    if NAME.fullmatch(text):
        return "name"
    phone(text)
    return "number"


def checked_sender(text: str) -> str:
    """A sender in its one form. Raises Invalid for `config.sender`."""
    text = text.strip()
    try:
        return phone(text) if sender_kind(text) == "number" else text
    except BadAddress as error:
        message = gettext(
            "Write a number like +15017122661, a short code, a name of up to 11 letters and digits, or a "
            "messaging service (MG…)."
        )
        raise Invalid(errors=[FieldError(path="config.sender", message=message)]) from error


def checked_whatsapp_sender(text: str) -> str:
    """A WhatsApp sender in its one form: a number, or a messaging service. Raises Invalid for `config.sender`."""
    text = text.strip().removeprefix("whatsapp:")
    try:
        return text if SERVICE.fullmatch(text) else phone(text)
    except BadAddress as error:
        message = gettext("Write the number of your WhatsApp sender like +15017122661, or a messaging service (MG…).")
        raise Invalid(errors=[FieldError(path="config.sender", message=message)]) from error


def message_request(account: TwilioAccount, fields: dict[str, str]) -> HttpRequest:
    """The request that creates a message; `fields` as the documentation calls them. The sender and where to report are added."""
    if SERVICE.fullmatch(account.sender):
        fields = {**fields, "MessagingServiceSid": account.sender}
    else:
        whatsapp = fields["To"].startswith("whatsapp:")
        fields = {**fields, "From": f"whatsapp:{account.sender}" if whatsapp else account.sender}
    if account.status_url:
        fields["StatusCallback"] = account.status_url
    url = read_url(f"{account.base_url}/2010-04-01/Accounts/{account.account_sid}/Messages.json")
    pair = base64.b64encode(f"{account.account_sid}:{account.secret}".encode()).decode()
    headers = (
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
        ("User-Agent", AGENT),
        ("Authorization", f"Basic {pair}"),
    )
    return HttpRequest("POST", url, headers, urlencode(fields).encode(), frozenset({"authorization"}))


def judge_code(code: int, text: str, answer: HttpAnswer | None = None) -> Result | None:
    """What a code of Twilio means, in an answer or in a report; None when the status says enough."""
    if code in NOBODY:
        return Result("rejected", text, "bad_address")
    if code == STOPPED:
        return Result("rejected", text, "opted_out")
    if code in CREDENTIALS or code in SENDER:
        return Result("misconfigured", text, "connector_paused")
    if code in LATER and answer is not None:
        return limited(text, answer)
    if code in BLOCKED:
        return Result("rejected", text, "message_refused")
    return None


class TwilioApi(HttpApiConnector):
    """What connectors to Twilio share, whatever the channel."""

    default_url = BASE_URL
    secret, secret_word = "authToken", translatable("auth token")
    reports = True
    callback_hint = translatable(
        "Each message tells Twilio to report here. For replies and STOP enter it in the Twilio console too: "
        "at the number or the messaging service, where a message comes in, by HTTP POST."
    )

    @classmethod
    def account(cls, settings: dict[str, Any], secret: str) -> TwilioAccount:
        return TwilioAccount(
            base_url=cls.base_url(settings),
            secret=secret,
            account_sid=settings["accountSid"],
            sender=settings["sender"],
        )

    @classmethod
    def reporting(cls, sender: Sender, url: str) -> Sender:
        """Twilio refuses a message with an address that it cannot reach."""
        place = read_url(url)
        if place.scheme != "https" or egress.is_this_machine(place.host):
            return sender
        return Sender(sender.id, msgspec.structs.replace(sender.server, status_url=url))

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        return twilio_callback(call)

    @classmethod
    def aim_of(cls, settings: dict[str, Any]) -> tuple[Any, ...]:
        return cls.base_url(settings), settings.get("accountSid")

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return str(json.loads(answer.body)["sid"])

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        error = json.loads(answer.body)
        return f"{error['message']} (error {error['code']})" if error.get("code") else str(error["message"])

    @classmethod
    def refused(cls, account: TwilioAccount, packet: Any, answer: HttpAnswer, words: str) -> Result | None:
        code = int(json.loads(answer.body).get("code") or 0)
        return judge_code(code, answer_words(cls.label, answer, words), answer)
