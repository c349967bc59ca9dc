"""What a provider says about messages after it took them: a call of the address of its connector, and the reports in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.errors import BadRequest, NotFound, SignedOut
from app.lib.translation import gettext
from app.messaging.channels.message_ids import MessageKey, message_key
from app.messaging.channels.opt_words import OptWord
from app.models.status import ReportKind


class NotVerified(SignedOut):
    """The signature of this call does not fit, so nothing was done."""

    code = "bad_signature"


class CallbackCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as it came. `url`: the whole public address that was called, with its query."""

    settings: dict[str, Any]
    secret: str
    """The connector's own, opened."""
    callback_secret: str
    """What verifies calls, opened; empty where nobody entered it."""
    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    at: datetime
    """Now."""


class MessageReport(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a message, in the form that all providers are brought to."""

    kind: ReportKind
    at: datetime
    """When it happened, as the provider says."""
    reference: str = ""
    """Our own id of the message (`message_ids.message_id`), which the provider was told with it."""
    provider_id: str = ""
    """What the provider calls the message; it counts where there is no reference."""
    detail: str = ""
    """The provider's words."""
    url: str = ""
    """The link that was clicked."""
    key: str = ""
    """What the provider calls this event; without, kind, time and link tell it from others."""
    lasting: bool = False
    """Of a bounce: the address takes no messages and will take none, so it goes to the suppression list."""

    @property
    def message(self) -> MessageKey | None:
        """The message by our own id; None without one, or with one that is none."""
        try:
            return message_key(self.reference) if self.reference else None
        except NotFound:
            return None

    @property
    def digest(self) -> bytes:
        """16 bytes that are the same for the same event of the same message, however often it is told."""
        text = self.key or f"{self.at.isoformat()} {self.url}"
        return hashlib.sha256(f"{int(self.kind)} {text}".encode("utf-8", "replace")).digest()[:16]


class IncomingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote to our number or account."""

    address: str
    """Whose: the number as contacts have it."""
    text: str
    at: datetime
    key: str = ""
    """What the provider calls it, the same when it is told again."""
    answers: str = ""
    """What the provider calls the message that it answers, where it says so."""
    asks_for: OptWord = ""
    """`stop`: nothing more; `start`: again."""


class CallbackReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a call says, and what the provider wants to hear for it. One bad entry among many is left out and counted."""

    reports: list[MessageReport] = []
    incoming: list[IncomingMessage] = []
    unread: int = 0
    """Entries that are not as documented."""
    text: str | None = None
    """An answer that the provider asks for, such as that to a challenge; None: an empty one."""


AHEAD = timedelta(minutes=5)
"""How far a provider's clock may be ahead."""


def moment(value: Any, now: datetime) -> datetime:
    """When something happened, as providers write it: ISO text or seconds since 1970. Raises ValueError, TypeError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        at = datetime.fromtimestamp(value, UTC)
    else:
        at = datetime.fromisoformat(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(at, now + AHEAD)


def read_entries(entries: Sequence[Any], read: Callable[[Any], MessageReport | None]) -> CallbackReply:
    """What `read` makes of each entry; None: it says nothing about a message. One that is not as documented does not lose the others."""
    reports, unread = [], 0
    for entry in entries:
        try:
            report = read(entry)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            unread += 1
            continue
        if report is not None:
            reports.append(report)
    return CallbackReply(reports=reports, unread=unread)


def json_body(call: CallbackCall) -> Any:
    """The body as JSON. Raises BadRequest."""
    try:
        return msgspec.json.decode(call.body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRequest(gettext("The body is no JSON."), code="malformed_json") from error
