"""A contact is called by one name, is seen by Liquid as one thing, and differs by one rule, whoever looks."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from app.contacts.fields import ContactPatch
from app.contacts.merging import ContactFields, merge
from app.engine import change_events, state
from app.flow.effects import SetFields
from app.lib.ids import uuid7
from app.models import Contact
from app.values.contact_view import COLUMNS, FIELD_COLUMNS, liquid_data_of, name_of


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"attributes": {"firstName": "Ada", "lastName": "L"}, "email": "a@b.c"}, "Ada L"),
        ({"attributes": {"firstName": "Zoë", "last_name": "Ng"}, "email": "a@b.c"}, "Zoë Ng"),
        ({"attributes": {"full_name": " Grace \n Hopper "}}, "Grace Hopper"),
        ({"attributes": {"fullName": "Linus", "first_name": "L"}}, "Linus"),
        ({"attributes": {"name": ["Ada"], "first_name": 7}, "external_id": "crm-1"}, "crm-1"),
        ({"attributes": {"name": "  "}, "phone": "+49151"}, "+49151"),
        ({"attributes": {}}, "No name"),
    ],
)
def test_a_contact_has_one_name(fields: dict[str, Any], name: str) -> None:
    contact = SimpleNamespace(**{"email": None, "external_id": None, "phone": None, **fields})
    assert name_of(contact) == name


def test_conditions_steps_and_mails_see_the_same_contact() -> None:
    contact = Contact(
        id=uuid7(),
        email="ada@example.com",
        external_id="crm-1",
        phone="+4915112345678",
        attributes={"plan": "pro", "email": "not this one", "nested": {"a": [1]}},
        tags=["vip"],
        timezone="Europe/Berlin",
        created_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    row = {name: getattr(contact, name) for name in ("id", "attributes", "tags", *COLUMNS)}
    mail = liquid_data_of(row)
    held = state.ContactState(contact.id.bytes, tuple(row), tuple(_stored(value) for value in row.values()))
    run = state.RunState(uuid7().bytes, SimpleNamespace(timezone="UTC"), None, held, None, None, 0, 0, 0)  # type: ignore[arg-type]
    assert run.data["contact"] == mail
    assert mail["plan"] == "pro" and mail["email"] == "ada@example.com" and mail["createdAt"] == mail["created_at"]
    assert set(FIELD_COLUMNS) <= set(mail)


def _stored(value: Any) -> Any:
    """As the engine reads a column: documents as text."""
    return state.rows.encode(value) if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ([1], [True], True),
        ({"opt": {"in": 0}}, {"opt": {"in": False}}, True),
        ([{"seats": 1}], [{"seats": 1.0}], False),
        ({"a": [1, {"b": None}]}, {"a": [1, {}]}, True),
        (1, 1.0, False),
        ("1", 1, True),
    ],
)
def test_an_attribute_changes_by_the_same_rule_by_api_and_by_step(old: Any, new: Any, differs: bool) -> None:
    by_api = merge(ContactFields(id=uuid7(), attributes={"x": old}), ContactPatch(attributes={"x": new}))
    contact = state.ContactState(uuid7().bytes, ("attributes",), (state.rows.encode({"x": old}),))
    contact.changes.append(SetFields({"attributes.x": new}))
    by_step = change_events.difference_of(contact)
    assert list(by_api.changed) == by_step.changed == (["attributes.x"] if differs else [])
    assert by_api.previous == by_step.previous and by_api.current == by_step.current
