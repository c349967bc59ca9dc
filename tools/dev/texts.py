"""Texts of pages: reads those that code and templates mark, and keeps the catalogues of `app/locales` true to them.

`./dev texts` writes new texts into each catalogue, untranslated, takes out those that are gone, and lists the texts of scripts.
`./dev texts --check`, part of `./dev lint`, says what is missing and changes nothing.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript
from babel.messages.pofile import write_po
from jinja2 import nodes

from app.lib import translation

ROOT = Path(__file__).resolve().parents[2]
MARKS = {"gettext": 1, "_": 1, "translatable": 1, "ngettext": 2, "countable": 1}
"""Functions whose first arguments are texts, and how many of them."""
PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]")

Message = str | tuple[str, ...] | list[str]
"""A text, or its singular and plural."""


class Place(NamedTuple):
    """A text, and where it stands."""

    message: Message
    file: str
    line: int


def all_places() -> Iterator[Place]:
    """Every text of the product, in the order of files and lines."""
    for folder, pattern, read in (
        ("app", "*.py", in_python),
        ("app/templates", "*.html", in_template),
        ("frontend-nodes", "*.html", in_template),
        ("app/static", "*.js", in_javascript),
        ("frontend-nodes", "node.json", in_json),
        ("frontend-nodes", "presets/*.json", in_json),
    ):
        for path in sorted((ROOT / folder).rglob(pattern)):
            if "vendor" not in path.parts:
                yield from read(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    sources = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted((ROOT / "app").rglob("*.py"))
    }
    yield from of_errors(sources)


def of_errors(sources: Mapping[str, str]) -> Iterator[Place]:
    """What the kinds of `AppError` say: `people`, else their docstring, wherever they are defined. By file: its source."""
    classes = [
        (file, node)
        for file, source in sources.items()
        if "class " in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    ]
    family, grown = {"AppError"}, True
    while grown:
        kinds = {node.name for _, node in classes if any(_name(base) in family for base in node.bases)}
        grown, family = not kinds <= family, family | kinds
    for file, node in classes:
        if node.name in family:
            people = [
                _text(one.value)
                for one in node.body
                if isinstance(one, ast.Assign) and _name(one.targets[0]) == "people"
            ]
            if text := next(iter(people), "") or ast.get_docstring(node):
                yield Place(text, file, node.lineno)


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def in_python(source: str, file: str) -> Iterator[Place]:
    """Texts in calls of `gettext`, `ngettext` and `translatable`, and the nouns of `counted` and `countable`."""
    if not re.search(r"gettext|translatable|counted|countable", source):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (name := _name(node.func)) in MARKS | {"counted": 0}:
            texts = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
            yield from _places(name, texts, file, node.lineno)


def _name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def in_template(source: str, file: str) -> Iterator[Place]:
    """The same of a template, and its `{% trans %}`."""
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    tree = environment.parse(source)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in MARKS:
            yield from _places(call.node.name, [_constant(one) for one in call.args], file, call.lineno)
    for one in tree.find_all(nodes.Filter):
        if one.name == "counted":
            yield from _places("counted", [None, *(_constant(argument) for argument in one.args)], file, one.lineno)


def _constant(node: nodes.Node) -> object:
    return node.value if isinstance(node, nodes.Const) else None


def in_javascript(source: str, file: str) -> Iterator[Place]:
    """Texts in calls of `gettext` and `ngettext`."""
    keywords = {"gettext": None, "ngettext": (1, 2)}
    for line, name, texts, _ in extract_javascript(
        io.BytesIO(source.encode()), keywords, (), {"parse_template_string": True}
    ):
        yield from _places(str(name), [texts] if isinstance(texts, str) else [*texts], file, line)


def in_json(source: str, file: str) -> Iterator[Place]:
    """What `node.json` and the presets of a type say to people: offers, the word above the presets, their labels."""
    about = json.loads(source)
    texts = [about.get("label"), *(about[key] for key in ("presets",) if isinstance(about.get(key), str))]
    texts += [text for offer in about.get("offers", ()) for text in (offer["title"], offer["text"])]
    yield from (Place(text, file, 1) for text in texts if text)


def _places(name: str, arguments: Sequence[object], file: str, line: int) -> Iterator[Place]:
    if name in ("counted", "countable"):
        one, many = (*arguments[name == "counted" :][:2], "", "")[:2]
        if isinstance(one, str) and one:
            several = str(many or one + "s")
            yield Place((f"%(number)s {one}", f"%(number)s {several}"), file, line)
            yield from (Place(noun, file, line) for noun in (one, several) if name == "countable")
        return
    texts = arguments[: MARKS[name]]
    if isinstance(texts[0], str) and all(isinstance(text, str) for text in texts):
        yield Place(texts[0] if len(texts) == 1 else (str(texts[0]), str(texts[1])), file, line)


def template() -> Catalog:
    """All texts, without a translation."""
    catalogue = Catalog(charset="utf-8")
    for message, file, _ in all_places():
        catalogue.add(message, locations=[(file, 0)])
    return catalogue


def faults(catalogue: Catalog, wanted: Catalog) -> list[str]:
    """What keeps a catalogue from being a complete translation, one sentence each."""
    sentences = []
    for one in (one for one in wanted if one.id):
        entry = catalogue.get(_key(one.id))
        if entry is None or not _translated(entry.string):
            files = ", ".join(sorted({file for file, _ in one.locations}))
            sentences.append(f"Not translated: {one.id!r} ({files})")
        elif entry.fuzzy:
            sentences.append(f"Marked as fuzzy, so nobody sees it: {one.id!r}")
        elif _differ(one.id, entry.string):
            sentences.append(f"Other placeholders in the translation: {one.id!r}")
        elif _edges(one.id) != _edges(entry.string):
            sentences.append(f"Other spaces at the ends of the translation: {one.id!r}")
    unused = [one.id for one in catalogue if one.id and not wanted.get(_key(one.id))]
    return [*sentences, *(f"In no file any more: {message!r}" for message in unused)]


def _key(message: Message) -> str:
    return message if isinstance(message, str) else message[0]


def _translated(string: Message | None) -> bool:
    return bool(string) if isinstance(string, str | None) else all(string)


def _differ(message: Message, string: Message | None) -> bool:
    """Does a translation name something that the text does not have, or leave something out? A singular may leave out the number."""
    texts, strings = ([one] if isinstance(one, str) else list(one) for one in (message, string or ""))
    wanted, optional = _placeholders(*texts), {"number"} if len(texts) > 1 else set[str]()
    return any(_placeholders(text) - wanted or wanted - optional - _placeholders(text) for text in strings)


def _edges(message: Message | None) -> set[tuple[str, str]]:
    """The white space at the beginning and the end, by which a text meets the one before and behind it."""
    texts = [message or ""] if isinstance(message, str | None) else message
    return {(text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]) for text in texts}


def _placeholders(*texts: str) -> set[str]:
    return {name for text in texts for name in PLACEHOLDER.findall(text)}


def _home(files: Iterable[str]) -> str:
    """The file of a catalogue for a text that stands in these files of the product: that of their package, or that of several packages."""
    packages = set()
    for parts in (Path(file).parts for file in files):
        of_app = parts[2] if parts[1] == "templates" and len(parts) > 3 else parts[1] if len(parts) > 2 else "app"
        packages.add("nodes" if parts[0] == "frontend-nodes" else of_app)
    return packages.pop() if len(packages) == 1 else "common"


def write(catalogue: Catalog, language: str) -> None:
    """The catalogue as files, each sorted, without anything that changes by itself."""
    files: dict[str, Catalog] = {}
    for one in catalogue:
        if one.id:
            home = _home(file for file, _ in one.locations)
            files.setdefault(home, Catalog(locale=language, charset="utf-8"))[_key(one.id)] = one
    folder = translation.LOCALES / language
    for path in folder.glob("*.po"):
        if path.stem not in files:
            path.unlink()
    for name, part in files.items():
        (folder / f"{name}.po").write_text(_as_file(part), encoding="utf-8")


def _as_file(catalogue: Catalog) -> str:
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=140, no_location=True, sort_output=True, ignore_obsolete=True)
    return re.sub(rf'(?m)^(#.*|"({_CHANGING}).*)\n', "", buffer.getvalue().decode()).lstrip("\n")


_CHANGING = "Project-Id-Version|POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To"
"""Headers that have a date, or nothing in them."""


def scripts(wanted: Catalog) -> str:
    """The list of texts that scripts show, as it belongs on disk."""
    of_scripts = {_key(one.id) for one in wanted if one.id and any(file.endswith(".js") for file, _ in one.locations)}
    return json.dumps(sorted(of_scripts), ensure_ascii=False, indent=1) + "\n"


def run(arguments: argparse.Namespace) -> int:
    """The command. 1 when `--check` has something to say."""
    wanted, failed = template(), False
    listed = translation.LOCALES / "scripts.json"
    if not arguments.check:
        listed.write_text(scripts(wanted), encoding="utf-8")
    elif listed.read_text(encoding="utf-8") != scripts(wanted):
        failed = True
        print("Texts of scripts are not listed as they are: ./dev texts lists them.", file=sys.stderr)
    for language in sorted(translation.LANGUAGES.keys() - {translation.ENGLISH}):
        catalogue = translation.catalogue(language)
        if not arguments.check:
            catalogue.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
            write(catalogue, language)
        for fault in faults(catalogue, wanted):
            failed = True
            print(f"{language}: {fault}", file=sys.stderr)
    return int(failed and arguments.check)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    sys.exit(run(parser.parse_args()))
