"""Classify the answer of a mail server by what it is about. Pure: no network, no clock.

| it is about        | examples                                                  | then                                             |
|--------------------|-----------------------------------------------------------|--------------------------------------------------|
| this address       | 5.x.x at RCPT, no SMTPUTF8 for these letters              | that message fails, at once                      |
| this message       | size, content, 5xx at DATA or after the text              | that message fails, at once                      |
| the sender         | 5xx at MAIL                                               | as the message; the connector's own: its settings |
| this connection    | refused, cut, took too long, 421, greeting 4xx or 5xx     | tried again, it costs the message no try         |
| the server         | nothing said after the text, 4.3.2, a quota of the sender | nothing is sent until one mail got through       |
| the settings       | unknown host, STARTTLS or AUTH not offered, 535, 530, TLS | nothing is sent until they are mended            |

When in doubt the narrowest row applies: one recipient's fault never affects another message.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import Literal

import aiosmtplib

from app.lib import egress
from app.lib.translation import gettext, translatable
from app.messaging.channels.result import Kind, Result

Stage = Literal["connect", "hello", "tls", "sign_in", "mail", "rcpt", "data", "text"]
"""How far a mail has come. Up to `sign_in` the server knows nothing of it; from `text` on it may have been taken."""

_OPENING = ("connect", "hello", "tls", "sign_in")
_ENHANCED = re.compile(r"\W{0,2}([245]\.\d{1,3}\.\d{1,3})\b")
"""Only where the text begins: `5.1.1.7` further on is somebody's network address."""
_NO_SUCH_MAILBOX = {"5.1.1", "5.1.2", "5.1.6", "5.1.10"}
"""No such mailbox, no such domain, moved without a new address, a domain that takes no mail."""
_SENDER = {"5.1.7", "5.1.8"}
_SIZE_OR_CONTENT = {"5.2.3", "5.3.4", "5.6.0", "5.6.1"}
_SIGN_IN = {"5.7.8", "5.7.9", "5.7.11", "5.7.12", "5.7.14", "4.7.12"}
"""Wrong password, weak mechanism, encryption needed first, a password that has to be changed, a sign-in blocked by the provider."""
_SIGN_IN_CODES = {432, 530, 534, 535, 538}
_ASKS_FOR_SIGN_IN = re.compile(
    r"authentication (is )?(required|needed)|\bauth\w* first|(must|need to|please) (first )?(issue |use |send )?(smtp )?auth"
    r"|not (yet )?(authenticated|logged in)|log ?in first",
    re.IGNORECASE,
)
"""What servers say that ask for a sign-in with other codes than 530: "503 AUTH first"."""
_UNFIT_TLS = {
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "NO_PROTOCOLS_AVAILABLE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "RECORD_LAYER_FAILURE",
}
"""Not a bad moment: this port does not speak TLS, or none that we accept."""
_CROWDED = re.compile(
    r"too many (concurrent |simultaneous |open |parallel )?(smtp )?(connections?|sessions?)|concurrent connections?"
    r"|(connection|session)s? (count |rate )?(limit|exceeded)|maximum (number of )?connections",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"quota|rate[ -]?limit|limits? (was |has been |is )?(exceeded|reached|hit)|exceed\w* [^.]{0,60}(limit|quota|max|rate)|throttl"
    r"|too many (messages|e?mails)|(hourly|daily|sending) (limit|rate|maximum)|(messages|e?mails|recipients) per (minute|hour|day)",
    re.IGNORECASE,
)
"""The sender has sent as much as the provider takes for now."""
_SENDERS_QUOTA = re.compile(
    r"(daily|hourly|sending|outgoing|outbound)\b[^.]{0,30}\b(quota|limit)|(messages|e?mails|recipients) per (hour|day)",
    re.IGNORECASE,
)
"""What a 5xx has to say to be taken for a quota too: there it would else be the end of the mail."""
_RECIPIENTS = re.compile(r"mail ?box|inbox|over ?quota|disk|storage|\bsize|the user|this user", re.IGNORECASE)
"""A quota of somebody who gets mail, or of one mail."""
_LATER = re.compile(
    r"(?:retry|try|again|wait|come back|back|delayed?|grey-?list\w*|gray-?list\w*|later|after|resets?)[^\d.]{0,30}?"
    r"(?:(\d{1,2}):(\d\d):(\d\d)\b|(\d{1,6}) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)?\b(?![.:\d]))",
    re.IGNORECASE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
QUOTA_S = 900.0
"""How long a server is left alone that speaks of a quota and not of when it is over."""
LONGEST_WAIT_S = 24 * 3600.0
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class NotOffered(Exception):
    """The settings ask for something that the server does not offer."""


class NotSendable(Exception):
    """We know without asking the server that it cannot take this."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason, self.text = reason, text
        super().__init__(text)


NOT_FOUND = translatable(
    "No mail server was found under this name and port. Check server, port and encryption. A server "
    "inside a private network has to be allowed by whoever runs this installation; its log says more."
)
"""The one answer for a name that is not known, a closed port, an open one that is silent, and one where something else answers."""


def veiled(result: Result, stage: Stage, error: BaseException, *, public: bool) -> Result:
    """`result` as users may know it: until a server has shown that it speaks SMTP, nothing tells one port from another.

    What a server of the public internet says by itself, its greeting or its certificate, everybody can read.
    """
    if (
        stage not in ("connect", "hello")
        or isinstance(error, NotOffered)
        or result.kind not in ("unavailable", "misconfigured")
    ):
        return result
    if public and (isinstance(error, aiosmtplib.SMTPResponseException) or isinstance(_cause(error), ssl.SSLError)):
        return result
    lasting = (
        isinstance(_cause(error), egress.Blocked | socket.gaierror | ValueError) and result.kind == "misconfigured"
    )
    kind: Kind = "misconfigured" if lasting else "unavailable"
    reason = "connector_paused" if lasting else "server_away"
    return Result(
        kind,
        NOT_FOUND,
        reason,
        everyone=not lasting,
        wait_s=result.wait_s,
        crowded=result.crowded,
        detail=result.text,
    )


def of_reply(stage: Stage, code: int, message: str, *, own_sender: bool = True) -> Result:
    """What a reply that is no success says at `stage`. `own_sender`: the mail comes from the connector's own address."""
    reply_text = f"{code} {message}".strip()[:500]
    match = _ENHANCED.match(message)
    enhanced = match[1] if match else ""
    if not 400 <= code <= 599:
        return of_break(stage, NO_ANSWER, reply_text[:200])
    if _wants_sign_in(stage, code, enhanced, message):
        return Result(
            "misconfigured",
            gettext(SIGN_IN_REFUSED, reply_text=reply_text),
            "connector_paused",
        )
    text, wait = (
        gettext("The mail server said: %(reply_text)s", reply_text=reply_text),
        stated_wait(message) if code < 500 else None,
    )
    if code < 500 and _CROWDED.search(message):
        return Result(
            "unavailable", text, "server_away", everyone=stage in (*_OPENING, "mail"), wait_s=wait, crowded=True
        )
    if _is_quota(stage, code, enhanced, message):
        return Result("unavailable", text, "server_away", everyone=True, wait_s=stated_wait(message) or QUOTA_S)
    if stage in _OPENING:
        return _opening(stage, code, reply_text, wait)
    if code == 421 or enhanced == "4.3.2" or (stage == "mail" and (enhanced == "4.3.1" or code == 503)):
        return Result("unavailable", text, "server_away", everyone=stage == "mail" or enhanced == "4.3.2", wait_s=wait)
    if code < 500:
        strict = enhanced.startswith(("4.1.", "4.2.", "4.6.", "4.7.")) or wait is not None
        return Result("deferred", text, "deferred", wait_s=wait, strict=strict)
    if enhanced in _SIZE_OR_CONTENT or stage in ("data", "text"):
        return Result("rejected", text, "bad_address" if enhanced in _NO_SUCH_MAILBOX else "message_refused")
    if stage == "mail" or enhanced in _SENDER:
        return sender_refused(text, own_sender=own_sender)
    return Result("rejected", text, "bad_address" if enhanced in _NO_SUCH_MAILBOX else "address_refused")


def stated_wait(text: str) -> float | None:
    """The seconds after which a server wants to be asked again, when it says so: "try again in 5 minutes", "Greylisted for 00:04:59"."""
    match = _LATER.search(text[:500])
    if match is None:
        return None
    hours, minutes, seconds, number, unit = match.groups()
    clock = (int(hours) * 60 + int(minutes)) * 60 + int(seconds) if number is None else 0
    wait_s = clock or int(number or 0) * _UNITS[(unit or "s")[0].lower()]
    return min(float(wait_s), LONGEST_WAIT_S) if wait_s > 0 else None


def _is_quota(stage: Stage, code: int, enhanced: str, message: str) -> bool:
    """Does the provider say that this sender has sent enough for now? What may be about a recipient is not taken for it."""
    if enhanced[1:].startswith((".1.", ".2.", ".3.4")) or _RECIPIENTS.search(message):
        return False
    if code >= 500:
        return stage not in _OPENING and (enhanced == "5.4.5" or bool(_SENDERS_QUOTA.search(message)))
    return bool(_QUOTA.search(message))


def sender_refused(text: str, *, own_sender: bool) -> Result:
    """The sender's address is not accepted. The connector's own would be refused for every mail."""
    if own_sender:
        return Result("misconfigured", text, "connector_paused")
    return Result("rejected", text, "sender_refused")


def _wants_sign_in(stage: Stage, code: int, enhanced: str, message: str) -> bool:
    """From RCPT on the same enhanced codes are about a mail: 5.7.9 is also "not accepted for policy reasons"."""
    if stage in _OPENING or stage == "mail":
        asks = code in (503, 550, 553, 554) and _ASKS_FOR_SIGN_IN.search(message)
        return code in _SIGN_IN_CODES or enhanced in _SIGN_IN or bool(asks)
    return stage != "text" and code in _SIGN_IN_CODES


def _opening(stage: Stage, code: int, reply_text: str, wait: float | None) -> Result:
    """Before the first mail. A refused greeting may pass; a refused name, encryption or sign-in stays until somebody mends it."""
    if code >= 500 and stage != "connect":
        text = gettext(_REFUSED.get(stage, SIGN_IN_REFUSED), reply_text=reply_text)
        return Result("misconfigured", text, "connector_paused")
    return Result(
        "unavailable",
        gettext("The mail server refused us: %(reply_text)s", reply_text=reply_text),
        "server_away",
        everyone=True,
        wait_s=wait,
    )


SLOW, CUT, NO_ANSWER = "slow", "cut", "no_answer"
SIGN_IN_REFUSED = translatable("The mail server refused the sign-in: %(reply_text)s")
_REFUSED = {
    "hello": translatable("The mail server refused our name: %(reply_text)s"),
    "tls": translatable("The mail server refused encryption: %(reply_text)s"),
}
_UNCONFIRMED = {
    SLOW: translatable("The mail server took too long after the mail was handed over; it may have been taken."),
    CUT: translatable("The mail server closed the connection after the mail was handed over; it may have been taken."),
    NO_ANSWER: translatable(
        "The mail server answered something that is no answer (%(reply)s) after the mail was handed over; it may have been taken."
    ),
}
_UNREACHED = {
    SLOW: translatable("The mail server cannot be reached: it took too long."),
    CUT: translatable("The mail server cannot be reached: it closed the connection."),
    NO_ANSWER: translatable("The mail server cannot be reached: it answered something that is no answer (%(reply)s)."),
}
_BEFORE = {
    SLOW: translatable("The mail server took too long before it took the mail."),
    CUT: translatable("The mail server closed the connection before it took the mail."),
    NO_ANSWER: translatable(
        "The mail server answered something that is no answer (%(reply)s) before it took the mail."
    ),
}


def of_break(stage: Stage, what: str, reply: str = "") -> Result:
    """The line broke or nothing came back. `what` the server did: `SLOW`, `CUT`, or `NO_ANSWER`, which is its `reply`."""
    if stage == "text":
        text = gettext(_UNCONFIRMED[what], reply=reply)
        return Result("uncertain", text, "unconfirmed", everyone=what == SLOW)
    if stage in _OPENING:
        return Result("unavailable", gettext(_UNREACHED[what], reply=reply), "server_away", everyone=True)
    return Result("unavailable", gettext(_BEFORE[what], reply=reply), "server_away", everyone=stage == "mail")


def of_error(stage: Stage, error: BaseException, host: str) -> Result:
    """What any other error at `stage` says: a name that does not exist, TLS, a connection that was cut."""
    if isinstance(error, NotSendable):
        return Result("rejected", error.text, error.reason)
    if isinstance(error, NotOffered):
        return Result("misconfigured", str(error), "connector_paused")
    cause = _cause(error)
    if stage in _OPENING:
        if wrong := _wrong_settings(cause, host):
            return Result("misconfigured", wrong, "connector_paused")
        if unreached := _unreached(cause):
            return Result("unavailable", unreached, "server_away", everyone=True)
    return of_break(stage, SLOW if isinstance(error, TimeoutError) else CUT)


def _cause(error: BaseException) -> BaseException:
    """The library wraps what the operating system said."""
    return error.__cause__ if isinstance(error.__cause__, OSError) else error


def _wrong_settings(cause: BaseException, host: str) -> str:
    """The sentence for faults that waiting does not mend, else ''."""
    if isinstance(cause, egress.Blocked):
        return gettext("The server may not be reached: %(cause)s.", cause=cause)
    if isinstance(cause, socket.gaierror):
        # A name without a dot is one of this machine or of a container, which is unknown as long as that is not running.
        unknown_name = cause.errno in _NO_SUCH_NAME and "." in host
        return (
            gettext("There is no mail server called %(host)s: the name is not known.", host=host)
            if unknown_name
            else ""
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = str(cause.verify_message or "").rstrip(".")
        if not why:
            return gettext("The certificate of the mail server is not trusted: it cannot be verified.")
        return gettext("The certificate of the mail server is not trusted: %(why)s.", why=why)
    if isinstance(cause, ssl.SSLError):
        unfit = cause.reason in _UNFIT_TLS
        return (
            gettext("The mail server does not speak TLS on this port, or only a version that is not safe.")
            if unfit
            else ""
        )
    if isinstance(cause, ValueError):
        return gettext(
            "The server's name, the user name or the password has letters that a mail server cannot be told."
        )
    return ""


def _unreached(cause: BaseException) -> str:
    """Why there is no connection, in the operating system's words; '' when the server just went away or took too long."""
    if isinstance(cause, ssl.SSLError):
        return gettext("The mail server cannot be reached: the encrypted connection broke off.")
    if isinstance(cause, socket.gaierror) and not cause.strerror:
        return gettext("The mail server cannot be reached: its name cannot be looked up.")
    if isinstance(cause, TimeoutError | ConnectionResetError) or not isinstance(cause, OSError):
        return ""
    if isinstance(cause, socket.gaierror):
        detail = str(cause.strerror)
    elif cause.errno:
        detail = os.strerror(cause.errno)
    else:
        none_answers = "Multiple" in str(cause)
        return gettext("The mail server cannot be reached: none of its addresses answers.") if none_answers else ""
    return gettext("The mail server cannot be reached: %(detail)s.", detail=detail)
