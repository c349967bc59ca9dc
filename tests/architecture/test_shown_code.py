"""What marketers read shows no code: hints and placeholders of forms hold no expression, warnings name fields without backticks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.dev import texts

EXPRESSION = re.compile(r"\{\{-?\s*[a-z]+\.[a-z]")
"""A field in braces. The braces alone may be named: they are what one types."""
FOR_PROGRAMS = ("app/flow/edges.py", "app/values/event_fields.py")
"""Their faults can only be in what a program sent."""
READ_BY_PEOPLE = ("app/flow/", "app/nodes/", "app/values/", "app/message_templates/service.py", "frontend-nodes/")
RAW_PLACEHOLDER = re.compile(r"[\"']?placeholder[\"']?[:=]\s*[\"'][^\"'}]*\{\{ (?:contact|event|vars|steps)\.")


def test_texts_of_forms_hold_no_expression_and_no_backticks() -> None:
    shown = [place for place in texts.all_places() if place.file.startswith(READ_BY_PEOPLE)]
    assert len(shown) > 1000
    for place in shown:
        for text in [place.message] if isinstance(place.message, str) else place.message:
            assert place.file in FOR_PROGRAMS or "`" not in text, (place.file, text)
            assert not EXPRESSION.search(text.replace(KEPT, "")), (place.file, text)


KEPT = '{"email": "{{ contact.email }}"}'
"""The body of a request to a program is written as code."""


@pytest.mark.parametrize("form", sorted(Path("frontend-nodes").glob("*/form.html")), ids=lambda form: form.parent.name)
def test_placeholders_of_forms_hold_no_expression(form: Path) -> None:
    assert form.parent.name == "http_request" or not RAW_PLACEHOLDER.search(form.read_text())
