"""`./dev new node|trigger|channel NAME`: the files of a new type, complete enough to be installed, and a failing test to begin with.

The files stand in `new_types/<kind>/` as they will lie in the repository. A folder of that name is all that another kind needs.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).resolve().parent / "new_types"
PLUGIN_PLACES = {
    "app/nodes/": "nodes/",
    "app/triggers/types/": "triggers/",
    "app/messaging/channels/": "channels/",
    "frontend-nodes/": "frontend/",
}
"""Where the files of a type lie in a plugin directory."""

FIRST_NUMBER, NUMBERS = 1_000, 30_000
"""Numbers of new channels: one that follows from the name, so that two people hardly choose the same."""


class CannotBeNamed(ValueError):
    """No type can be called so; the message says how."""


def kinds() -> list[str]:
    """What can be made."""
    return sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir())


def files(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Path below the repository and text of each file of a new type. Raises CannotBeNamed."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise CannotBeNamed(
            f"{name!r} is no name of a type. Use small letters, digits and single underscores, as in wait_until."
        )
    words = {
        "NAME": name,
        "CLASS": "".join(part.capitalize() for part in name.split("_")),
        "LABEL": name.replace("_", " ").capitalize(),
        "NUMBER": str(FIRST_NUMBER + zlib.crc32(name.encode()) % NUMBERS),
    }
    for path in sorted((TEMPLATES / kind).rglob("*.txt")):
        text = path.read_text()
        place = str(path.relative_to(TEMPLATES / kind)).removesuffix(".txt")
        for word, value in words.items():
            text, place = text.replace(word, value), place.replace(word, value)
        yield place, text


def write(kind: str, name: str, *, plugins: Path | None = None, root: Path = ROOT) -> list[Path]:
    """Write them, into a plugin directory when one is given. Raises CannotBeNamed, FileExistsError before anything is written."""
    written = [(_place(place, plugins, root), text) for place, text in files(kind, name)]
    for path, _ in written:
        if path.exists():
            raise FileExistsError(f"{path} is there already. Choose another name.")
    for path, text in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [path for path, _ in written]


def _place(place: str, plugins: Path | None, root: Path) -> Path:
    if plugins is None:
        return root / place
    for own, plugin in PLUGIN_PLACES.items():
        if place.startswith(own):
            return plugins / plugin / place.removeprefix(own)
    return plugins / place


def run(options: argparse.Namespace) -> int:
    """Answer the command: name what was written, and what to do next."""
    if options.kind not in kinds():
        print(f"There is no kind {options.kind!r} to make. Use {' or '.join(kinds())}.", file=sys.stderr)
        return 1
    try:
        paths = write(options.kind, options.name, plugins=Path(options.plugins) if options.plugins else None)
    except (CannotBeNamed, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    test = next(path for path in paths if path.name.startswith("test_"))
    print(f"\nNext: say in {test.name} what it does, see it fail, and make it true. docs/extending.md tells the rest.")
    return 0
