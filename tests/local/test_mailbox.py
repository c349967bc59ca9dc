"""The mail server of local mode, as its own process: takes mail of workspaces that sign in, and plays its faults."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app.local import mailbox
from app.messaging.channels.email.smtp import SmtpPool
from app.messaging.channels.email.smtp_connection import Mail, MailServer
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.product import free_port, wait_until

PASSWORD = "mailbox-of-tests"


@pytest.fixture
def port(committed_database: CommittedDatabase) -> Iterator[int]:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": committed_database.url, "THROUGHLINE_LOCAL": "1", "THROUGHLINE_MAILBOX_PORT": str(port),
        "THROUGHLINE_MAILBOX_PASSWORD": PASSWORD,
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "app.local.mailbox"], env=environment)

    def listens() -> bool:
        try:
            smtplib.SMTP("127.0.0.1", port, timeout=2).quit()
        except OSError:
            return False
        return True

    wait_until(listens, "the mailbox listening", 20, 0.05)
    yield port
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def send(port: int, recipient: str, *, user: str = "workspace-7", password: str = PASSWORD) -> Any:
    async def once() -> Any:
        links = SmtpPool()
        try:
            server = MailServer(host="127.0.0.1", port=port, security="none", username=user, password=password)
            mail = b"Subject: =?utf-8?q?Zo=C3=AB?=\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n.\r\nthere\r\n"
            return await links.send(server, Mail("shop@example.com", recipient, mail))
        finally:
            await links.close()

    return asyncio.run(once())


def test_mail_lands_in_the_workspace_that_signed_in(port: int, committed_database: CommittedDatabase) -> None:
    assert send(port, "zoë@example.com").kind == "sent"
    with committed_database.connect() as connection:
        row = connection.execute(
            "select tenant_id, sender, recipients, subject, message_id, raw from mailbox_messages"
        ).fetchone()
    assert row is not None
    assert row[:5] == (7, "shop@example.com", ["zoë@example.com"], "Zoë", "<1@x>")
    assert email.message_from_bytes(row[5], policy=email.policy.default).get_content() == "Hello\r\n.\r\nthere\r\n"


def test_headers_in_raw_utf_8_are_kept(port: int, committed_database: CommittedDatabase) -> None:
    mail = "Subject: Grüße\r\nTo: zoë@example.com\r\n\r\nHi\r\n".encode()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.login("workspace-7", PASSWORD)
        client.sendmail("shop@example.com", ["zoë@example.com"], mail, mail_options=["SMTPUTF8"])
    with committed_database.connect() as connection:
        assert connection.execute("select subject, raw from mailbox_messages").fetchone() == ("Grüße", mail)


def test_who_does_not_sign_in_is_refused(port: int) -> None:
    assert "535" in send(port, "a@b.example", password="wrong").text
    assert "535" in send(port, "a@b.example", user="postmaster").text
    assert send(port, "a@b.example", user="", password="").kind == "misconfigured"


@pytest.mark.parametrize(
    ("local", "kind", "reason", "stored"),
    [
        ("defer", "deferred", "deferred", 0),
        ("reject", "rejected", "bad_address", 0),
        ("refuse", "rejected", "address_refused", 0),
        ("cut", "uncertain", "unconfirmed", 1),
    ],
)
def test_addresses_that_always_fail(
    port: int, committed_database: CommittedDatabase, local: str, kind: str, reason: str, stored: int
) -> None:
    result = send(port, f"{local}@fail.test")
    assert (result.kind, result.reason) == (kind, reason)
    with committed_database.connect() as connection:
        assert connection.execute("select count(*) from mailbox_messages").fetchone() == (stored,)


def test_it_does_not_start_outside_local_mode() -> None:
    environment = os.environ | {"THROUGHLINE_LOCAL": "1", "THROUGHLINE_MAILBOX_PORT": "0"}
    done = subprocess.run([sys.executable, "-m", "app.local.mailbox"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "THROUGHLINE_MAILBOX_PORT" in done.stdout


@pytest.mark.parametrize(
    ("name", "tenant"),
    [(b"workspace-7", 7), (b"workspace-", None), (b"workspace-x", None), (b"7", None), (b"\xff", None)],
)
def test_tenant_of(name: bytes, tenant: int | None) -> None:
    assert mailbox.tenant_of(name) == tenant


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"Message-ID: <1@x>\r\nSubject: Hi\r\n\r\nSubject: not this\r\n", "Hi"),
        (b"Subject: folded\r\n =?utf-8?q?Zo=C3=AB?=\r\nMessage-ID: <1@x>\r\n\r\n\xff\xfe", "folded Zoë"),
        (b"Message-ID: <1@x>\nSubject: line feeds\n\nSubject: not this\n\r\n\r\n", "line feeds"),
        (b"Message-ID: <1@x>\r\nSubject: no end", "no end"),
        (b"Message-ID: <1@x>\r\n\r\nSubject: not this", ""),
        (
            b"Message-ID: <1@x>\r\nContent-Type: multipart/mixed\r\nSubject: parts\r\n\r\n--x\r\nSubject: not this\r\n\r\n",
            "parts",
        ),
    ],
)
def test_what_lists_show_is_read_from_the_headers_alone(raw: bytes, subject: str) -> None:
    assert mailbox.listed(raw) == ("<1@x>", subject)


def test_a_mail_of_nothing_has_neither_id_nor_subject() -> None:
    assert mailbox.listed(b"") == mailbox.listed(b"\r\n\r\n") == ("", "")
