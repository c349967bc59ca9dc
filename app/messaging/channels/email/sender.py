"""Connectors of mail, ready for use: who mails come from, and the form in which their provider takes one."""

from __future__ import annotations

from app.errors import FieldError, Invalid
from app.lib import addresses
from app.messaging.channels.connector import Sender
from app.messaging.channels.email.mime import MailHeaders
from app.messaging.channels.parts import Parts
from app.messaging.channels.result import Packet


class MailSender(Sender, frozen=True):
    """A connector ready for use, and who mails come from when a step names nobody else."""

    from_email: str
    from_name: str

    def packet(self, headers: MailHeaders, parts: Parts, *, own_sender: bool = True, reference: str = "") -> Packet:
        """A filled mail as the provider takes it. `own_sender`: it comes from the connector's own address. `reference`: what a
        provider may be told to report about the message by (`message_ids.message_id`); empty for mails that nobody asks about."""
        raise NotImplementedError


def sender_address(text: str) -> str:
    """The well-formed mail address that mails come from. Raises Invalid for `config.fromEmail`."""
    try:
        return addresses.spelled(text)
    except addresses.BadAddress as error:
        raise Invalid(errors=[FieldError(path="config.fromEmail", message=str(error))]) from error
