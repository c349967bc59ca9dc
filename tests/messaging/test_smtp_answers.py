"""What an answer of a mail server is about, as a table: address, message, sender, connection, settings."""

from __future__ import annotations

import socket
import ssl

import pytest

from app.messaging.channels.email.smtp_answers import NotOffered, NotSendable, Stage, of_break, of_error, of_reply

REPLIES: list[tuple[Stage, str, str, str]] = [
    # before the first mail: the connection, or the settings
    ("connect", "421 4.3.2 Try later", "unavailable", "server_away"),
    ("connect", "450 4.7.1 Too many connections from you", "unavailable", "server_away"),
    ("connect", "554 No SMTP service here", "unavailable", "server_away"),
    ("hello", "421 4.3.2 Closing", "unavailable", "server_away"),
    ("hello", "550 5.7.1 Bad HELO", "misconfigured", "connector_paused"),
    ("tls", "454 4.7.0 TLS not available due to temporary reason", "unavailable", "server_away"),
    ("tls", "501 5.5.4 Syntax error", "misconfigured", "connector_paused"),
    ("sign_in", "535 5.7.8 Bad credentials", "misconfigured", "connector_paused"),
    ("sign_in", "534 5.7.14 Please log in via your web browser", "misconfigured", "connector_paused"),
    ("sign_in", "432 4.7.12 A password transition is needed", "misconfigured", "connector_paused"),
    ("sign_in", "504 5.5.4 Unrecognized authentication type", "misconfigured", "connector_paused"),
    ("sign_in", "454 4.7.0 Temporary authentication failure", "unavailable", "server_away"),
    # the sender
    ("mail", "421 4.3.2 Closing", "unavailable", "server_away"),
    ("mail", "451 4.3.2 Not accepting mail now", "unavailable", "server_away"),
    ("mail", "452 4.3.1 Insufficient system storage", "unavailable", "server_away"),
    ("mail", "503 5.5.1 Bad sequence", "unavailable", "server_away"),
    ("mail", "450 4.7.1 Slow down", "deferred", "deferred"),
    ("mail", "530 5.7.0 Must issue a STARTTLS command first", "misconfigured", "connector_paused"),
    ("mail", "503 AUTH first (#5.5.1)", "misconfigured", "connector_paused"),
    ("mail", "550 5.7.1 Authentication required", "misconfigured", "connector_paused"),
    ("mail", "550 5.1.8 Bad sender", "rejected", "sender_refused"),
    ("mail", "553 5.1.7 No such sender", "rejected", "sender_refused"),
    ("mail", "550 5.7.1 Unauthenticated mail of this domain is not taken", "rejected", "sender_refused"),
    ("mail", "552 5.3.4 Too big", "rejected", "message_refused"),
    # the address
    ("rcpt", "450 4.2.1 Busy", "deferred", "deferred"),
    ("rcpt", "452 4.2.2 Mailbox full", "deferred", "deferred"),
    ("rcpt", "452 4.5.3 Too many recipients", "deferred", "deferred"),
    ("rcpt", "451 4.7.1 Greylisted", "deferred", "deferred"),
    ("rcpt", "450 5.1.1 Contradicts itself", "deferred", "deferred"),
    ("rcpt", "550 5.1.1 No such user", "rejected", "bad_address"),
    ("rcpt", "550 #5.1.1 No such user", "rejected", "bad_address"),
    ("rcpt", "550 5.1.2 No such domain", "rejected", "bad_address"),
    ("rcpt", "556 5.1.10 Null MX", "rejected", "bad_address"),
    ("rcpt", "501 5.1.3 Bad recipient address syntax", "rejected", "address_refused"),
    ("rcpt", "550 5.1.0 Address rejected", "rejected", "address_refused"),
    ("rcpt", "550 5.2.1 Mailbox disabled", "rejected", "address_refused"),
    ("rcpt", "552 5.2.2 Mailbox full", "rejected", "address_refused"),
    ("rcpt", "553 5.6.7 Non-ASCII addresses are not permitted", "rejected", "address_refused"),
    ("rcpt", "554 5.7.1 Relay access denied", "rejected", "address_refused"),
    ("rcpt", "554 5.7.1 Service unavailable; client host [5.1.1.7] blocked", "rejected", "address_refused"),
    ("rcpt", "550 5.7.12 Senders outside are not allowed", "rejected", "address_refused"),
    ("rcpt", "550 No such user", "rejected", "address_refused"),
    ("rcpt", "550 5.1.8 Sender's domain does not exist", "rejected", "sender_refused"),
    ("rcpt", "552 5.3.4 Message size exceeds the limit", "rejected", "message_refused"),
    ("rcpt", "530 5.7.1 Authentication is required", "misconfigured", "connector_paused"),
    ("rcpt", "421 4.7.0 Too many errors", "unavailable", "server_away"),
    # the message
    ("data", "451 4.3.0 Later", "deferred", "deferred"),
    ("data", "554 5.5.1 No valid recipients", "rejected", "message_refused"),
    ("data", "421 4.3.2 Shutting down", "unavailable", "server_away"),
    ("text", "452 4.3.1 Full", "deferred", "deferred"),
    ("text", "500 5.5.2 Line too long", "rejected", "message_refused"),
    ("text", "554 5.6.0 Spam", "rejected", "message_refused"),
    ("text", "554 5.7.1 Looks like spam", "rejected", "message_refused"),
    ("text", "554 5.7.9 Message not accepted for policy reasons", "rejected", "message_refused"),
    ("text", "550 5.1.1 No such user", "rejected", "bad_address"),
    ("text", "421 4.3.2 Shutting down", "unavailable", "server_away"),
    # no answer at all
    ("mail", "-1 Malformed SMTP response line: ????", "unavailable", "server_away"),
    ("data", "250 Taken?", "unavailable", "server_away"),
    ("text", "-1 Malformed SMTP response line: ????", "uncertain", "unconfirmed"),
    ("text", "354 Go on", "uncertain", "unconfirmed"),
]


