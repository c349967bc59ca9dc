"""Runs without a contact: where they begin, and steps that must not be taken by them.

Publishing refuses a step that needs a contact where a run without one may come. Old versions, and types that say less than they do,
are caught here: such a step fails in words, instead of doing something to nobody. Only versions that such runs may enter pay for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.engine.state import NOBODY
from app.flow.effects import ContactChange, EmitEvent, SegmentChange, SendMessage
from app.flow.outcomes import Fail, Outcome
from app.lib.translation import translatable

WITHOUT_CONTACT = Fail(translatable("This step needs a contact, and this run has none."), permanent=True)


def about_contact(outcome: Outcome) -> bool:
    """Does it do something to a contact, write to one, or say that something happened to one?"""
    return any(
        isinstance(effect, ContactChange | SegmentChange | SendMessage)
        or (isinstance(effect, EmitEvent) and effect.of_contact)
        for effect in outcome.effects
    )


def unless_nobody(step: Callable[[Any], Outcome], *, needs_contact: bool) -> Callable[[Any], Outcome]:
    """`step`, but never for nobody when it `needs_contact`, and never what it would do to a contact who is not there."""

    def run(state: Any) -> Outcome:
        if state.contact.id != NOBODY:
            return step(state)
        if needs_contact:
            return WITHOUT_CONTACT
        outcome = step(state)
        return WITHOUT_CONTACT if about_contact(outcome) else outcome

    return run
