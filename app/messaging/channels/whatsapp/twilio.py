"""WhatsApp messages by Twilio: templates are contents with an SID of their own there, and all their values are variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.translation import gettext, translatable
from app.messaging.channels.channel import Unsendable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings
from app.messaging.channels.http_api import answer_words
from app.messaging.channels.result import Result
from app.messaging.channels.twilio_api import (
    SERVICE,
    AccountSid,
    ApiUrl,
    TwilioAccount,
    TwilioApi,
    TwilioSecret,
    TwilioSender,
    checked_whatsapp_sender,
    judge_code,
    message_request,
)
from app.messaging.channels.whatsapp.meta import CLOSED
from app.messaging.channels.whatsapp.whatsapp_message import WhatsappMessage

SESSION = 63016
UNREACHABLE = (63003, 63024, 63015)
TEMPLATE = (63021, 63027, 63028, 63041, 63042, 21654, 21655, 21656)


class TwilioWhatsappConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An account at Twilio. `sender`: a number that is registered at WhatsApp, or a messaging service that has one."""

    account_sid: AccountSid
    sender: TwilioSender
    auth_token: TwilioSecret = ""
    base_url: ApiUrl = ""


class TwilioWhatsappConnector(TwilioApi):
    type, label, Config = "twilio_whatsapp", "Twilio", TwilioWhatsappConfig
    engagement = ("opened",)
    form = ConnectorForm(
        title="WhatsApp",
        about=translatable("Approved templates by a WhatsApp sender at Twilio."),
        place="Service",
        trial_title=translatable("Send a test message"),
        trial_to="tel",
        trial_taken=translatable("Twilio took it. See whether it arrived at {to}."),
        words={
            "accountSid": translatable("The account SID stands in the Twilio console: AC and 32 characters."),
            "sender": translatable("Write the number of your WhatsApp sender, or a messaging service."),
            "authToken": translatable("A token holds no line breaks."),
            "baseUrl": translatable("Write an address like https://api.twilio.com, or leave it empty."),
        },
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**super().checked(settings), "sender": checked_whatsapp_sender(settings["sender"])}

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        detail = gettext("Messaging service") if SERVICE.fullmatch(settings["sender"]) else gettext("Number")
        return ConnectorSummary(place=super().summary(settings).place, detail=detail, sender=settings["sender"])

    @classmethod
    def stand_in_refusal(
        cls, settings: Settings, first: Settings, options: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> str:
        if content is None or content.get("kind", "template") == "text":
            return ""
        if not content.get("contentSid"):
            return gettext("the template has no Content SID, by which Twilio knows it")
        if content.get("header", "none") != "none" or any(
            one.get("type", "none") != "none" for one in content.get("buttons", ())
        ):
            return gettext("Twilio takes the values of headers and buttons as variables only")
        return ""

    @classmethod
    def request(cls, account: TwilioAccount, packet: WhatsappMessage) -> HttpRequest:
        fields = {"To": f"whatsapp:{packet.recipient}"}
        if packet.template is None:
            return message_request(account, {**fields, "Body": packet.text})
        template = packet.template
        if not template.content_sid:
            raise Unsendable("template_error", gettext("The template has no Content SID, by which Twilio knows it."))
        if template.header != "none" or template.buttons:
            raise Unsendable(
                "template_error",
                gettext(
                    "For Twilio the values of headers and buttons are variables like the others. Put placeholders for "
                    "them into the wording."
                ),
            )
        fields["ContentSid"] = template.content_sid
        if template.values:
            fields["ContentVariables"] = json.dumps({one.name: one.text for one in template.values}, ensure_ascii=False)
        return message_request(account, fields)

    @classmethod
    def refused(cls, account: TwilioAccount, packet: WhatsappMessage, answer: HttpAnswer, words: str) -> Result | None:
        code = int(json.loads(answer.body).get("code") or 0)
        return judge_whatsapp(code, answer_words(cls.label, answer, words), answer)


def judge_whatsapp(code: int, text: str, answer: HttpAnswer | None = None) -> Result | None:
    """What a code of Twilio means for a WhatsApp message, in an answer or in a report."""
    if code == SESSION:
        return Result("rejected", f"{CLOSED} {text}", "session_closed")
    if code in UNREACHABLE:
        return Result("rejected", text, "not_on_whatsapp")
    if code in TEMPLATE:
        return Result("rejected", text, "template_refused")
    return judge_code(code, text, answer)
