"""One file of many, made when it is first asked for: the modules of a page, its style sheets. Nothing built is stored.

A module becomes a function of its own in the bundle. What a page does not need at once is a bundle of its own, which the first one asks for
when it is first used (`import('./context-menu.js')`, `static/canvas/later.js`) and whose modules take what both need from the first. What
lies outside the folder of the entry (`session.js`, `live.js`) is shared with other scripts of the page and stays a module that is imported.
"""

from __future__ import annotations

import importlib
import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BUNDLES: dict[str, tuple[str, ...]] = {
    "shared.bundle.css": ("tokens.css", "app.css", "palette-frame.css", "small-screens.css"),
    "pages.bundle.css": ("pages.css", "values.css", "pages-narrow.css", "settings.css", "forced-colors.css"),
    "builder.bundle.css": (
        "canvas.css",
        "canvas-cards.css",
        "canvas-panel.css",
        "people.css",
        "conditions.css",
        "canvas-narrow.css",
    ),
    "canvas/flow-canvas.bundle.js": ("canvas/flow-canvas.js",),
    "canvas/forms.bundle.js": ("canvas/panel-form.js",),
    "canvas/chips.bundle.js": ("canvas/chip-texts.js",),
    "canvas/verbs.bundle.js": (
        "canvas/context-menu.js",
        "canvas/copies.js",
        "canvas/end-drag.js",
        "canvas/key-modes.js",
        "canvas/palette-menu.js",
        "canvas/quick-fixes.js",
        "canvas/tidy.js",
        "canvas/unsaved.js",
    ),
    "canvas/results.bundle.js": ("canvas/results.js",),
    "canvas/far-map.bundle.js": ("canvas/far-map.js",),
    "canvas/presence.bundle.js": ("canvas/presence.js", "canvas/present-data.js"),
}
"""By their path below `static/`, where they are served beside the files that they are of. A script names its entries alone: the first of a
folder is what the page loads, the others hold what is loaded when it is first used, one or more modules that `import()` names."""
Read = Callable[[str], str]
"""The text of a file by its path below `static/`. Raises KeyError."""
_IMPORT = re.compile(
    r"""^import\s+(?:\{(?P<names>[^}\n]*)\}\s+from\s+|\*\s+as\s+(?P<whole>\w+)\s+from\s+)?'(?P<path>\.\.?/[^'\n]+)';?[ \t]*$""",
    re.MULTILINE,
)
_LATER = re.compile(r"(?<=\blater\()\(\) => import\('(?P<path>\.\.?/[^'\n]+)'\)(?=\))")
"""As the argument of `later`: types in comments are written as `import()`, too."""
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|class|const)\b\s*\*?\s*(\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b(?!\().*$", re.MULTILINE)
_COMMENT_LINES = re.compile(r"^[ \t]*(?:/\*(?:[^*]|\*(?!/))*\*/[ \t]*|//[^\n]*)\n", re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*(?:\*/\s*|\Z)")


class NoBundle(ValueError):
    """Modules that cannot become one file: a circle, or a statement that is written otherwise than ours."""


def bundle_of(name: str, read: Read) -> str:
    """One of BUNDLES, as small as it can be made. Raises NoBundle, KeyError."""
    if name.endswith(".js"):
        folder = posixpath.dirname(name)
        kin = {one: BUNDLES[one] for one in BUNDLES if one.endswith(".js") and posixpath.dirname(one) == folder}
        return minified("text/javascript", script_bundles(kin, read)[name])
    return minified("text/css", style_bundle(BUNDLES[name], read))


@dataclass
class _Script:
    """A bundle in the making."""

    parts: list[str] = field(default_factory=list)
    """Its modules, each after all that it imports."""
    shared: dict[str, str] = field(default_factory=dict)
    """Modules outside the folder that it imports: path → name."""
    borrowed: dict[str, set[str]] = field(default_factory=dict)
    """Names of modules that stand in other bundles, by bundle."""
    lent: set[str] = field(default_factory=set)
    """Names that others import."""

    def text(self) -> str:
        """The module, which imports and exports what it shares."""
        heads = [f"import * as {name} from '{path}';\n" for path, name in self.shared.items()]
        heads += [
            f"import {{ {', '.join(sorted(names))} }} from './{name}';\n" for name, names in self.borrowed.items()
        ]
        tail = f"export {{ {', '.join(sorted(self.lent))} }};\n" if self.lent else ""
        return "".join((*heads, *self.parts, tail))


def script_bundles(bundles: dict[str, tuple[str, ...]], read: Read) -> dict[str, str]:
    """The bundles of one folder as modules: name → text. What several need stands in the first.
    Raises NoBundle, KeyError."""
    scripts = {name: _Script() for name in bundles}
    entries = {entry: name for name, entries in bundles.items() for entry in entries}
    home: dict[str, str] = {}

    def add(path: str, bundle: str, around: tuple[str, ...]) -> str:
        """The name of a module for one that stands in `bundle`, which finds it there from now on."""
        script = scripts[bundle]
        if path in around:
            raise NoBundle(f"{path} imports itself by way of {' → '.join(around)}.")
        if posixpath.dirname(path) != posixpath.dirname(bundle):
            return script.shared.setdefault(_relative(path, posixpath.dirname(bundle)), f"s{len(script.shared)}")
        name = _name(path)
        if path not in home:
            body = _body(path, read(path), lambda other: add(other, bundle, (*around, path)), later)
            home[path] = bundle
            script.parts.append(f"const {name} = (() => {{\n{body}\n}})();\n")
        elif home[path] != bundle:
            scripts[home[path]].lent.add(name)
            script.borrowed.setdefault(posixpath.basename(home[path]), set()).add(name)
        return name

    def later(path: str) -> str:
        """The expression that loads a module when it is first used."""
        if path not in entries:
            raise NoBundle(f"{path} is loaded when it is first used, but is the entry of no bundle.")
        return f"() => import('./{posixpath.basename(entries[path])}').then((all) => all.{_name(path)})"

    for entry, bundle in entries.items():
        name = add(entry, bundle, ())
        if home[entry] != bundle:
            raise NoBundle(f"{entry} is to be loaded when it is first used, but {home[entry]} needs it at once.")
        scripts[bundle].lent.add(name)
    return {name: script.text() for name, script in scripts.items()}


def _body(path: str, text: str, name_of: Callable[[str], str], later: Callable[[str], str]) -> str:
    """The statements of a module as those of a function that returns what it exports."""

    def absolute(relative: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), relative))

    def bound(statement: re.Match[str]) -> str:
        module = name_of(absolute(statement["path"]))
        if statement["names"] is not None:
            names = statement["names"].replace(" as ", ": ")
            return f"const {{{names}}} = {module};"
        return f"const {statement['whole']} = {module};" if statement["whole"] else ""

    text = _IMPORT.sub(bound, text)
    exported = _EXPORT.findall(text)
    text = _EXPORT.sub("", text)
    if left := _LEFT.search(text):
        raise NoBundle(f"{path} says “{left[0][:80]}”, which is put into no bundle.")
    text = _LATER.sub(lambda call: later(absolute(call["path"])), text)
    return f"{text}\nreturn {{ {', '.join(exported)} }};"


def _relative(path: str, folder: str) -> str:
    relative = posixpath.relpath(path, folder or ".")
    return relative if relative.startswith(".") else f"./{relative}"


def _name(path: str) -> str:
    """What a module is called in its bundle: the same in every release, as a page may be open meanwhile."""
    return "$" + re.sub(r"\W", "_", posixpath.basename(path).removesuffix(".js"))


def style_bundle(paths: Sequence[str], read: Read) -> str:
    """Style sheets one after the other, as a page would load them. Raises KeyError."""
    return "\n".join(read(path) for path in paths)


def minified(kind: str, text: str) -> str:
    """A script or a style sheet without comments and white space, its local names shortened: 20 ms for the largest.

    Where there is no wheel of the minifier (ARM Macs, for who works on the product) comments go, and nothing else.
    """
    try:
        minify = importlib.import_module("minify")
    except ImportError:
        return (_COMMENT_LINES if kind == "text/javascript" else _CSS_COMMENT).sub("", text)
    return str(minify.string(kind, text))
