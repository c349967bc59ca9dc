"""What Meta tells of messages by webhooks: statuses and incoming messages, signed with the secret of the app.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks. Before the first call Meta asks by a GET whether the address is ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Any

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
    read_entries,
)
from app.models.status import ReportKind

_KINDS = {"delivered": ReportKind.DELIVERED, "read": ReportKind.OPENED, "failed": ReportKind.FAILED}


def meta_callback(call: CallbackCall) -> CallbackReply:
    """What a call says. Raises NotVerified."""
    if call.method == "GET":
        return _challenged(call)
    if not call.callback_secret:
        raise NotVerified(gettext("This connector has no app secret yet. An admin can enter it."))
    wanted = f"sha256={hmac.digest(call.callback_secret.encode(), call.body, 'sha256').hex()}"
    if not hmac.compare_digest(wanted.encode(), call.headers.get("x-hub-signature-256", "").encode("utf-8", "replace")):
        raise NotVerified
    number = str(call.settings.get("phoneNumberId", ""))
    values = list(_values(json_body(call), number))
    statuses = [entry for value in values for entry in _list(value, "statuses")]
    reply = read_entries(statuses, lambda entry: _report(entry, call))
    incoming, unread = [], 0
    for entry in (entry for value in values for entry in _list(value, "messages")):
        try:
            incoming.append(_incoming(entry, call))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            unread += 1
    return CallbackReply(reports=reply.reports, unread=reply.unread + unread, incoming=incoming)


def _challenged(call: CallbackCall) -> CallbackReply:
    """The verify token is the phone number ID: the address itself is what cannot be guessed."""
    token = call.query.get("hub.verify_token", "")
    number = str(call.settings.get("phoneNumberId", ""))
    fits = hmac.compare_digest(token.encode("utf-8", "replace"), number.encode())
    if call.query.get("hub.mode") != "subscribe" or not fits:
        raise NotVerified(gettext("Write the phone number ID as the verify token."))
    return CallbackReply(text=call.query.get("hub.challenge", "")[:500])


def _values(content: Any, number: str) -> Iterator[Mapping[str, Any]]:
    """What is about our number: an app may have several."""
    for entry in _list(content, "entry"):
        for change in _list(entry, "changes"):
            value = change.get("value") if isinstance(change, dict) else None
            if isinstance(value, dict) and str((value.get("metadata") or {}).get("phone_number_id", number)) == number:
                yield value


def _list(value: Any, name: str) -> list[Any]:
    items = value.get(name) if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _report(entry: Mapping[str, Any], call: CallbackCall) -> MessageReport | None:
    kind = _KINDS.get(entry["status"])
    if kind is None:
        return None
    words = [_error_words(error) for error in _list(entry, "errors")]
    return MessageReport(
        kind=kind,
        at=moment(int(entry["timestamp"]), call.at),
        reference=str(entry.get("biz_opaque_callback_data") or ""),
        provider_id=str(entry["id"]),
        detail=" ".join(words),
        key=f"{entry['id']} {entry['status']}",
    )


def _error_words(error: Mapping[str, Any]) -> str:
    details = (error.get("error_data") or {}).get("details")
    return f"{error.get('title') or error.get('message') or ''} (error {error.get('code')}){f': {details}' if details else ''}"


def _incoming(entry: Mapping[str, Any], call: CallbackCall) -> IncomingMessage:
    text = _text(entry)
    return IncomingMessage(
        address=f"+{str(entry['from']).lstrip('+')}",
        text=text,
        at=moment(int(entry["timestamp"]), call.at),
        key=str(entry["id"]),
        answers=str((entry.get("context") or {}).get("id") or ""),
        asks_for=opt_word(text),
    )


def _text(entry: Mapping[str, Any]) -> str:
    """What somebody wrote or pressed; of a picture or a voice message what stands below it."""
    kind = entry["type"]
    content = entry.get(kind) or {}
    if kind == "interactive":
        chosen = content.get("button_reply") or content.get("list_reply") or {}
        return str(chosen.get("title") or "")
    return str(content.get("body") or content.get("text") or content.get("caption") or "")
