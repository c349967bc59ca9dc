"""The demo mails: they parse, read well without data, carry an unsubscribe link, and stay mail-client-safe."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.demo.mails import TEMPLATES, DemoTemplate
from app.message_templates.service import SAMPLE, contact_fields
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.email.content import render
from app.messaging.channels.filling import liquid_faults
from app.messaging.channels.parts import Parts
from app.values.contact_view import liquid_data_of

NAMES = {
    "united_welcome",
    "podcast_welcome",
    "generic_welcome",
    "engagement_nudge",
    "value_highlight",
    "newsletter_welcome",
}


def rendered(template: DemoTemplate, **contact: Any) -> Parts:
    data = {
        "contact": liquid_data_of({**contact_fields(SAMPLE), **contact}),
        "event": {"product": "united", "plan": "yearly", "renews_at": "2027-03-01"},
        "unsubscribe_url": "https://x.example/u/1",
    }
    return render(Parts(template.subject, template.html, template.text), data)


def test_all_six_are_there() -> None:
    assert {template.key for template in TEMPLATES} == NAMES


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_mail_is_whole(template: DemoTemplate) -> None:
    assert liquid_faults(EmailChannel.liquid_sources(Parts(template.subject, template.html, template.text))) == []
    full, bare = rendered(template), rendered(template, attributes={}, locale=None, timezone=None)
    for parts in (full, bare):
        assert 10 < len(parts.subject) < 60
        for body in (parts.html, parts.text):
            assert "https://x.example/u/1" in body
            assert "{{" not in body and "{%" not in body
        assert parts.html.count("<table") == parts.html.count("</table")
        assert parts.html.count("<td") == parts.html.count("</td")
        assert len(parts.html) < 100_000, "larger mails are cut by mail programs"
    assert not re.search(r"<(img|script|style|link)\b|position:|flex|grid", template.html)


def test_names_and_conditions() -> None:
    united = next(template for template in TEMPLATES if template.key == "united_welcome")
    assert "Welcome in, Ada" in rendered(united).html and "March 1, 2027" in rendered(united).html
    assert "Welcome in, there" in rendered(united, attributes={}).html
    letter = next(template for template in TEMPLATES if template.key == "newsletter_welcome")
    assert "You chose art, rail. We start there." in rendered(letter, attributes={"topics": ["art", "rail"]}).text
    assert "a bit of everything" in rendered(letter).html
