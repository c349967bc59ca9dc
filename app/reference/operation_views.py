"""What a page shows of one operation: the rows of what is sent and answered, and an example of both."""

from __future__ import annotations

from dataclasses import dataclass

from app.reference import examples
from app.reference.document import ApiReference, FieldRow, Operation, Resource, Schema


@dataclass(frozen=True)
class AnswerView:
    """One kind of success."""

    status: str
    meaning: str
    media_type: str
    fields: tuple[FieldRow, ...]
    """Those of `data`, which stands in the envelope that all answers have."""
    listed: bool
    """Is `data` an array of these?"""
    example: str
    """As JSON, or empty where it is none."""


@dataclass(frozen=True)
class OperationView:
    """One section of a page."""

    operation: Operation
    body: FieldRow | None
    request: str
    answers: tuple[AnswerView, ...]


def views(reference: ApiReference, resource: Resource) -> tuple[OperationView, ...]:
    """Those of a resource, made once."""
    known = reference.views.get(resource.slug)
    if known is None:
        known = reference.views[resource.slug] = tuple(_view(reference, one) for one in resource.operations)
    return known


def _view(reference: ApiReference, operation: Operation) -> OperationView:
    body = None if operation.body is None else reference.row("", operation.body, True, depth=2)
    answers = tuple(_answer(reference, *one) for one in operation.answers)
    return OperationView(operation, body, examples.curl(reference, operation), answers)


def _answer(reference: ApiReference, status: str, meaning: str, schema: Schema | None, media_type: str) -> AnswerView:
    if schema is None or media_type != "application/json":
        return AnswerView(status, meaning, media_type, (), False, "")
    _, envelope = reference.resolved(schema)
    data = envelope.get("properties", {}).get("data", schema)
    _, inner = reference.resolved(data)
    example = examples.as_text(examples.sample(reference, schema))
    return AnswerView(status, meaning, media_type, reference.rows(data, depth=1), inner.get("type") == "array", example)
