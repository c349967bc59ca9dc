"""Queue one e-mail to the contact."""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.models.status import Channel
from app.nodes import registry
from app.nodes.base import Done, Issue, Message, NodeType
from app.nodes.scope import Scope


class SendEmailConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    template_id: UUID | None = None
    subject: str = ""
    from_name: str = ""
    from_email: str = ""
    reply_to: str = ""
    connector_id: UUID | None = None
    topic: str = ""


@registry.node
class SendEmail(NodeType):
    type, label, category, sends = "send_email", "Email", "message", True
    description = (
        "Queues a mail made from a template. It leaves when the contact may be written to; refusals are kept with why."
    )
    Config = SendEmailConfig

    @staticmethod
    def compile(config: SendEmailConfig, scope: Scope) -> Done:
        payload = {
            "subject": config.subject,
            "fromName": config.from_name,
            "fromEmail": config.from_email,
            "replyTo": config.reply_to,
            "connectorId": str(config.connector_id) if config.connector_id else "",
            "topic": config.topic,
        }
        template = config.template_id.bytes if config.template_id else None
        message = Message(Channel.EMAIL, template, {name: value for name, value in payload.items() if value})
        return Done(output={"status": "queued"}, effects=(message,))

    @classmethod
    def issues(cls, config: SendEmailConfig) -> list[Issue]:
        found = []
        if config.template_id is None:
            found.append(Issue("templateId", "Choose a template.", incomplete=True))
        for name, address in (("fromEmail", config.from_email), ("replyTo", config.reply_to)):
            if address and ("@" not in address or any(character in address for character in "\r\n ,;<>")):
                found.append(Issue(name, f"{address!r} is not an e-mail address."))
        return found
