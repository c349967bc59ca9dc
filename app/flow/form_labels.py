"""What a field of the settings of a step or trigger is called: the label that its form shows, in the reader's language.

Labels are read once for each type from its `form.html` and the shared parts that this takes in: a call of a macro that has the name of a
field and a text, as `ui.field("subject", _("Subject"))`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import jinja2
from jinja2 import nodes

from app.flow import discovery, node_words
from app.flow.presentation import folder_on_disk
from app.lib.translation import gettext, translatable

COMMON = {
    "alternatives": translatable("Ways"),
    "conditions": translatable("Conditions"),
    "everySeconds": translatable("Ask every, s"),
    "followRedirects": translatable("Follow redirects"),
    "goOn": translatable("The contact continues"),
    "idempotent": translatable("Safe to repeat"),
    "match": translatable("Match"),
    "platforms": translatable("Platforms"),
    "scope": translatable("Steps"),
    "timezone": translatable("Time zone"),
    "weekdays": translatable("Weekdays"),
    "who": translatable("Who may answer"),
    "zone": translatable("Time zone"),
}
"""Fields whose controls have no label of their own."""
_FORMS = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


def labels_of(type_: str) -> dict[str, str]:
    """The labels of the fields of a step's type by their names; of one that no form names, what its type says."""
    return _translated({**node_words.field_titles(type_), **_labels(type_)})


def labels_of_trigger(type_: str) -> dict[str, str]:
    """The same of a type of trigger."""
    return _translated(_labels(f"triggers/{type_}"))


def _translated(labels: dict[str, str]) -> dict[str, str]:
    return {name: gettext(label) for name, label in {**labels, **COMMON}.items()}


def label_of(name: str, labels: dict[str, str]) -> str:
    """The label of a field; without one its name in words: `maxVisits` is *Max visits*."""
    return labels.get(name) or "".join(f" {one.lower()}" if one.isupper() else one for one in name).strip().capitalize()


@functools.cache
def _labels(folder: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, label in _in_form(folder_on_disk(folder) / "form.html", {}):
        labels.setdefault(name.partition(".")[0], label)
    return labels


def _in_form(form: Path, read: dict[Path, bool]) -> Iterator[tuple[str, str]]:
    """Names and labels, those of the form itself before those of its shared parts."""
    if read.setdefault(form, False) or not form.is_file():
        return
    read[form] = True
    tree = _FORMS.parse(form.read_text(encoding="utf-8"))
    for call in tree.find_all(nodes.Call):
        name, *others = [*call.args, None]
        label = next((text for one in others if (text := _marked(one))), "")
        if isinstance(name, nodes.Const) and isinstance(name.value, str) and label:
            yield name.value, label
    for part in tree.find_all(nodes.FromImport):
        if isinstance(part.template, nodes.Const):
            for folder in discovery.frontend_folders(discovery.plugin_folder()):
                yield from _in_form(folder / str(part.template.value), read)


def _marked(argument: nodes.Node | None) -> str:
    """The text of `_("…")`, of a plain text that begins with a capital; empty for anything else."""
    if isinstance(argument, nodes.Call) and isinstance(argument.node, nodes.Name) and argument.node.name == "_":
        argument = argument.args[0]
    text = argument.value if isinstance(argument, nodes.Const) else ""
    return text if isinstance(text, str) and text[:1].isupper() else ""
