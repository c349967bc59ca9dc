"""What a step does when it failed for good, and how long it may wait for an answer: fields of a node beside its `data`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, UnsetType

from app.flow.performers import LONGEST_S
from app.lib.translation import translatable

OnError = Literal["fail", "continue", "hold"]
"""An edge on the `error` port goes before it; a step that says nothing does as the workflow's `settings.onError` says."""
ON_ERROR_WORDS: dict[OnError, str] = {
    "fail": translatable("the run fails"),
    "continue": translatable("the run continues as if the step were done"),
    "hold": translatable("the run is held for a person"),
}
LONGEST_TIMEOUT_S = 365 * 86_400
StepTimeout = Annotated[
    int,
    Meta(
        ge=1,
        le=LONGEST_TIMEOUT_S,
        description=f"Seconds. At most {LONGEST_S} where something outside is called, longer where other runs are waited for.",
    ),
]


def chosen(own: OnError | UnsetType | None, of_workflow: OnError | UnsetType | None) -> OnError:
    """What holds for a step: its own policy, else the workflow's, else it fails."""
    if isinstance(own, str):
        return own
    return of_workflow if isinstance(of_workflow, str) else "fail"
