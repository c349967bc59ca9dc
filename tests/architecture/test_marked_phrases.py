"""Phrases that pages show are marked for translation too, not only whole sentences: where people read, no literal is bare."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r"(?<![\w./{-])[A-Za-z]{2,}(?![\w./}-])")
MONTH = re.compile(r"%-?[dB] ?%?-?[Bb]\b|:%[Bb]\b|%B %Y")
FEWEST = 3
"""Words that make a phrase; fewer are names of things, values and keys."""
SQL = re.compile(
    r"\b(select|update|insert|delete|where|from|join|is null|order by|coalesce|jsonb\w*)\b|::| = |%\(\w+\)s\b.*\band\b",
    re.I,
)
HTML = re.compile(r"<\w|\[str|\{%|\{\{|;\s*\w|-H ")
PEOPLE = (
    "accounts", "approvals", "builder", "code_steps", "connectors", "contacts", "dates", "devices", "engine/step_faults.py",
    "engine/sub_runs.py", "engine/work_status.py", "enrolments", "finder", "flow/date_operators.py", "flow/entry_reasons.py",
    "flow/entry_words.py", "flow/field_reads.py", "flow/judging.py", "flow/local_time.py", "flow/phrases.py", "flow/reception.py",
    "flow/segment_rule_checks.py", "flow/segment_sentences.py", "flow/subject_checks.py", "flow/trigger_registry.py", "folders",
    "held_runs", "insights", "lib/code_runner/pool.py", "lib/disk.py", "lib/formats.py", "liquid", "lists", "mailbox", "membership",
    "message_templates", "messaging/channels", "messaging/channels/email/smtp_answers.py", "messaging/outcomes.py",
    "messaging/outgoing.py", "messaging/rules.py", "models/message_job.py", "nodes", "poll_views", "polls", "retention", "runs",
    "schedules", "segments", "subscriptions", "test_runs", "triggers/types", "troubles", "values", "webhook_endpoints",
    "workflow_files", "workflows/calls.py", "workflows/drafts.py", "workflows/pages.py",
)  # fmt: skip
"""Packages and modules of `app/` whose texts stand on pages. Not: the API alone, operators' settings and logs, names of columns."""
MARKED = {"gettext", "ngettext", "translatable", "countable", "counted", "unfilled_plural", "of_stored"}
PROGRAMMERS = {"Verbatim", "Meta", "Tag", "Parameter", "AssertionError", "KeyError", "LookupError", "RuntimeError", "TypeError",
    "ValueError", "compile", "search", "match", "debug", "info", "warning", "error", "exception"}  # fmt: skip
"""Calls whose texts are for the API's documentation, logs and programmers."""
EXCEPTIONS = {
    "accounts/guards.py": "a header",
    "accounts/passwords.py": "never a password",
    "builder/type_check.py": "told to who writes a type",
    "connectors/form_check.py": "told to who writes a type",
    "contacts/imports/api.py": "of the API",
    "contacts/imports/columns.py": "words by which columns are recognised",
    "contacts/imports/optout_words.py": "words by which columns are recognised",
    "devices/contact_token.py": "a part of what is signed",
    "engine/work_status.py": "what PostgreSQL says",
    "finder/places.py": "words by which places are looked for",
    "lib/code_runner/pool.py": "names in the log",
    "liquid/templates.py": "what python-liquid says",
    "liquid/wording.py": "what python-liquid says",
    "messaging/channels/email/smtp_exchange.py": "what the connection says",
    "messaging/channels/opt_words.py": "words that people write",
    "messaging/channels/presentation.py": "told to who writes a type",
    "messaging/channels/push/google_tokens.py": "a name of OAuth",
    "messaging/channels/registry.py": "told to who writes a type",
    "messaging/channels/whatsapp/meta.py": "the name of the service",
    "subscriptions/permission_filter.py": "SQL",
    "values/zone_choices.py": "words by which zones are looked for",
    "values/zone_names.py": "words by which zones are looked for",
    "test_runs/performing.py": "a name in the log",
}


def called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def phrases(source: str) -> Iterator[str]:
    """Bare English of at least `FEWEST` words."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if len(WORD.findall(text)) >= FEWEST and not (SQL.search(text) or HTML.search(text)) and _bare(node, parents):
            yield text


def _bare(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    if isinstance(
        parents.get(node), ast.Expr | ast.JoinedStr
    ):  # a docstring, or a part of what is looked at as a whole
        return False
    while (node := parents.get(node)) is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(node, ast.Call) and called(node) in MARKED | PROGRAMMERS:
            return False
        if isinstance(node, ast.Compare):  # what a library says, looked at and not shown
            return False
        if isinstance(node, ast.keyword) and node.arg in ("description", "summary"):
            return False
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "people":
            return False  # of an AppError, which `./dev texts` reads
    return True


def modules() -> Iterator[Path]:
    for name in PEOPLE:
        place = ROOT / "app" / name
        assert place.exists(), name
        found = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        yield from (path for path in found if "repository" not in path.name)  # SQL, and what is stored and read back


def test_phrases_are_marked() -> None:
    found = {
        name: texts
        for path in modules()
        if (name := str(path.relative_to(ROOT / "app"))) not in EXCEPTIONS
        and (texts := list(phrases(path.read_text())))
    }
    assert not found


def test_exceptions_are_needed() -> None:
    assert all(list(phrases((ROOT / "app" / name).read_text())) for name in EXCEPTIONS)


def test_months_have_their_name_in_the_readers_language() -> None:
    """`%B` is English for everybody: a day in a sentence is written by `translation.long_day`, or by a filter of `lib/formats.py`."""
    of_a_language = {"flow/phrases.py", "lib/translation.py", "liquid/dates.py", "liquid/filters.py"}
    written = {
        str(path.relative_to(ROOT / "app")) for path in (ROOT / "app").rglob("*.py") if MONTH.search(path.read_text())
    }
    assert written == of_a_language


def test_what_is_refused() -> None:
    assert list(phrases('def f(n):\n    return f"for each of {n} contacts"')) == ["for each of {} contacts"]
    assert list(phrases('WORDS = {"in": "is in the workflow"}')) == ["is in the workflow"]
    assert not list(phrases('"""What it is for."""\nx = gettext("is in the workflow %(name)s", name="a b")'))
    assert not list(phrases('x = "select a from b where c"\ny = "contact-name one_two"'))


def test_styles_hold_no_words() -> None:
    """What they put before or after an element is shown in one language: words come by `attr(data-…)`."""
    written = re.compile(r"""content:\s*(?:[^;"']*\s)?["'][^"']*[A-Za-z]{2}""")
    assert written.search('li::after { content: "Write a note"; }') and not written.search(
        ".sf::before { content: '›'; }"
    )
    for path in (*(ROOT / "app/static").glob("*.css"), *(ROOT / "frontend-nodes").rglob("*.css")):
        assert not (word := written.search(path.read_text())), f"{path}: {word[0]}"
