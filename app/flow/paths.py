"""Field paths: `contact.email`, `contact.attributes.plan`, `event.items[0].sku`, `steps.mail.message`, `vars.x`, and bare names.

`a.0` and `a[0]` are the same place in a list.

A bare name (`source`, `attributes.plan`) is looked up in the event's properties, then the contact's fields, then its
attributes. The four prefixes are exact; after `contact.` a name that is no field is an attribute.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from app.flow.outcomes import Read
from app.lib.conversions import follow, quoted
from app.lib.translation import gettext
from app.values.contact_view import FIELD_COLUMNS

ROOTS = ("contact", "event", "steps", "vars")
CONSENT = "consent"
"""`consent.email`, `consent.newsletter`, `consent.email.newsletter`: what the contact allowed; in conditions, not in texts."""
CONDITION_ROOTS = (*ROOTS, CONSENT)
REPORTED = {"hasOpened": "opened", "hasClicked": "clicked"}
"""Fields of messages: of the last one of the run, or of a step's as `steps.<id>.hasOpened`."""
MESSAGES = "steps.*messages"
"""Among what a version reads: what became of the messages of its runs."""
_PATH = re.compile(r"[^\s.\[\]{}]+(\[[0-9]{1,9}\]|\.[^\s.\[\]{}]+)*")
_INDEX = re.compile(r"\[([0-9]+)\]")
MAX_PATH = 200


def problem(path: str) -> str | None:
    """What is wrong with a path, None when nothing is."""
    if not path.strip():
        return gettext("Choose a field.")
    if len(path) > MAX_PATH or not _PATH.fullmatch(path):
        return gettext(
            "%(path)s is not a field. Write names with dots between, such as contact.attributes.plan.",
            path=quoted(path, 60),
        )
    root, _, below_root = path.partition(".")
    if root in CONDITION_ROOTS and not below_root:
        return gettext("Say which field of %(root)s: %(root)s.something.", root=root)
    return None


def names_of(path: str) -> list[str]:
    """The names of a path, one after the other: `a[0].b` and `a.0.b` are the same three."""
    return _INDEX.sub(r".\1", path).split(".") if "[" in path else path.split(".")


def label_of(path: str) -> str:
    """The name by which a condition and what a step writes are compared: `contact.attributes.plan` is `plan`. People read `field_name`."""
    names = names_of(path)
    if names[0] == "event" and len(names) > 1:
        return "event " + ".".join(names[1:])
    if names[0] in ("contact", "vars") and len(names) > 1:
        names = names[1:]
    if names[0] == "attributes" and len(names) > 1:
        names = names[1:]
    return ".".join(names)


def reader(path: str, reads: set[str]) -> Read:
    """Compile a path. Adds what it reads to `reads`: `contact.<field>`, `event.<name>`, `steps.<id>`, `vars.<name>`."""
    root, *names = names_of(path)
    if root == "contact" and names:
        reads.add(f"contact.{field_of(names)}")
        return _contact(names)
    if root in ("event", "vars") and names:
        reads.add(f"{root}.{names[0]}")
    if root == "event" and names == ["name"]:  # a property of that name is what the sender meant
        return lambda step: step.event.get("name", step.event_name)
    if root == "event" and names:
        return _named(names, lambda step: step.event)
    if root == CONSENT and names:
        return _consent(names, reads)
    if root == "steps" and len(names) == 2 and names[1] in REPORTED:
        reads.add(MESSAGES)
        node_id, kind = names[0], REPORTED[names[1]]
        return lambda step: step.reported(kind, node_id)
    if root == "steps" and names:
        reads.add(f"steps.{names[0]}")
        return lambda step: follow(step.steps, names)
    if root == "vars" and names:
        return lambda step: follow(step.vars, names)
    of_message = REPORTED.get(root) if not names else None
    if of_message:
        reads.add(MESSAGES)
    reads |= {f"event.{root}", f"contact.{field_of([root, *names])}", "contact.attributes"}
    return _bare([root, *names], of_message)


def field_of(names: list[str]) -> str:
    """The field of a contact that a path leads into: a column, `tags`, `attributes`, or `id`, which is always there."""
    if names[0] in ("tags", "id") or (names[0] == CONSENT and len(names) > 1):
        return names[0]
    return FIELD_COLUMNS[names[0]] if names[0] in FIELD_COLUMNS and len(names) == 1 else "attributes"


def _named(names: list[str], root: Read) -> Read:
    if len(names) == 1:
        name = names[0]
        return lambda step: root(step).get(name)
    return lambda step: follow(root(step), names)


def _contact(names: list[str]) -> Read:
    first = names[0]
    if first == "tags":
        return (lambda step: follow(step.contact.tags, names[1:])) if names[1:] else lambda step: step.contact.tags
    if first == CONSENT and len(names) > 1:
        return _consent(names[1:], set())
    if first == "id":
        return lambda step: str(UUID(bytes=step.contact.id)) if step.contact.id else None
    if first in FIELD_COLUMNS and len(names) == 1:
        column = FIELD_COLUMNS[first]
        return lambda step: step.contact.columns.get(column)
    attribute_names = names[1:] if first == "attributes" and len(names) > 1 else names
    return _named(attribute_names, lambda step: step.contact.attributes)


def _consent(names: list[str], reads: set[str]) -> Read:
    """What was answered of the last of `names`; no where any of them was withdrawn, as of a channel and a topic of it."""
    reads.add("contact.consent")

    def read(step: Any) -> Any:
        answers = [step.contact.consent.get(name) for name in names]
        return False if any(one is False for one in answers) else answers[-1]

    return read


def _bare(names: list[str], of_message: str | None = None) -> Read:
    of_contact, of_event = _contact(names), _named(names, lambda step: step.event)
    of_attributes = _named(names, lambda step: step.contact.attributes)

    def read(step: Any) -> Any:
        if step.event and (value := of_event(step)) is not None:
            return value
        value = of_contact(step)
        value = of_attributes(step) if value is None else value
        return step.reported(of_message) if value is None and of_message else value

    return read
