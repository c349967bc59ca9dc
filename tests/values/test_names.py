"""A name that is taken can be read in a path, a condition and a template; one that is refused comes with one that can."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow import paths
from app.lib.conversions import follow
from app.liquid.templates import compile_text, compile_value
from app.values.names import MAX_NAME, BadName, checked, fitting, usable

ODD = st.text(st.sampled_from(string.printable + "äÉßñ名前имя½\u0301\u200b"), max_size=12)
SOME = st.one_of(ODD, st.sampled_from(["limit", "in", "true", "2024", "1-2", "a--b", "-", "_", "x?", "Zip Code"]))


@given(SOME)
def test_what_is_usable_is_read_everywhere(name: str) -> None:
    if not usable(name):
        return
    data = {"contact": {name: [1], "attributes": {name: "there"}}}
    assert compile_text(f"{{{{ contact.attributes.{name} }}}}", html=False).render(data) == "there"
    assert compile_text(f"{{%if contact.attributes.{name}%}}yes{{%endif%}}", html=False).render(data) == "yes"
    assert compile_value(f"{{{{contact.{name}}}}}").render(data) == [1]
    assert paths.problem(f"contact.attributes.{name}") is None
    assert follow(data, paths.names_of(f"contact.attributes.{name}")) == "there"


@given(SOME)
def test_a_refusal_offers_a_name_that_is_taken(name: str) -> None:
    fit = fitting(name)
    assert fit == "" or (usable(fit) and fitting(fit) == fit and len(fit) <= MAX_NAME)
    try:
        assert usable(checked(name))
    except BadName as error:
        assert not fit or not name.strip() or f"“{fit}”" in str(error)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("First Name", "first_name"),
        ("Größe (cm)", "größe_cm"),
        ("a.b", "a_b"),
        ("{{x}}", "x"),
        ("Loyalty-Card No.", "loyalty_card_no"),
        ("lastName", "lastName"),
        ("last_name", "last_name"),
        ("LTVScore", "ltv_score"),
        ("Limit", "limit_value"),
        ("2024", "n_2024"),
        ("1st purchase", "1st_purchase"),
        (" ?! ", ""),
    ],
)
def test_labels_become_names(written: str, stored: str) -> None:
    assert fitting(written) == stored


@pytest.mark.parametrize("name", ["größe", "1st", "first-name", "FirstName", "名前", "_x"])
def test_what_can_be_read_stays_as_it_was_sent(name: str) -> None:
    assert checked(f" {name} ") == name


def test_composed_and_decomposed_letters_are_one_name() -> None:
    assert checked("e\u0301te\u0301") == "été"


@pytest.mark.parametrize("name", ["", " ", "x" * (MAX_NAME + 1), "a b", "a.b", "a[0]", "limit", "7", "a\0"])
def test_what_nothing_could_read_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        checked(name, "topic")
