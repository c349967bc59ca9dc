"""Every field in the form in which it is stored, whatever the door."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib import addresses, jsonlimits, translation
from app.values import contact_fields
from app.values.contact_fields import BadField, CountryDecides


@pytest.mark.parametrize(
    ("written", "country", "stored"),
    [
        ("0151 23456789", "DE", "+4915123456789"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("4915112345678", "DE", "+4915112345678"),
        ("34612345678", "ES", "+34612345678"),
        ("004915112345678", None, "+4915112345678"),
        ("004915112345678", "US", "+4915112345678"),
        ("+49 (0) 151 12345678", None, "+4915112345678"),
        ("tel:+14155552671", "DE", "+14155552671"),
        ("4915112345678.0", "DE", "+4915112345678"),
        ("  ", "DE", None),
        (None, None, None),
    ],
)
def test_phone_numbers(written: str | None, country: str | None, stored: str | None) -> None:
    assert contact_fields.text("phone", written, country) == stored
    if stored:
        assert contact_fields.text("phone", stored, None) == stored


@pytest.mark.parametrize(
    ("written", "country", "told"),
    [
        ("4.91511E+12", "DE", "spreadsheet has shortened"),
        ("4,15555E+09", None, "spreadsheet has shortened"),
        ("0151", "DE", "not a phone number of your workspace's country"),
        ("n/a", "DE", "not a phone number"),
        ("call 0151 23456789", "DE", "not a phone number"),
        ("+49 151 12345678 ext 7", None, "without its extension"),
        ("+1", None, "country code"),
        (4915112345678, None, "text, not a number"),
        ({"a": 1}, None, "text, not an object"),
        ("+49151\x0012345678", None, "cannot be stored"),
    ],
)
def test_what_is_no_phone_number(written: Any, country: str | None, told: str) -> None:
    with pytest.raises(BadField, match=told):
        contact_fields.text("phone", written, country)


def test_a_national_number_without_a_country_says_what_is_missing() -> None:
    with pytest.raises(CountryDecides, match="country of your workspace"):
        contact_fields.text("phone", "0171 2345678")


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Eastern Time", "America/New_York"),
        ("EST", "America/New_York"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("(UTC-06:00) Central Time (US & Canada)", "America/Chicago"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("India Standard Time", "Asia/Kolkata"),
        ("Mitteleuropäische Sommerzeit", "CET"),
        ("hora estándar de Japón", "Asia/Tokyo"),
        ("Berlin", "Europe/Berlin"),
        ("sao paulo", "America/Sao_Paulo"),
        ("Wien", "Europe/Vienna"),
        ("GMT+1", "Etc/GMT-1"),
        ("UTC-03:00", "Etc/GMT+3"),
        ("+00:00", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("US/Pacific", "US/Pacific"),
    ],
)
def test_what_people_call_a_zone(written: str, stored: str) -> None:
    assert contact_fields.text("timezone", written) == stored
    assert contact_fields.text("timezone", stored) == stored


def test_a_zone_of_several_is_decided_by_the_country_or_refused_with_all_of_them() -> None:
    for name, country, stored in (("CST", "US", "America/Chicago"), ("IST", "IN", "Asia/Kolkata")):
        assert contact_fields.text("timezone", name, country) == stored
    with pytest.raises(CountryDecides, match="America/Chicago, Asia/Shanghai or America/Havana"):
        contact_fields.text("timezone", "cst", "FR")
    with pytest.raises(BadField, match="Europe/London or Asia/Dhaka"):
        contact_fields.text("timezone", "BST")


@pytest.mark.parametrize(
    "written", ["Mars", "UTC+25", "GMT+5:30", "Standard Time", "()", "((((", "../../etc/passwd", 7]
)
def test_what_is_no_zone(written: Any) -> None:
    with pytest.raises(BadField):
        contact_fields.text("timezone", written)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("en_US", "en-US"),
        ("de-de", "de-DE"),
        ("zh_hant_tw", "zh-Hant-TW"),
        ("pt_BR.UTF-8", "pt-BR"),
        ("German", "de"),
        ("Deutsch", "de"),
        ("english", "en"),
        ("Français", "fr"),
        ("francais", "fr"),
        ("svenska", "sv"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("German (Austria)", "de-AT"),
        ("Englisch", "en"),
        ("ger", "de"),
        ("日本語", "ja"),
    ],
)
def test_what_people_call_a_language(written: str, stored: str) -> None:
    assert contact_fields.text("locale", written) == stored
    assert contact_fields.text("locale", stored) == stored


@pytest.mark.parametrize("written", ["Martian", "xx", "en-XX", "Germany", "en-", "(", {"a": 1}, True])
def test_what_is_no_language(written: Any) -> None:
    with pytest.raises(BadField):
        contact_fields.text("locale", written)


def test_texts_tags_and_attributes_have_limits() -> None:
    assert contact_fields.text("source", " ads ") == "ads"
    assert contact_fields.tag(" vip ") == "vip"
    for rule, value in (
        (lambda value: contact_fields.text("source", value), "x" * 201),
        (lambda value: contact_fields.text("external_id", value), 7),
        (contact_fields.tag, "x" * 101),
        (contact_fields.tag, " "),
        (contact_fields.tag, ["x"]),
        (contact_fields.attribute, "x" * 33_000),
        (contact_fields.attribute, [[[[[[[[[[1]]]]]]]]]]),
        (contact_fields.attribute, {"a": "\0"}),
    ):
        with pytest.raises(BadField):
            rule(value)


@given(st.one_of(st.text(max_size=1_200), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
def test_a_scalar_never_takes_more_than_was_said(value: Any) -> None:
    known = contact_fields.size_of_scalar(value)
    assert known is None or len(jsonlimits.encode(value)) <= known


def test_what_is_too_much_already_may_become_less() -> None:
    much, more = {"a": "x" * 40_000}, {"a": "x" * 40_001}
    assert contact_fields.too_large(much, {"a": "y" * 39_000}) is None
    assert "40,010" in str(contact_fields.too_large(much, {"a": "x" * 40_002}))
    assert contact_fields.too_large(more, much) is None and contact_fields.too_large(much, more)
    tags = [str(number) for number in range(120)]
    assert contact_fields.too_many(tags, tags[:110]) is None and contact_fields.too_many(tags, [*tags, "x"])


@pytest.mark.parametrize("cell", ["n/a", "N/A", " - ", "None", "null", "Unknown", "#N/A", "k.A."])
def test_cells_that_say_nothing(cell: str) -> None:
    assert contact_fields.says_nothing(cell)
    assert not contact_fields.says_nothing(f"{cell.strip()}x")


def test_a_country_is_one_that_has_phone_numbers() -> None:
    assert contact_fields.country(" de ") == "DE" and contact_fields.country("") is None
    for wrong in ("Germany", "XX", "D"):
        with pytest.raises(BadField):
            contact_fields.country(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "\u212a@example.com",
        "ada@e\u017fample.com",
        "\uff41da@example.com",
        "ada@example\uff0ecom",
    ],
)
def test_what_only_looks_like_a_plain_letter_is_no_part_of_an_address(text: str) -> None:
    with pytest.raises(contact_fields.BadField, match="only looks like a plain one"):
        contact_fields.text("email", text)
    plain = {"k@example.com", "ada@esample.com", "ada@example.com"}
    assert addresses.comparable(text) not in plain and addresses.lookup_form(text) not in plain


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("E\u0301ve@EXAMPLE.com", "éve@example.com"),
        ("ada@MÜNCHEN.de", "ada@münchen.de"),
        ("jose\u0301@example.com\u00a0", "josé@example.com"),
    ],
)
def test_letters_of_other_languages_are(text: str, stored: str) -> None:
    assert contact_fields.text("email", text) == stored == addresses.comparable(text)


def test_countries_are_in_the_language_of_each_reader_and_in_its_order() -> None:
    with translation.using("de"):
        german = [name for _, name in contact_fields.countries()]
    with translation.using("en"):
        english = [name for _, name in contact_fields.countries()]
    assert "Österreich" in german and "Austria" in english and len(german) == len(english)
    assert german.index("Ägypten") < german.index("Belgien")
    assert german.index("Norwegen") < german.index("Österreich") < german.index("Polen")
