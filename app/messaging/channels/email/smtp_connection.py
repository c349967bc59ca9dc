"""One connection to a mail server: opening it, one mail after another over it, and how far each has come."""

from __future__ import annotations

import asyncio
import re
from typing import Literal, cast
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from app.lib import egress
from app.messaging.channels.email.smtp_answers import NotOffered, NotSendable, Stage
from app.messaging.channels.result import Begin, Withheld, running_time
from app.settings import settings

RESET_S = 2.0
_DOTS = re.compile(rb"(?m)^\.")
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a mail server. Equal settings share connections."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: str = ""


class Mail(msgspec.Struct, frozen=True):
    """One mail and its envelope; the addresses are such as `wire_address` makes."""

    sender: str
    recipient: str
    message: bytes
    own_sender: bool = True
    """It comes from the connector's own address, so a server that refuses it would refuse every mail."""


class SmtpConnection:
    """One open connection and how far the mail on it has come."""

    def __init__(self, server: MailServer, deadline_s: float) -> None:
        self.server = server
        self.client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=False,
            local_hostname=_own_name(),
            timeout=deadline_s,
        )
        self.mails = 0
        self.stage: Stage = "connect"
        self.public = False
        """Does it lead to the public internet? Of others nothing is told but that they are mail servers, once they are."""

    async def open(self) -> None:
        """Connect, greet, secure, sign in: all of it before the first mail, so that its faults are not the mail's."""
        peer = await egress.connect(self.server.host, self.server.port)
        self.public = peer.public
        if self.server.username and self.server.security == "none" and not peer.loopback:
            peer.sock.close()
            raise NotOffered(
                "User name and password are not sent over a connection without encryption. Choose STARTTLS or TLS."
            )
        await self.client.connect(sock=peer.sock, port=None)
        await self._greet()
        if self.server.security == "starttls":
            self.stage = "tls"
            if not self.client.supports_extension("starttls"):
                raise NotOffered("The mail server does not offer STARTTLS. Choose another encryption or port.")
            await self.client.starttls()
            await self._greet()
        if self.server.username:
            await self._sign_in()

    async def _greet(self) -> None:
        self.stage = "hello"
        try:
            await self.client.ehlo()
        except aiosmtplib.SMTPHeloError as error:
            if error.code < 500:
                raise
            await self.client.helo()

    async def _sign_in(self) -> None:
        self.stage = "sign_in"
        if not self.client.supported_auth_methods:
            secured = self.server.security != "none"
            hint = (
                "Leave out user name and password, or ask its provider." if secured else "It may want encryption first."
            )
            raise NotOffered(f"The mail server offers no sign-in that we know. {hint}")
        await self.client.login(self.server.username, self.server.password)

    async def transfer(self, mail: Mail, begin: Begin | None = None) -> str:
        """One SMTP transaction on the open connection; the server's last words. Raises Withheld when `begin` does not want it."""
        self.stage = "mail"
        text = _DOTS.sub(b"..", _LINE_ENDS.sub(b"\r\n", mail.message))
        text = text if text.endswith(b"\r\n") else text + b"\r\n"
        await self._say(b"MAIL", b"FROM:<" + mail.sender.encode() + b">", *self._options(mail, len(text)))
        self.stage = "rcpt"
        await self._say(b"RCPT", b"TO:<" + mail.recipient.encode() + b">")
        latest = await begin() if begin else float("inf")
        if running_time() > latest:
            raise Withheld
        self.stage = "data"
        await self._say(b"DATA", expected_class=3)
        response = await self._say_text(text, latest)
        if response.code // 100 != 2:
            raise aiosmtplib.SMTPResponseException(response.code, response.message)
        self.mails += 1
        return response.message

    def _options(self, mail: Mail, size: int) -> list[bytes]:
        """Parameters of MAIL. Raises NotSendable for what this server cannot take, before anything was said to it."""
        options = []
        if limit := self.client.esmtp_extensions.get("size", ""):
            if limit.isdigit() and 0 < int(limit) < size:
                kilobytes = f"{size // 1024 + 1:,} KB, and the mail server takes {int(limit) // 1024:,} KB at most"
                raise NotSendable("message_refused", f"The mail is too large: {kilobytes}.")
            options.append(b"SIZE=%d" % size)
        for reason, address in (("sender_refused", mail.sender), ("address_refused", mail.recipient)):
            if not (address.isascii() or self.client.supports_extension("smtputf8")):
                raise NotSendable(reason, f"This mail server cannot take addresses with such letters: {address}")
        if not (mail.sender + mail.recipient).isascii():
            options.append(b"SMTPUTF8")
        return options

    async def _say(self, *words: bytes, expected_class: int = 2) -> None:
        response = await self.client.execute_command(*words)
        if response.code // 100 != expected_class:
            raise aiosmtplib.SMTPResponseException(response.code, response.message)

    async def _say_text(self, text: bytes, latest: float) -> aiosmtplib.SMTPResponse:
        """The text, and then the final dot by itself: until that has left no server takes the mail, so up to there we know.

        A worker that was frozen meanwhile finds out here that the mail is no longer its own.
        """
        protocol = self.client.protocol
        if protocol is None or not protocol.is_connected:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol._response_pending = True  # as the library does before each of its own writes
        protocol.write(text)
        transport = cast("asyncio.Transport", protocol.transport)
        if transport.get_write_buffer_size():
            transport.set_write_buffer_limits(0)
            await protocol._drain_helper()
        if running_time() > latest:
            transport.abort()
            raise Withheld
        protocol.write(b".\r\n")
        self.stage = "text"
        return await protocol.read_response(timeout=self.client.timeout)

    def was_closed(self, error: Exception) -> bool:
        """Of a connection that was kept: had the server closed it before this mail?"""
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self.stage == "mail" and error.code == 421
        return self.stage == "mail" and isinstance(error, ConnectionError)

    async def reset(self) -> bool:
        """Make the connection ready for another mail after one that was refused. False: it is of no use any more."""
        if not self.client.is_connected:
            return False
        try:
            async with asyncio.timeout(RESET_S):
                await self.client.rset()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return False
        return True


def _own_name() -> str:
    host = urlsplit(settings().web.base_url).hostname or "localhost"
    host = host if host.isascii() else host.encode("idna").decode()
    return f"[{host}]" if re.fullmatch(r"[\d.]+", host) else host
