"""What cards say instead of placeholders, and that what is never closed stays as it was written."""

from __future__ import annotations

import pytest

from app.flow.placeholders import in_words
from app.nodes.loop import Loop, LoopConfig


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {{ contact.name }}", "Hi name"),
        ("Hi {{- contact.name | upcase -}}, {{contact.email}}", "Hi name, email"),
        ("{% if contact.vip %}Dear{% endif %} {{ contact.name }}", "…Dear… name"),
        ("Hi {{ contact.name", "Hi {{ contact.name"),
        ("Hi {{ contact.name } and {{ contact.email }}", "Hi {{ contact.name } and email"),
        ("{{ | }} {{ contact.name }}", "{{ | }} name"),
        ("100 {% off {{ contact.name }}", "100 {% off name"),
        ("{% a %} 50 {%}", "… 50 {%}"),
    ],
)
def test_placeholders_are_said_by_what_they_read(text: str, words: str) -> None:
    assert in_words(text) == words


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("{{  event.items\n}}", "For each of event.items"),
        ("all {{ event.items }} and {{ event.more }}", "For each of event.items"),
        ("{{ event.items", ""),
        ("event.items }}", ""),
    ],
)
def test_a_loop_says_which_list_it_goes_through(items: str, words: str) -> None:
    assert Loop.summary(LoopConfig(items=items)) == words
