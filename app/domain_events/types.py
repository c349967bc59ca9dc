"""The types of domain events, and the schema of the data of each. What is public here never changes meaning: fields are only added.

A change that is no addition is another version, with its own `dataschema`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.lib.translation import translatable
from app.models.status import MessageStatus, RunStatus

VERSION = 1
TEST = "webhook.test"
"""Of a delivery that somebody asked for to try an endpoint. It is sent whatever the endpoint chose."""


class ContactReference(msgspec.Struct, rename="camel"):
    """Whom an event is about, as the contact was when it happened."""

    id: UUID
    external_id: str | None
    email: str | None


class RunData(msgspec.Struct, rename="camel"):
    """A run. `contact` is null when it has none; `error` says why it failed; `goalId` which goal it reached."""

    run_id: UUID
    workflow_id: UUID
    workflow_version: int
    trigger_id: str
    started_at: datetime
    contact: ContactReference | None
    completed_at: datetime | None = None
    error: str | None = None
    goal_id: str | None = None


class NodeData(msgspec.Struct, rename="camel"):
    """A step of a run that is over: `seq` counts the run's steps from 1, `occurrence` its visits to the node.

    `status`: completed, failed or skipped. `port`: by which way the run left. What the step put out is not told: it is on the run.
    """

    run_id: UUID
    workflow_id: UUID
    workflow_version: int
    seq: int
    node_id: str
    node_type: str
    occurrence: int
    attempt: int
    status: str
    port: str | None
    error: str | None
    started_at: datetime
    completed_at: datetime
    contact: ContactReference | None


class WorkflowData(msgspec.Struct, rename="camel"):
    """A workflow, and who did it. `version` is the live one."""

    workflow_id: UUID
    name: str
    version: int | None
    by: str


class ContactCreated(msgspec.Struct, rename="camel"):
    """`via` says by which way: api, import, page, event."""

    contact: ContactReference
    via: str
    source: str | None = None


class ContactUpdated(msgspec.Struct, rename="camel"):
    """`changed` names fields (`email`, `attributes.plan`, `tags`); `current` and `previous` have their values."""

    contact: ContactReference
    changed: list[str]
    current: dict[str, Any]
    previous: dict[str, Any]


class AttributesChanged(msgspec.Struct, rename="camel"):
    """Names of attributes, with their values now and before."""

    contact: ContactReference
    changed: list[str]
    attributes: dict[str, Any]
    previous: dict[str, Any]


class ContactDeleted(msgspec.Struct, rename="camel"):
    """The id alone: nothing else is known of an erased contact."""

    contact_id: UUID


class SegmentMove(msgspec.Struct, rename="camel"):
    segment_id: UUID
    segment_name: str
    contact: ContactReference


class MessageData(msgspec.Struct, rename="camel"):
    """A message of a run. `reason` is a word for why it was not sent, `error` the sentence."""

    run_id: UUID
    seq: int
    workflow_id: UUID
    workflow_version: int
    node_id: str
    channel: str
    recipient: str | None
    contact: ContactReference | None
    reason: str | None = None
    error: str | None = None


class ReportData(msgspec.Struct, rename="camel"):
    """What a provider reported about a message that it took. `url`: the link that was clicked; `detail`: the provider's words;
    `lasting`: the address takes no messages and will take none."""

    message_id: str
    channel: str
    run_id: UUID
    workflow_id: UUID
    node_id: str
    contact: ContactReference
    template_id: UUID | None = None
    url: str | None = None
    detail: str | None = None
    lasting: bool | None = None


class ReplyData(msgspec.Struct, rename="camel"):
    """What a contact wrote to one of our numbers. Of whoever was never written to before, it answers no message.

    `providerId`: what the provider calls it, there.
    """

    channel: str
    contact: ContactReference
    text: str = ""
    message_id: str | None = None
    run_id: UUID | None = None
    workflow_id: UUID | None = None
    node_id: str | None = None
    template_id: UUID | None = None
    provider_id: str | None = None


class TestData(msgspec.Struct, rename="camel"):
    message: str


class DomainEventType(NamedTuple):
    """`data` is the schema; `text` says when it happens."""

    name: str
    group: str
    data: type[msgspec.Struct]
    text: str


RUN_STARTED = "workflow.run.started"
RUN_ENDED = {
    int(RunStatus.COMPLETED): "workflow.run.completed",
    int(RunStatus.FAILED): "workflow.run.failed",
    int(RunStatus.GOAL_REACHED): "workflow.run.goal_reached",
    int(RunStatus.EXITED): "workflow.run.exited",
    int(RunStatus.CANCELLED): "workflow.run.cancelled",
}
CONTACT_CREATED, CONTACT_UPDATED, CONTACT_DELETED = "contact.created", "contact.updated", "contact.deleted"
ATTRIBUTES_CHANGED = "contact.attribute_changed"
MESSAGE = {
    int(MessageStatus.SENT): "message.sent",
    int(MessageStatus.FAILED): "message.failed",
    int(MessageStatus.UNCERTAIN): "message.uncertain",
    int(MessageStatus.SUPPRESSED): "message.suppressed",
}
NODE_EXECUTED = "workflow.node.executed"
"""One for each step of each run: so many that nobody hears of it who does not ask for it by name."""
PUBLISHED, ACTIVATED, PAUSED = "workflow.published", "workflow.activated", "workflow.paused"
TYPES = (
    DomainEventType(RUN_STARTED, "Runs", RunData, translatable("A run begins.")),
    DomainEventType("workflow.run.completed", "Runs", RunData, translatable("A run comes to its end.")),
    DomainEventType("workflow.run.failed", "Runs", RunData, translatable("A run ends because a step failed.")),
    DomainEventType(
        "workflow.run.goal_reached", "Runs", RunData, translatable("A run ends because its goal is reached.")
    ),
    DomainEventType(
        "workflow.run.exited", "Runs", RunData, translatable("A run ends because a step took the contact out.")
    ),
    DomainEventType(
        "workflow.run.cancelled", "Runs", RunData, translatable("Somebody cancels a run, or its contact is erased.")
    ),
    DomainEventType(
        NODE_EXECUTED, "Runs", NodeData, translatable("A step of a run is over. One for each step: very many.")
    ),
    DomainEventType(PUBLISHED, "Workflows", WorkflowData, translatable("A version is published.")),
    DomainEventType(
        ACTIVATED, "Workflows", WorkflowData, translatable("A workflow lets contacts in, or continues after a pause.")
    ),
    DomainEventType(PAUSED, "Workflows", WorkflowData, translatable("A workflow is paused.")),
    DomainEventType(CONTACT_CREATED, "Contacts", ContactCreated, translatable("A contact is new.")),
    DomainEventType(
        CONTACT_UPDATED, "Contacts", ContactUpdated, translatable("A field, attribute, tag or consent is another one.")
    ),
    DomainEventType(ATTRIBUTES_CHANGED, "Contacts", AttributesChanged, translatable("Attributes are other ones.")),
    DomainEventType(CONTACT_DELETED, "Contacts", ContactDeleted, translatable("A contact is erased.")),
    DomainEventType("segment.member.added", "Segments", SegmentMove, translatable("A contact enters a segment.")),
    DomainEventType("segment.member.removed", "Segments", SegmentMove, translatable("A contact leaves a segment.")),
    DomainEventType("message.sent", "Messages", MessageData, translatable("A provider takes a message.")),
    DomainEventType("message.failed", "Messages", MessageData, translatable("A message will not be sent.")),
    DomainEventType("message.uncertain", "Messages", MessageData, translatable("Nobody knows whether a message left.")),
    DomainEventType(
        "message.suppressed", "Messages", MessageData, translatable("A message may not be sent, so it is not.")
    ),
    DomainEventType(
        "message.delivered", "Messages", ReportData, translatable("A provider reports that a message arrived.")
    ),
    DomainEventType("message.opened", "Messages", ReportData, translatable("A contact opens a message.")),
    DomainEventType("message.clicked", "Messages", ReportData, translatable("A contact clicks a link of a message.")),
    DomainEventType(
        "message.bounced", "Messages", ReportData, translatable("A message that was taken did not arrive.")
    ),
    DomainEventType("message.complained", "Messages", ReportData, translatable("A contact calls a message unwanted.")),
    DomainEventType("message.replied", "Messages", ReplyData, translatable("A contact answers a message.")),
)
NAMES = frozenset(one.name for one in TYPES)


def schema_of(data: type[msgspec.Struct]) -> dict[str, Any]:
    """JSON Schema of the data of a type."""
    return msgspec.json.schema(data)
