"""Which column means what, and what a row becomes."""

from __future__ import annotations

from typing import Any

import pytest

from app.contacts.fields import Change
from app.contacts.imports.columns import Plan, Target, check, guess
from app.contacts.imports.csvfile import BadRow


def test_guesses_from_names_and_cells() -> None:
    columns = ["E-Mail", "User ID", "First name", "signup_date", "Age", "Zip", "VIP", "Tags", "Mobile Phone", "Empty"]
    sample = [["a@b.example", "7", "Ada", "2024-01-02", "36", "01234", "yes", "a;b", "+49", ""]] * 3
    assert guess(columns, sample) == {
        "E-Mail": Target("email"),
        "User ID": Target("externalId"),
        "First name": Target("attributes.first_name"),
        "signup_date": Target("attributes.signup_date"),
        "Age": Target("attributes.age", "number"),
        "Zip": Target("attributes.zip"),
        "VIP": Target("attributes.vip", "boolean"),
        "Tags": Target("tags"),
        "Mobile Phone": Target("phone"),
        "Empty": Target("attributes.empty_value"),
    }
    assert guess(["Kontakt"], [["a@b.example"]])["Kontakt"] == Target("email")
    twice = guess(["email", "mail"], [["a@b.example", "c@d.example"]])
    assert twice == {"email": Target("email"), "mail": Target("attributes.mail")}


def plan(**mapping: Target) -> Plan:
    return Plan(list(mapping), mapping, ["imported"])


def test_a_row_becomes_a_change() -> None:
    made = plan(
        mail=Target("email"),
        id=Target("externalId"),
        age=Target("attributes.age", "number"),
        score=Target("attributes.score", "number"),
        vip=Target("attributes.vip", "boolean"),
        tags=Target("tags"),
        news=Target("consent.newsletter"),
        tz=Target("timezone"),
        note=Target("attributes.note"),
    )
    row = [" ADA@Example.com ", "u1", "36", "1.5", "Yes", "a, b;a", "no", "Europe/Berlin", "'=1+1"]
    assert made.change(row) == Change(
        texts={"email": "ada@example.com", "external_id": "u1", "timezone": "Europe/Berlin"},
        attributes={"age": 36, "score": 1.5, "vip": True, "note": "=1+1"},
        consent={"newsletter": False},
        add_tags=("imported", "a", "b"),
    )
    short = made.change(["ada@example.com", ""])
    assert short == Change(texts={"email": "ada@example.com"}, add_tags=("imported",))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["nope", ""], "mail: This is not an email address"),
        (["", ""], "neither an email nor an external id"),
        (["a@example.com", "many"], "age: This is not a number"),
        (["a@example.com", "nan"], "age: This is not a number"),
        (["a@example.com", "1e999"], "age: This is not a number"),
        (["a@example.com", "1", "x"], "3 cells"),
        (["a@example.com", "\ufffd"], "could not be read"),
    ],
)
def test_a_row_that_does_not_fit_says_why(row: list[str], said: str) -> None:
    found = plan(mail=Target("email"), age=Target("attributes.age", "number")).change(row)
    assert isinstance(found, BadRow) and said in found.message


@pytest.mark.parametrize(
    ("to", "right"),
    [
        ("email", True),
        ("externalId", True),
        ("tags", True),
        ("attributes.plan", True),
        ("consent.email", True),
        ("attributes.", False),
        ("external_id", False),
        ("name", False),
        ("attributes", False),
        ("", False),
    ],
)
def test_targets(to: str, right: bool) -> None:
    assert (check(Target(to)) is None) is right


def test_a_phone_or_zone_that_is_none() -> None:
    made: Any = plan(mail=Target("email"), p=Target("phone"), z=Target("timezone"))
    found = made.change(["a@example.com", "0151", "Mars"])
    assert isinstance(found, BadRow) and "p: " in found.message and "z: " in found.message
