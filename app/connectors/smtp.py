"""Handing one mail to one mail server, with an answer that says exactly what is known about it.

The hard part is the end: once the final dot may have left, a lost connection no longer means "not sent", so the answer is
``uncertain`` and nobody sends it again by machine. Every mail has 30 seconds in all, whatever the server does.
`smtp_connection` speaks the protocol; what an answer is about, and so who bears it, is said in `smtp_answers`.
"""

from __future__ import annotations

import asyncio
import math
import time

import aiosmtplib
import structlog

from app.connectors.smtp_answers import NotOffered, Refused, Result, Stage, of_error, of_reply, sender_refused, veiled
from app.connectors.smtp_connection import Link, Mail, Server
from app.lib import egress

log = structlog.get_logger()
DEADLINE_S = 30.0
CONNECTIONS_PER_SERVER = 10
MAILS_PER_CONNECTION = 100
AWAY_S = 15.0
"""How long a server that could not be reached is left alone."""


def _judged(error: Exception, stage: Stage, server: Server, mail: Mail) -> Result:
    """What an error at `stage` says about the mail."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return of_reply(stage, error.code, error.message, own_sender=mail.own_sender)
    if isinstance(error, Refused) and error.reason == "sender_refused":
        return sender_refused(error.text, own_sender=mail.own_sender)
    return of_error(stage, error, server.host)


_FAULTS = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError, NotOffered, Refused, egress.Blocked)


class Links:
    """Open connections to mail servers, reused from mail to mail. Belongs to one event loop; close it at the end."""

    def __init__(self, deadline_s: float | None = None) -> None:
        """`deadline_s`: how long one mail may take in all, DEADLINE_S when not said."""
        self._deadline_s = deadline_s
        self._idle: dict[Server, list[Link]] = {}
        self._room: dict[Server, asyncio.Semaphore] = {}
        self._away: dict[Server, tuple[float, Result]] = {}

    def away(self, server: Server) -> Result | None:
        """Why the server is left alone for now; None when it may be asked."""
        until, result = self._away.get(server, (0.0, None))
        return result if time.monotonic() < until else None

    async def send(self, server: Server, mail: Mail, latest: float = math.inf) -> Result:
        """Hand a whole MIME mail over within the deadline. Never raises for what a server may do.

        `latest` (monotonic): not begun by then, it is not begun at all, because its owner's lease may be over.
        """
        if away := self.away(server):
            return away
        async with self._room.setdefault(server, asyncio.Semaphore(CONNECTIONS_PER_SERVER)):
            if time.monotonic() > latest:
                return Result("away", "Waited too long for a free connection to the mail server.", "server_away")
            result = await self._send(server, mail)
        if result.everyone:
            self._away[server] = (time.monotonic() + AWAY_S, result)
        elif result.kind == "sent":
            self._away.pop(server, None)
        return result

    async def _send(self, server: Server, mail: Mail) -> Result:
        idle = self._idle.setdefault(server, [])
        link: Link | None = None
        try:
            async with asyncio.timeout(self._deadline_s or DEADLINE_S):
                while idle:
                    link = idle.pop()
                    try:
                        words = await link.transfer(mail)
                        break
                    except _FAULTS as error:
                        if not link.was_closed(error):
                            raise
                        link.client.close()  # while it was idle: that costs the mail nothing, take another
                else:
                    link = Link(server, self._deadline_s or DEADLINE_S)
                    await link.open()
                    words = await link.transfer(mail)
            result = Result("sent", words[:500])
        except _FAULTS as error:
            stage = link.stage if link else "connect"
            result = veiled(_judged(error, stage, server, mail), stage, error, public=bool(link and link.public))
            if result.detail:
                log.warning("mail_server.not_found", host=server.host, port=server.port, detail=result.detail)
        except BaseException:
            if link is not None:
                link.client.close()
            raise
        if link is not None:
            await self._put_back(link, result)
        return result

    async def _put_back(self, link: Link, result: Result) -> None:
        """Keep the connection for the next mail, also after one that was refused."""
        refused = result.kind in ("rejected", "deferred")
        fit = result.kind == "sent" or (refused and await link.reset())
        if fit and link.mails < MAILS_PER_CONNECTION and link.client.is_connected:
            self._idle[link.server].append(link)
        else:
            link.client.close()

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        links = [link for idle in self._idle.values() for link in idle]
        self._idle.clear()
        for link in links:
            try:
                await asyncio.wait_for(link.client.quit(), 1)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                link.client.close()
