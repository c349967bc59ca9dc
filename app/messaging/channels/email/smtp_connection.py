"""One connection to a mail server: opening it, one mail after another over it, and how far each has come."""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from typing import Literal, cast
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from app.lib import egress
from app.lib.formats import number
from app.lib.translation import gettext, translatable
from app.messaging.channels.email.smtp_answers import NotOffered, NotSendable, Stage
from app.messaging.channels.email.smtp_exchange import Answer, SmtpExchange
from app.messaging.channels.result import Begin, Withheld, running_time
from app.settings import settings

RESET_S, QUIT_S = 2.0, 1.0


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
            tls_context=None if server.security == "none" else _trust(),
            local_hostname=_own_name(),
            timeout=deadline_s,
        )
        self._exchange: SmtpExchange | None = None
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
                gettext(
                    "User name and password are not sent over a connection without encryption. Choose STARTTLS or TLS."
                )
            )
        await self.client.connect(sock=peer.sock, port=None)
        await self._greet()
        if self.server.security == "starttls":
            self.stage = "tls"
            if not self.client.supports_extension("starttls"):
                raise NotOffered(gettext("The mail server does not offer STARTTLS. Choose another encryption or port."))
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
            if secured:
                text = translatable(
                    "The mail server offers no sign-in that we know. Leave out user name and password, or ask its provider."
                )
                raise NotOffered(gettext(text))
            raise NotOffered(gettext("The mail server offers no sign-in that we know. It may want encryption first."))
        await self.client.login(self.server.username, self.server.password)

    async def transfer(self, mail: Mail, begin: Begin | None = None) -> str:
        """One SMTP transaction on the open connection; the server's last words. Raises Withheld when `begin` does not want it."""
        self.stage = "mail"
        text = _wire_text(mail.message)
        exchange = self._ready_exchange()
        await self._say_envelope(exchange, mail, len(text))
        latest = await begin() if begin else float("inf")
        if running_time() > latest:
            raise Withheld
        self.stage = "data"
        (await exchange.say(b"DATA")[0]).expect(3)
        words = (await self._say_text(exchange, text, latest)).expect(2)
        self.mails += 1
        return words

    def _ready_exchange(self) -> SmtpExchange:
        """The conversation over the connection that the library has opened. Raises SMTPServerDisconnected."""
        if self._exchange is None:
            transport = self.client.transport
            if transport is None:
                raise aiosmtplib.SMTPServerDisconnected("Connection lost")
            self._exchange = SmtpExchange(cast("asyncio.Transport", transport))
        return self._exchange

    async def _say_envelope(self, exchange: SmtpExchange, mail: Mail, size: int) -> None:
        """Sender and recipient, in one go where the server takes that (RFC 2920). Never DATA with them: the intent comes before it.

        When it refuses the sender, its answer to the recipient is left for RSET to wait for.
        """
        sender = b" ".join([b"MAIL", b"FROM:<" + mail.sender.encode() + b">", *self._options(mail, size)])
        recipient = b"RCPT TO:<" + mail.recipient.encode() + b">"
        together = self.client.supports_extension("pipelining")
        first, *second = exchange.say(sender, recipient) if together else exchange.say(sender)
        (await first).expect(2)
        self.stage = "rcpt"
        (await (second or exchange.say(recipient))[0]).expect(2)

    def _options(self, mail: Mail, size: int) -> list[bytes]:
        """Parameters of MAIL. Raises NotSendable for what this server cannot take, before anything was said to it."""
        options = []
        if limit := self.client.esmtp_extensions.get("size", ""):
            if limit.isdigit() and 0 < int(limit) < size:
                text = gettext(
                    "The mail is too large: %(size)s KB, and the mail server takes %(most)s KB at most.",
                    size=number(size // 1024 + 1),
                    most=number(int(limit) // 1024),
                )
                raise NotSendable("message_refused", text)
            options.append(b"SIZE=%d" % size)
        for reason, address in (("sender_refused", mail.sender), ("address_refused", mail.recipient)):
            if not (address.isascii() or self.client.supports_extension("smtputf8")):
                text = gettext("This mail server cannot take addresses with such letters: %(address)s", address=address)
                raise NotSendable(reason, text)
        if not (mail.sender + mail.recipient).isascii():
            options.append(b"SMTPUTF8")
        return options

    async def _say_text(self, exchange: SmtpExchange, text: bytes, latest: float) -> Answer:
        """The text, and then the final dot by itself: until that has left no server takes the mail, so up to there we know.

        A worker that was frozen meanwhile finds out here that the mail is no longer its own.
        """
        exchange.write(text)
        await exchange.drain()
        if running_time() > latest:
            exchange.abort()
            raise Withheld
        answer = exchange.say(b".")[0]
        self.stage = "text"
        return await answer

    def was_closed(self, error: Exception) -> bool:
        """Of a connection that was kept: had the server closed it before this mail?"""
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self.stage == "mail" and error.code == 421
        return self.stage == "mail" and isinstance(error, ConnectionError)

    async def reset(self) -> bool:
        """Make the connection ready for another mail after one that was refused. False: it is of no use any more."""
        if not self.is_open or self._exchange is None:
            return False
        try:
            async with asyncio.timeout(RESET_S):
                (await self._exchange.say(b"RSET")[0]).expect(2)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return False
        return True

    @property
    def is_open(self) -> bool:
        """May another mail go over it?"""
        return self._exchange.is_open if self._exchange else self.client.is_connected

    async def quit(self) -> None:
        """Say goodbye, within a second."""
        try:
            async with asyncio.timeout(QUIT_S):
                await self._ready_exchange().say(b"QUIT")[0]
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass
        self.close()

    def close(self) -> None:
        """Break the connection off."""
        self.client.close()


@functools.cache
def _trust() -> ssl.SSLContext:
    """Whose certificates are trusted. Read once: it takes 10 ms and more, and each connection serves a hundred mails at most."""
    return ssl.create_default_context()


def _wire_text(message: bytes) -> bytes:
    """A mail as DATA carries it: line ends of CRLF, dots at the beginning of lines doubled, an end of line at its end."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = lines.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
    text = b"." + text if text.startswith(b".") else text
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def _own_name() -> str:
    host = urlsplit(settings().web.base_url).hostname or "localhost"
    host = host if host.isascii() else host.encode("idna").decode()
    return f"[{host}]" if re.fullmatch(r"[\d.]+", host) else host
