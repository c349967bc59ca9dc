"""Notifications to apps by Firebase Cloud Messaging, HTTP v1: https://firebase.google.com/docs/cloud-messaging/send/v1-api.

It knows no key by which a repeat would be recognised, so a request that was cut is uncertain.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import single_line
from app.lib.http_client import HttpAnswer, HttpClient, HttpRequest
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, ConnectorType, Sender, Settings
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.http_api import answer_words, checked_base_url, json_request, stated_wait
from app.messaging.channels.push.google_tokens import ServiceAccount, google_token, read_service_account
from app.messaging.channels.push.notification import Notification, PushAccount, PushPacket, Verdict, result_at
from app.messaging.channels.push.push_reports import device_reports
from app.messaging.channels.push.transport import PushTransport
from app.messaging.channels.reports import CallbackCall, CallbackReply

API = "https://fcm.googleapis.com"
QUOTA_WAIT_S, AWAY_WAIT_S = 60.0, 10.0
"""How long Google wants to be left alone where it states no time: after a 429, and after a 5xx."""
MOST_COLLAPSE = 64
"""Bytes of a collapse key that Apple takes."""


class FcmConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A project at Firebase. `serviceAccount`: the JSON of the key as it was downloaded."""

    project_id: Annotated[str, Meta(max_length=60, pattern=r"^([a-z][a-z0-9-]*)?\Z")] = ""
    service_account: Annotated[str, Meta(max_length=8_000)] = ""
    base_url: Annotated[str, Meta(max_length=500, pattern=single_line.PATTERN)] = ""


class FcmAccount(PushAccount, frozen=True, kw_only=True):
    project_id: str

    def reaches(self, device: PushDevice) -> bool:
        return not device.keys

    async def authorized(self, client: HttpClient, timeout_s: float, refused: str = "") -> str:
        return await google_token(client, self.secret, timeout_s, refused)

    def wants_other_proof(self, answer: HttpAnswer) -> bool:
        return answer.status == 401 and _error(answer)[0] in ("", "UNAUTHENTICATED")

    def request(self, packet: PushPacket, device: PushDevice, proof: str) -> HttpRequest:
        message = {"message": fcm_message(packet, device)}
        path = f"/v1/projects/{self.project_id}/messages:send"
        return json_request(self, path, message, (("Authorization", f"Bearer {proof}"),))

    def judged(self, device: PushDevice, answer: HttpAnswer) -> Verdict:
        if 200 <= answer.status < 300:
            name = str(msgspec.json.decode(answer.body)["name"])
            return Verdict(result=result_at(device, "sent", gettext("Firebase took it.")), provider_id=name)
        code, words = _error(answer)
        text = answer_words("Firebase", answer, f"{code}: {words}" if code and code not in words else words)[:500]
        wait_s = stated_wait(answer)
        if code == "UNREGISTERED" or (code == "INVALID_ARGUMENT" and _is_about_token(answer)):
            return Verdict(result=result_at(device, "gone", text))
        if code in ("THIRD_PARTY_AUTH_ERROR", "SENDER_ID_MISMATCH"):
            return Verdict(result=result_at(device, "rejected", text))
        if code == "QUOTA_EXCEEDED" or answer.status == 429:
            result = result_at(device, "unavailable", text)
            return Verdict(result=result, wait_s=wait_s or QUOTA_WAIT_S, of_all=True)
        if answer.status in (401, 403) or (answer.status == 404 and not code):
            return Verdict(result=result_at(device, "misconfigured", text), of_all=True)
        if answer.status in (502, 504):
            return Verdict(
                result=result_at(device, "uncertain", gettext("%(text)s It may have been taken.", text=text))
            )
        if answer.status >= 500:
            result = result_at(device, "unavailable", text)
            return Verdict(result=result, wait_s=wait_s or AWAY_WAIT_S, of_all=True)
        return Verdict(result=result_at(device, "rejected", text))


def _error(answer: HttpAnswer) -> tuple[str, str]:
    """The code of Firebase, else that of Google's APIs, and the words."""
    try:
        error = msgspec.json.decode(answer.body)["error"]
        codes = [one["errorCode"] for one in error.get("details", ()) if "errorCode" in one]
        status = str(error.get("status", ""))
        code = str(codes[0]) if codes else ("" if status == "NOT_FOUND" else status)
        return code, " ".join(str(error.get("message", "")).split())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        return "", " ".join(answer.body.decode("utf-8", "replace").split())[:300]


def _is_about_token(answer: HttpAnswer) -> bool:
    """Is it the token that is no token?"""
    try:
        details = json.loads(answer.body)["error"].get("details", ())
        fields = [violation.get("field") for one in details for violation in one.get("fieldViolations", ())]
    except (ValueError, LookupError, TypeError, AttributeError):
        return False
    return "message.token" in fields


