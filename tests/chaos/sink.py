"""A mail server that counts: what it took, by recipient. It may take its time, hang, or put mails off."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class CountingSink(Controller):
    """Listens on the loopback. Change `seconds` and `answer` at any time."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.begun = 0
        """Mails whose text arrived here, taken or not."""
        self.seconds = 0.0
        """How long each mail takes after its text."""
        self.answer = ""
        """What is said instead of taking a mail, for example `451 4.3.0 Later`."""
        self.lock = threading.Lock()
        super().__init__(self, hostname="127.0.0.1", port=0)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> Any:
        with self.lock:
            self.begun += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if self.answer:
            return self.answer
        with self.lock:
            self.taken.update(str(address) for address in envelope.rcpt_tos)
        return "250 2.0.0 Taken"
