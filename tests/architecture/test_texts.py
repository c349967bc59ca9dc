"""Texts for people are marked, so that catalogues have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import texts

ROOT = Path(__file__).parents[2]
FINISHED = (
    "app/accounts/key_pages.py",
    "app/accounts/settings_pages.py",
    "app/builder/canvas.py",
    "app/builder/code_pages.py",
    "app/builder/form_options.py",
    "app/builder/pages.py",
    "app/builder/request_pages.py",
    "app/builder/starter_templates.py",
    "app/builder/status_pages.py",
    "app/builder/type_check.py",
    "app/contacts/forms.py",
    "app/contacts/imports/mapping_form.py",
    "app/contacts/imports/pages.py",
    "app/contacts/pages.py",
    "app/contacts/timeline.py",
    "app/flow/apply_ops.py",
    "app/flow/conditions.py",
    "app/flow/declared.py",
    "app/flow/diagnostic.py",
    "app/flow/diff.py",
    "app/flow/edges.py",
    "app/flow/entry_reasons.py",
    "app/flow/entry_words.py",
    "app/flow/field_reads.py",
    "app/flow/going_on.py",
    "app/flow/input_schema.py",
    "app/flow/local_time.py",
    "app/flow/named_values.py",
    "app/flow/node_type.py",
    "app/flow/operators.py",
    "app/flow/paths.py",
    "app/flow/patterns.py",
    "app/flow/phrases.py",
    "app/flow/policies.py",
    "app/flow/reception.py",
    "app/flow/references.py",
    "app/flow/retry.py",
    "app/flow/segment_membership.py",
    "app/flow/segment_rule_checks.py",
    "app/flow/segment_warnings.py",
    "app/flow/settings_checks.py",
    "app/flow/subject_checks.py",
    "app/flow/trigger_checks.py",
    "app/flow/trigger_type.py",
    "app/flow/validation.py",
    "app/held_runs/pages.py",
    "app/lib/formats.py",
    "app/lib/translation.py",
    "app/message_templates/pages.py",
    "app/messaging/channels/channel.py",
    "app/messaging/channels/sms/channel.py",
    "app/messaging/channels/words.py",
    "app/nodes/condition.py",
    "app/nodes/custom_code.py",
    "app/nodes/delay.py",
    "app/nodes/emit_event.py",
    "app/nodes/end.py",
    "app/nodes/error_handler.py",
    "app/nodes/fallback.py",
    "app/nodes/goal.py",
    "app/nodes/goto.py",
    "app/nodes/hold.py",
    "app/nodes/http_request.py",
    "app/nodes/loop.py",
    "app/nodes/segments.py",
    "app/nodes/send_email.py",
    "app/nodes/send_push.py",
    "app/nodes/send_text.py",
    "app/nodes/set_variable.py",
    "app/nodes/slack.py",
    "app/nodes/split.py",
    "app/nodes/sub_workflow.py",
    "app/nodes/switch.py",
    "app/nodes/tags.py",
    "app/nodes/time_window.py",
    "app/nodes/transform.py",
    "app/nodes/update_contact.py",
    "app/nodes/wait_for_event.py",
    "app/nodes/wait_until.py",
    "app/retention/rules.py",
    "app/subscriptions/permission.py",
    "app/subscriptions/suppression_pages.py",
    "app/triggers/pages.py",
    "app/triggers/service.py",
    "app/triggers/start_form.py",
    "app/triggers/types/api.py",
    "app/triggers/types/date.py",
    "app/triggers/types/event.py",
    "app/triggers/types/manual.py",
    "app/triggers/types/poll.py",
    "app/triggers/types/schedule.py",
    "app/triggers/types/segment.py",
    "app/triggers/types/webhook.py",
    "app/troubles/kinds.py",
    "app/values/contact_fields.py",
    "app/values/cron.py",
    "app/values/event_fields.py",
    "app/values/languages.py",
    "app/values/names.py",
    "app/values/zone_names.py",
    "app/web/list_periods.py",
    "app/workflow_files/pages.py",
    "app/workflow_files/places.py",
    "app/workflow_files/service.py",
    "app/workflows/calls.py",
    "app/workflows/existing.py",
    "app/workflows/pages.py",
    "app/workflows/preview.py",
    "app/workflows/service.py",
)
"""Modules whose texts are all marked. It grows until it is everything, and goes then."""
TEMPLATES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("app/templates", "frontend-nodes")
    for path in (ROOT / folder).rglob("*.html")
)


def test_no_text_of_a_template_is_unmarked() -> None:
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in TEMPLATES}
    assert {name: unmarked for name, source in sources.items() if (unmarked := texts.in_template(source))} == {}


@pytest.mark.parametrize("name", FINISHED)
def test_no_text_of_a_finished_module_is_unmarked(name: str) -> None:
    assert not texts.in_python((ROOT / name).read_text(encoding="utf-8"))


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
