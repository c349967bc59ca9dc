"""How a change is merged into a contact: one pure rule for the API, the pages and imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from app.contacts.fields import ContactPatch, json_name
from app.lib.translation import gettext
from app.values.contact_diff import difference
from app.values.contact_fields import MAX_TOPICS, TEXTS, too_large, too_many


class ContactFields(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it is in its row."""

    id: UUID
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    source: str | None = None
    timezone: str | None = None
    locale: str | None = None
    attributes: Mapping[str, Any] = {}
    tags: tuple[str, ...] = ()
    consent: Mapping[str, bool] = {}


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The new state, and what differs: paths like `email` or `attributes.plan`, with old and new values nested alike."""

    state: ContactFields
    changed: tuple[str, ...]
    previous: dict[str, Any]
    current: dict[str, Any]

    @property
    def attributes_changed(self) -> list[str]:
        return sorted(self.current.get("attributes", {}))


def _overlay(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    if not patch:
        return dict(old)
    merged = {**old, **patch}
    return {name: value for name, value in merged.items() if name not in patch or value is not None}


def _tags(old: tuple[str, ...], change: ContactPatch) -> tuple[str, ...]:
    base = old if change.replace_tags is None else change.replace_tags
    return tuple(tag for tag in dict.fromkeys((*base, *change.add_tags)) if tag not in change.remove_tags)


def merge(state: ContactFields, change: ContactPatch) -> Merged:
    """Apply `change` to `state`. Tags that only change their order count as unchanged."""
    new = msgspec.structs.replace(
        state,
        **change.texts,
        attributes=_overlay(state.attributes, change.attributes),
        consent=_overlay(state.consent, change.consent),
        tags=_tags(state.tags, change),
    )
    differs = difference(
        {json_name(name): (getattr(state, name), getattr(new, name)) for name in TEXTS},
        {"attributes": (state.attributes, new.attributes), "consent": (state.consent, new.consent)},
        (state.tags, new.tags),
    )
    return Merged(state=new, changed=tuple(differs.changed), previous=differs.previous, current=differs.current)


def storage_refusal(before: ContactFields, after: ContactFields) -> tuple[str, str] | None:
    """Why a merged state cannot be stored: the path and what to do. None when it can.

    What is too much already may stay or become less: only a change that makes it more is refused.
    """
    if after.external_id is None and after.email is None:
        return "externalId", gettext("A contact needs an externalId or an email, so that it can be found again.")
    for path, reason in (
        ("tags", too_many(before.tags, after.tags)),
        ("consent", too_many(before.consent, after.consent, "topics", MAX_TOPICS)),
        ("attributes", too_large(before.attributes, after.attributes)),
    ):
        if reason is not None:
            return path, reason
    return None
