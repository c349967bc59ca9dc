"""Answers that services really gave to tests, kept with the sample: tests go on with one while the step asks for the same. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from app.flow.outcomes import Call

MOST_KEPT, MOST_BYTES = 20, 1_000_000
"""Answers that a sample keeps, and bytes of all of them: the newest stay."""


class RealAnswer(NamedTuple):
    """What a service answered, as a worker would write it. `request`: what it was asked (`request_digest`); `at`: when, in ISO 8601."""

    request: str
    answer: dict[str, Any]
    at: str


def visit_place(node_id: str, occurrence: int) -> str:
    """A visit of a step, the first is 1. Unlike its number in the walk it stays when other ways are chosen before it."""
    return f"{node_id}#{occurrence}"


def request_digest(call: Call) -> str:
    """What a call asks for. An answer to another question is none."""
    asked_for = msgspec.json.encode([call.kind, call.target, call.request], order="deterministic")
    return hashlib.sha256(asked_for).hexdigest()


def answers_of(stored: Mapping[str, Any]) -> dict[str, RealAnswer]:
    """The answers that a sample keeps, by place."""
    return {place: RealAnswer(one["request"], one["answer"], one["at"]) for place, one in stored.items()}


def with_answer(stored: Mapping[str, Any], place: str, answer: RealAnswer) -> dict[str, Any]:
    """What a sample keeps after one more, within the limits."""
    rows = sorted(({**stored, place: answer._asdict()}).items(), key=lambda row: str(row[1]["at"]), reverse=True)
    size, within = 0, dict[str, Any]()
    for key, one in rows[:MOST_KEPT]:
        size += len(msgspec.json.encode(one))
        if size > MOST_BYTES and within:
            break
        within[key] = one
    return within
