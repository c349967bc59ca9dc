"""What Twilio tells of messages: status callbacks and incoming messages, signed with the account's token.

https://www.twilio.com/docs/usage/security#validating-requests, https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from app.messaging.channels.opt_words import OptWord, opt_word
from app.messaging.channels.reports import CallbackCall, CallbackReply, IncomingMessage, MessageReport, NotVerified
from app.models.status import ReportKind

NOBODY = (21211, 21217, 21219, 21401, 21421, 21614, 30005, 30006)
"""The number is none, is not in use, or takes no text messages."""
STOPPED = 21610
"""The recipient replied STOP to this sender."""
PREFIX = "whatsapp:"
_KINDS = {
    "delivered": ReportKind.DELIVERED,
    "read": ReportKind.OPENED,
    "undelivered": ReportKind.BOUNCED,
    "failed": ReportKind.FAILED,
}
_OPT_TYPES: dict[str, OptWord] = {"STOP": "stop", "START": "start"}
_PORTS = {"https": 443, "http": 80}


def twilio_callback(call: CallbackCall) -> CallbackReply:
    """What a call says. Raises NotVerified."""
    fields = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    signature = call.headers.get("x-twilio-signature", "")
    if not call.secret or not any(
        hmac.compare_digest(twilio_signature(call.secret, url, fields), signature.encode("utf-8", "replace"))
        for url in _spellings(call.url)
    ):
        raise NotVerified
    values = dict(fields)
    if "MessageStatus" in values:
        report = _report(values, call)
        return CallbackReply(reports=[report] if report else [])
    if values.get("SmsStatus") == "received" and values.get("From"):
        text = values.get("Body", "")
        asked_for = _OPT_TYPES.get(values.get("OptOutType", ""), "") or opt_word(text)
        incoming = IncomingMessage(
            address=values["From"].removeprefix(PREFIX),
            text=text,
            at=call.at,
            key=values.get("MessageSid", ""),
            asks_for=asked_for,
        )
        return CallbackReply(incoming=[incoming])
    return CallbackReply()


def twilio_signature(token: str, url: str, fields: list[tuple[str, str]]) -> bytes:
    """The address with all fields behind it, in the order of their names, by HMAC-SHA1."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(token.encode(), text.encode("utf-8", "replace"), "sha1"))


def _spellings(url: str) -> list[str]:
    """The address with and without its usual port: Twilio signs what was entered there."""
    parts = urlsplit(url)
    port = _PORTS.get(parts.scheme)
    bare = parts._replace(netloc=parts.netloc.removesuffix(f":{port}"))
    return [url, urlunsplit(bare), urlunsplit(bare._replace(netloc=f"{bare.netloc}:{port}"))]


def _report(values: Mapping[str, str], call: CallbackCall) -> MessageReport | None:
    status, code = values["MessageStatus"], int(values.get("ErrorCode") or 0)
    kind = _KINDS.get(status)
    if kind is None or not values.get("MessageSid"):
        return None
    if code == STOPPED:
        kind = ReportKind.UNSUBSCRIBED
    elif code in NOBODY:
        kind = ReportKind.BOUNCED
    words = [values.get("ChannelStatusMessage", "") or values.get("ErrorMessage", ""), f"error {code}" if code else ""]
    return MessageReport(
        kind=kind,
        at=call.at,
        provider_id=values["MessageSid"],
        detail=", ".join(word for word in words if word),
        key=f"{values['MessageSid']} {status}",
        lasting=code in NOBODY,
    )
