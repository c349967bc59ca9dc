"""WhatsApp messages by Meta's Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api.

It knows no key by which a repeat would be recognised, so a request that was cut is uncertain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.lib import single_line
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.translation import gettext, translatable
from app.messaging.channels.channel import Unsendable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings
from app.messaging.channels.http_api import ApiAccount, HttpApiConnector, answer_words, json_request, limited
from app.messaging.channels.reports import CallbackCall, CallbackReply
from app.messaging.channels.result import Result
from app.messaging.channels.whatsapp.meta_reports import meta_callback
from app.messaging.channels.whatsapp.whatsapp_message import ApprovedTemplate, WhatsappMessage

VERSION = "v23.0"
CREDENTIALS = (0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, 133010)
"""The token, its permissions, or an account or a number that is locked, not paid for or not registered."""
LATER = (4, 80007, 130429, 131048)
"""Too many requests, or too many messages of this number."""
SOON = (1, 2, 131000, 131016, 131056, 131057, 133004)
"""Something at Meta went wrong, or this pair of numbers has written too often."""
TEMPLATE = (132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069)
"""No such template in this language, other values than it has, or one that is paused."""
SESSION = 131047
UNREACHABLE = 131026
NO_MARKETING = 131050
CLOSED = translatable("WhatsApp takes free text only within 24 hours after the contact last wrote. Send a template.")
PHONE_IDS = 33
"""Subcode of 100: there is no such phone number id, or the token may not see it."""


class MetaConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A number at WhatsApp. A stored token goes to `baseUrl` and for `phoneNumberId` only."""

    phone_number_id: Annotated[
        str, Meta(pattern=r"^\d{5,25}\Z", description="The ID of the number, which is no number to call")
    ]
    access_token: Annotated[str, Meta(max_length=1_000, pattern=r"^[^\x00\r\n]*\Z")] = ""
    app_secret: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00\r\n]*\Z")] = ""
    version: Annotated[str, Meta(pattern=r"^v\d{1,3}\.\d{1,2}\Z", description="Of the Graph API")] = VERSION
    base_url: Annotated[str, Meta(max_length=500, pattern=single_line.PATTERN)] = ""


class MetaAccount(ApiAccount, frozen=True, kw_only=True):
    phone_number_id: str
    version: str


class MetaConnector(HttpApiConnector):
    type, label, Config = "meta_whatsapp", "Meta Cloud API", MetaConfig
    default_url = "https://graph.facebook.com"
    secret, secret_word = "accessToken", translatable("access token")
    reports, callback_secret = True, "appSecret"
    engagement = ("opened",)
    callback_hint = translatable(
        "At Meta under WhatsApp, Configuration, enter it as callback URL with the phone number ID as verify "
        "token, and subscribe to messages."
    )
    form = ConnectorForm(
        title="WhatsApp",
        about=translatable("Approved templates by the Cloud API of Meta."),
        place="Service",
        trial_title=translatable("Send a test message"),
        trial_to="tel",
        trial_taken=translatable("Meta took it. See whether it arrived at {to}."),
        words={
            "phoneNumberId": translatable(
                "It stands under API setup of the app at Meta: digits, not the number itself."
            ),
            "accessToken": translatable("A token holds no line breaks."),
            "appSecret": translatable("A secret holds no line breaks."),
            "version": translatable("Write a version of the Graph API, for example v23.0."),
            "baseUrl": translatable("Write an address like https://graph.facebook.com, or leave it empty."),
        },
        defaults={"version": VERSION},
    )

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        return meta_callback(call)

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return cls.base_url(settings), settings.get("phoneNumberId")

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(
            place=super().summary(settings).place, detail=settings["version"], sender=settings["phoneNumberId"]
        )

    @classmethod
    def account(cls, settings: Settings, secret: str) -> MetaAccount:
        return MetaAccount(
            base_url=cls.base_url(settings),
            secret=secret,
            phone_number_id=settings["phoneNumberId"],
            version=settings["version"],
        )

    @classmethod
    def stand_in_refusal(
        cls, settings: Settings, first: Settings, options: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> str:
        if content is None or content.get("kind", "template") == "text" or content.get("name"):
            return ""
        return gettext("the template has no name at Meta")

    @classmethod
    def request(cls, account: MetaAccount, packet: WhatsappMessage) -> HttpRequest:
        document: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": packet.recipient,
            "biz_opaque_callback_data": packet.id,
        }
        if packet.template is None:
            document |= {"type": "text", "text": {"preview_url": True, "body": packet.text}}
        else:
            if not packet.template.name:
                raise Unsendable(
                    "template_error", gettext("The template has no name at Meta, only a Content SID for Twilio.")
                )
            document |= {"type": "template", "template": _template(packet.template)}
        headers = (("Authorization", f"Bearer {account.secret}"),)
        return json_request(account, f"/{account.version}/{account.phone_number_id}/messages", document, headers)

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        return str(json.loads(answer.body)["messages"][0]["id"])

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        error = json.loads(answer.body)["error"]
        details = (error.get("error_data") or {}).get("details")
        return f"{error['message']} {details}" if details else str(error["message"])

    @classmethod
    def refused(cls, account: Any, packet: Any, answer: HttpAnswer, words: str) -> Result | None:
        error = json.loads(answer.body)["error"]
        code, text = int(error.get("code") or 0), answer_words(cls.label, answer, words)
        if code == 100 and error.get("error_subcode") == PHONE_IDS:
            return Result("misconfigured", text, "connector_paused")
        return judge_meta(code, text, answer)


def judge_meta(code: int, text: str, answer: HttpAnswer | None = None) -> Result | None:
    """What a code of the Cloud API means, in an answer or in a report; None when the status says enough."""
    if code in CREDENTIALS or 200 <= code <= 299:
        return Result("misconfigured", text, "connector_paused")
    if code in LATER and answer is not None:
        return limited(text, answer)
    if code in SOON:
        return Result("deferred", text, "deferred", strict=code == 131056)
    if code == SESSION:
        return Result("rejected", f"{CLOSED} {text}", "session_closed")
    if code == UNREACHABLE:
        return Result("rejected", text, "not_on_whatsapp")
    if code == NO_MARKETING:
        return Result("rejected", text, "marketing_stopped")
    if code in TEMPLATE:
        return Result("rejected", text, "template_refused")
    return Result("rejected", text, "message_refused") if code else None


def _template(template: ApprovedTemplate) -> dict[str, Any]:
    document: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    components = list(_components(template))
    return {**document, "components": components} if components else document


def _components(template: ApprovedTemplate) -> Iterator[dict[str, Any]]:
    if template.header == "text":
        yield {"type": "header", "parameters": [{"type": "text", "text": template.header_value}]}
    elif template.header != "none":
        media = {"type": template.header, template.header: {"link": template.header_value}}
        yield {"type": "header", "parameters": [media]}
    if template.values:
        yield {"type": "body", "parameters": [_parameter(one.name, one.text) for one in template.values]}
    for button in template.buttons:
        kind, field = {"url": ("text", "text"), "quick_reply": ("payload", "payload")}.get(
            button.type, ("coupon_code", "coupon_code")
        )
        yield {
            "type": "button",
            "sub_type": button.type,
            "index": str(button.index),
            "parameters": [{"type": kind, field: button.text}],
        }


def _parameter(name: str, text: str) -> dict[str, str]:
    """Values of words are named, those of numbers come in their order."""
    own = {} if name.isdigit() else {"parameter_name": name}
    return {"type": "text", **own, "text": text}
