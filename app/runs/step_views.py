"""The steps of one run as its page and the API show them: the finished ones, and the one that the run stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from app.flow.node_words import due_at, kind_word
from app.messaging import rules
from app.messaging.channels import registry
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.words import waits_for_channel
from app.messaging.report_repository import report_view
from app.messaging.service import decision_view
from app.models import Message, MessageDecision, OutboundCall, Run, RunLog, Step, StepAttempt, StoredReport
from app.models.status import MessageStatus, RunStatus, StepStatus
from app.runs.schemas import AttemptOut, CalledOut, LogLineOut, OutboundCallOut, RuleOut, StepMessageOut, StepOut


class StepViews:
    """Fills in what step rows leave out, from the document of the version that the run is pinned to."""

    def __init__(
        self,
        run: Run,
        graph: dict[str, Any],
        *,
        attempts: Mapping[int, Sequence[StepAttempt]],
        messages: Mapping[int, Message],
        decisions: Mapping[int, MessageDecision],
        reports: Mapping[int, Sequence[StoredReport]],
        called: Mapping[int, CalledOut],
        calls: Mapping[int, Sequence[OutboundCall]],
        logs: Mapping[int, Sequence[RunLog]],
        stood_in: Mapping[int, str],
    ) -> None:
        """`attempts`, `messages`, `stood_in`, `decisions`, `reports`, `called`, `calls` and `logs` are by the step's seq."""
        self._called, self._calls, self._logs = called, calls, logs
        self._stood_in, self._reports = stood_in, reports
        self._run, self._nodes = run, {node["id"]: node for node in graph["nodes"]}
        self._attempts, self._messages, self._decisions = attempts, messages, decisions
        self._previous: dict[str, Any] = {"event": run.trigger_event or {}}

    def finished(self, step: Step) -> StepOut:
        """A step that is over. Called in the order of the steps, for each shows the one before as its input."""
        view = StepOut(
            **self._node(step.node_id, step.seq),
            status=StepStatus(step.status).word,
            output=step.output or {},
            port=step.port,
            error_message=step.error_message,
            attempt=step.attempt,
            occurrence=step.occurrence,
            started_at=step.started_at,
            completed_at=step.completed_at,
            scheduled_at=self._due_at(step),
            rules=rules_of(step),
        )
        self._previous = {"nodeId": step.node_id, "output": step.output or {}}
        return view

    def open(self, node_id: str, occurrence: int) -> StepOut:
        """The step that the run stands on, after all finished ones; `occurrence` counts its visits to this node."""
        run = self._run
        return StepOut(
            **self._node(node_id, run.seq + 1),
            status=open_status(run).word,
            output=(run.resume_output or {}) if run.status == RunStatus.WAITING else {},
            port=None,
            error_message=run.error_message,
            attempt=run.attempt,
            occurrence=occurrence,
            started_at=run.step_started_at,
            completed_at=None,
            scheduled_at=run.resume_at,
        )

    def _node(self, node_id: str, seq: int) -> dict[str, Any]:
        node = self._nodes.get(node_id, {})
        type_ = str(node.get("type", "unknown"))
        return {
            "id": message_id(self._run.id, seq),
            "run_id": self._run.id,
            "seq": seq,
            "node_id": node_id,
            "node_type": type_,
            "name": node.get("name") or kind_word(type_),
            "input": {"config": node.get("data", {}), "previous": self._previous},
            "attempts": [_attempt(attempt) for attempt in self._attempts.get(seq, ())],
            "message": _message(
                self._messages.get(seq), self._decisions.get(seq), self._stood_in.get(seq), self._reports.get(seq, ())
            ),
            "called": self._called.get(seq),
            "calls": [_call(call) for call in self._calls.get(seq, ())],
            "logs": [line for part in self._logs.get(seq, ()) for line in _lines(part)],
        }

    def _due_at(self, step: Step) -> datetime | None:
        """When a finished wait was due; the open one has it on the run. None for other steps."""
        node = self._nodes.get(step.node_id, {})
        return due_at(str(node.get("type")), node.get("data") or {}, step)


def _attempt(row: StepAttempt) -> AttemptOut:
    return AttemptOut(attempt=row.attempt, error_message=row.error_message, at=row.at, next_at=row.next_at)


def _lines(part: RunLog) -> list[LogLineOut]:
    return [
        LogLineOut(level=line["level"], message=line["message"], metadata=line.get("metadata") or {}, at=part.at)
        for line in cast("list[dict[str, Any]]", part.lines)
    ]


def _call(row: OutboundCall) -> OutboundCallOut:
    detail = row.detail or {}
    return OutboundCallOut(
        attempt=row.attempt,
        kind=row.kind,
        status=row.status,
        times=row.times,
        request=detail.get("request") or {},
        response=detail.get("response"),
        error=detail.get("error"),
        asked_at=row.asked_at,
        ended_at=row.ended_at,
    )


def _message(
    message: Message | None,
    decision: MessageDecision | None,
    stood_in: str | None,
    reports: Sequence[StoredReport],
) -> StepMessageOut | None:
    if message is None:
        return None
    undecided = message.status == MessageStatus.UNCERTAIN and message.due_at is not None
    return StepMessageOut(
        id=message_id(message.run_id, message.seq),
        channel=registry.word_of(message.channel),
        status=MessageStatus(message.status).word,
        recipient=message.recipient,
        subject=message.subject,
        error_message=waits_for_channel(message.channel, message.status) or message.error_message,
        reason=message.reason,
        attempt=message.attempt,
        sent_at=message.sent_at,
        settled_at=message.settled_at,
        connector_id=message.connector_id,
        stood_in=stood_in,
        due_at=message.due_at,
        if_undecided=rules.then_of(message.payload, resent=message.resent_at is not None) if undecided else None,
        decision=decision_view(decision) if decision else None,
        reports=[report_view(row) for row in reports],
    )


def rules_of(step: Step) -> list[RuleOut]:
    """What a branch was decided by, nested groups flattened."""
    flat: list[RuleOut] = []

    def gather(rules: list[dict[str, Any]]) -> None:
        for rule in rules:
            if "rules" in rule:
                gather(rule["rules"])
            else:
                flat.append(msgspec.convert(rule, RuleOut))

    gather((step.output or {}).get("rules") or [])
    return flat


def open_status(run: Run) -> StepStatus:
    """The status of the step that the run stands on."""
    if run.status == RunStatus.WAITING:
        return StepStatus.WAITING
    if run.status == RunStatus.RUNNING:
        return StepStatus.RETRYING if run.attempt > 1 else StepStatus.PENDING
    return StepStatus.RUNNING
