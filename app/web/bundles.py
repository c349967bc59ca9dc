"""One file of many, made when it is first asked for: the modules of a page, its style sheets. Nothing built is stored.

A module becomes a function of its own in the bundle, so names stay as they are written and need no parser. What lies outside the folder of
the entry (`session.js`, `live.js`) is shared with other scripts of the page and stays a module that the bundle imports.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

BUNDLES: dict[str, tuple[str, ...]] = {
    "pages.bundle.css": ("tokens.css", "app.css", "small-screens.css", "pages.css", "pages-narrow.css", "settings.css"),
    "builder.bundle.css": (
        "canvas.css",
        "canvas-cards.css",
        "canvas-panel.css",
        "conditions.css",
        "code-editor.css",
        "canvas-narrow.css",
    ),
    "canvas/flow-canvas.bundle.js": ("canvas/flow-canvas.js",),
}
"""By their path below `static/`, where they are served beside the files that they are of. A script names its entry alone."""
Read = Callable[[str], str]
"""The text of a file by its path below `static/`. Raises KeyError."""
_IMPORT = re.compile(
    r"""^import\s+(?:\{(?P<names>[^}\n]*)\}\s+from\s+|\*\s+as\s+(?P<whole>\w+)\s+from\s+)?'(?P<path>\.\.?/[^'\n]+)';?[ \t]*$""",
    re.MULTILINE,
)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|class|const)\b\s*\*?\s*(\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b(?!\().*$", re.MULTILINE)
_COMMENT_LINES = re.compile(r"^[ \t]*(?:/\*(?:[^*]|\*(?!/))*\*/[ \t]*|//[^\n]*)\n", re.MULTILINE)
"""Whole lines only: a minifier without a parser (rjsmin) takes white space out of templates inside of templates, which people read."""
_CSS_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*(?:\*/\s*|\Z)")


class NoBundle(ValueError):
    """Modules that cannot become one file: a circle, or a statement that is written otherwise than ours."""


def bundle_of(sources: Sequence[str], read: Read) -> str:
    """One of BUNDLES."""
    return module_bundle(sources[0], read) if sources[0].endswith(".js") else style_bundle(sources, read)


def module_bundle(entry: str, read: Read) -> str:
    """The module `entry` and those of its folder that it needs, as one module without comments. Raises NoBundle, KeyError."""
    folder = posixpath.dirname(entry)
    parts: list[str] = []
    shared: dict[str, str] = {}
    names: dict[str, str] = {}

    def add(path: str, around: tuple[str, ...]) -> str:
        """The name of a module in the bundle, which stands there from now on, after all that it imports."""
        if path in around:
            raise NoBundle(f"{path} imports itself by way of {' → '.join(around)}.")
        if posixpath.dirname(path) != folder:
            return shared.setdefault(path, f"s{len(shared)}")
        if path not in names:
            body = _body(path, read(path), lambda other: add(other, (*around, path)))
            names[path] = f"m{len(names)}"
            parts.append(f"const {names[path]} = (() => {{\n{body}\n}})();\n")
        return names[path]

    add(entry, ())
    heads = [f"import * as {name} from '{_relative(path, folder)}';\n" for path, name in shared.items()]
    return _COMMENT_LINES.sub("", "".join((*heads, *parts)))


def _body(path: str, text: str, name_of: Callable[[str], str]) -> str:
    """The statements of a module as those of a function that returns what it exports."""

    def bound(statement: re.Match[str]) -> str:
        module = name_of(posixpath.normpath(posixpath.join(posixpath.dirname(path), statement["path"])))
        if statement["names"] is not None:
            names = statement["names"].replace(" as ", ": ")
            return f"const {{{names}}} = {module};"
        return f"const {statement['whole']} = {module};" if statement["whole"] else ""

    text = _IMPORT.sub(bound, text)
    exported = _EXPORT.findall(text)
    text = _EXPORT.sub("", text)
    if left := _LEFT.search(text):
        raise NoBundle(f"{path} says “{left[0][:80]}”, which is put into no bundle.")
    return f"{text}\nreturn {{ {', '.join(exported)} }};"


def _relative(path: str, folder: str) -> str:
    relative = posixpath.relpath(path, folder or ".")
    return relative if relative.startswith(".") else f"./{relative}"


def style_bundle(paths: Sequence[str], read: Read) -> str:
    """Style sheets one after the other, as a page would load them, without comments. Raises KeyError."""
    return "\n".join(_CSS_COMMENT.sub("", read(path)) for path in paths)
