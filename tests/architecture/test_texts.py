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
