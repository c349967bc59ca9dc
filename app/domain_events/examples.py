"""An example of the data of each type, for readers of the API. Tests read each by its schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domain_events import types
from app.domain_events.envelope import event_body
from app.domain_events.types import DomainEventType

_AT, _BEGAN = "2026-03-02T09:00:00.000000Z", "2026-03-01T09:00:00.000000Z"
_RUN, _WORKFLOW = "01953a1e-7d0c-7c2a-9f64-0f2f6a7f1f10", "01953a1c-2b1e-7b5d-8d2e-3f5f0a9c1d20"
_CONTACT = {"id": "01953a1b-90aa-7f31-a5b4-6f1d2c3b4a50", "externalId": "crm-4711", "email": "ada@example.com"}
_OF_RUN = {
    "runId": _RUN, "workflowId": _WORKFLOW, "workflowVersion": 3, "triggerId": "trigger", "startedAt": _BEGAN, "contact": _CONTACT,
}  # fmt: skip
_ENDED = _OF_RUN | {"completedAt": _AT, "error": None, "goalId": None}
_NODE = {
    "runId": _RUN, "workflowId": _WORKFLOW, "workflowVersion": 3, "seq": 2, "nodeId": "score", "nodeType": "acme.score",
    "occurrence": 1, "attempt": 1, "status": "completed", "port": "high", "error": None, "startedAt": _AT, "completedAt": _AT,
    "contact": _CONTACT,
}  # fmt: skip
_CHANGED = {"contact": _CONTACT, "changed": ["attributes.plan"]}
_MESSAGE = {
    "runId": _RUN, "seq": 4, "workflowId": _WORKFLOW, "workflowVersion": 3, "nodeId": "welcome", "channel": "email",
    "recipient": "ada@example.com", "contact": _CONTACT, "reason": None, "error": None,
}  # fmt: skip
_REPORT = {
    "messageId": f"{_RUN}-4", "channel": "email", "runId": _RUN, "workflowId": _WORKFLOW, "nodeId": "welcome",
    "templateId": "01953a1d-2222-7333-8444-555566667777", "contact": _CONTACT,
}  # fmt: skip
_BY_DATA: dict[type[msgspec.Struct], dict[str, Any]] = {
    types.RunData: _ENDED,
    types.NodeData: _NODE,
    types.WorkflowData: {"workflowId": _WORKFLOW, "name": "Welcome", "version": 3, "by": "Grace Hopper"},
    types.ContactCreated: {"contact": _CONTACT, "via": "api", "source": None},
    types.ContactUpdated: _CHANGED
    | {"current": {"attributes": {"plan": "pro"}}, "previous": {"attributes": {"plan": "trial"}}},
    types.AttributesChanged: _CHANGED
    | {"changed": ["plan"], "attributes": {"plan": "pro"}, "previous": {"plan": "trial"}},
    types.ContactDeleted: {"contactId": _CONTACT["id"]},
    types.SegmentMove: {
        "segmentId": "01953a1d-1111-7222-8333-444455556666",
        "segmentName": "Customers",
        "contact": _CONTACT,
    },
    types.MessageData: _MESSAGE,
    types.ReportData: _REPORT,
    types.ReplyData: _REPORT | {"channel": "sms", "text": "Yes, please"},
}
_BY_NAME: dict[str, dict[str, Any]] = {
    types.RUN_STARTED: _OF_RUN,
    "workflow.run.failed": _ENDED | {"error": "The server answered 500."},
    "workflow.run.goal_reached": _ENDED | {"goalId": "purchased"},
    "message.failed": _MESSAGE | {"reason": "bad_address", "error": "There is no mailbox of this name."},
    "message.uncertain": _MESSAGE | {"error": "The server hung up before it said whether it took the message."},
    "message.suppressed": _MESSAGE | {"reason": "unsubscribed", "error": "This contact has unsubscribed."},
    "message.clicked": _REPORT | {"url": "https://shop.example/spring"},
    "message.bounced": _REPORT | {"lasting": True, "detail": "550 5.1.1 There is no mailbox of this name."},
}
"""Of types whose data says more than that of others with its schema."""
_ID = UUID("6f1c2a3b-4d5e-4f60-8a7b-9c0d1e2f3a4b")


def example_of(event_type: DomainEventType) -> dict[str, Any]:
    """A whole event of a type, as it is sent."""
    data = _BY_NAME.get(event_type.name) or _BY_DATA[event_type.data]
    event: dict[str, Any] = msgspec.json.decode(
        event_body(_ID, event_type.name, datetime(2026, 3, 2, 9, tzinfo=UTC), data, 1)
    )
    return event
