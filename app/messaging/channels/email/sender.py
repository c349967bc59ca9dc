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
    reply_to: str = ""
    """Where answers go; empty: to the sender."""

    def packet(self, headers: MailHeaders, parts: Parts, *, own_sender: bool = True, reference: str = "") -> Packet:
        """A filled mail as the provider takes it. `own_sender`: it comes from the connector's own address. `reference`: what a
        provider may be told to report about the message by (`message_ids.message_id`); empty for mails that nobody asks about."""
        raise NotImplementedError


def sender_refusal(own: str, first: str, wanted: str) -> str:
    """Why a connector that sends from `own` may not take over a mail from `wanted`, or from the address `first` of another connector.

    A provider lets an account send from the domains that it has proved, and receivers check it: the domain has to be the same.
    """
    address = wanted or first
    if domain_of(address) == domain_of(own):
        return ""
    return f"it sends from @{domain_of(own)}, and this comes from {address}"


def domain_of(address: str) -> str:
    """The domain of an address, in small letters."""
    return address.rpartition("@")[2].lower()


def sender_address(text: str) -> str:
    """The well-formed mail address that mails come from. Raises Invalid for `config.fromEmail`."""
    try:
        return addresses.spelled(text)
    except addresses.BadAddress as error:
        raise Invalid(errors=[FieldError(path="config.fromEmail", message=str(error))]) from error
