"""Queue one message to the phone of the contact, as SMS or by WhatsApp, and wait for its outcome if configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import SendMessage
from app.flow.going_on import GoingOn, connector_doubts
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run, refused
from app.flow.placeholders import in_words
from app.flow.references import Ref, ReferencedRows, TopicName
from app.flow.scope import CompileScope, is_constant
from app.lib.translation import gettext, translatable
from app.models.status import Channel
from app.values import contact_fields


class SendTextConfig(GoingOn, rename="camel", forbid_unknown_fields=True, kw_only=True):
    template_id: Annotated[UUID | None, Ref("template")] = None
    connector_id: Annotated[UUID | None, Ref("connector")] = None
    topic: Annotated[str, TopicName] = ""
    message_class: Annotated[Literal["marketing", "transactional"], Meta(title="kind of message")] = msgspec.field(
        default="marketing", name="class"
    )


def _topic_fault(topic: str) -> str:
    """What is wrong with a topic; empty when it may stand, or says nothing."""
    try:
        if topic.strip():
            contact_fields.topic(topic)
    except contact_fields.BadField as error:
        return str(error)
    return ""


class SendText(NodeType):
    """What steps that send to a phone share. `sends` says by which channel."""

    category: ClassVar[str] = "message"
    retryable = needs_contact = True
    Config = SendTextConfig

    @classmethod
    def queued(cls, config: SendTextConfig, topic: str) -> Done:
        payload: dict[str, Any] = {
            "connectorId": str(config.connector_id) if config.connector_id else "",
            "topic": topic,
            "class": config.message_class if config.message_class == "transactional" else "",
            "delivery": config.delivery,
        }
        settings = {name: value for name, value in payload.items() if value}
        template = config.template_id.bytes if config.template_id else None
        message = SendMessage(int(cls.sends or 0), template, settings, awaits=config.go_on != "queued")
        return Done(output={"status": "queued"}, effects=(message,))

    @classmethod
    def compiled(cls, config: SendTextConfig, scope: CompileScope) -> Run | Outcome:
        if is_constant(config.topic):
            return cls.queued(config, config.topic.strip())
        read = scope.text(config.topic)

        def run(step: Any) -> Outcome:
            topic = str(read(step)).strip()
            if fault := _topic_fault(topic):
                return refused(gettext("The message was not made. %(fault)s", fault=fault))
            return cls.queued(config, topic)

        return run

    @classmethod
    def results(cls, config: SendTextConfig) -> Mapping[str, str]:
        return {"status": "text", "hasOpened": "boolean", "hasClicked": "boolean"}

    @classmethod
    def summary(cls, config: SendTextConfig) -> str:
        words = ["Transactional"] if config.message_class == "transactional" else []
        words += [f"about {in_words(config.topic)}"] if config.topic.strip() else []
        text = ", ".join(words)
        return text[:1].upper() + text[1:]

    @classmethod
    def diagnostics(cls, config: SendTextConfig) -> list[Diagnostic]:
        diagnostics = []
        if config.template_id is None:
            diagnostics.append(incomplete("templateId", gettext("Choose a template.")))
        if is_constant(config.topic) and (fault := _topic_fault(config.topic)):
            diagnostics.append(Diagnostic("topic", fault))
        return diagnostics

    @classmethod
    def row_diagnostics(cls, config: SendTextConfig, rows: ReferencedRows) -> list[Diagnostic]:
        return list(connector_doubts(config, config.connector_id, cls.sends, "message", rows))


@registry.node
class SendSms(SendText):
    type, label, sends = "send_sms", "SMS", Channel.SMS
    description = translatable(
        "Sends a text message made from a template to those who may be written to, and says what became of each."
    )

    @staticmethod
    def compile(config: SendTextConfig, scope: CompileScope) -> Run | Outcome:
        return SendSms.compiled(config, scope)


@registry.node
class SendWhatsapp(SendText):
    type, label, sends = "send_whatsapp", "WhatsApp", Channel.WHATSAPP
    description = translatable(
        "Sends a WhatsApp message made from a template that Meta approved, and says what became of each."
    )

    @staticmethod
    def compile(config: SendTextConfig, scope: CompileScope) -> Run | Outcome:
        return SendWhatsapp.compiled(config, scope)
