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
    "app/templates/builder/activation.html",
    "app/templates/builder/code_result.html",
    "app/templates/builder/conflict.html",
    "app/templates/builder/curl.html",
    "app/templates/builder/dialogs.html",
    "app/templates/builder/entry_rules.html",
    "app/templates/builder/entry_words.html",
    "app/templates/builder/page.html",
    "app/templates/builder/palette.html",
    "app/templates/builder/panel.html",
    "app/templates/builder/people.html",
    "app/templates/builder/person.html",
    "app/templates/builder/results.html",
    "app/templates/builder/starter.html",
    "app/templates/builder/step_results.html",
    "app/templates/builder/texts.html",
    "app/templates/builder/tried.html",
    "app/templates/builder/version_menu.html",
    "app/templates/builder/workflow_panel.html",
    "app/templates/triggers/input_fields.html",
    "app/templates/triggers/start.html",
    "app/templates/workflow_files/import.html",
    "app/templates/workflows/list.html",
    "app/templates/workflows/new.html",
    "app/templates/workflows/row_menu.html",
    "app/templates/workflows/versions.html",
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
        ("{% block shell_class %}flush wide{% endblock %}{% block content %}Words{% endblock %}", ["Words"]),
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
