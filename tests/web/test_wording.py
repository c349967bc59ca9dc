"""What pages say of the sentences of the API."""

from __future__ import annotations

import pytest

from app.errors import Invalid
from app.lib import translation
from app.web.wording import for_people
from app.workflows.versions import NoSuchVersion, NotReady


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("The import was not started. Look at `errors` for what to change.", "The import was not started."),
        ("Say `kind`.", "Say kind."),
        ("Nothing was stored.", "Nothing was stored."),
        (NoSuchVersion().for_people, "This workflow has no such version."),
    ],
)
def test_words_of_the_api_are_left_out(sentence: str, shown: str) -> None:
    assert for_people(sentence) == shown


def test_an_error_has_a_sentence_for_people_of_its_own_kind() -> None:
    assert "`errors`" in NotReady().message and "`" not in NotReady().for_people
    assert Invalid("The name is too long.").for_people == "The name is too long."

    class Odd(Invalid):
        """This is odd."""

    assert Odd().for_people == "This is odd."


def test_people_read_it_in_their_language() -> None:
    with translation.using("de"):
        assert for_people(NoSuchVersion().for_people) == "Diese Version hat der Workflow nicht."
        assert for_people("At most 5 characters fit here.") == "Hier passen höchstens 5 Zeichen."
