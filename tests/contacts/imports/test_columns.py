"""Which column means what."""

from __future__ import annotations

import pytest

from app.contacts.imports.columns import Target, guess, looks_of, target_error


def guessed(columns: list[str], sample: list[list[str]]) -> dict[str, Target]:
    return guess(columns, sample, looks_of(columns, sample), ".")


def test_guesses_from_names_and_cells() -> None:
    columns = ["E-Mail", "User ID", "First name", "signup_date", "Age", "Zip", "VIP", "Tags", "Mobile Phone", "Empty"]
    sample = [["a@b.example", "7", "Ada", "2024-01-02", "36", "01234", "yes", "a;b", "+49", ""]] * 3
    assert guessed(columns, sample) == {
        "E-Mail": Target("email"),
        "User ID": Target("externalId"),
        "First name": Target("attributes.first_name"),
        "signup_date": Target("attributes.signup_date", "date"),
        "Age": Target("attributes.age", "number"),
        "Zip": Target("attributes.zip"),
        "VIP": Target("attributes.vip", "boolean"),
        "Tags": Target("tags"),
        "Mobile Phone": Target("phone"),
        "Empty": Target("attributes.empty_value"),
    }
    assert guessed(["Kontakt"], [["a@b.example"]])["Kontakt"] == Target("email")
    twice = guessed(["email", "mail"], [["a@b.example", "c@d.example"]])
    assert twice == {"email": Target("email"), "mail": Target("attributes.mail")}


def test_two_headers_with_one_name_are_two_attributes() -> None:
    found = guessed(["email", "First Name", "first_name", "first-name"], [["a@b.example", "x", "y", "z"]])
    assert [target.to for target in found.values()][1:] == [
        "attributes.first_name",
        "attributes.first_name_2",
        "attributes.first_name_3",
    ]


def test_columns_of_permission_go_to_consent() -> None:
    columns = ["email", "Unsubscribed", "Status", "SMS opt-in", "Bounced", "Blocked"]
    found = guessed(
        columns, [["a@b.example", "no", "subscribed", "yes", "0", "x"], ["c@d.example", "", "cleaned", "", "", ""]]
    )
    assert found == {
        "email": Target("email"),
        "Unsubscribed": Target("consent.email", "opt_out"),
        "Status": Target("consent.email", "opt_in"),
        "SMS opt-in": Target("consent.sms", "opt_in"),
        "Bounced": Target("consent.email", "opt_out"),
        "Blocked": Target("attributes.blocked"),
    }


@pytest.mark.parametrize(
    ("target", "right"),
    [
        (Target("email"), True),
        (Target("externalId"), True),
        (Target("tags"), True),
        (Target("attributes.plan", "date"), True),
        (Target("consent.email"), True),
        (Target("consent.email", "opt_out"), True),
        (Target("consent.email", "number"), False),
        (Target("attributes.plan", "opt_out"), False),
        (Target("email", "date"), False),
        (Target("attributes."), False),
        (Target("external_id"), False),
        (Target("name"), False),
        (Target("attributes"), False),
        (Target(""), False),
    ],
)
def test_targets(target: Target, right: bool) -> None:
    assert (target_error(target) is None) is right
