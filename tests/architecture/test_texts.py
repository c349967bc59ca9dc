"""Texts for people are marked, so that catalogues have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import texts

ROOT = Path(__file__).parents[2]
FINISHED = (
    "app/accounts/settings_pages.py",
    "app/lib/formats.py",
    "app/templates/accounts/profile.html",
    "app/templates/accounts/settings.html",
    "app/templates/accounts/sign_in.html",
    "app/templates/accounts/signed_out.html",
    "app/templates/accounts/workspace.html",
    "app/templates/base.html",
    "app/templates/base_plain.html",
)
"""Files whose texts are all marked. It grows until it is everything, and goes then."""


@pytest.mark.parametrize("name", FINISHED)
def test_no_text_of_a_finished_file_is_unmarked(name: str) -> None:
    source = (ROOT / name).read_text(encoding="utf-8")
    unmarked = texts.in_template(source) if name.endswith(".html") else texts.in_python(source)
    assert not unmarked


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Nobody is here</p>", ["Nobody is here"]),
        ("<p>{{ _('Nobody is here') }}</p>", []),
        ("<p>{% trans %}Nobody <b>at all</b>{% endtrans %}</p>", []),
        ('<a href="/x" title="Close it">{{ ui.icon("x") }}</a>', ["Close it"]),
        ('<a href="/Runs" class="Big One">{{ n }}</a>', []),
        ('{{ ui.button("Save", "pri") }}', ["Save"]),
        ('{{ ui.field("name", _("Name"), hint="Any text.") }}', ["Any text."]),
        ("<script>var Text = 'Some text'</script><code>Some Code</code>", []),
        ("<b>{{ a }}</b> of {{ b }}", ["of"]),
    ],
)
def test_templates(source: str, found: list[str]) -> None:
    assert texts.in_template(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""A module of some kind."""\nx = "There is no such thing."', ["There is no such thing."]),
        ('x = gettext("There is no such thing.")', []),
        ('x = translatable("There is no such thing.")', []),
        ('x = f"There is no {thing} of that kind."', ["There is no … of that kind."]),
        ('raise RuntimeError("The caller forgot it.")', []),
        ('x = "select a from b where c"', []),
        ('x = "run.started", "Content-Type"', []),
    ],
)
def test_python(source: str, found: list[str]) -> None:
    assert texts.in_python(source) == found