def fcm_message(packet: PushPacket, device: PushDevice) -> dict[str, Any]:
    """A notification as Firebase takes it, with what Android, Apple and browsers need each. Empty values are left out."""
    note = packet.notification
    data = dict(note.data)
    extra = {"messageId": packet.id, "link": note.link, "report": packet.report_url(device)}
    shown = {"title": note.title, "body": note.text, "image": note.image}
    message: dict[str, Any] = {
        "token": device.token,
        "notification": {name: value for name, value in shown.items() if value},
        "data": {**data, **{name: value for name, value in extra.items() if value}},
    }
    return {**message, device_block(device.platform): _OF_PLATFORM[device.platform](note, packet)}


def device_block(platform: str) -> str:
    """Under which name Firebase takes what is of one platform alone."""
    return {"android": "android", "ios": "apns", "web": "webpush"}[platform]


def _collapse(note: Notification) -> str:
    return note.collapse_key.encode()[:MOST_COLLAPSE].decode(errors="ignore")


def _android(note: Notification, packet: PushPacket) -> dict[str, Any]:
    block: dict[str, Any] = {"priority": "HIGH" if note.urgency == "high" else "NORMAL", "ttl": f"{note.ttl_s}s"}
    if note.collapse_key:
        block |= {"collapse_key": _collapse(note), "notification": {"tag": _collapse(note)}}
    return block


def _apns(note: Notification, packet: PushPacket) -> dict[str, Any]:
    headers = {"apns-priority": "10" if note.urgency in ("normal", "high") else "5"}
    headers["apns-expiration"] = str(packet.expires_at) if note.ttl_s else "0"
    if note.collapse_key:
        headers["apns-collapse-id"] = _collapse(note)
    block: dict[str, Any] = {"headers": headers, "payload": {"aps": {"sound": "default"}}}
    if note.image:
        block["payload"]["aps"]["mutable-content"] = 1
        block["fcm_options"] = {"image": note.image}
    return block


def _webpush(note: Notification, packet: PushPacket) -> dict[str, Any]:
    block: dict[str, Any] = {"headers": {"TTL": str(note.ttl_s), "Urgency": note.urgency}}
    if note.link.startswith("https://"):
        block["fcm_options"] = {"link": note.link}
    return block


_OF_PLATFORM = {"android": _android, "ios": _apns, "web": _webpush}


class FcmConnector(ConnectorType):
    type, label, Config = "fcm", "Firebase", FcmConfig
    secret, secret_word = "serviceAccount", translatable("key of the service account")
    asks_again = translatable("Enter the key again: a stored one is not used for another address.")
    reports, engagement = True, ("opened", "clicked")
    callback_hint = translatable(
        "There is nothing to enter anywhere. Each notification carries an address of its own in its data, "
        "`report`: an app that calls it with &k=delivered or &k=clicked says what became of it."
    )
    form = ConnectorForm(
        title="Push",
        about=translatable("Notifications to apps on Android and iOS by Firebase Cloud Messaging."),
        place="Service",
        trial_title=translatable("Send a test notification"),
        trial_to="text",
        trial_taken=translatable("Firebase took it. See whether the devices of {to} show it."),
        words={
            "projectId": translatable(
                "Small letters, digits and -, as the project is called at Firebase. Empty: that of the key."
            ),
            "serviceAccount": translatable("Paste the whole JSON file of the key."),
            "baseUrl": translatable("Write an address like https://fcm.googleapis.com, or leave it empty."),
        },
    )

    @classmethod
    def completed(cls, settings: Settings, secret: str) -> tuple[Settings, str]:
        account = _checked_account(secret)
        return {**settings, "projectId": settings.get("projectId") or account.project_id}, account.text

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**settings, "baseUrl": checked_base_url(settings.get("baseUrl", ""))}

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return (settings.get("baseUrl") or API, settings.get("projectId"))

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> dict[str, Any]:
        shown = {"projectId": settings.get("projectId", ""), "baseUrl": settings.get("baseUrl", "")}
        return {**shown, "hasServiceAccount": has_secret}

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(
            place="Firebase", detail=gettext("Android, iOS, web apps"), sender=settings.get("projectId", "")
        )

    @classmethod
    def sender(cls, connector_id: Any, settings: Settings, secret: str) -> Sender:
        base_url = settings.get("baseUrl") or API
        return Sender(connector_id, FcmAccount(base_url=base_url, secret=secret, project_id=settings["projectId"]))

    @classmethod
    def reporting(cls, sender: Sender, url: str) -> Sender:
        return Sender(sender.id, msgspec.structs.replace(sender.server, report_to=url))

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        return device_reports(call)

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> PushTransport:
        return PushTransport(deadline_s)


def _checked_account(text: str) -> ServiceAccount:
    try:
        return read_service_account(text)
    except ValueError as error:
        raise Invalid(errors=[FieldError(path="config.serviceAccount", message=str(error))]) from error
