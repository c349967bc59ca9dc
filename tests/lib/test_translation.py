"""The language of a reader."""

from __future__ import annotations

import asyncio

import pytest

from app.lib import translation
from app.lib.translation import gettext, ngettext, using


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "LANGUAGES", {"en": "English", "de": "Deutsch"})


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT, en;q=0.8", "de"),
        ("fr, de;q=0.4, en;q=0.6", "en"),
        ("en;q=0.2, de ; q=0.9", "de"),
        ("de;q=0, en", "en"),
        ("*;q=1", "en"),
        ("de;q=x", "en"),
        ("de;level=1", "en"),
        (",;q=,,;;", "en"),
        ("fr," * 2_000 + "de", "en"),
    ],
)
@pytest.mark.usefixtures("german")
def test_the_browsers_wish(header: str, language: str) -> None:
    assert translation.preferred(header) == language


def test_an_unfinished_language_is_not_offered() -> None:
    assert translation.preferred("de") == "en" or "de" in translation.LANGUAGES


def test_texts_and_plurals() -> None:
    assert gettext("Save") == "Save" and ngettext("%(number)s run", "%(number)s runs", 1) == "1 run"
    with using("de"):
        assert gettext("Save") == "Speichern"
        assert gettext("%(time)s ago", time="3 Min.") == "vor 3 Min."
        assert [ngettext("%(number)s run", "%(number)s runs", n) for n in (0, 1, 2)] == [
            "0 Durchläufe",
            "1 Durchlauf",
            "2 Durchläufe",
        ]
        assert ngettext("%(number)s run", "%(number)s runs", 2000, number="2.000") == "2.000 Durchläufe"
        assert gettext("A text that no catalogue has") == "A text that no catalogue has"
    with using("tlh"):
        assert translation.language() == "en"


async def test_requests_beside_each_other_keep_their_language() -> None:
    async def ask(language: str) -> str:
        translation.use(language)
        await asyncio.sleep(0)
        return gettext("Save")

    assert await asyncio.gather(ask("de"), ask("en"), ask("de")) == ["Speichern", "Save", "Speichern"]
    assert gettext("Save") == "Save"


def test_what_was_stored_in_english_is_read_in_the_readers_language() -> None:
    stored = "The contact withdrew consent for the topic News."
    with translation.using("de"):
        assert translation.of_stored(stored) == "Der Kontakt hat die Einwilligung für das Thema News zurückgezogen."
        assert translation.of_stored("The address does not exist.") == "Die Adresse gibt es nicht."
        assert translation.of_stored("550 5.1.1 No such user") == "550 5.1.1 No such user"
        assert translation.translated_choices([("a", "Any time")]) == [("a", "Jederzeit")]
    assert translation.of_stored(stored) == stored


def test_a_stored_sentence_of_any_length_is_looked_at_once() -> None:
    """What a person or a server wrote stands in it: one that a text nearly fits must not cost more than its characters."""
    tail = "% ".join(["a"] * 5_000)
    with translation.using("de"):
        for form in (one for forms in translation._forms("de").values() for one in forms):
            nearly = "".join(f"{literal}x" + (literal or "x") * 5_000 for literal in form.literals) + tail
            assert form.values_of(nearly) is None or not form.literals[-1]


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        ("A is b, or c.", {"x": "b", "y": "c"}),
        ("A is b, or c, or d.", {"x": "b", "y": "c, or d"}),
        ("A is , or , or d.", {"x": ", or ", "y": "d"}),
        ("A is two\nlines, or c.", {"x": "two\nlines", "y": "c"}),
        ("A is , or c.", None),
        ("A is b, or .", None),
        ("A is b, or c", None),
        ("A is b.", None),
        ("A is .", None),
    ],
)
def test_values_of_a_stored_sentence(sentence: str, values: dict[str, str] | None) -> None:
    form = translation._Form("A is %(x)s, or %(y)s.", ("A is ", ", or ", "."), ("x", "y"))
    assert form.values_of(sentence) == values


def test_a_stored_sentence_that_holds_another_is_read_back_whole() -> None:
    with translation.using("de"):
        inner = "Nothing can be added to it: the amount came out empty."
        whole = translation.of_stored(f"The attribute points was not changed. {inner}")
        assert (
            whole
            == "Das Attribut points wurde nicht geändert. Hier lässt sich nichts hinzufügen: Der Betrag blieb leer."
        )


def test_a_stored_sentence_may_begin_with_a_name_and_not_with_what_a_server_said() -> None:
    with translation.using("de"):
        assert translation.of_stored("example.com cannot be connected to.").startswith("Zu example.com lässt sich")
        foreign = "The other machine cannot be connected to."
        assert translation.of_stored(foreign) == foreign