@pytest.mark.parametrize(("stage", "reply", "kind", "reason"), REPLIES)
def test_replies(stage: Stage, reply: str, kind: str, reason: str) -> None:
    code, _, message = reply.partition(" ")
    result = of_reply(stage, int(code), message, own_sender=False)
    assert (result.kind, result.reason) == (kind, reason)
    assert result.text
    early = stage in ("connect", "hello", "tls", "sign_in", "mail") or " 4.3.2 " in reply
    assert result.everyone == (kind == "unavailable" and early)


@pytest.mark.parametrize("reply", ["550 5.1.8 Bad sender", "553 5.7.1 Not owned by you", "501 5.1.7 Syntax"])
def test_a_refused_sender_is_the_connectors_fault_when_it_is_the_connectors(reply: str) -> None:
    code, _, message = reply.partition(" ")
    assert of_reply("mail", int(code), message, own_sender=True).kind == "misconfigured"
    assert of_reply("mail", int(code), message, own_sender=False).kind == "rejected"
    assert of_reply("mail", 552, "5.3.4 Too big", own_sender=True).kind == "rejected", "that is the message"


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] something")
    error.reason = reason
    return error


def untrusted() -> ssl.SSLError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("stage", "error", "kind", "words"),
    [
        ("connect", socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "misconfigured", "is not known"),
        ("connect", socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "unavailable", "Temporary failure"),
        ("connect", ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "unavailable", "Connection refused"),
        ("connect", OSError("Multiple exceptions: [Errno 111] …"), "unavailable", "none of its addresses"),
        ("connect", TimeoutError(), "unavailable", "took too long"),
        ("connect", UnicodeError("label empty or too long"), "misconfigured", "letters"),
        ("connect", tls("WRONG_VERSION_NUMBER"), "misconfigured", "does not speak TLS"),
        ("connect", untrusted(), "misconfigured", "self-signed certificate"),
        ("tls", tls("UNEXPECTED_EOF_WHILE_READING"), "unavailable", "encrypted connection broke off"),
        ("tls", untrusted(), "misconfigured", "not trusted"),
        ("tls", ConnectionResetError(), "unavailable", "closed the connection"),
        ("tls", NotOffered("No STARTTLS here."), "misconfigured", "No STARTTLS"),
        ("sign_in", UnicodeEncodeError("ascii", "ü", 0, 1, "no"), "misconfigured", "letters"),
        ("mail", ConnectionResetError(), "unavailable", "before it took the mail"),
        ("mail", NotSendable("address_refused", "Not these letters."), "rejected", "Not these letters"),
        ("rcpt", TimeoutError(), "unavailable", "took too long"),
        ("text", ConnectionResetError(), "uncertain", "may have been taken"),
        ("text", TimeoutError(), "uncertain", "may have been taken"),
    ],
)  # fmt: skip
def test_errors(stage: Stage, error: Exception, kind: str, words: str) -> None:
    result = of_error(stage, error, "smtp.example.com")
    assert (result.kind, words in result.text) == (kind, True), result
    assert not any(mark in result.text for mark in ("Errno", "[SSL", "_ssl.c", "Error", "('"))


def test_a_name_of_a_container_that_is_not_running_is_no_wrong_setting() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert of_error("connect", unknown, "mailpit").kind == "unavailable"
    assert of_error("connect", unknown, "smtp.example.invalid").kind == "misconfigured"


def test_only_faults_that_any_mail_would_meet_keep_others_from_the_server() -> None:
    assert [of_break(stage, "slow").everyone for stage in ("connect", "mail", "rcpt", "data", "text")] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert not of_break("text", "cut").everyone
