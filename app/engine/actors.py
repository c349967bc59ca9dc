"""Which actors a batch makes work for, so that they are told once it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.engine.walk import Batch

DELIVER, PERFORM, ENROL = "deliver", "perform", "enrol_contacts"
"""The actors that send messages, make calls, and let the contacts of a segment in."""


def actors_of(batch: Batch) -> set[str]:
    """Who sends messages, who makes calls, who lets segments in."""
    sends = any(path.messages for path in batch.paths)
    calls = any(path.runs and path.end.call is not None for path in batch.paths)
    enrols = any(one.effect.segment_id for path in batch.paths if path.flow.starts_runs for one in path.starts)
    return {actor for actor, has_work in ((DELIVER, sends), (PERFORM, calls), (ENROL, enrols)) if has_work}
