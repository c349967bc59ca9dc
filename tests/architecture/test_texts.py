"""Texts for people are marked, so that catalogues have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import texts

ROOT = Path(__file__).parents[2]
FINISHED = (
    "app/accounts/settings_pages.py",
    "app/lib/formats.py",
    "app/templates/accounts/example_flow.html",
    "app/templates/accounts/invitation.html",
    "app/templates/accounts/key_shown.html",
    "app/templates/accounts/keys.html",
    "app/templates/accounts/link.html",
    "app/templates/accounts/link_shown.html",
    "app/templates/accounts/menu.html",
    "app/templates/accounts/profile.html",
    "app/templates/accounts/secret.html",
    "app/templates/accounts/session_line.html",
    "app/templates/accounts/session_return.html",
    "app/templates/accounts/sessions.html",
    "app/templates/accounts/settings.html",
    "app/templates/accounts/sign_in.html",
    "app/templates/accounts/sign_in_help.html",
    "app/templates/accounts/sign_in_link.html",
    "app/templates/accounts/signed_out.html",
    "app/templates/accounts/user_sessions.html",
    "app/templates/accounts/users.html",
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
    "app/templates/code_steps/settings.html",
    "app/templates/components/actions.html",
    "app/templates/components/connectors.html",
    "app/templates/components/flow.html",
    "app/templates/components/forms.html",
    "app/templates/components/icons.html",
    "app/templates/components/json.html",
    "app/templates/components/layout.html",
    "app/templates/components/status.html",
    "app/templates/connectors/edit.html",
    "app/templates/connectors/limits.html",
    "app/templates/connectors/list.html",
    "app/templates/connectors/new.html",
    "app/templates/connectors/not_installed.html",
    "app/templates/connectors/tested.html",
    "app/templates/connectors/trouble.html",
    "app/templates/contacts/contact.html",
    "app/templates/contacts/form.html",
    "app/templates/contacts/import_mapping.html",
    "app/templates/contacts/import_progress.html",
    "app/templates/contacts/import_upload.html",
    "app/templates/contacts/list.html",
    "app/templates/dates/preview.html",
    "app/templates/dates/progress.html",
    "app/templates/devices/of_contact.html",
    "app/templates/devices/snippet.html",
    "app/templates/enrolments/progress.html",
    "app/templates/errors/error.html",
    "app/templates/held_runs/jobs.html",
    "app/templates/held_runs/list.html",
    "app/templates/insights/home.html",
    "app/templates/insights/home_parts.html",
    "app/templates/insights/stats.html",
    "app/templates/mailbox/show.html",
    "app/templates/messages/jobs.html",
    "app/templates/messages/list.html",
    "app/templates/messages/show.html",
    "app/templates/polls/state.html",
    "app/templates/reference/api.html",
    "app/templates/retention/data.html",
    "app/templates/runs/list.html",
    "app/templates/runs/log.html",
    "app/templates/runs/next.html",
    "app/templates/runs/run.html",
    "app/templates/runs/step.html",
    "app/templates/schedules/preview.html",
    "app/templates/segments/edit.html",
    "app/templates/segments/list.html",
    "app/templates/segments/live.html",
    "app/templates/segments/of_contact.html",
    "app/templates/segments/segment.html",
    "app/templates/subscriptions/suppressions.html",
    "app/templates/subscriptions/unsubscribe.html",
    "app/templates/templates/edit.html",
    "app/templates/templates/list.html",
    "app/templates/triggers/input_fields.html",
    "app/templates/triggers/start.html",
    "app/templates/troubles/banner.html",
    "app/templates/troubles/dead_letters.html",
    "app/templates/webhook_endpoints/delivery.html",
    "app/templates/webhook_endpoints/fields.html",
    "app/templates/webhook_endpoints/list.html",
    "app/templates/webhook_endpoints/one.html",
    "app/templates/webhook_endpoints/secret.html",
    "app/templates/webhooks/address.html",
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
