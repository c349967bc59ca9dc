"""Types are found by being there: modules of a package of the product, of the operator's plugin directory, and of installed packages.

    <THROUGHLINE_PLUGINS>/nodes/<type>.py            a step type, as in app/nodes
                          triggers/<type>.py         a trigger type, as in app/triggers/types
                          channels/<channel>/        a channel, as in app/messaging/channels: in `channel.py` or `__init__.py`
                          frontend/<type>/           how a step type looks, as in frontend-nodes; triggers in frontend/triggers/<type>/,
                                                     connectors in frontend/channels/<channel>/<connector type>/

Plugin modules run with all rights of the product. They are loaded once, at start, from a directory of the operator's machine, from packages
that were installed with the product's own (`plugin_packages`), and from nowhere else. A module that cannot be loaded is left out with a
sentence that says why; it never stops the others.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from app.flow import plugin_packages
from app.lib.translation import gettext
from app.settings import settings

Kind = TypeVar("Kind", bound=type[Any])
PRODUCT_FRONTEND = Path(__file__).resolve().parents[2] / "frontend-nodes"
PLUGIN_FRONTEND = plugin_packages.FRONTEND
PLUGIN_MODULES = "throughline_plugins"
"""The package whose modules are those of plugins. No other process can import them by name."""
RENAMED = {"issues": "diagnostics"}
"""Members that types had under another name. One that still says it would be asked no more, so it is refused."""


def plugin_folder() -> Path | None:
    """The operator's plugin directory; None when none is set."""
    return settings().plugins


def frontend_folders(plugins: Path | None) -> list[Path]:
    """Where folders of types are looked for: those of the product, then of the plugin directory, then of installed packages. Also where
    Jinja finds their templates."""
    own = [plugins / PLUGIN_FRONTEND] if plugins else []
    return [PRODUCT_FRONTEND, *own, *plugin_packages.frontend_folders()]


def load_package(package: ModuleType) -> dict[str, str]:
    """Import every module of a package. Module name → why it could not be loaded, for those that could not."""
    failures: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{module.name}"
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever is wrong in it, the other types go on
            failures[module.name] = _reason(f"{name.replace('.', '/')}.py", error)
    return failures


def load_plugins(folder: Path, kind: str) -> dict[str, str]:
    """The same for the modules and packages of one `kind` (`nodes`, `triggers`, `channels`) in a plugin directory."""
    failures: dict[str, str] = {}
    for name, path in _plugin_modules(folder / kind):
        try:
            _load_file(f"{PLUGIN_MODULES}.{kind}.{name}", path)
        except Exception as error:
            failures[name.partition(".")[0]] = _reason(str(path.relative_to(folder)), error)
    return failures


def _plugin_modules(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.glob("*")):
        if path.suffix == ".py" and path.stem != "__init__":
            yield path.stem, path
        elif (path / "__init__.py").is_file():
            yield path.name, path / "__init__.py"
            if (main := path / f"{folder.name.removesuffix('s')}.py").is_file():  # as the product's packages have it
                yield f"{path.name}.{main.stem}", main


def _load_file(name: str, path: Path) -> None:
    inside = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # type hints of its structs are looked up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _reason(shown: str, error: Exception) -> str:
    return f"{shown} could not be loaded: {str(error).rstrip('.') or type(error).__name__}."


class TypesNotInstalled(RuntimeError):
    """A process asks for types before it said where they are."""

    def __init__(self, noun: str) -> None:
        super().__init__(
            gettext(
                "Nobody said where %(noun)ss are. Call app.installed_types.install() when the process starts.",
                noun=noun,
            )
        )


class TypeList(Generic[Kind]):
    """Types of one kind by name, found at the first look. `noun`: what people call one. `says`: members that each has to have."""

    def __init__(self, noun: str, plugins: str, says: Sequence[str]) -> None:
        self.by_name: dict[str, Kind] = {}
        self.failures: dict[str, str] = {}
        """Modules that could not be loaded, each with a sentence that says why."""
        self._noun, self._plugins, self._says = noun, plugins, says
        self._package: ModuleType | None = None
        self._complete = self._loading = False
        self._lock = threading.RLock()

    def look_in(self, package: ModuleType) -> None:
        """Say where the types of the product are: they stand above this module, which therefore cannot import them itself."""
        self._package = package

    @property
    def is_placed(self) -> bool:
        """Did this process say where the types are, so that they can be looked at?"""
        return self._package is not None

    def check(self, kind: Kind) -> None:
        """Raises ValueError when its name is taken, something is missing that every type says, or a member has an old name."""
        if getattr(kind, "type", None) in self.by_name:
            raise ValueError(f"Two {self._noun}s are called {kind.type!r}.")
        if missing := [name for name in self._says if not hasattr(kind, name)]:
            raise ValueError(f"The {self._noun} {kind.__name__} does not say its {', '.join(missing)}.")
        for old in (old for old in RENAMED if hasattr(kind, old)):
            raise ValueError(
                f"Rename {old} to {RENAMED[old]} in {kind.__module__}: the {self._noun} {kind.__name__} still has it."
            )

    def discover(self) -> None:
        """Load all modules of the product and all plugins, once. Raises TypesNotInstalled.

        Whoever asks meanwhile in another thread waits: an engine that saw half of the types took the others for not installed, and
        what would have started by them was lost. A module may ask for the others while it is loaded.
        """
        if self._complete:
            return
        if self._package is None:
            raise TypesNotInstalled(self._noun)
        with self._lock:
            if self._complete or self._loading:
                return
            self._loading = True
            try:
                self.failures.update(load_package(self._package))
                if folder := plugin_folder():
                    self.failures.update(load_plugins(folder, self._plugins))
                self.failures.update(plugin_packages.load(self._plugins))
                self._complete = True
            finally:
                self._loading = False
