"""Handing one mail to one mail server, with an answer that says exactly what is known about it.

The hard part is the end: once the final dot may have left, a lost connection no longer means "not sent", so the answer is
``uncertain`` and it is not sent again automatically. Every mail has 30 seconds in all, whatever the server does. How many at a time a
server gets, and when it is left alone, is decided by the caller.
`smtp_connection` speaks the protocol, over a `smtp_exchange`; `smtp_answers` classifies answers.
"""

from __future__ import annotations

import asyncio

import aiosmtplib
import structlog

from app.lib import egress
from app.lib.time_limit import uncounted
from app.messaging.channels.email.smtp_answers import (
    NotOffered,
    NotSendable,
    Stage,
    of_error,
    of_reply,
    sender_refused,
    veiled,
)
from app.messaging.channels.email.smtp_connection import Mail, MailServer, SmtpConnection
from app.messaging.channels.result import DEADLINE_S, Begin, Result, Withheld

log = structlog.get_logger()
MAILS_PER_CONNECTION = 100


def _judged(error: Exception, stage: Stage, server: MailServer, mail: Mail) -> Result:
    """What an error at `stage` says about the mail."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return of_reply(stage, error.code, error.message, own_sender=mail.own_sender)
    if isinstance(error, NotSendable) and error.reason == "sender_refused":
        return sender_refused(error.text, own_sender=mail.own_sender)
    return of_error(stage, error, server.host)


_FAULTS = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError, NotOffered, NotSendable, egress.Blocked)


def _uncounted(begin: Begin, limit: asyncio.Timeout) -> Begin:
    """`begin`, with the time that it takes added to `limit`."""

    async def ask() -> float:
        return await uncounted(limit, begin) or 0.0

    return ask


class SmtpPool:
    """Open connections to mail servers, reused from mail to mail. Belongs to one event loop; close it at the end."""

    def __init__(self, deadline_s: float | None = None) -> None:
        """`deadline_s`: how long one mail may take in all, DEADLINE_S when not said."""
        self._deadline_s = deadline_s
        self._idle: dict[MailServer, list[SmtpConnection]] = {}

    async def send(self, server: MailServer, mail: Mail, begin: Begin | None = None) -> Result:
        """Hand a whole MIME mail over within the deadline. Never raises for what a server may do.

        `begin` is asked when the server would take the mail, and says up to when (`running_time`) it may; how long it takes to answer
        is not the server's fault and does not count.
        """
        idle = self._idle.setdefault(server, [])
        link: SmtpConnection | None = None
        try:
            async with asyncio.timeout(self._deadline_s or DEADLINE_S) as limit:
                begin_uncounted = _uncounted(begin, limit) if begin else None
                while idle:
                    link = idle.pop()
                    try:
                        words = await link.transfer(mail, begin_uncounted)
                        break
                    except _FAULTS as error:
                        if not link.was_closed(error):
                            raise
                        link.close()  # while it was idle: that costs the mail nothing, take another
                else:
                    link = SmtpConnection(server, self._deadline_s or DEADLINE_S)
                    await link.open()
                    words = await link.transfer(mail, begin_uncounted)
            result = Result("sent", words[:500])
        except Withheld:
            result = Result("withheld", "")
        except _FAULTS as error:
            stage = link.stage if link else "connect"
            result = veiled(_judged(error, stage, server, mail), stage, error, public=bool(link and link.public))
            if result.detail:
                log.warning("mail_server.not_found", host=server.host, port=server.port, detail=result.detail)
        except BaseException:
            if link is not None:
                link.close()
            raise
        if link is not None:
            await self._put_back(link, result)
        return result

    async def _put_back(self, link: SmtpConnection, result: Result) -> None:
        """Keep the connection for the next mail, also after one that was refused."""
        refused = result.kind in ("rejected", "deferred", "withheld")
        fit = result.kind == "sent" or (refused and await link.reset())
        if fit and link.mails < MAILS_PER_CONNECTION and link.is_open:
            self._idle[link.server].append(link)
        else:
            link.close()

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        links = [link for idle in self._idle.values() for link in idle]
        self._idle.clear()
        await asyncio.gather(*(link.quit() for link in links))
