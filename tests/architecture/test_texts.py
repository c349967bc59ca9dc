"""Texts for people are marked, so that catalogues have them."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.architecture import texts

ROOT = Path(__file__).parents[2]
PROGRAMS = (
    "app/*/api.py",
    "app/*/openapi.py",
    "app/event_sinks/*",
    "app/events/*",
    "app/executions/*",
    "app/idempotency/*",
    "app/live/*",
    "app/system/*",
    "app/web/body_guard.py",
    "app/web/client_address.py",
    "app/web/request_metrics.py",
    "app/webhooks/samples.py",
)
"""What only programs are answered, in English: the API, buses, metrics."""
OPERATORS = ("app/asgi.py", "app/cli.py", "app/lib/jail/*", "app/local/*", "app/ops/*", "app/settings.py")
"""What whoever runs the server reads in a terminal or a log."""
OTHERS = (
    "app/demo/*",  # what people of an invented company wrote
    "app/domain_events/examples.py",  # the same
    "app/messaging/channels/email/smtp_connection.py",  # words of a library's exceptions
    "app/messaging/channels/email/smtp_exchange.py",
    "app/webhook_endpoints/service.py",  # a sample for programs
)
MODULES = sorted(
    name
    for path in (ROOT / "app").rglob("*.py")
    if not any(fnmatch(name := str(path.relative_to(ROOT)), pattern) for pattern in PROGRAMS + OPERATORS + OTHERS)
)
TEMPLATES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("app/templates", "frontend-nodes")
    for path in (ROOT / folder).rglob("*.html")
)


UNFILLED = (
    # what whoever writes a type, a plugin or a module of the product reads
    "app/builder/type_check.py", "app/connectors/form_check.py", "app/features.py", "app/flow/discovery.py", "app/flow/plugin_packages.py",
    "app/flow/presentation.py", "app/flow/registry.py", "app/messaging/channels/presentation.py", "app/messaging/channels/registry.py",
    "app/web/assets.py", "app/web/bundles.py",
    # what whoever runs the server reads
    "app/lib/disk.py", "app/scheduler.py", "app/worker.py",
    # what a shut-in process says, which loads no catalogue, and what programs are answered
    "app/lib/code_runner/*", "app/lib/field_errors.py", "app/web/problems.py", "app/webhooks/*",
    "app/flow/reception.py", "app/flow/edges.py",
    # stored in English
    "app/engine/*", "app/history_start_repository.py", "app/lib/http_client.py", "app/messaging/outcomes.py",
    "app/subscriptions/service.py",
    "app/triggers/editing.py", "app/workflows/versions.py",
    # parts of patterns, of SQL, of lines that are put together
    "app/flow/operator_sql.py", "app/membership/*", "app/messaging/pages.py", "app/nodes/update_contact.py",
)  # fmt: skip
"""Modules whose sentences with a value at an end are not marked."""


def test_no_sentence_that_begins_or_ends_with_a_value_is_unmarked() -> None:
    names = [name for name in MODULES if not any(fnmatch(name, pattern) for pattern in UNFILLED)]
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    assert {name: one for name, source in sources.items() if (one := texts.in_python(source, filled=True))} == {}


def test_no_text_of_a_template_is_unmarked() -> None:
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in TEMPLATES}
    assert {name: unmarked for name, source in sources.items() if (unmarked := texts.in_template(source))} == {}


def test_no_text_of_a_module_is_unmarked() -> None:
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in MODULES}
    assert {name: unmarked for name, source in sources.items() if (unmarked := texts.in_python(source))} == {}


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
