"""Steps that only a newer process understands: how long a run waits for one, and how often it looks."""

from __future__ import annotations

NEWER_COMES_WITHIN_S = 7 * 86_400
"""How long a run waits for a worker that understands its step. Updates take minutes; a week is for who rolled one back."""
SOONEST_S, LATEST_S = 15.0, 600.0
LEFT_TO_NEWER = "The run goes on as soon as a worker with a newer version of Throughline takes it."


def next_look_after(waited_s: float) -> float:
    """Seconds until the next look: the longer it has waited, the later."""
    return min(max(waited_s / 4, SOONEST_S), LATEST_S)
