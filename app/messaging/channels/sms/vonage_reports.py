"""What Vonage tells of messages: delivery receipts and incoming messages, signed with the account's signature secret.

https://developer.vonage.com/en/getting-started/concepts/signing-messages, https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts.
A call is a GET, a form or JSON, as the account has it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl

from app.lib.translation import gettext
from app.messaging.channels.opt_words import opt_word
from app.messaging.channels.reports import (
    CallbackCall,
    CallbackReply,
    IncomingMessage,
    MessageReport,
    NotVerified,
    json_body,
    moment,
)
from app.models.status import ReportKind

Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]
WINDOW = timedelta(days=1, hours=1)
"""A call that nobody answered is made again for 24 hours."""
_KINDS = {
    "delivered": ReportKind.DELIVERED,
    "expired": ReportKind.FAILED,
    "failed": ReportKind.FAILED,
    "rejected": ReportKind.FAILED,
    "undeliverable": ReportKind.FAILED,
}
_GONE = ("3", "9")
"""Error codes: nobody has the number for good, or there is no such number."""


def vonage_callback(call: CallbackCall) -> CallbackReply:
    """What a call says. Raises NotVerified."""
    if not call.callback_secret:
        raise NotVerified(gettext("This connector has no signature secret yet. An admin can enter it."))
    values = _values(call)
    wanted = vonage_signature(call.settings.get("signatureMethod", "sha256"), call.callback_secret, values)
    if not hmac.compare_digest(wanted, values.get("sig", "").lower().encode("utf-8", "replace")):
        raise NotVerified
    try:
        sent_at = datetime.fromtimestamp(int(values["timestamp"]), UTC)
    except (LookupError, ValueError, OverflowError, OSError) as error:
        raise NotVerified(gettext("This call does not say when it was signed.")) from error
    if abs(call.at - sent_at) > WINDOW:
        raise NotVerified(gettext("The signature of this call is more than a day away."))
    if "text" in values and values.get("msisdn"):
        text = values["text"]
        incoming = IncomingMessage(
            address=f"+{values['msisdn'].lstrip('+')}",
            text=text,
            at=_at(values, call),
            key=values.get("messageId", ""),
            asks_for=opt_word(text),
        )
        return CallbackReply(incoming=[incoming])
    kind = _KINDS.get(values.get("status", ""))
    if kind is None:
        return CallbackReply()
    code = values.get("err-code", "0")
    if kind is ReportKind.FAILED and code in _GONE:
        kind = ReportKind.BOUNCED
    report = MessageReport(
        kind=kind,
        at=_at(values, call),
        reference=values.get("client-ref", ""),
        provider_id=values.get("messageId", ""),
        detail="" if kind is ReportKind.DELIVERED else f"{values['status']}, error code {code}",
        key=f"{values.get('messageId', '')} {values['status']}",
        lasting=kind is ReportKind.BOUNCED,
    )
    return CallbackReply(reports=[report])


def vonage_signature(method: str, secret: str, values: Mapping[str, str]) -> bytes:
    """All values but the signature in the order of their names, by the method that the account has chosen, as small hexadecimal digits."""
    pairs = sorted((name, value) for name, value in values.items() if name != "sig")
    text = "".join(f"&{name}={value.translate(_SAFE)}" for name, value in pairs)
    if method == "md5hash":
        return hashlib.md5((text + secret).encode("utf-8", "replace")).hexdigest().encode()  # noqa: S324  their choice, an option
    return hmac.digest(secret.encode(), text.encode("utf-8", "replace"), method).hex().encode()


_SAFE = str.maketrans({"&": "_", "=": "_"})


def _values(call: CallbackCall) -> dict[str, str]:
    """What the call says, however it is written. Raises BadRequest."""
    if call.method == "GET":
        return dict(call.query)
    if "json" in call.headers.get("content-type", ""):
        content = json_body(call)
        return {name: _text(value) for name, value in content.items()} if isinstance(content, dict) else {}
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _at(values: Mapping[str, str], call: CallbackCall) -> datetime:
    """When it happened, as the provider says; now when it says nothing that can be read."""
    try:
        return moment(values["message-timestamp"], call.at)
    except (LookupError, ValueError):
        return call.at
