"""Queue one email to the contact, and wait for its outcome if configured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import SendMessage
from app.flow.going_on import GoingOn, class_doubts, connector_doubts
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run, refused
from app.flow.references import Ref, ReferencedRows, TopicName
from app.flow.scope import CompileScope, is_constant
from app.lib import addresses, single_line
from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable
from app.models.status import Channel
from app.values import contact_fields


class SendEmailConfig(GoingOn, rename="camel", forbid_unknown_fields=True, kw_only=True):
    template_id: Annotated[UUID | None, Ref("template")] = None
    subject: str = ""
    from_name: Annotated[str, Meta(title="sender")] = ""
    from_email: Annotated[str, Meta(title="sender address")] = ""
    reply_to: str = ""
    connector_id: Annotated[UUID | None, Ref("connector")] = None
    topic: Annotated[str, TopicName] = ""
    message_class: Annotated[Literal["marketing", "transactional"], Meta(title="kind of email")] = msgspec.field(
        default="marketing", name="class"
    )


_FILLED = ("fromName", "fromEmail", "replyTo", "topic")
"""Texts that are filled in when the step is taken."""


def _faults(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with texts of a mail, by their names; empty ones are left out of it."""
    for name in ("fromEmail", "replyTo"):
        if texts[name] and not addresses.is_mailable(texts[name]):
            yield name, gettext("%(texts)s is not an e-mail address.", texts=quoted(texts[name]))
    for name in ("subject", "fromName"):
        if not single_line.fits(texts.get(name, "")):
            yield name, single_line.SENTENCE
    if texts["topic"].strip():
        try:
            contact_fields.topic(texts["topic"])
        except contact_fields.BadField as error:
            yield "topic", str(error)


def _queued(config: SendEmailConfig, payload: dict[str, Any]) -> Done:
    template = config.template_id.bytes if config.template_id else None
    settings = {name: value for name, value in payload.items() if value}
    message = SendMessage(Channel.EMAIL, template, settings, awaits=config.go_on != "queued")
    return Done(output={"status": "queued"}, effects=(message,))


@registry.node
class SendEmail(NodeType):
    type, label, category, sends = "send_email", translatable("Email"), "message", Channel.EMAIL
    retryable = needs_contact = True
    description = translatable(
        "Sends an email made from a template to those who may be written to, and says what became of each."
    )
    Config = SendEmailConfig

    @staticmethod
    def compile(config: SendEmailConfig, scope: CompileScope) -> Run | Outcome:
        payload: dict[str, Any] = {
            "subject": config.subject,
            "fromName": config.from_name,
            "fromEmail": config.from_email,
            "replyTo": config.reply_to,
            "connectorId": str(config.connector_id) if config.connector_id else "",
            "topic": config.topic.strip(),
            "class": config.message_class if config.message_class == "transactional" else "",
            "delivery": config.delivery,
        }
        # The subject is filled in with the template, when the mail leaves. What it reads of the run is kept until then.
        of_subject = CompileScope()
        of_subject.text(config.subject)
        scope.reads |= {path for path in of_subject.reads if path.startswith(("steps.", "vars."))}
        texts = {name: scope.text(payload[name]) for name in _FILLED if not is_constant(payload[name])}
        if not texts:
            return _queued(config, payload)

        def run(step: Any) -> Outcome:
            filled = {name: str(read(step)).strip() for name, read in texts.items()}
            if faults := list(_faults({**dict.fromkeys(_FILLED, ""), **filled})):
                return refused(gettext("The email was not made. %(faults)s", faults=faults[0][1]))
            return _queued(config, {**payload, **filled})

        return run

    @classmethod
    def diagnostics(cls, config: SendEmailConfig) -> list[Diagnostic]:
        diagnostics = []
        if config.template_id is None:
            diagnostics.append(incomplete("templateId", gettext("Choose a template.")))
        texts = {
            "fromEmail": config.from_email, "replyTo": config.reply_to, "subject": config.subject, "fromName": config.from_name,
            "topic": config.topic,
        }  # fmt: skip
        shown = {name: text if name == "subject" or is_constant(text) else "" for name, text in texts.items()}
        diagnostics += [Diagnostic(name, sentence) for name, sentence in _faults(shown)]
        return diagnostics

    @classmethod
    def row_diagnostics(cls, config: SendEmailConfig, rows: ReferencedRows) -> list[Diagnostic]:
        template = rows.get("template", {}).get(config.template_id) if config.template_id else None
        if template is not None and template.channel != cls.sends:
            template = None  # it is refused, and has nothing to do with unsubscribing
        return [
            *connector_doubts(config, config.connector_id, cls.sends, "email", rows),
            *class_doubts(config.message_class == "transactional", template),
        ]

    @classmethod
    def results(cls, config: SendEmailConfig) -> Mapping[str, str]:
        return {"status": "text", "hasOpened": "boolean", "hasClicked": "boolean"}

    @classmethod
    def own_text(cls, config: SendEmailConfig) -> str:
        return config.subject

    @classmethod
    def summary(cls, config: SendEmailConfig) -> str:
        subject = f"“{config.subject}”" if config.subject else ""
        if config.message_class != "transactional":
            return subject
        return f"Transactional: {subject}" if subject else "Transactional"
