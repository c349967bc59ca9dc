"""What a row becomes: a change without the cells that do not fit, or a refusal when nobody can be found by it."""

from __future__ import annotations

import pytest

from app.contacts.fields import ContactPatch
from app.contacts.imports.cells import Notation
from app.contacts.imports.columns import Target, looks_of
from app.contacts.imports.plan import BadRow, Plan, RowChange, Rules
from app.contacts.imports.reading import CUT, NO_END, Record


def plan(rules: Rules | None = None, **mapping: Target) -> Plan:
    return Plan(list(mapping), mapping, rules or Rules(tags=["imported"]))


def change(made: Plan, *cells: str, flaw: str = "") -> RowChange:
    found = made.change(Record(2, list(cells), flaw))
    assert isinstance(found, RowChange), found
    return found


def refusal(made: Plan, *cells: str, flaw: str = "") -> str:
    found = made.change(Record(2, list(cells), flaw))
    assert isinstance(found, BadRow), found
    return found.message


def test_a_row_becomes_a_change() -> None:
    made = plan(
        mail=Target("email"),
        id=Target("externalId"),
        age=Target("attributes.age", "number"),
        born=Target("attributes.born", "date"),
        vip=Target("attributes.vip", "boolean"),
        tags=Target("tags"),
        news=Target("consent.newsletter"),
        tz=Target("timezone"),
        note=Target("attributes.note"),
    )
    row = [" ADA@Example.com ", "u1", "36", "10.12.1815", "Yes", "a, b;a", "no", "Europe/Berlin", "'=1+1"]
    assert change(made, *row) == RowChange(
        ContactPatch(
            texts={"email": "ada@example.com", "external_id": "u1", "timezone": "Europe/Berlin"},
            attributes={"age": 36, "born": "1815-12-10", "vip": True, "note": "=1+1"},
            consent={"newsletter": False},
            add_tags=("imported", "a", "b"),
        )
    )
    short = change(made, "ada@example.com", "")
    assert (
        short.change == ContactPatch(texts={"email": "ada@example.com"}, add_tags=("imported",)) and not short.problems
    )


@pytest.mark.parametrize(
    ("column", "target", "cell", "said"),
    [
        ("phone", Target("phone"), "4.91511E+12", "phone (“4.91511E+12”): "),
        ("phone", Target("phone"), "0151 1234567", "phone (“0151 1234567”): "),
        ("zone", Target("timezone"), "Middle Earth", "zone (“Middle Earth”): "),
        ("language", Target("locale"), "Klingonese", "language (“Klingonese”): "),
        ("age", Target("attributes.age", "number"), "many", "age (“many”): This is not a number"),
        ("born", Target("attributes.born", "date"), "31.02.2024", "born (“31.02.2024”): This is not a date"),
        ("vip", Target("attributes.vip", "boolean"), "perhaps", "vip (“perhaps”): Write yes or no"),
        ("note", Target("attributes.note"), "K\ufffdln", "could not be read"),
        ("note", Target("attributes.note"), "x" * 10_001, "at most 10,000 characters"),
        ("tags", Target("tags"), "ok," + "x" * 101, "A tag has 1 to 100 characters"),
        ("source", Target("source"), "x" * 201, "at most 200 characters"),
        ("id", Target("externalId"), "x" * 201, "at most 200 characters"),
    ],
)
def test_a_bad_cell_costs_the_cell_and_not_the_person(column: str, target: Target, cell: str, said: str) -> None:
    made = plan(mail=Target("email"), good=Target("attributes.good"), **{column: target})
    found = change(made, "ada@example.com", "kept", cell)
    assert found.change == ContactPatch(
        texts={"email": "ada@example.com"}, attributes={"good": "kept"}, add_tags=("imported",)
    )
    (problem,) = found.problems
    assert problem.column == column and said in str(problem)


@pytest.mark.parametrize("cell", ["n/a", "-", "NULL", "#N/A", "none", "unknown", "not set"])
def test_words_for_nothing_are_nothing(cell: str) -> None:
    made = plan(mail=Target("email"), phone=Target("phone"), zone=Target("timezone"))
    assert change(made, "ada@example.com", cell, cell) == RowChange(
        ContactPatch(texts={"email": "ada@example.com"}, add_tags=("imported",))
    )


def test_national_phone_numbers_are_of_the_country() -> None:
    made = plan(Rules(notation=Notation(country="DE")), mail=Target("email"), phone=Target("phone"))
    assert change(made, "ada@example.com", "0151 12345678").change.texts["phone"] == "+4915112345678"
    assert change(made, "ada@example.com", "+1 202 555 0123").change.texts["phone"] == "+12025550123"


