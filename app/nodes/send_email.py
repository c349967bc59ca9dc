"""Queue one email to the contact, and wait for its outcome if configured."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import SendMessage
from app.flow.node_type import NodeType
from app.flow.outcomes import Done
from app.flow.references import Ref
from app.flow.scope import CompileScope
from app.lib import addresses, single_line
from app.lib.conversions import quoted
from app.models.status import Channel
from app.values import contact_fields


class SendEmailConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    template_id: Annotated[UUID | None, Ref("template")] = None
    subject: str = ""
    from_name: Annotated[str, Meta(title="sender")] = ""
    from_email: Annotated[str, Meta(title="sender address")] = ""
    reply_to: str = ""
    connector_id: Annotated[UUID | None, Ref("connector")] = None
    topic: str = ""
    go_on: Literal["queued", "sent", "delivered"] = "queued"


@registry.node
class SendEmail(NodeType):
    type, label, category, sends = "send_email", "Email", "message", Channel.EMAIL
    retryable = needs_contact = True
    description = "Sends an email made from a template to those who may be written to, and says what became of each."
    Config = SendEmailConfig

    @staticmethod
    def compile(config: SendEmailConfig, scope: CompileScope) -> Done:
        payload = {
            "subject": config.subject,
            "fromName": config.from_name,
            "fromEmail": config.from_email,
            "replyTo": config.reply_to,
            "connectorId": str(config.connector_id) if config.connector_id else "",
            "topic": config.topic.strip(),
        }
        template = config.template_id.bytes if config.template_id else None
        settings = {name: value for name, value in payload.items() if value}
        message = SendMessage(Channel.EMAIL, template, settings, awaits=config.go_on != "queued")
        return Done(output={"status": "queued"}, effects=(message,))

    @classmethod
    def diagnostics(cls, config: SendEmailConfig) -> list[Diagnostic]:
        diagnostics = []
        if config.template_id is None:
            diagnostics.append(incomplete("templateId", "Choose a template."))
        for name, address in (("fromEmail", config.from_email), ("replyTo", config.reply_to)):
            if address and not addresses.is_mailable(address):
                diagnostics.append(Diagnostic(name, f"{quoted(address)} is not an e-mail address."))
        for name, text in (("subject", config.subject), ("fromName", config.from_name)):
            if not single_line.fits(text):
                diagnostics.append(Diagnostic(name, single_line.SENTENCE))
        if config.topic.strip():
            try:
                contact_fields.topic(config.topic)
            except contact_fields.BadField as error:
                diagnostics.append(Diagnostic("topic", str(error)))
        if config.go_on == "delivered":
            diagnostics.append(
                Diagnostic("goOn", "No connector reports deliveries yet. Go on when the email is queued or sent.")
            )
        return diagnostics

    @classmethod
    def summary(cls, config: SendEmailConfig) -> str:
        return f"“{config.subject}”" if config.subject else ""
