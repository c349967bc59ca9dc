"""Tables, one module a noun. Importing this package gives the metadata all of them."""

from __future__ import annotations

from app.models.activity import ActivityHour
from app.models.api_key import ApiKey
from app.models.base import Base
from app.models.bulk_job import BulkJob, BulkJobBatch
from app.models.connector import Connector, ConnectorGate
from app.models.contact import AttributeLabel, Contact, ContactTag
from app.models.contact_device import ContactDevice
from app.models.contact_import import ContactImport, ContactImportChunk, ContactImportError
from app.models.due_date import DateSchedule, DueDate
from app.models.enrolment import Enrolment
from app.models.event import DeadLetter, Event, Inbox, StoredEventKey
from app.models.event_sink import EventSink, InboundMessage, SinkEvent
from app.models.folder import Folder, FolderKind
from app.models.held_run_job import HeldRunJob
from app.models.idempotency_key import IdempotencyKey
from app.models.invitation import AccountMail, Invitation
from app.models.list_view import ListColumns, ListView
from app.models.live import LiveListener, LiveMove
from app.models.message import MailboxMessage, MailCount, Message, StoredReport, Suppression, UnmatchedReport
from app.models.message_job import MessageDecision, MessageJob
from app.models.pacing import EntryPace, WaitingStart
from app.models.poll import Poll, PolledRow
from app.models.retention import HistoryStart, LeavingMonth, RetiredStat
from app.models.run import (
    ActiveRun,
    CallIntent,
    EndedRun,
    Entry,
    EntryRefusal,
    NodeStat,
    OutboundCall,
    Run,
    RunLog,
    SplitExposure,
    Step,
    StepAttempt,
    SubRun,
)
from app.models.schedule import Schedule, ScheduleEpoch, ScheduleFiring
from app.models.secret_key import SecretKey
from app.models.segment import Segment, SegmentDay, SegmentMember, SegmentNumber
from app.models.segment_membership import (
    ContactStanding,
    EventHistory,
    SegmentBuild,
    SegmentFact,
    SegmentFactDefinition,
)
from app.models.service_host import ServiceHost
from app.models.session import SignInFailure, SignInLink, UserSession
from app.models.stall import Stall
from app.models.system import Crash, Heartbeat, VirtualClock, WorkerBatch
from app.models.template import Template
from app.models.user import Membership, User
from app.models.wake import Wake
from app.models.webhook import Webhook, WebhookDelivery, WebhookPayload
from app.models.webhook_endpoint import EventDelivery, WebhookEndpoint
from app.models.workflow import DraftChange, StepChange, Workflow, WorkflowEpoch, WorkflowSample, WorkflowVersion
from app.models.workspace import Workspace

__all__ = [
    "AccountMail",
    "ActiveRun",
    "ActivityHour",
    "ApiKey",
    "AttributeLabel",
    "Base",
    "BulkJob",
    "BulkJobBatch",
    "CallIntent",
    "Connector",
    "ConnectorGate",
    "Contact",
    "ContactDevice",
    "ContactImport",
    "ContactImportChunk",
    "ContactImportError",
    "ContactStanding",
    "ContactTag",
    "Crash",
    "DateSchedule",
    "DeadLetter",
    "DraftChange",
    "DueDate",
    "EndedRun",
    "Enrolment",
    "Entry",
    "EntryPace",
    "EntryRefusal",
    "Event",
    "EventDelivery",
    "EventHistory",
    "EventSink",
    "Folder",
    "FolderKind",
    "Heartbeat",
    "HeldRunJob",
    "HistoryStart",
    "IdempotencyKey",
    "InboundMessage",
    "Inbox",
    "Invitation",
    "LeavingMonth",
    "ListColumns",
    "ListView",
    "LiveListener",
    "LiveMove",
    "MailCount",
    "MailboxMessage",
    "Membership",
    "Message",
    "MessageDecision",
    "MessageJob",
    "NodeStat",
    "OutboundCall",
    "Poll",
    "PolledRow",
    "RetiredStat",
    "Run",
    "RunLog",
    "Schedule",
    "ScheduleEpoch",
    "ScheduleFiring",
    "SecretKey",
    "Segment",
    "SegmentBuild",
    "SegmentDay",
    "SegmentFact",
    "SegmentFactDefinition",
    "SegmentMember",
    "SegmentNumber",
    "ServiceHost",
    "SignInFailure",
    "SignInLink",
    "SinkEvent",
    "SplitExposure",
    "Stall",
    "Step",
    "StepAttempt",
    "StepChange",
    "StoredEventKey",
    "StoredReport",
    "SubRun",
    "Suppression",
    "Template",
    "UnmatchedReport",
    "User",
    "UserSession",
    "VirtualClock",
    "WaitingStart",
    "Wake",
    "Webhook",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookPayload",
    "WorkerBatch",
    "Workflow",
    "WorkflowEpoch",
    "WorkflowSample",
    "WorkflowVersion",
    "Workspace",
]
