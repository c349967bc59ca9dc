"""Statuses, roles and channels stand in sentences as people say them, and not as tables and programs have them.

`gettext("… for %(channel)s", channel=template.channel)` reads *für email*. A word of ours passes a function on its way into a sentence:
`formats.word_inside` for statuses, roles and kinds, `many()`, `gettext(….label)` or `gettext(….noun)` for channels.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

ROOT = Path(__file__).parents[2]
RAW = frozenset({"status", "role", "least_role", "channel", "noun"})
"""Attributes and names that hold a word for programs, or one that is not translated yet."""
CALLS = ("gettext", "ngettext", "_", "of_stored")
OTHERS = {
    # statuses of HTTP, which are numbers
    "app/messaging/channels/http/oauth2.py", "app/messaging/channels/http/service.py", "app/messaging/channels/push/transport.py",
    "app/messaging/channels/sms/vonage.py", "app/messaging/channels/sns.py", "app/nodes/http_request.py", "app/outside/http_performer.py",
    "app/polls/sources.py", "app/templates/builder/tried.html", "app/templates/reference/resource.html",
    # a channel of Slack, which is a name
    "app/nodes/slack.py",
    # what whoever writes a type or a program reads: `node`, `field`
    "app/flow/apply_ops.py", "app/flow/discovery.py", "app/flow/validation.py",
    # words that were translated before
    "app/templates/accounts/invitation.html", "app/templates/runs/next.html", "frontend-nodes/_shared/send_text.html",
}  # fmt: skip


def raw_in_python(source: str) -> Iterator[int]:
    """Lines of texts that are filled with a raw word."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in CALLS:
            for value in (keyword.value for keyword in call.keywords):
                if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "str":
                    value = value.args[0]
                if getattr(value, "attr", getattr(value, "id", "")) in RAW:
                    yield value.lineno


def raw_in_template(source: str) -> Iterator[int]:
    """The same of a template."""
    for call in jinja2.Environment(extensions=["jinja2.ext.i18n"]).parse(source).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in CALLS:
            for value in (keyword.value for keyword in call.kwargs):
                if getattr(value, "attr", getattr(value, "name", "")) in RAW:
                    yield value.lineno


def test_sentences_hold_words_as_people_say_them() -> None:
    wrong = {
        f"{name}:{line}"
        for folder, suffix, raw in (
            ("app", "*.py", raw_in_python), ("app/templates", "*.html", raw_in_template), ("frontend-nodes", "*.html", raw_in_template),
        )
        for path in (ROOT / folder).rglob(suffix)
        if (name := str(path.relative_to(ROOT))) not in OTHERS
        for line in raw(path.read_text())
    }  # fmt: skip
    assert not wrong, f"say them by formats.word_inside, many() or gettext: {sorted(wrong)}"


def test_what_is_excepted_is_there_and_needed() -> None:
    for name in OTHERS:
        raw = raw_in_python if name.endswith(".py") else raw_in_template
        assert list(raw((ROOT / name).read_text())), name


@pytest.mark.parametrize("value", ["template.channel", "status", "str(principal.role)", "due.kind.noun"])
def test_a_raw_word_is_seen(value: str) -> None:
    assert list(raw_in_python(f"gettext('It is %(word)s.', word={value})")) == [1]
    assert not list(raw_in_python(f"gettext('It is %(word)s.', word=word_inside({value}))"))
    if "(" not in value:
        assert list(raw_in_template(f"{{{{ _('It is %(word)s.', word={value}) }}}}")) == [1]
        assert not list(raw_in_template(f"{{{{ _('It is %(word)s.', word={value}|words|inline) }}}}"))
