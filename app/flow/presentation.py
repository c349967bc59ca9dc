"""How a step or trigger type looks: the folder of that name in `frontend-nodes/` or in `frontend/` of the plugin directory, read once.

A folder holds the files of `FILES`, perhaps `form.js`, `tools.html` and `presets/<name>.json`. Nothing lists the folders. A type whose
folder is not complete is not installed: the palette does not offer it, its cards say so, and `refusals` has a sentence that names what is
missing. The others are not touched by it, and the engine, which needs no folder, goes on.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup
from msgspec.structs import asdict

from app.flow import discovery, registry, trigger_registry
from app.flow.node_type import ERROR_PORT, NEXT_PORT, NodeType, Port
from app.flow.performers import LONGEST_S
from app.flow.trigger_type import CATEGORY, TriggerType
from app.lib import translation
from app.lib.translation import gettext, translatable

FILES = {
    "icon.svg": 'outline on 24 x 24, `stroke="currentColor"`, no colours of its own',
    "card.html": '`{% extends "_shared/card.html" %}` with the block `summary`, the line below the title; `title` and `kind` if needed'
    ". `renamed`: the name hides what the title says, so that the line below says it",
    "form.html": "the form: macros of `components/` (`ui.field`, …) and of `_shared/`; names of controls are names of config fields",
    "help.md": "what it does and what to know",
    "example.json": "a complete, valid config: tests and documentation use it",
    "node.json": "`order` in the palette, `keywords` to find it by, `defaults` (the config of a new step)",
}
"""Every file of a folder, and what it is."""
GROUPS = {
    "message": translatable("Messages"),
    "timing": translatable("Timing"),
    "logic": translatable("Logic"),
    "data": translatable("Data"),
    "integration": translatable("Integrations"),
    "exit": translatable("End"),
}


class IncompleteType(Exception):
    """A type lacks something that every type has. The message names the file."""


def _says_at_least(value: Any, wanted: Any) -> bool:
    """Is a value of a config the wanted one? The forms write out what a preset leaves to the defaults."""
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(value.get(name) == part for name, part in wanted.items())
    return bool(value == wanted)


@dataclass(frozen=True)
class ConfigPreset:
    """A config to begin with, for one sender or service: `data` takes the place of the fields that it names. `text`: what to do there."""

    id: str
    label: str
    text: Markup
    data: dict[str, Any]
    known_by: tuple[str, ...]
    """Names of the fields by which a config is known to have begun with it; the others are changed by whoever fills the form in."""

    def fits(self, data: dict[str, Any]) -> bool:
        """Did this config begin with it?"""
        return all(_says_at_least(data.get(name), self.data[name]) for name in self.known_by)


@dataclass(frozen=True)
class Presentation:
    """What the builder knows of one type. `key` is unique over steps and triggers; `folder` is its name for Jinja."""

    type: str
    key: str
    folder: str
    english_label: str
    category: str
    english_description: str
    ports: tuple[Port, ...]
    icon: Markup = field(default_factory=Markup)
    help_texts: Mapping[str, Markup] = field(default_factory=dict)
    """Its help, by language: `help.md` is English, `help.de.md` German."""
    defaults: Any = None
    keywords: str = ""
    order: int = 999
    script: Path | None = None
    """Its `form.js`, if it brings one."""
    retryable: bool = False
    timed: bool = False
    longest_timeout_s: int = LONGEST_S
    takes_edges: bool = True
    """May an edge lead to its steps?"""
    installed: bool = True
    refusal: str = ""
    """Why it is not installed, for who can mend it; empty when nothing of it is there."""
    presets: tuple[ConfigPreset, ...] = ()
    english_offers: tuple[dict[str, Any], ...] = ()
    """Of a trigger type: what an empty canvas offers to begin with. `title`, `text`, `icon`; `data` to begin at once with, else `field`
    is to be filled in first."""

    preset_word: str = ""
    """What its presets are of: `Sender`, `Service`."""

    @property
    def label(self) -> str:
        """What people call the type, in the reader's language."""
        return gettext(self.english_label)

    @property
    def description(self) -> str:
        """What it does, in one sentence."""
        return gettext(self.english_description)

    @property
    def help(self) -> Markup:
        """What it does and what to know; in English where nobody translated it."""
        texts = self.help_texts
        return texts.get(translation.language()) or texts.get(translation.ENGLISH) or Markup()

    @property
    def offers(self) -> tuple[dict[str, Any], ...]:
        """`english_offers` in the reader's language."""
        return tuple(
            {**one, "title": gettext(one["title"]), "text": gettext(one["text"])} for one in self.english_offers
        )

    def preset_of(self, data: dict[str, Any]) -> ConfigPreset | None:
        """The preset that a config was begun with; None when it fits none."""
        return next((preset for preset in self.presets if preset.fits(data)), None)

    def preset_data(self) -> dict[str, Any]:
        """What each preset says, by its id."""
        return {preset.id: preset.data for preset in self.presets}

    def for_canvas(self) -> dict[str, Any]:
        """What the canvas modules need."""
        return {
            "label": self.label,
            "category": self.category,
            "ports": [asdict(_translated(port)) for port in self.ports],
            "hidden": [asdict(_translated(ERROR_PORT))] if self.ports and self.category != CATEGORY else [],
            "defaults": self.defaults,
            "takesEdges": self.takes_edges,
        }


