"""How a step or trigger type looks: the folder of that name in `frontend-nodes/`, read once.

A folder holds `icon.svg`, `card.html`, `form.html`, `help.md`, `example.json`, `face.json` (place in the palette, search words,
names of ports, what a new step starts with) and perhaps `form.js`. Nothing lists the folders: a type has the face that is there.
"""

from __future__ import annotations

import functools
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from msgspec.structs import asdict

from app.flow import registry, trigger_registry
from app.flow.node_type import ERROR_PORT, NEXT_PORT, Port
from app.flow.trigger_type import CATEGORY

FOLDER = Path(__file__).resolve().parents[2] / "frontend-nodes"
GROUPS = {
    "message": "Messages",
    "timing": "Timing",
    "logic": "Logic",
    "data": "Data",
    "integration": "Integrations",
    "exit": "End",
}


@dataclass(frozen=True)
class Face:
    """What the builder knows of one type. `key` is unique over steps and triggers; `folder` is below `frontend-nodes`."""

    type: str
    key: str
    folder: str
    label: str
    category: str
    description: str
    ports: tuple[Port, ...]
    icon: Markup
    help: Markup
    start: dict[str, Any]
    words: str
    order: int
    scripted: bool
    retryable: bool = False
    installed: bool = True

    def for_canvas(self) -> dict[str, Any]:
        """What the canvas modules need."""
        return {
            "label": self.label,
            "category": self.category,
            "ports": [asdict(port) for port in self.ports],
            "start": self.start,
            "hidden": [asdict(ERROR_PORT)] if self.ports and self.category != CATEGORY else [],
        }


def _read(
    key: str,
    folder: str,
    name: str,
    label: str,
    category: str,
    description: str,
    ports: tuple[Port, ...],
    retryable: bool = False,
) -> Face:
    place = FOLDER / folder
    about = json.loads((place / "face.json").read_text())
    icon = (place / "icon.svg").read_text().partition("<svg")[2].partition(">")[2].rpartition("</svg>")[0]
    return Face(
        type=name,
        key=key,
        folder=folder,
        label=label,
        category=category,
        description=description,
        ports=ports,
        retryable=retryable,
        icon=Markup(icon),  # noqa: S704 - our own file
        help=markdown((place / "help.md").read_text()),
        start=about.get("start", {}),
        words=" ".join([label, name, *about.get("words", [])]).lower(),
        order=about.get("order", 100),
        scripted=(place / "form.js").exists(),
    )


@functools.cache
def steps() -> dict[str, Face]:
    """The faces of all installed step types, in the order of the palette."""
    found = [
        _read(name, name, name, kind.label, kind.category, kind.description, kind.outputs, kind.retryable)
        for name, kind in registry.types().items()
    ]
    groups = list(GROUPS)
    found.sort(key=lambda face: (groups.index(face.category), face.order, face.label))
    return {face.type: face for face in found}


@functools.cache
def triggers() -> dict[str, Face]:
    """The faces of all trigger types."""
    found = [
        _read(f"trigger-{name}", f"triggers/{name}", name, kind.label, CATEGORY, kind.description, (NEXT_PORT,))
        for name, kind in trigger_registry.types().items()
    ]
    found.sort(key=lambda face: face.order)
    return {face.type: face for face in found}


def step(type_: str) -> Face:
    """The face of a step type; a type that is not installed (any more) gets one that says so."""
    known = steps().get(type_)
    if known is not None:
        return known
    return Face(
        type=type_,
        key="unknown",
        folder="_shared/unknown",
        label="Unknown step",
        category="exit",
        description="This type is not installed here. The step is kept as it is; it can be moved or removed.",
        ports=(NEXT_PORT,),
        icon=Markup(""),
        help=Markup(""),
        start={},
        words="",
        order=999,
        scripted=False,
        installed=False,
    )


def groups() -> list[tuple[str, list[Face]]]:
    """The palette: names of categories with their types, empty ones left out."""
    found = [(title, [face for face in steps().values() if face.category == key]) for key, title in GROUPS.items()]
    return [(title, faces) for title, faces in found if faces]


# ---- help.md: headings, lists, paragraphs, **bold**, *italic*, `code`; all else is text


def _inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    return re.sub(r"(?<!\*)\*([^*]+)\*(?!\*)", r"<em>\1</em>", text)


def markdown(source: str) -> Markup:
    """The small part of Markdown that help texts use, as HTML."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", source.strip()):
        text: list[str] = []
        items: list[str] = []
        for line in block.splitlines():
            if line.startswith("## "):
                out.append(f"<h3>{_inline(line[3:])}</h3>")
            elif line.startswith("- "):
                items.append(f"<li>{_inline(line[2:])}</li>")
            else:
                text.append(line)
        if text:
            out.append(f"<p>{_inline(' '.join(text))}</p>")
        if items:
            out.append(f"<ul>{''.join(items)}</ul>")
    return Markup("".join(out))  # noqa: S704 - escaped above
