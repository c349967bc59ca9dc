"""What is filled into a URL stays one part of it, and a URL that is one value stays whole."""

from __future__ import annotations

import pytest

from app.flow.sample_texts import SampleContact, SampleStep
from app.flow.scope import CompileScope
from app.flow.url_text import url_reader

EVENT = {"id": "a/b?c=1&d#e", "url": "https://a.example/x?y=1", "host": "api.example.com", "n": 7, "name": "Zoë 1+1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("/orders/{{ event.id }}/lines", "/orders/a%2Fb%3Fc%3D1%26d%23e/lines"),
        ("https://a.example/{{ event.n }}?q={{ event.name }}&r=1", "https://a.example/7?q=Zo%C3%AB%201%2B1&r=1"),
        ("{{ event.url }}", "https://a.example/x?y=1"),
        ("{{ event.url }}&z={{ event.n }}", "https://a.example/x?y=1&z=7"),
        ("https://{{ event.host }}/{{ event.id }}", "https://api.example.com/a%2Fb%3Fc%3D1%26d%23e"),
        ("/x?q={{ event.name | url_encode }}", "/x?q=Zo%C3%AB+1%2B1"),
        ("/x/{{ event.nope }}", "/x/"),
        ("/x/{% if event.n %}{{ event.n }}{% endif %}", "/x/7"),
    ],
)
def test_values_are_encoded_by_where_they_stand(text: str, expected: str) -> None:
    assert url_reader(text, CompileScope("a"))(SampleStep(SampleContact(), EVENT)) == expected
