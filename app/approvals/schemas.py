"""What the API and the pages say of questions to people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.web.structs import Camel

MAX_COMMENT = 1_000


class ChoiceOut(Camel):
    """An answer that may be given: its `id` is sent, its `label` is what people read."""

    id: str
    label: str
    tone: Literal["", "yes", "no", "error"] = ""


class QuestionOut(Camel):
    """What a run asks a person. At `until` it goes on without an answer. `may_answer`: whoever reads this may."""

    text: str
    choices: list[ChoiceOut]
    who: str
    may_answer: bool
    until: datetime | None


class ApprovalOut(QuestionOut, kw_only=True):
    """A question with the run that stands before it. `contact_id` is null in a run without a contact."""

    run_id: UUID
    workflow_id: UUID
    workflow_name: str
    node_id: str
    step: str
    contact_id: UUID | None
    contact: str
    asked_at: datetime | None


class AnswerIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`choice`: the id of one of the question's choices."""

    choice: Annotated[str, Meta(max_length=100)]
    comment: Annotated[str, Meta(max_length=MAX_COMMENT)] = ""
