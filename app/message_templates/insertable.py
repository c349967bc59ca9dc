"""Placeholders that the editor of templates offers, each with what it is called."""

from __future__ import annotations

from collections.abc import Sequence

from app.lib.translation import gettext, translatable

FIELDS = [
    (translatable("First name"), "{{ contact.first_name | default: 'there' }}"),
    (translatable("Last name"), "{{ contact.last_name }}"),
    (translatable("Email"), "{{ contact.email }}"),
    (translatable("Source"), "{{ contact.source }}"),
]
EXTRAS = [
    (translatable("Unsubscribe link"), "{{ unsubscribe_url }}"),
    (translatable("Property of the event"), "{{ event.product }}"),
    (translatable("Today"), "{{ 'now' | date: 'long' }}"),
    (translatable("Amount of money"), "{{ event.total | money: 'EUR' }}"),
    (translatable("Only when"), "{% if contact.plan == 'pro' %}…{% endif %}"),
]


def insertable_fields(attributes: Sequence[str]) -> list[tuple[str, str]]:
    """(label, Liquid) of the contact's fields and of `attributes` that some contacts have."""
    own = [(key, f"{{{{ contact.attributes.{key} }}}}") for key in attributes if key.isidentifier()]
    return [(gettext(label), code) for label, code in FIELDS] + own


def insertable_extras() -> list[tuple[str, str]]:
    """The same of what is not about the contact."""
    return [(gettext(label), code) for label, code in EXTRAS]
