"""Text messages by Twilio."""

from __future__ import annotations

import msgspec

from app.lib.http_client import HttpRequest
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings
from app.messaging.channels.sms.text_message import TextMessage
from app.messaging.channels.twilio_api import (
    AccountSid,
    ApiUrl,
    TwilioAccount,
    TwilioApi,
    TwilioSecret,
    TwilioSender,
    checked_sender,
    message_request,
    sender_kind,
)

TAKEN = translatable("Twilio took it. See whether it arrived at {to}.")


class TwilioConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An account at Twilio. `sender`: what messages come from. A stored token goes to `baseUrl` and for `accountSid` only."""

    account_sid: AccountSid
    sender: TwilioSender
    auth_token: TwilioSecret = ""
    base_url: ApiUrl = ""


class TwilioConnector(TwilioApi):
    type, label, Config = "twilio", "Twilio", TwilioConfig
    form = ConnectorForm(
        title="SMS",
        about=translatable("Text messages by a number or a messaging service of Twilio."),
        place="Service",
        trial_title=translatable("Send a test message"),
        trial_to="tel",
        trial_taken=TAKEN,
        words={
            "accountSid": translatable("The account SID stands in the Twilio console: AC and 32 characters."),
            "sender": translatable("Write a number, a short code, a name, or a messaging service."),
            "authToken": translatable("A token holds no line breaks."),
            "baseUrl": translatable("Write an address like https://api.twilio.com, or leave it empty."),
        },
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**super().checked(settings), "sender": checked_sender(settings["sender"])}

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        kind = sender_kind(settings["sender"])
        shown = {
            "service": gettext("Messaging service"),
            "name": gettext("Name, cannot be answered"),
            "number": gettext("Number"),
        }
        return ConnectorSummary(
            place=super().summary(settings).place,
            detail=shown.get(kind, gettext("Short code")),
            sender=settings["sender"],
        )

    @classmethod
    def request(cls, account: TwilioAccount, packet: TextMessage) -> HttpRequest:
        return message_request(account, {"To": packet.recipient, "Body": packet.text})
