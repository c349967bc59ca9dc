"""Tags of workflows and templates: words of the people who work with them; contacts have tags of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib.translation import gettext

MOST_TAGS, LONGEST_TAG = 20, 40
TagWord = Annotated[str, Meta(min_length=1, max_length=LONGEST_TAG, description="1 to 40 characters, without a comma.")]
TagList = Annotated[
    list[TagWord], Meta(max_length=MOST_TAGS, description="Words to find it by; each once, 20 at most.")
]


def checked_tags(words: Iterable[str], path: str = "tags") -> list[str]:
    """As they are stored: without space around them, each once however it is capitalised, in alphabetical order. Raises Invalid."""
    by_letters: dict[str, str] = {}
    for word in words:
        tag = " ".join(word.replace("\0", "").split())
        if not tag or len(tag) > LONGEST_TAG or "," in tag:
            message = gettext("A tag has 1 to %(most)s characters and no comma.", most=LONGEST_TAG)
            raise Invalid(errors=[FieldError(path=path, message=message)])
        by_letters.setdefault(tag.casefold(), tag)
    if len(by_letters) > MOST_TAGS:
        raise too_many_tags(path)
    return [by_letters[letters] for letters in sorted(by_letters)]


def too_many_tags(path: str = "tags") -> Invalid:
    """What is said about a row with more tags than it may have."""
    return Invalid(errors=[FieldError(path=path, message=gettext("At most %(most)s tags.", most=MOST_TAGS))])


def joined_tags(had: Iterable[str], added: Iterable[str]) -> list[str]:
    """Checked tags and others, as they are stored; they may be too many."""
    by_letters: dict[str, str] = {}
    for tag in (*had, *added):
        by_letters.setdefault(tag.casefold(), tag)
    return [by_letters[letters] for letters in sorted(by_letters)]


def lost_and_added(
    had: Sequence[str], add: Sequence[str], remove: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a row with these tags lost and got when some were added and some taken away."""
    letters, away = {tag.casefold() for tag in had}, {word.casefold() for word in remove}
    return tuple(tag for tag in had if tag.casefold() in away), tuple(
        word for word in add if word.casefold() not in letters
    )


def typed_tags(text: str) -> list[str]:
    """The tags of a field in which commas stand between them."""
    return [part.strip() for part in text.split(",") if part.strip()]
