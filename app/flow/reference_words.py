"""What is said of a row that a document names and that does not fit there, in whole sentences by its kind: template, segment …"""

from __future__ import annotations

from typing import NamedTuple

from app.lib.translation import gettext, translatable


class _Sentences(NamedTuple):
    """Of one kind of row. The ids stay out of them: an error says by its path which one is meant."""

    missing: str
    deleted: str
    """In place of its name, within a comparison."""


_OF_KIND = {
    "template": _Sentences(
        translatable("There is no such template in this workspace. Choose another one."),
        translatable("a template that is gone"),
    ),
    "connector": _Sentences(
        translatable("There is no such connector in this workspace. Choose another one."),
        translatable("a connector that is gone"),
    ),
    "segment": _Sentences(
        translatable("There is no such segment in this workspace. Choose another one."),
        translatable("a segment that is gone"),
    ),
    "workflow": _Sentences(
        translatable("There is no such workflow in this workspace. Choose another one."),
        translatable("a workflow that is gone"),
    ),
}
_OF_ANY = _Sentences(
    translatable("What was chosen is not in this workspace. Choose something else."),
    translatable("something that is gone"),
)
"""Of kinds that a plugin brings."""
_OF_VARIETY = {
    "static": translatable("“%(name)s” is not a static segment. Choose one that is."),
    "web": translatable("“%(name)s” is a connector that sends messages. Choose one for requests."),
}
_OTHER_CHANNEL = {
    "template": translatable(
        "The step “%(step)s” cannot use the template “%(name)s”, which is for another channel (%(channel)s)."
        " Choose one for the channel by which the step sends."
    ),
    "connector": translatable(
        "The step “%(step)s” cannot use the connector “%(name)s”, which is for another channel (%(channel)s)."
        " Choose one for the channel by which the step sends."
    ),
}


def missing_row(kind: str) -> str:
    """Why a row that is not there cannot be used, and what to do."""
    return gettext(_OF_KIND.get(kind, _OF_ANY).missing)


def deleted_row(kind: str) -> str:
    """What stands in place of the name of a row that is not there any more."""
    return gettext(_OF_KIND.get(kind, _OF_ANY).deleted)


def row_of_other_variety(name: str, variety: str) -> str:
    """Why a row of the wrong sort cannot be used. `variety`: the sort that fits (`Ref`)."""
    known = _OF_VARIETY.get(variety)
    return gettext(known, name=name) if known else gettext("“%(name)s” does not fit. Choose another one.", name=name)


def row_of_other_channel(kind: str, step: str, name: str, label: str) -> str:
    """Why a step that sends by one channel cannot use a row of another one, of that `label`."""
    known = _OTHER_CHANNEL.get(kind)
    return gettext(known, step=step, name=name, channel=label) if known else row_of_other_variety(name, "")