def _translated(port: Port) -> Port:
    return Port(port.id, gettext(port.label) if port.label else "", port.tone)


def _text(place: Path, name: str) -> str:
    try:
        return (place / name).read_text()
    except FileNotFoundError:
        raise IncompleteType(f"{shown(place)}/{name} is missing.") from None
    except (OSError, UnicodeError) as error:
        raise IncompleteType(f"{shown(place)}/{name} cannot be read: {error}.") from None


def shown(place: Path) -> str:
    """`frontend-nodes/delay`, `frontend/triggers/poll`: the folder as its author knows it."""
    root = next(
        (root for root in discovery.frontend_folders(discovery.plugin_folder()) if place.is_relative_to(root)), place
    )
    return str(place.relative_to(root.parent))


def folder_on_disk(folder: str) -> Path:
    """The folder on disk; the path in the product's own folder when it does not exist."""
    roots = discovery.frontend_folders(discovery.plugin_folder())
    return next((root / folder for root in roots if (root / folder).is_dir()), roots[-1] / folder)


def _object(place: Path, name: str) -> dict[str, Any]:
    try:
        value = json.loads(_text(place, name))
    except ValueError as error:
        raise IncompleteType(f"{shown(place)}/{name} is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise IncompleteType(f"{shown(place)}/{name} must be an object.")
    return value


def _read(key: str, folder: str, kind: type[NodeType] | type[TriggerType], **of_kind: Any) -> Presentation:
    place = folder_on_disk(folder)
    texts = {name: _text(place, name) for name in FILES}
    about = _object(place, "node.json")
    _object(place, "example.json")
    icon = texts["icon.svg"].partition("<svg")[2].partition(">")[2].rpartition("</svg>")[0]
    if not icon.strip():
        raise IncompleteType(f"{shown(place)}/icon.svg shows nothing.")
    script = place / "form.js"
    return Presentation(
        type=kind.type,
        key=key,
        folder=folder,
        english_label=kind.label,
        english_description=kind.description,
        icon=Markup(icon),  # noqa: S704 - a file of the product or of the operator
        help_texts=_help_texts(place),
        defaults=about.get("defaults", {}),
        keywords=" ".join([kind.label, kind.type, *about.get("keywords", [])]).lower(),
        order=about.get("order", 100),
        script=script if script.exists() else None,
        **of_kind,
        presets=_presets(place),
        preset_word=about.get("presets", translatable("Begin with")),
        english_offers=tuple(about.get("offers", ())),
    )


def _help_texts(place: Path) -> dict[str, Markup]:
    """The help of a type in each language that there is."""
    texts = {translation.ENGLISH: markdown(_text(place, "help.md"))}
    for path in place.glob("help.*.md"):
        texts[path.name.split(".")[1]] = markdown(_text(place, path.name))
    return texts


def _presets(place: Path) -> tuple[ConfigPreset, ...]:
    """One for each file of `presets/`: `label`, `order`, `text` (lines of Markdown, one for each step) and `data`."""
    files = {path.stem: _object(place, f"presets/{path.name}") for path in sorted((place / "presets").glob("*.json"))}
    by_order = sorted(files.items(), key=lambda item: item[1].get("order", 100))
    return tuple(_preset(name, about) for name, about in by_order)


def _preset(name: str, about: dict[str, Any]) -> ConfigPreset:
    steps = markdown("\n".join(f"1. {line}" for line in about["text"]))
    return ConfigPreset(name, about["label"], steps, about["data"], tuple(about["knownBy"]))


_refused: dict[str, str] = {}
"""Folder → why its type is not installed, as far as it was found out."""


def _complete(folder: str, key: str, kind: type[NodeType] | type[TriggerType], **of_kind: Any) -> Presentation | None:
    """How a type looks; None, with the reason kept, when it is not complete."""
    try:
        return _read(key, folder, kind, **of_kind)
    except IncompleteType as error:
        _refused[folder] = str(error)
        return None


@functools.cache
def _all_steps() -> dict[str, Presentation]:
    looks = [
        _complete(
            name,
            name,
            kind,
            category=kind.category,
            ports=kind.outputs,
            retryable=kind.retryable,
            timed=registry.is_timed(kind) and "timeout" not in kind.Config.__struct_encode_fields__,
            longest_timeout_s=registry.longest_timeout_s(kind),
            takes_edges=not registry.may_handle(kind),
        )
        for name, kind in registry.types().items()
    ]
    groups = list(GROUPS)
    complete = sorted(filter(None, looks), key=lambda one: (groups.index(one.category), one.order, one.english_label))
    return {one.type: one for one in complete}


@functools.cache
def _all_triggers() -> dict[str, Presentation]:
    looks = [
        _complete(f"triggers/{name}", f"trigger-{name}", kind, category=CATEGORY, ports=(NEXT_PORT,))
        for name, kind in trigger_registry.types().items()
    ]
    return {one.type: one for one in sorted(filter(None, looks), key=lambda one: one.order)}


def steps() -> dict[str, Presentation]:
    """All installed step types, in the order of the palette."""
    return {name: one for name, one in _all_steps().items() if one.folder not in _refused}


def triggers() -> dict[str, Presentation]:
    """All installed trigger types."""
    return {name: one for name, one in _all_triggers().items() if one.folder not in _refused}


def refuse(folder: str, reason: str) -> None:
    """Take a type off the list, because its templates do not work: only who renders them can find that out."""
    _refused[folder] = reason


def refusals() -> dict[str, str]:
    """Types that could not be installed: name of a type, its folder or its module → a sentence that says what to mend."""
    _all_steps(), _all_triggers()
    return {**registry.failures(), **trigger_registry.failures(), **_refused}


def forget() -> None:
    """Read everything again at the next look, after types came or went."""
    _refused.clear()
    _all_steps.cache_clear()
    _all_triggers.cache_clear()


def trigger(type_: str) -> Presentation:
    """The presentation of a trigger type; a placeholder for one that is not installed (any more)."""
    return triggers().get(type_) or _unknown(
        type_, translatable("Unknown trigger"), CATEGORY, trigger_registry.UnknownTrigger.description
    )


def step(type_: str) -> Presentation:
    """The presentation of a step type; a placeholder for one that is not installed (any more)."""
    installed = steps().get(type_)
    if installed is not None:
        return installed
    description = translatable(
        "This type is not installed here. The step is kept as it is; it can be moved or removed."
    )
    return _unknown(type_, translatable("Unknown step"), "exit", description)


def _unknown(type_: str, label: str, category: str, description: str) -> Presentation:
    return Presentation(
        type=type_,
        key="unknown",
        folder="_shared/unknown",
        english_label=label,
        category=category,
        english_description=description,
        ports=(NEXT_PORT,),
        installed=False,
        refusal=refusals().get(type_, ""),
    )


def groups() -> list[tuple[str, list[Presentation]]]:
    """The palette: names of categories with their types, empty ones left out."""
    titled = [(title, [one for one in steps().values() if one.category == key]) for key, title in GROUPS.items()]
    return [(gettext(title), types) for title, types in titled if types]


_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def markdown(source: str) -> Markup:
    """A help text as HTML. HTML in it stays text; its headings stand below those of the page, from h3 on."""
    tokens = _MARKDOWN.parse(source)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(html)  # noqa: S704 - rendered with HTML switched off
