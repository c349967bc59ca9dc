"""What devices report: that a notification was shown, and that somebody opened it. Each has an address of its own, which is signed."""

from __future__ import annotations

import hmac

import msgspec

from app.messaging.channels.push.notification import report_signature
from app.messaging.channels.reports import CallbackCall, CallbackReply, MessageReport, NotVerified
from app.models.status import ReportKind

_KINDS = {"delivered": ReportKind.DELIVERED, "clicked": ReportKind.CLICKED}
MOST_BODY = 4_000


def device_reports(call: CallbackCall) -> CallbackReply:
    """The report of one device. `m`: the message, `d`: the device, `s`: the signature of both, `k`: what happened. Raises NotVerified.

    The body may be JSON with the `url` that was opened. The same device reports the same thing once.
    """
    message_id, device_id = call.query.get("m", ""), call.query.get("d", "")
    signature = report_signature(call.secret, message_id, device_id)
    if not message_id or not hmac.compare_digest(
        signature.encode(), call.query.get("s", "").encode("utf-8", "replace")
    ):
        raise NotVerified
    kind = _KINDS.get(call.query.get("k", ""))
    if kind is None or call.method != "POST":
        return CallbackReply(unread=1)
    report = MessageReport(
        kind=kind, at=call.at, reference=message_id, key=f"{device_id} {kind:d}", url=_url_of(call.body)
    )
    return CallbackReply(reports=[report])


def _url_of(body: bytes) -> str:
    if not body or len(body) > MOST_BODY:
        return ""
    try:
        url = msgspec.json.decode(body)["url"]
    except (msgspec.DecodeError, LookupError, TypeError, RecursionError, UnicodeDecodeError):
        return ""
    return url[:2_000] if isinstance(url, str) and url.startswith(("https://", "http://")) else ""
