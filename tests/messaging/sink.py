"""A mail server for tests that does what it is told to: refuse, close the line at any verb, or take its time."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from collections import Counter
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class _Scripted(SMTP):
    """Each verb first looks into the script: an answer like "451 4.3.0 Later", "cut", "hang", or seconds to wait."""

    script: dict[str, list[Any]]
    released: asyncio.Event

    async def _scripted(self, verb: str, arg: str) -> bool:
        steps = self.script.get(verb) or []
        step = steps.pop(0) if steps else None
        if step is None:
            return False
        if isinstance(step, float):
            await asyncio.sleep(step)
            return False
        if step == "hang":
            await self.released.wait()
            return False
        if step == "cut":
            self.transport.abort()
        else:
            await self.push(step)
        return True

    async def smtp_EHLO(self, arg: str) -> None:
        if not await self._scripted("EHLO", arg):
            await super().smtp_EHLO(arg)

    async def smtp_MAIL(self, arg: str) -> None:
        if not await self._scripted("MAIL", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:
        if not await self._scripted("RCPT", arg):
            await super().smtp_RCPT(arg)

    async def smtp_RSET(self, arg: str) -> None:
        if not await self._scripted("RSET", arg):
            await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if not await self._scripted("DATA", arg):
            await super().smtp_DATA(arg)


class Sink(Controller):
    """Listens on the loopback; `mails` holds what was taken. `script` maps a verb to a list of steps, used up in order."""

    def __init__(self, *, password: str = "", smtputf8: bool = True, **options: Any) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, str]] = []
        self.script: dict[str, list[Any]] = {}
        self.connections = 0
        self.inside = 0
        """Mails whose last line has come and that were not answered yet."""
        self.released = asyncio.Event()
        self.wanted_password = password
        self.lock = threading.Lock()
        if password:
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": False}
        super().__init__(self, hostname="127.0.0.1", port=0, enable_SMTPUTF8=smtputf8, **options)

    def factory(self) -> SMTP:
        self.connections += 1
        made = _Scripted(self, **self.SMTP_kwargs)
        made.script, made.released = self.script, self.released
        return made

    def _trigger_server(self) -> None:
        """The base class connects to port 0; the real one is known only now."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
        self.connections = 0

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        fits = isinstance(data, LoginPassword) and data.password.decode() == self.wanted_password
        return AuthResult(success=fits, handled=False)

    def release(self) -> None:
        """Let those go on that hang, and all later ones."""
        self.loop.call_soon_threadsafe(self.released.set)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.inside += 1
        try:
            return await self._take(server, envelope)
        finally:
            self.inside -= 1

    async def _take(self, server: SMTP, envelope: Envelope) -> str:
        steps = self.script.get("DOT") or []
        step = steps.pop(0) if steps else None
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif step == "hang":
            await self.released.wait()
        elif step and step != "cut":
            return str(step)
        content = envelope.original_content or envelope.content
        with self.lock:
            self.mails.append(email.message_from_bytes(bytes(content), policy=email.policy.default))
            self.envelopes.append((str(envelope.mail_from), str(envelope.rcpt_tos[0])))
        if step == "cut":
            server.transport.abort()
        return "250 2.0.0 Taken"

    @property
    def ids(self) -> Counter[str]:
        return Counter(str(mail["Message-ID"]) for mail in self.mails)
