"""`./dev texts`: which texts it reads, and what it says of catalogues."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from app.lib import translation
from tools.dev import texts


def messages(places: object) -> list[texts.Message]:
    return [place.message for place in places]  # type: ignore[attr-defined]


def test_what_is_read() -> None:
    python = """gettext("A %(b)s", b=1); ngettext("%(number)s c", "%(number)s d", n); translatable("E")
formats.counted(n, "fly", "flies"); _(name)"""
    assert messages(texts.in_python(python, "x.py")) == [
        "A %(b)s", ("%(number)s c", "%(number)s d"), "E", ("%(number)s fly", "%(number)s flies"),
    ]  # fmt: skip
    template = '{{ _("A") }}{% trans n=3 %}One {{ n }}{% endtrans %}{{ n|counted("run") }}{{ ui.button(_("B")) }}'
    assert set(messages(texts.in_template(template, "x.html"))) == {
        "A",
        "One %(n)s",
        ("%(number)s run", "%(number)s runs"),
        "B",
    }
    script = "show(gettext('Gone')); ngettext('%(number)s card', '%(number)s cards', n); text('not marked')"
    assert messages(texts.in_javascript(script, "x.js")) == ["Gone", ("%(number)s card", "%(number)s cards")]
    inside = "html = `<b>${gettext('Later')}</b> ${one ? `${gettext('Now')}` : ''}`"
    assert "Later" in messages(texts.in_javascript(inside, "x.js"))


def test_texts_of_scripts_are_listed_by_their_singular() -> None:
    wanted = Catalog()
    wanted.add(("%(number)s card", "%(number)s cards"), locations=[("app/static/x.js", 0)])
    wanted.add("Undo", locations=[("app/x.py", 0), ("app/static/canvas/x.js", 0)])
    wanted.add("Save", locations=[("app/x.py", 0)])
    assert json.loads(texts.scripts(wanted)) == ["%(number)s card", "Undo"]


@pytest.mark.parametrize(
    ("message", "string", "fault"),
    [
        ("A %(b)s", "Ein %(b)s", ""),
        ("A %(b)s", "Ein %(c)s", "placeholders"),
        ("A %(b)s", "Eins", "placeholders"),
        ("A", "", "Not translated"),
        (("%(number)s run", "%(number)s runs"), ("ein Lauf", "%(number)s Läufe"), ""),
        (("%(number)s run", "%(number)s runs"), ("ein Lauf", ""), "Not translated"),
        ("A", " Ein", "spaces"),
        (" and ", " und ", ""),
        (" and ", "und ", "spaces"),
        (("%(number)s run", "%(number)s runs"), ("ein Lauf", "%(number)s Läufe "), "spaces"),
        (("%(number)s of %(all)s", "%(number)s of %(all)s"), ("%(number)s", "%(number)s"), "placeholders"),
    ],
)
def test_faults(message: texts.Message, string: texts.Message, fault: str) -> None:
    wanted, catalogue = Catalog(), Catalog()
    wanted.add(message)
    catalogue.add(message, string)
    said = texts.faults(catalogue, wanted)
    assert fault in said[0] if fault else not said
    assert "no file any more" in texts.faults(catalogue, Catalog())[0]


def test_a_catalogue_is_written_as_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "LOCALES", tmp_path)
    folder = tmp_path / "de"
    folder.mkdir()
    (folder / "old.po").write_text("", encoding="utf-8")
    catalogue = Catalog(locale="de")
    catalogue.add("One", "Eins", locations=[("app/runs/pages.py", 0)])
    catalogue.add("Both", "Beide", locations=[("app/runs/pages.py", 0), ("app/templates/contacts/list.html", 0)])
    catalogue.add(
        ("%(number)s run", "%(number)s runs"),
        ("%(number)s Lauf", "%(number)s Läufe"),
        locations=[("app/templates/runs/list.html", 0)],
    )
    texts.write(catalogue, "de")
    assert sorted(path.name for path in folder.iterdir()) == ["common.po", "runs.po"]
    before = {path.name: path.read_text() for path in folder.iterdir()}
    again = translation.catalogue("de")
    assert again["One"].string == "Eins" and again["%(number)s run"].string == ("%(number)s Lauf", "%(number)s Läufe")
    again.update(catalogue)
    texts.write(again, "de")
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
