"""Handing one mail to one mail server, with an answer that says exactly what is known about it.

The hard part is the end: once the final dot may have left, a lost connection no longer means "not sent", so the answer is
``uncertain`` and nobody sends it again by machine. Every mail has 30 seconds in all, whatever the server does.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from typing import Literal
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from app.settings import settings

DEADLINE_S = 30.0
CONNECTIONS_PER_SERVER = 10
MAILS_PER_CONNECTION = 100
AWAY_S = 15.0
"""How long a server that could not be reached is left alone."""

Kind = Literal["sent", "deferred", "rejected", "away", "uncertain"]
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_SENDER_FAULTS = {"5.1.7", "5.1.8"}
_DOTS = re.compile(rb"(?m)^\.")
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a mail server. Equal settings share connections."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: str = ""


class Result(msgspec.Struct, frozen=True):
    """What became of one mail.

    sent: taken. deferred: not now, for this mail (4xx, or cut before the text). rejected: never (5xx). away: the server cannot be
    used at all right now (refused, TLS, sign-in); no fault of the mail. uncertain: cut after the text left.
    """

    kind: Kind
    text: str
    bad_address: bool = False
    """The server says that the recipient does not exist (5.1.x)."""


class _Link:
    """One open connection and how far the mail on it has come."""

    def __init__(self, server: Server) -> None:
        self.client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.username or None,
            password=server.password or None,
            local_hostname=_own_name(),
            timeout=DEADLINE_S,
        )
        self.mails = 0
        self.stage: Literal["connect", "mail", "rcpt", "data", "text"] = "connect"

    async def open(self) -> None:
        """Connect, greet, secure, sign in: all of it before the first mail, so that its faults are not the mail's."""
        await self.client.connect()
        if self.client.is_ehlo_or_helo_needed:
            try:
                await self.client.ehlo()
            except aiosmtplib.SMTPHeloError:
                await self.client.helo()

    async def transfer(self, sender: str, recipient: str, message: bytes) -> str:
        """One SMTP transaction on the open connection; the server's last words."""
        client = self.client
        wide = not (sender.isascii() and recipient.isascii())
        if wide and not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPRecipientRefused(
                553, "5.6.7 This mail server cannot take addresses with such letters.", recipient
            )
        encoding = "utf-8" if wide else "ascii"
        self.stage = "mail"
        await client.mail(sender, options=["SMTPUTF8"] if wide else None, encoding=encoding)
        self.stage = "rcpt"
        await client.rcpt(recipient, encoding=encoding)
        self.stage = "data"
        response = await client.execute_command(b"DATA")
        if response.code != 354:
            raise aiosmtplib.SMTPDataError(response.code, response.message)
        self.stage = "text"
        text = _DOTS.sub(b"..", _LINE_ENDS.sub(b"\r\n", message))
        response = await self._say_text(text if text.endswith(b"\r\n") else text + b"\r\n")
        if response.code != 250:
            raise aiosmtplib.SMTPDataError(response.code, response.message)
        self.mails += 1
        return response.message

    async def _say_text(self, text: bytes) -> aiosmtplib.SMTPResponse:
        """The text and the final dot. The library's `data()` does not tell whether they had left when the line was cut."""
        protocol = self.client.protocol
        if protocol is None or not protocol.is_connected:
            self.stage = "data"
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol._response_pending = True  # as the library does before each of its own writes
        protocol.write(text + b".\r\n")
        return await protocol.read_response(timeout=DEADLINE_S)


def _own_name() -> str:
    host = urlsplit(settings().web.base_url).hostname or "localhost"
    return f"[{host}]" if re.fullmatch(r"[\d.]+", host) else host


def _failure(error: Exception, stage: str) -> Result:
    """What an error at `stage` says about the mail."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        text = f"{error.code} {error.message}".strip()[:500]
        if stage == "connect":
            return Result("away", f"The mail server refused us: {text}")
        if error.code < 500:
            return Result("deferred", f"The mail server said: {text}")
        found = _ENHANCED.search(error.message)
        code = found[0] if found else ""
        bad = stage != "mail" and code.startswith("5.1.") and code not in _SENDER_FAULTS
        return Result("rejected", f"The mail server said: {text}", bad)
    what = "took too long" if isinstance(error, TimeoutError) else "closed the connection"
    if stage == "text":
        return Result("uncertain", f"The mail server {what} after the mail was handed over; it may have been taken.")
    if stage == "connect":
        detail = str(error).strip() or type(error).__name__
        return Result("away", f"The mail server cannot be reached: {detail[:300]}")
    return Result("deferred", f"The mail server {what} before it took the mail.")


class Links:
    """Open connections to mail servers, reused from mail to mail. Belongs to one event loop; close it at the end."""

    def __init__(self) -> None:
        self._idle: dict[Server, list[_Link]] = {}
        self._room: dict[Server, asyncio.Semaphore] = {}
        self._away: dict[Server, tuple[float, Result]] = {}

    async def send(
        self, server: Server, sender: str, recipient: str, message: bytes, latest: float = math.inf
    ) -> Result:
        """Hand `message` (a whole MIME mail) over within the deadline. Never raises for what a server may do.

        `latest` (monotonic): not begun by then, it is not begun at all, because its owner's lease may be over.
        """
        away = self._away.get(server)
        if away and time.monotonic() < away[0]:
            return away[1]
        async with self._room.setdefault(server, asyncio.Semaphore(CONNECTIONS_PER_SERVER)):
            if time.monotonic() > latest:
                return Result("away", "Waited too long for a free connection to the mail server.")
            result = await self._send(server, sender, recipient, message)
        if result.kind == "away":
            self._away[server] = (time.monotonic() + AWAY_S, result)
        return result

    async def _send(self, server: Server, sender: str, recipient: str, message: bytes) -> Result:
        idle = self._idle.setdefault(server, [])
        link = None
        try:
            async with asyncio.timeout(DEADLINE_S):
                while idle:
                    link = idle.pop()
                    try:
                        words = await link.transfer(sender, recipient, message)
                        break
                    except (aiosmtplib.SMTPServerDisconnected, ConnectionError):
                        if (
                            link.stage != "mail"
                        ):  # an idle connection that the server closed costs nothing: take another
                            raise
                        link.client.close()
                else:
                    link = _Link(server)
                    await link.open()
                    words = await link.transfer(sender, recipient, message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            if link is None:
                return Result("away", "The mail server cannot be reached.")
            link.client.close()
            return _failure(error, link.stage)
        except BaseException:
            if link is not None:
                link.client.close()
            raise
        if link.mails < MAILS_PER_CONNECTION and link.client.is_connected:
            idle.append(link)
        else:
            link.client.close()
        return Result("sent", words[:500])

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        links = [link for idle in self._idle.values() for link in idle]
        self._idle.clear()
        for link in links:
            try:
                await asyncio.wait_for(link.client.quit(), 1)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                link.client.close()
