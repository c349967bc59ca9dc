"""Statuses: the small numbers that the hot tables hold and the words that people and programs read."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal


class Role(StrEnum):
    """What a user or API key may do; each role may do everything the ones before it may."""

    VIEWER = "viewer"
    MARKETER = "marketer"
    ADMIN = "admin"
    OWNER = "owner"

    def covers(self, wanted: Role) -> bool:
        """Is this role at least `wanted`?"""
        order = list(Role)
        return order.index(self) >= order.index(wanted)


class WorkflowStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class _Word(IntEnum):
    @property
    def word(self) -> str:
        """The word of the API and the pages."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> _Word:
        """The member called `word`; KeyError when there is none."""
        return cls[word.upper()]


class Priority(_Word):
    """How much of a workspace's share of the workers its work gets while there is more than they do at once."""

    URGENT = 0
    NORMAL = 1
    BULK = 2


PERSON = "$person"
"""What a run waits for, in place of an event, that stands before a question to a person."""

PriorityWord = Literal["urgent", "normal", "bulk"]
"""A Priority as the API and the pages say it."""


class RunStatus(_Word):
    """Below COMPLETED a run is active. CALLING reads as `running`: it is inside an outside call."""

    RUNNING = 0
    WAITING = 1
    CALLING = 2
    HELD = 3
    COMPLETED = 4
    FAILED = 5
    GOAL_REACHED = 6
    EXITED = 7
    CANCELLED = 8

    @property
    def word(self) -> str:
        return "running" if self is RunStatus.CALLING else self.name.lower()


class RunOrigin(_Word):
    """What brought a run about: an event that arrived, somebody who asked for it, a change that another
    run made, an enrolment, or a call of another run or program."""

    EVENT = 0
    HAND = 1
    CHANGE = 2
    ENROLLED = 3
    """Its trigger let many in at once: those who were in a segment already, the audience of a schedule."""
    CALLED = 4
    """A step of another run called its workflow."""
    RECEIVED = 5
    """Another program called the address of its trigger."""


class StepStatus(_Word):
    PENDING = 0
    RUNNING = 1
    WAITING = 2
    RETRYING = 3
    COMPLETED = 4
    FAILED = 5
    SKIPPED = 6
    CANCELLED = 7


class MessageStatus(_Word):
    QUEUED = 0
    SENDING = 1
    SENT = 2
    DELIVERED = 3
    OPENED = 4
    CLICKED = 5
    BOUNCED = 6
    COMPLAINED = 7
    FAILED = 8
    UNCERTAIN = 9
    SUPPRESSED = 10


class ReportKind(_Word):
    """What a provider reports about a message that it took."""

    DELIVERED = 1
    OPENED = 2
    CLICKED = 3
    BOUNCED = 4
    COMPLAINED = 5
    FAILED = 6
    REPLIED = 7
    UNSUBSCRIBED = 8


class DeliveryStatus(_Word):
    """Of an event for an endpoint."""

    WAITING = 0
    DELIVERED = 1
    FAILED = 2


class Channel(_Word):
    EMAIL = 1
    SMS = 2
    WHATSAPP = 3
    PUSH = 4
    SLACK = 5


class SegmentKind(StrEnum):
    STATIC = "static"
    DYNAMIC = "dynamic"


class SegmentState(StrEnum):
    READY = "ready"
    BUILDING = "building"
    BROKEN = "broken"


class EnrolmentStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class ImportStatus(StrEnum):
    UPLOADED = "uploaded"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
