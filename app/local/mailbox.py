"""The mail server inside the product: takes every mail of local mode, stores it for the Mailbox page, forwards nothing.

Run as ``python -m app.local.mailbox``. It listens on the loopback and asks for a sign-in: the user is ``workspace-<id>``, the
password that of the settings, so that a mail lands in the workspace whose connector sent it.

To see what a flow does when mail goes wrong, write to an address at ``fail.test``:
``defer@fail.test`` is told to come back later (451), ``reject@fail.test`` does not exist (550 5.1.1), ``refuse@fail.test`` is
unwanted (554), and for ``cut@fail.test`` the line is cut after the mail was taken, so that nobody knows.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import signal
import sys
import warnings
from email import policy
from email.parser import BytesHeaderParser
from typing import Any, cast

import psycopg
import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.lib import logs
from app.lib.ids import uuid7
from app.settings import settings

log = structlog.get_logger()
SIZE_LIMIT = 2 * 1024 * 1024
KEPT = 20_000
"""Mails kept a workspace; older ones make room."""
_TRIM_EVERY = 500
_FAULTS = {
    "defer@fail.test": "451 4.3.0 Come back later (this address always says so)",
    "reject@fail.test": "550 5.1.1 There is no such address (this address always says so)",
    "refuse@fail.test": "554 5.7.1 This mail is not wanted (this address always says so)",
}
_CUT = "cut@fail.test"
_HEADERS, _END_OF_HEADERS = BytesHeaderParser(policy=policy.default), b"\r\n\r\n"
_STORE = """
insert into mailbox_messages (id, tenant_id, message_id, sender, recipients, subject, raw) values (%s, %s, %s, %s, %s, %s, %s)
"""
_TRIM = """
delete from mailbox_messages where tenant_id = %(tenant)s and id <= (
  select id from mailbox_messages where tenant_id = %(tenant)s order by id desc offset %(kept)s limit 1)
"""


def tenant_of(username: bytes) -> int | None:
    """The workspace that `workspace-<id>` names."""
    name, _, number = username.decode("ascii", "replace").partition("-")
    return int(number) if name == "workspace" and number.isdigit() and len(number) < 10 else None


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """The password of the settings, and a workspace for a name."""
    password = settings().mailbox.password.encode()
    if not password or not isinstance(data, LoginPassword) or tenant_of(data.login) is None:
        return AuthResult(success=False, handled=False)
    if not hmac.compare_digest(data.password, password):
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=tenant_of(data.login))


class Mailbox:
    """The handler: each taken mail is one row, stored before the server says 250."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._stored = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if fault := _FAULTS.get(address.lower()):
            return fault
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        try:
            self._store(cast("int", session.auth_data), envelope, raw)
        except psycopg.Error as error:
            log.error("mailbox.unstored", error=type(error).__name__)
            self._connection = None
            return "451 4.3.0 The mail could not be stored"
        if any(str(address).lower() == _CUT for address in envelope.rcpt_tos):
            cast("asyncio.Transport", server.transport).abort()
        return "250 2.0.0 Taken"

    def _store(self, tenant_id: int, envelope: Envelope, raw: bytes) -> None:
        message_id, subject = listed(raw)
        if self._connection is None or self._connection.closed:
            self._connection = _connect()
        recipients = [str(address) for address in envelope.rcpt_tos]
        self._connection.execute(
            _STORE,
            (uuid7(), tenant_id, message_id, str(envelope.mail_from), recipients, subject, raw),
        )
        self._stored += 1
        if self._stored % _TRIM_EVERY == 0:
            self._connection.execute(_TRIM, {"tenant": tenant_id, "kept": KEPT})


_ROLE = "-c role=tl_engine"


def _connect() -> psycopg.Connection[Any]:
    """Not through `app.lib.database`: that imports the web framework, 3 s of CPU that a start should not wait for."""
    url = settings().database.url.replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(url, autocommit=True, connect_timeout=5, options=_ROLE if settings().database.roles else "")


def listed(raw: bytes) -> tuple[str, str]:
    """Message-ID and subject of a mail, as text. The headers alone are read: its parts are half of what taking a mail costs."""
    headers = _HEADERS.parsebytes(raw.partition(_END_OF_HEADERS)[0])
    return _shown(headers["Message-ID"]), _shown(headers["Subject"])


def _shown(header: object) -> str:
    """A header as text; raw UTF-8 in it comes out of the parser as surrogates, which PostgreSQL does not take."""
    text = str(header or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.strip().replace("\x00", "")[:1000]


def factory(handler: Mailbox) -> SMTP:
    """One session of the server."""
    return SMTP(
        handler,
        hostname="mailbox.throughline",
        ident="Throughline mailbox",
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=False,  # it listens on the loopback only
    )


async def serve(ready: asyncio.Event | None = None) -> None:
    """Listen until SIGTERM or SIGINT."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    handler, where = Mailbox(), settings().mailbox
    server = await loop.create_server(lambda: factory(handler), where.host, where.port)
    log.info("mailbox.listening", port=server.sockets[0].getsockname()[1])
    if ready is not None:
        ready.set()
    async with server:
        await stop.wait()


def main() -> int:
    """Start the server; 2 when the settings do not allow it."""
    logs.configure()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of sign-in without TLS at every connection
    warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS", UserWarning)
    mailbox = settings().mailbox
    if not settings().local or not mailbox.port or not mailbox.password:
        print(
            "The mailbox runs in local mode only, with THROUGHLINE_MAILBOX_PORT and THROUGHLINE_MAILBOX_PASSWORD set."
        )
        return 2
    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
