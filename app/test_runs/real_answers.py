"""Answers that services really gave to tests, kept with the sample: tests go on with one while the step asks for the same. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from app.flow.outcomes import Call

MOST_KEPT, MOST_BYTES = 20, 1_000_000
"""Answers that a sample keeps, and bytes of all of them: the newest stay."""


class RealAnswer(NamedTuple):
    """What a service answered, as a worker would write it. `request`: what it was asked (`request_digest`); `at`: when, in ISO 8601.

    `answer` is None where it is kept and was not read yet.
    """

    request: str
    answer: dict[str, Any] | None
    at: str


class KeptAnswer(NamedTuple):
    """An answer as far as the limits ask: its place, when it came, and how large it is kept."""

    place: str
    at: str
    size: int


def visit_place(node_id: str, occurrence: int) -> str:
    """A visit of a step, the first is 1. Unlike its number in the walk it stays when other ways are chosen before it."""
    return f"{node_id}#{occurrence}"


def request_digest(call: Call) -> str:
    """What a call asks for. An answer to another question is none."""
    asked_for = msgspec.json.encode([call.kind, call.target, call.request], order="deterministic")
    return hashlib.sha256(asked_for).hexdigest()


def forgotten(answers: Iterable[KeptAnswer]) -> list[str]:
    """The places of those that go, so that the newest stay within the limits; the newest of all stays."""
    size, within = 0, set[str]()
    rows = sorted(answers, key=lambda one: one.at, reverse=True)
    for one in rows[:MOST_KEPT]:
        size += one.size
        if size > MOST_BYTES and within:
            break
        within.add(one.place)
    return [one.place for one in rows if one.place not in within]