def test_only_a_row_without_identity_is_refused() -> None:
    made = plan(mail=Target("email"), id=Target("externalId"), age=Target("attributes.age", "number"))
    found = change(made, "nope", "u1", "7")
    assert found.change.texts == {"external_id": "u1"} and "not an email" in str(found.problems[0])
    assert "not an email" in refusal(made, "nope", "", "7")
    assert "neither an email nor an external id" in refusal(made, "", "n/a", "7")
    assert "10,000" in refusal(made, flaw="A cell here is longer than 10,000 characters.")


def test_a_row_with_more_cells_than_columns_keeps_what_is_surely_in_place() -> None:
    made = plan(mail=Target("email"), name=Target("attributes.name"), city=Target("attributes.city"))
    found = change(made, "ada@example.com", "Lovelace", " Ada", "London")
    assert found.change == ContactPatch(texts={"email": "ada@example.com"}, add_tags=("imported",))
    assert "4 cells, but there are 3 columns" in str(found.problems[0]) and "name, city" in str(found.problems[0])
    assert not change(made, "ada@example.com", "Ada", "London", "", " ").problems
    assert "4 cells" in refusal(made, "Lovelace", "ada@example.com", "Ada", "London")
    consent = plan(mail=Target("email"), name=Target("attributes.name"), out=Target("consent.email", "opt_out"))
    assert "4 cells" in refusal(consent, "ada@example.com", "Lovelace", " Ada", "yes")
    assert "4 cells" in refusal(made, "ada@example.com", "Lovelace", " Ada", "unsubscribed")


def test_a_flawed_row_never_hides_an_opt_out() -> None:
    made = plan(mail=Target("email"), name=Target("attributes.name"), out=Target("consent.email", "opt_out"))
    whole = change(made, "ada@example.com", "Ada", "yes", flaw=NO_END)
    assert whole.change.consent == {"email": False} and NO_END in str(whole.problems[0])
    assert "consent cannot be read" in refusal(made, "ada@example.com", "12 Main", flaw=CUT)


def test_an_opt_out_column() -> None:
    made = plan(mail=Target("email"), out=Target("consent.email", "opt_out"))
    for cell in ("yes", "X", "2024-01-02", "unsubscribed", "3"):
        assert change(made, "ada@example.com", cell).change.consent == {"email": False}
    for cell in ("", "no", "0", "n/a", "active"):
        assert change(made, "ada@example.com", cell) == RowChange(
            ContactPatch(texts={"email": "ada@example.com"}, add_tags=("imported",))
        )
    doubt = change(made, "ada@example.com", "perhaps")
    assert doubt.change.consent == {"email": False} and "neither a yes nor a no" in str(doubt.problems[0])


def test_of_two_columns_the_no_counts() -> None:
    made = plan(
        mail=Target("email"),
        status=Target("consent.email", "opt_in"),
        out=Target("consent.email", "opt_out"),
        bounced=Target("consent.email", "opt_out"),
    )
    assert change(made, "ada@example.com", "subscribed", "no", "").change.consent == {"email": True}
    assert change(made, "ada@example.com", "subscribed", "yes", "").change.consent == {"email": False}
    assert change(made, "ada@example.com", "unsubscribed", "no", "").change.consent == {"email": False}
    assert change(made, "ada@example.com", "cleaned", "", "").suppress == "bounced"
    assert change(made, "ada@example.com", "subscribed", "", "1").suppress == "bounced"
    assert change(made, "ada@example.com", "complained", "", "1").suppress == "complained"
    assert change(made, "ada@example.com", "subscribed", "yes", "").suppress == "unsubscribed"
    assert change(made, "ada@example.com", "no", "", "").suppress == ""  # said no to a question, which is no opt-out


def test_an_opt_out_in_any_other_column_counts_unless_somebody_said_that_it_does_not() -> None:
    columns, sample = ["mail", "note", "news"], [["a@example.com", "x", "yes"], ["b@example.com", "x", ""]]
    mapping = {"mail": Target("email"), "note": Target("attributes.note")}
    looks = looks_of(columns, sample)
    made = Plan(columns, mapping, Rules(looks=looks))
    late = change(made, "ada@example.com", "Unsubscribed", "")
    assert late.change.consent == {"email": False} and "unsubscribed" in str(late.problems[0])
    assert late.change.attributes == {"note": "Unsubscribed"}
    denied = Plan(columns, mapping, Rules(looks=looks, acknowledged=frozenset({"note"})))
    assert not change(denied, "ada@example.com", "Unsubscribed", "").change.consent


def test_a_list_of_people_who_opted_out() -> None:
    made = plan(Rules(all_opted_out=True), mail=Target("email"), news=Target("consent.email"))
    assert change(made, "ada@example.com", "yes").change.consent == {"email": False}
