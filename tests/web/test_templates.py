"""The frame and the components: pages and blocks see `ui`, text is escaped, errors are designed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.accounts.principal import Principal
from app.errors import Forbidden, Invalid, NotFound
from app.lib import clock
from app.models.status import Channel, MessageStatus, Role, RunStatus, StepStatus, WorkflowStatus
from app.web.fragments import COMPONENTS, Components, FragmentEngine

ROOT = Path(__file__).resolve().parents[2]
SPRITE = ROOT / "app" / "static" / "vendor" / "lucide-1.62.0" / "sprite.svg"


@pytest.fixture(scope="module")
def engine() -> FragmentEngine:
    made = FragmentEngine(directory=[ROOT / "app" / "templates"])
    made.engine.globals["csrf_token"] = lambda: "token"
    return made


def context(**more: Any) -> dict[str, Any]:
    principal = Principal(kind="user", id=uuid4(), tenant_id=1, role=Role.VIEWER, name="A <b>", workspace="W")
    return {"principal": principal, "path": "/workflows", "theme": "dark", "now": clock.now(), "csrf_input": "", **more}


def snippet(engine: FragmentEngine, source: str, **more: Any) -> str:
    values = context(**more)
    values["ui"] = Components(engine.engine, engine.components, values)
    return engine.engine.from_string(source).render(values)


def test_the_frame_marks_the_place_escapes_names_and_keeps_the_theme(engine: FragmentEngine) -> None:
    html = engine.get_template("base.html").render(**context())
    assert re.search(r'href="/workflows"[^>]*aria-current="page"', html)
    assert 'data-theme="dark"' in html
    assert "A &lt;b&gt;" in html and "A <b>" not in html
    assert "<script>" not in html and " onclick" not in html


def test_an_error_page_stands_alone_without_a_user(engine: FragmentEngine) -> None:
    html = engine.get_template("errors/error.html").render(**context(principal=None, error=NotFound()))
    assert "<h1" in html and "Page not found" in html and "rail" not in html


def test_an_error_is_also_a_block(engine: FragmentEngine) -> None:
    error = Invalid(errors=[{"path": "nodes[2]", "message": "Use <days>."}])
    html = engine.get_template("errors/error.html#panel").render(**context(error=error))
    assert "<html" not in html and "Use &lt;days&gt;." in html
    assert "<h2" in engine.get_template("errors/error.html#panel").render(**context(error=Forbidden()))


def test_every_status_has_a_look_of_its_own(engine: FragmentEngine) -> None:
    words = [status.word for kind in (RunStatus, StepStatus, MessageStatus) for status in kind]
    for word in [*words, *WorkflowStatus]:
        html = snippet(engine, "{{ ui.pill(word) }}", word=word)
        assert '#i-circle"' not in html, f"{word} is not in the list of ui.pill"
    assert Channel.EMAIL.word == "email"


def test_a_field_ties_its_error_to_the_control(engine: FragmentEngine) -> None:
    html = snippet(engine, '{{ ui.field("email", "Email", "<x>", error="Wrong.", attrs={"required": true}) }}')
    assert 'aria-invalid="true"' in html and 'aria-describedby="f-email-error"' in html
    assert 'id="f-email-error"' in html and 'value="&lt;x&gt;"' in html and "required" in html


def test_a_json_tree_escapes_its_keys_and_values(engine: FragmentEngine) -> None:
    html = snippet(engine, '{{ ui.json(value, "Input") }}', value={"<k>": ["<v>", 2, None, True]})
    assert "&lt;k&gt;" in html and "&lt;v&gt;" in html and "<k>" not in html and "<v>" not in html
    assert "[ 4 ]" in html and "null" in html and "true" in html


def test_every_component_has_a_name_of_its_own_and_says_what_it_is_for() -> None:
    seen: dict[str, str] = {}
    for file in COMPONENTS:
        text = (ROOT / "app" / "templates" / "components" / f"{file}.html").read_text()
        for name, parameters in re.findall(r"{%- macro (\w+)\(([^\n]*)\) -%}", text):
            assert name not in seen, f"{name} is in {seen[name]} and in {file}"
            seen[name] = file
            words = ", ".join(re.findall(r"(?:^|, )(\w+)", re.sub(r'"[^"]*"', '""', parameters)))
            assert f"{{#- {name}({words}): " in text, (
                f"{file}: write {{#- {name}({words}): what it is for -#}} above it"
            )
    assert seen["field"] == "forms"


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    known = set(re.findall(r'id="i-([a-z0-9-]+)"', SPRITE.read_text()))
    used: set[str] = set()
    for path in (ROOT / "app" / "templates").rglob("*.html"):
        text = path.read_text()
        used |= set(re.findall(r'ui\.icon\("([a-z0-9-]+)"', text)) | set(re.findall(r'#i-([a-z0-9-]+)"', text))
    assert used <= known, f"Add to ICONS in tools/vendor: {sorted(used - known)}"
    files = (
        file for top in ("app", "frontend-nodes") for file in (ROOT / top).rglob("*.*") if "vendor" not in file.parts
    )
    text = " ".join(file.read_text() for file in files if file.suffix in (".html", ".js", ".json", ".py"))
    idle = known - set(re.findall(r"(?<![a-z0-9-])[a-z][a-z0-9-]*", text.replace("#i-", " ")))
    assert not idle, f"Every builder's first visit loads them: take from ICONS in tools/vendor {sorted(idle)}"


def test_plurals_of_templates_escape_what_they_show(engine: FragmentEngine) -> None:
    source = (
        """{{ ngettext("%(number)s run of %(name)s", "%(number)s runs of %(name)s", n, number=n|number, name=name) }}"""
    )
    assert snippet(engine, source, n=1, name="A <b>") == "1 run of A &lt;b&gt;"
    assert snippet(engine, source, n=2000, name="50%") == "2,000 runs of 50%"
    block = "{% trans n=n %}{{ n }} run{% pluralize %}{{ n }} runs{% endtrans %}"
    assert snippet(engine, block, n=2) == "2 runs"


def test_texts_of_scripts_stand_in_pages_of_other_languages_only(engine: FragmentEngine) -> None:
    assert 'id="script-texts"' not in engine.get_template("base.html").render(**context())
    html = engine.get_template("base.html").render(**context(script_texts={"Undo </script>": ["Zurück"]}))
    assert 'id="script-texts">{"Undo \\u003c/script\\u003e": ["Zur\\u00fcck"]}</script>' in html
