"""Types of installed packages: modules that a package of Python names as entry points, in the group of their kind.

    [project.entry-points."throughline.nodes"]
    assign_owner = "throughline_assign_owner.assign_owner"

The groups are `throughline.nodes`, `throughline.triggers` and `throughline.channels`. The name of an entry point is that of its type. How
the types look lies in `frontend/` of the package, as in a plugin directory (`discovery`). Whoever installs a package gives it all rights
of the product; a module of one that cannot be loaded is left out with a sentence that names the package.
"""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

GROUP = "throughline."
KINDS = ("nodes", "triggers", "channels")
FRONTEND = "frontend"


@functools.cache
def of_kind(kind: str) -> tuple[EntryPoint, ...]:
    """The entry points of all installed packages for one of `KINDS`, in an order that does not depend on the disk."""
    return tuple(sorted(entry_points(group=f"{GROUP}{kind}"), key=lambda entry: (entry.name, entry.value)))


def load(kind: str) -> dict[str, str]:
    """Import the modules of one kind. Name of an entry point → why it could not be loaded, for those that could not."""
    failures: dict[str, str] = {}
    for entry in of_kind(kind):
        try:
            entry.load()
        except Exception as error:  # whatever is wrong in it, the other types go on
            why = str(error).rstrip(".") or type(error).__name__
            failures[entry.name] = f"{entry.value} of the package {package_of(entry)} could not be loaded: {why}."
    return failures


def package_of(entry: EntryPoint) -> str:
    """`throughline-assign-owner 1.0`: the distribution that an entry point is of, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "without a name"


@functools.cache
def frontend_folders() -> tuple[Path, ...]:
    """The folders `frontend/` of these packages, which are not imported for it."""
    tops = dict.fromkeys(entry.module.partition(".")[0] for kind in KINDS for entry in of_kind(kind))
    folders = [Path(place) / FRONTEND for top in tops for place in _places(top)]
    return tuple(folder for folder in folders if folder.is_dir())


def _places(package: str) -> list[str]:
    spec = find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


def forget() -> None:
    """Look again at the next question, after packages came or went."""
    of_kind.cache_clear()
    frontend_folders.cache_clear()
