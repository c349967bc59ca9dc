"""Test mails: one mail to one address, now, for the buttons of connectors and templates.

The rules are those of every mail: the address may be written to, the server may be reached. Everything that is read is read before, then
the transaction ends; while the mail server is waited for nothing is held that others need.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, make_msgid

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.condition import condition_of, note
from app.connectors.schemas import Sender, TestResult
from app.connectors.senders import sender_of
from app.errors import Complaint, Invalid, TooMany
from app.lib import clock, crypto, database, holding
from app.lib.addresses import BadAddress, wire_address
from app.lib.single_line import fits
from app.messaging.channels.email.smtp import Links
from app.messaging.channels.email.smtp_connection import Mail
from app.messaging.suppression import permission_at
from app.models import Connector

DEADLINE_S = 8.0
"""Somebody waits in front of a page."""
A_MINUTE = 10
"""Test mails of one user or API key; more is somebody who tries out addresses or ports."""
_REMEMBERED = 1_000
UNREADABLE = "The password of the connector cannot be read. An admin can enter it again."


class Turns:
    """Who may send a test mail now: one at a time, and `A_MINUTE` in a minute. Of this process; the least recent are forgotten."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tries: OrderedDict[object, deque[float]] = OrderedDict()
        self._busy: set[object] = set()

    @contextmanager
    def take(self, who: object) -> Iterator[None]:
        """Around one test mail. Raises TooMany with `retry_after` seconds."""
        if who in self._busy:
            raise TooMany("Another test mail of yours is under way. Wait until it has its answer.", retry_after=2)
        now, tries = self._now(), self._tries.setdefault(who, deque())
        while tries and tries[0] <= now - 60:
            tries.popleft()
        if len(tries) >= A_MINUTE:
            raise TooMany(
                f"You may send {A_MINUTE} test mails a minute. Wait a moment.", retry_after=int(tries[0] + 61 - now)
            )
        tries.append(now)
        self._tries.move_to_end(who)
        while len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        self._busy.add(who)
        try:
            yield
        finally:
            self._busy.discard(who)


turns = Turns()


def recipient_of(text: str) -> str:
    """An address to try, as mail servers are told it. Raises Invalid for `to`."""
    try:
        if fits(text := text.strip()) and "@" in text:
            return wire_address(text)
    except BadAddress:
        pass
    raise Invalid(errors=[Complaint(path="to", message="Write one email address, like ada@example.com.")])


def of_connector(name: str, sender: Sender, recipient: str) -> bytes:
    """The short mail that shows that a connector works."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = "A test from Throughline"
    mail["From"] = formataddr((" ".join(sender.from_name.split()), wire_address(sender.from_email)))
    mail["To"] = recipient
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = make_msgid(domain="throughline")
    mail.set_content(
        f"This mail came through the connector “{name}”. If you can read it, your workflows can send too.\n"
    )
    return mail.as_bytes()


async def send_trial(
    session: AsyncSession, principal: Principal, connector: Connector, to: str, build: Callable[[Sender, str], bytes]
) -> TestResult:
    """Send what `build` makes of sender and recipient, and say in a sentence what became of it. Raises Invalid, TooMany.

    What was changed in `session` is committed before the mail leaves.
    """
    recipient = recipient_of(to)
    may = await permission_at(session, principal.tenant_id, recipient)
    if not may.allowed:
        return TestResult("rejected", f"{may.sentence} Tests do not go there either.")
    with turns.take((principal.tenant_id, principal.kind, principal.id)):
        condition = condition_of(connector)
        try:
            sender = sender_of(connector.id, connector.config, connector.secret)
            mail = Mail(wire_address(sender.from_email), recipient, build(sender, recipient))
        except crypto.Unreadable:
            return TestResult("misconfigured", UNREADABLE)
        except BadAddress:
            return TestResult(
                "misconfigured", "The sender's address of the connector cannot be used. An admin can change it."
            )
        await holding.give_back(session)
        links = Links(DEADLINE_S)
        try:
            with database.outside_call("a mail server"):
                result = await links.send(sender.server, mail)
        finally:
            await links.close()
        await note(session, condition, result)
    return TestResult(result.kind, result.text)
