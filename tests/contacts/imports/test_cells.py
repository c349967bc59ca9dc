"""What is in a cell, as the file's country writes it."""

from __future__ import annotations

from typing import Any

import pytest

from app.contacts.imports import cells
from app.contacts.imports.cells import Notation
from app.values.contact_fields import BadField

COMMA, POINT = Notation(decimal_mark=","), Notation(decimal_mark=".")


@pytest.mark.parametrize(
    ("cell", "notation", "value"),
    [
        ("1.234,56", COMMA, 1234.56),
        ("-1.234.567", COMMA, -1234567),
        ("12,5", COMMA, 12.5),
        ("1 234,5", COMMA, 1234.5),
        ("1\u202f234,5", COMMA, 1234.5),
        ("€ 12,50", COMMA, 12.5),
        ("12,50 EUR", COMMA, 12.5),
        ("1,234.56", POINT, 1234.56),
        ("1'234.5", POINT, 1234.5),
        ("007", POINT, 7),
        ("1e3", POINT, 1000.0),
        ("$5", POINT, 5),
        ("12 %", POINT, 12),
    ],
)
def test_numbers(cell: str, notation: Notation, value: Any) -> None:
    assert cells.number_of_cell(cell, notation) == value


@pytest.mark.parametrize(
    ("cell", "notation"),
    [
        ("12.5", COMMA),
        ("1,5", POINT),
        ("1.23.456", COMMA),
        ("nan", POINT),
        ("1e999", POINT),
        ("1_000", POINT),
        ("x", POINT),
    ],
)
def test_what_is_no_number_in_this_file_is_not_guessed(cell: str, notation: Notation) -> None:
    with pytest.raises(BadField, match="not a number"):
        cells.number_of_cell(cell, notation)


@pytest.mark.parametrize(
    ("cell", "order", "value"),
    [
        ("31.12.2025", None, "2025-12-31"),
        ("1.2.25", "mdy", "2025-02-01"),
        ("12/31/2025", None, "2025-12-31"),
        ("31-12-2025", None, "2025-12-31"),
        ("3/4/2025", "dmy", "2025-04-03"),
        ("3/4/2025", "mdy", "2025-03-04"),
        ("2025/2/28", None, "2025-02-28"),
        ("2025-01-02T10:11:12Z", None, "2025-01-02T10:11:12+00:00"),
        ("2025-01-02 10:11:12.5+0200", None, "2025-01-02T10:11:12.500000+02:00"),
        ("12/31/25 3:45 PM", None, "2025-12-31T15:45:00"),
        ("12/31/25, 12:05 a.m.", None, "2025-12-31T00:05:00"),
    ],
)
def test_dates_become_iso_text(cell: str, order: Any, value: str) -> None:
    assert cells.day(cell, order) == value


@pytest.mark.parametrize(
    "cell", ["30.02.2025", "13/13/2025", "2025", "tomorrow", "192.168.1.1", "2025-01-02 25:00", "1/2/345"]
)
def test_what_is_no_date(cell: str) -> None:
    with pytest.raises(BadField, match="not a date"):
        cells.day(cell, "dmy")


def test_an_order_that_is_not_known_is_asked_for() -> None:
    with pytest.raises(BadField, match="either way round"):
        cells.day("3/4/2025", None)
    assert cells.needs_order(["3/4/2025"]) and not cells.needs_order(["13/4/2025", "3.4.2025", "2025-03-04"])
    assert cells.guess_order(["3/4/2025", "13/4/2025"]) == "dmy"
    assert cells.guess_order(["3/4/2025", "4/13/2025"]) == "mdy"
    assert cells.guess_order(["13/4/2025", "4/13/2025"]) is None


@pytest.mark.parametrize(
    "cell", ["", "n/a", "N/A", "#N/A", "-", "--", "—", "NULL", "null", "none", "None", "(blank)", "\\N"]
)
def test_words_for_nothing(cell: str) -> None:
    assert cells.is_empty(cell)


@pytest.mark.parametrize("cell", ["Null", "Nan", "NA", "0", "no", "-1", "None of it"])
def test_names_and_values_that_look_like_nothing(cell: str) -> None:
    assert not cells.is_empty(cell)


@pytest.mark.parametrize(
    ("column", "mark", "kind"),
    [
        (["0.5", "12", "-"], ".", "number"),
        (["1.234,5", "7"], ",", "number"),
        (["01234", "5"], ".", "text"),
        (["4.91511E+12"], ".", "text"),
        (["2024-01-02", "n/a"], ".", "date"),
        (["3/4/2025", "12/31/2025"], ".", "date"),
        (["1.2.3", "1.2.4"], ".", "text"),
        (["yes", "no"], ".", "boolean"),
        (["5%"], ".", "text"),
        ([], ".", "text"),
    ],
)
def test_kinds(column: list[str], mark: Any, kind: str) -> None:
    assert cells.guess_mark(column) == mark and cells.guess_kind(column, mark) == kind
