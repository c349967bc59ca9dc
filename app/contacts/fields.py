"""A change of a contact as a client sends it, cleaned field by field by the rules of `app.values.contact_fields`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from app.contacts.schemas import ContactIn
from app.errors import FieldError
from app.lib.translation import gettext
from app.values import contact_fields
from app.values.contact_fields import MAX_TAGS, MAX_TOPICS, TEXTS, BadField

Cleaned = TypeVar("Cleaned")


class ContactPatch(msgspec.Struct, frozen=True, kw_only=True):
    """A cleaned change. None in `texts`, `attributes` or `consent` removes; absent keys stay as they are.

    `replace_tags` takes the place of all tags that are there, before others are added and removed.
    """

    texts: Mapping[str, str | None] = {}
    attributes: Mapping[str, Any] = {}
    consent: Mapping[str, bool | None] = {}
    replace_tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    @property
    def external_id(self) -> str | None:
        return self.texts.get("external_id")

    @property
    def email(self) -> str | None:
        return self.texts.get("email")


class _Cleaning:
    """The fields of one contact on their way in, and what does not fit."""

    def __init__(self) -> None:
        self.field_errors: list[FieldError] = []

    def attempt(self, path: str, rule: Callable[..., Cleaned], *arguments: Any) -> Cleaned | None:
        try:
            return rule(*arguments)
        except BadField as error:
            self.field_errors.append({"path": path, "message": str(error)})
            return None

    def tags(self, path: str, values: Iterable[str]) -> tuple[str, ...]:
        cleaned = [self.attempt(f"{path}[{number}]", contact_fields.tag, value) for number, value in enumerate(values)]
        if len(cleaned) > MAX_TAGS:
            self.field_errors.append(
                {"path": path, "message": gettext("A contact has at most %(max_tags)s tags.", max_tags=MAX_TAGS)}
            )
        return tuple(dict.fromkeys(value for value in cleaned if value))

    def clean_names(self, path: str, values: Mapping[str, Any], rule: Callable[[str], str]) -> dict[str, Any]:
        """Values under their cleaned names. A name that is only taken away may be any: it was stored before there was a rule."""
        by_name: dict[str, Any] = {}
        for name, value in values.items():
            place = f"{path}.{name}" if name.strip() else path
            cleaned = name.strip() if value is None else self.attempt(place, rule, name)
            if cleaned is None:
                continue
            if cleaned in by_name:
                self.field_errors.append(
                    {"path": place, "message": gettext("%(cleaned)s comes twice. Send it once.", cleaned=cleaned)}
                )
            by_name[cleaned] = value
        return by_name


def clean(sent: ContactIn, country: str | None = None) -> tuple[ContactPatch, list[FieldError]]:
    """The change that a client asked for, and everything that does not fit in it. `country`: the workspace's."""
    cleaning = _Cleaning()
    texts = {
        name: cleaning.attempt(json_name(name), contact_fields.text, name, getattr(sent, name), country)
        for name in TEXTS
        if getattr(sent, name) is not UNSET
    }
    attributes = {} if sent.attributes is UNSET else sent.attributes
    attributes = cleaning.clean_names("attributes", attributes, contact_fields.attribute_name)
    for name, value in attributes.items():
        cleaning.attempt(f"attributes.{name}", contact_fields.attribute, value)
    consent = {} if sent.consent is UNSET else sent.consent
    consent = cleaning.clean_names("consent", consent, contact_fields.topic)
    if len(consent) > MAX_TOPICS:
        cleaning.field_errors.append(
            {
                "path": "consent",
                "message": gettext("A contact has at most %(max_topics)s topics.", max_topics=MAX_TOPICS),
            }
        )
    added = [*(() if sent.tags is UNSET else cleaning.tags("tags", sent.tags))]
    added += () if sent.add_tags is UNSET else cleaning.tags("addTags", sent.add_tags)
    change = ContactPatch(
        texts=texts,
        attributes=attributes,
        consent=consent,
        replace_tags=None if sent.replace_tags is UNSET else cleaning.tags("replaceTags", sent.replace_tags),
        add_tags=tuple(dict.fromkeys(added)),
        remove_tags=() if sent.remove_tags is UNSET else cleaning.tags("removeTags", sent.remove_tags),
    )
    return change, cleaning.field_errors


def json_name(name: str) -> str:
    """The JSON name of a field: `external_id` is `externalId`."""
    head, *words = name.split("_")
    return head + "".join(part.title() for part in words)
