"""The sentences that a page shows beside the fields of a form."""

from __future__ import annotations

from app.errors import Invalid, NotFound
from app.web.form_errors import errors_by_field, errors_by_path


def test_each_field_shows_the_first_sentence_about_it() -> None:
    first, second = {"path": "name", "message": "Give a name."}, {"path": "name", "message": "It is too long."}
    other = {"path": "config.port", "message": "Give a number."}
    shown = errors_by_path(Invalid(errors=[first, second, other]))
    assert shown == {"name": "Give a name.", "config.port": "Give a number."}


def test_without_an_error_of_a_field_nothing_is_shown() -> None:
    assert errors_by_path(None) == errors_by_path(NotFound("There is no such page.")) == {}


def test_a_field_shows_the_first_sentence_about_all_that_lies_below_it() -> None:
    paths = ("addTags[1]", "tags", "attributes.plan", "consent[0].topic", "email")
    error = Invalid(errors=[{"path": path, "message": f"Mend {path}."} for path in paths])
    assert errors_by_field(error, {"addTags": "tags"}) == {
        "tags": "Mend addTags[1].",
        "attributes": "Mend attributes.plan.",
        "consent": "Mend consent[0].topic.",
        "email": "Mend email.",
    }
    assert errors_by_field(None, {}) == {}
