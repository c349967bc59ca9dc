"""Which questions stand open, who may answer one, and the answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.approvals.repository import AskingRun, AskingRunRepository
from app.approvals.schemas import AnswerIn, ApprovalOut, ChoiceOut, QuestionOut
from app.engine import control
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.flow.node_type import Question
from app.flow.node_words import question_of, title_of_plain
from app.lib import clock
from app.lib.translation import gettext, translatable
from app.models import ActiveRun, Run
from app.models.status import PERSON, Role, RunStatus
from app.values.contact_view import name_of
from app.web.pagination import Page, clamp_limit, decode_cursor, encode_cursor
from app.workflows.repository import VersionRepository

Node = dict[str, Any]
LOOKED_AT = 200
"""Open questions among which Home looks for those that the reader may answer."""


class QuestionIsOver(Conflict):
    """This question is no longer open: somebody has answered it, or its time is over."""

    code = "question_is_over"


class MayNotAnswer(Forbidden):
    """This question is for other people."""

    code = "may_not_answer"


class OpenQuestionNotFound(NotFound):
    """There is no open question at this run. It may have been answered, or its time is over."""

    code = "question_not_found"


def may_answer(question: Question, principal: Principal) -> bool:
    """People who are named, or whose role is named; an owner always, so that no question stays without anybody who may."""
    if principal.may(Role.OWNER):
        return True
    if question.people:
        return str(principal.id) in question.people or principal.email.casefold() in question.people
    return principal.may(question.role)


_ROLES = {
    "viewer": translatable("everybody in the workspace"),
    "marketer": translatable("marketers"),
    "admin": translatable("admins"),
    "owner": translatable("owners"),
}


def who_in_words(question: Question) -> str:
    """Whom a question is for: `admins`, `ada@example.com or grace@example.com`."""
    return gettext(" or ").join(question.people) or gettext(_ROLES.get(question.role, question.role))


def _node(graph: dict[str, Any], node_id: str | None) -> Node | None:
    return next((node for node in graph["nodes"] if node["id"] == node_id), None)


def _question(node: Node | None) -> Question | None:
    return question_of(str(node["type"]), node.get("data") or {}) if node else None


class ApprovalService:
    """What one principal sees of open questions."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.runs = AskingRunRepository(session, principal.tenant_id)
        self.versions = VersionRepository(session, principal.tenant_id)

    async def open_questions(self, limit: int | None = None, cursor: str | None = None) -> Page[ApprovalOut]:
        """Those of the runs that began first come first. Raises Invalid for a cursor that is not ours."""
        amount = clamp_limit(limit)
        after: UUID | None = decode_cursor(cursor, UUID)[0] if cursor else None
        asking = await self.runs.waiting(after, amount + 1)
        more = encode_cursor(asking[amount - 1].run.id) if len(asking) > amount else None
        return Page(await self._shown(asking[:amount]), more)

    async def for_reader(self, limit: int) -> list[ApprovalOut]:
        """The first few of those that the reader may answer."""
        shown = await self._shown(await self.runs.waiting(None, LOOKED_AT))
        return [one for one in shown if one.may_answer][:limit]

    async def _shown(self, asking: list[AskingRun]) -> list[ApprovalOut]:
        graphs = await self.versions.graphs({(one.run.workflow_id, one.run.workflow_version) for one in asking})
        shown = []
        for run, contact, workflow in asking:
            graph = graphs[run.workflow_id, run.workflow_version]
            question = self.of_run(run, graph)
            if question is None or run.current_node_id is None:
                continue
            nobody = gettext("No contact") if run.contact_id is None else gettext("Deleted contact")
            shown.append(
                ApprovalOut(
                    **{name: getattr(question, name) for name in question.__struct_fields__},
                    run_id=run.id,
                    workflow_id=run.workflow_id,
                    workflow_name=workflow.name,
                    node_id=run.current_node_id,
                    step=title_of_plain(_node(graph, run.current_node_id) or {}),
                    contact_id=run.contact_id,
                    contact=name_of(contact) if contact else nobody,
                    asked_at=run.step_started_at,
                )
            )
        return shown

    def of_run(self, run: Run | ActiveRun, graph: dict[str, Any]) -> QuestionOut | None:
        """The question before which a run stands; None when it stands before none. `graph` is that of its version."""
        if run.waits_for != PERSON or run.status != RunStatus.WAITING:
            return None
        question = _question(_node(graph, run.current_node_id))
        if question is None:
            return None
        return QuestionOut(
            text=str((run.resume_output or {}).get("question") or ""),
            choices=[ChoiceOut(port.id, port.label, port.tone) for port in question.choices],
            who=who_in_words(question),
            may_answer=may_answer(question, self.principal),
            until=run.resume_at,
        )

    async def answer(self, run_id: UUID, answer: AnswerIn, workflow_id: UUID | None = None) -> None:
        """Let the run go on by the answer, and keep who gave it.

        Raises OpenQuestionNotFound, MayNotAnswer, Invalid for an answer that the question has not, and QuestionIsOver when another
        answer, or the end of the time, was first.
        """
        run = await self.runs.get_one_or_none(ActiveRun.id == run_id)
        if run is None or (workflow_id is not None and run.workflow_id != workflow_id):
            raise OpenQuestionNotFound
        graphs = await self.versions.graphs({(run.workflow_id, run.workflow_version)})
        node = _node(graphs[run.workflow_id, run.workflow_version], run.current_node_id)
        question = _question(node)
        if question is None or node is None or run.waits_for != PERSON or run.status != RunStatus.WAITING:
            raise OpenQuestionNotFound
        if not may_answer(question, self.principal):
            raise MayNotAnswer
        labels = {port.id: port.label for port in question.choices}
        if answer.choice not in labels:
            message = gettext("Choose one of %(labels)s.", labels=", ".join(labels))
            raise Invalid(errors=[{"path": "choice", "message": message}])
        output = {
            **(run.resume_output or {}),
            "choice": answer.choice,
            "by": self.principal.name,
            "byId": str(self.principal.id),
            "at": clock.now().isoformat(timespec="seconds"),
            "comment": answer.comment.strip().replace("\0", ""),
        }
        encoded = msgspec.json.encode(output)
        was_open = await control.answer_run(
            self.session,
            self.principal.tenant_id,
            run_id,
            seq=run.seq,
            node_id=node["id"],
            port=answer.choice,
            output=encoded,
        )
        if not was_open:
            raise QuestionIsOver
        self.session.expire(run)
