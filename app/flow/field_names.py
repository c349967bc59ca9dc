"""What a field is called, in the reader's language: the one answer for cards, lists of fields, chips, warnings and the pages of runs.

`contact.created_at` is *created at*, `steps.ask.body.tier` is *“Ask the shop” › body › tier*. Names that data has stay as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType

from app.flow.paths import CONSENT, REPORTED, names_of
from app.lib.translation import gettext, translatable
from app.values.contact_view import FIELD_COLUMNS

CONTACT_LABELS = {
    "email": translatable("email"),
    "phone": translatable("phone"),
    "external_id": translatable("external id"),
    "source": translatable("source"),
    "timezone": translatable("time zone"),
    "locale": translatable("language"),
    "created_at": translatable("created at"),
    "id": translatable("id of the contact"),
}
"""Fields of a contact, as people call them."""
_REPORTED = {"opened": translatable("opened"), "clicked": translatable("clicked")}
BELOW = " › "
_NO_TITLES: Mapping[str, str] = MappingProxyType({})
_titles: ContextVar[Mapping[str, str]] = ContextVar("titles of the steps that paths name", default=_NO_TITLES)


@contextlib.contextmanager
def steps_called(titles: Mapping[str, str]) -> Iterator[None]:
    """Inside, paths of outputs say the titles of their steps, by id; elsewhere the ids."""
    token = _titles.set(titles)
    try:
        yield
    finally:
        _titles.reset(token)


def step_title(node_id: str) -> str:
    """What a step is called on this page (`steps_called`); its id elsewhere."""
    return _titles.get().get(node_id, node_id)


def field_name(path: str) -> str:
    """A field as people call it."""
    root, *below = names_of(path)
    if root == "event" and below:
        return gettext("event %(name)s", name=_joined(below))
    if root == "steps" and below:
        return _of_step(below[0], below[1:])
    if root == CONSENT and below:
        return gettext("consent to %(name)s", name=_joined(below))
    if root == "vars" and below:
        return _joined(below)
    if root == "contact" and below:
        return _of_contact(below)
    if root in REPORTED and not below:
        return gettext("last message: %(word)s", word=gettext(_REPORTED[REPORTED[root]]))
    return _of_contact([root, *below])


def output_name(title: str, name: str) -> str:
    """What a step put out: its title, then the name of the value."""
    return BELOW.join((gettext("“%(text)s”", text=title), name))


def _of_contact(names: list[str]) -> str:
    if len(names) == 1 and (column := FIELD_COLUMNS.get(names[0], names[0])) in CONTACT_LABELS:
        return gettext(CONTACT_LABELS[column])
    if names[0] == CONSENT and len(names) > 1:
        return gettext("consent to %(name)s", name=_joined(names[1:]))
    if names[0] == "tags":
        return _joined([gettext("tags"), *names[1:]])
    return _joined(names[1:] if names[0] == "attributes" and len(names) > 1 else names)


def _of_step(node_id: str, names: list[str]) -> str:
    labels = [gettext(_REPORTED[REPORTED[one]]) if one in REPORTED else one for one in names]
    return _joined([gettext("“%(text)s”", text=step_title(node_id)), *labels])


def _joined(names: Iterable[str]) -> str:
    return BELOW.join(names)
