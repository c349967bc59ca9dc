"""A package that names types as entry points: built and installed as its readers would, used by a server, and taken away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.engine.advance import Engine
from app.flow import plugin_packages, presentation, registry
from app.lib import database
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.plugins import forget
from tests.fixtures.world import World, flow, node

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
EXAMPLE = ROOT / "examples" / "plugin"
BROKEN = """
[project]
name = "throughline-broken"
version = "0.1"
requires-python = ">=3.11"
[project.entry-points."throughline.nodes"]
broken = "throughline_broken.broken"
[project.entry-points."throughline.channels"]
pager = "throughline_broken.nowhere"
[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"
"""


def install(source: Path, place: Path) -> None:
    """Build a wheel of a package and install it, without a network, as `uv pip install` does."""
    wheels = place.with_name(f"{place.name}-wheels")
    subprocess.run([UV, "build", "-q", "--offline", "--wheel", "-o", wheels, source], check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    install = [
        UV,
        "pip",
        "install",
        "-q",
        "--offline",
        "--no-deps",
        "--python",
        sys.executable,
        "--target",
        place,
        wheel,
    ]
    subprocess.run(install, check=True, capture_output=True)


def command(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`./dev ARGUMENTS` of a product that has the packages of `place`."""
    environment = {**os.environ, "PYTHONPATH": str(place), "THROUGHLINE_LOCAL": "1"}
    run = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    source = shutil.copytree(EXAMPLE, folder / "source")  # nothing is written beside the example
    install(source, folder / "installed")
    return folder / "installed"


@contextmanager
def installed(place: Path) -> Iterator[None]:
    """What this process has when it is started with the packages of `place`; afterwards the types of before."""
    before = dict(registry.types())
    sys.path.insert(0, str(place))
    plugin_packages.forget()
    try:
        assert plugin_packages.load("nodes") == {}
        forget()
        yield
    finally:
        sys.path.remove(str(place))
        plugin_packages.forget()
        registry._types.clear()
        registry._types.update(before)
        for name in [name for name in sys.modules if name.startswith("throughline_assign_owner")]:
            del sys.modules[name]
        forget()


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    world = World(committed_database.url)
    yield world
    world.close()


def test_an_installed_package_is_listed_with_its_version(packages: Path) -> None:
    answer = command(packages, "plugins")
    assert answer.returncode == 0, answer.stderr
    assert " ".join(answer.stdout.split()) == "step assign_owner Assign owner (throughline-assign-owner 1.0.0)"


def test_without_one_nothing_is_listed(tmp_path: Path) -> None:
    answer = command(tmp_path, "plugins")
    assert (answer.returncode, "No plugin brought a type" in answer.stdout) == (0, True)


def test_a_module_that_cannot_be_loaded_is_refused_by_the_name_of_its_package(packages: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "src" / "throughline_broken").mkdir(parents=True)
    (source / "pyproject.toml").write_text(BROKEN)
    (source / "src" / "throughline_broken" / "__init__.py").touch()
    (source / "src" / "throughline_broken" / "broken.py").write_text("raise RuntimeError('no licence')")
    together = shutil.copytree(packages, tmp_path / "installed")
    install(source, together)
    answer = command(together, "plugins")
    assert answer.returncode == 1
    lines = [line for line in answer.stdout.splitlines() if line.startswith(("step", "Not installed"))]
    brought, first, second = lines
    assert brought.split()[1] == "assign_owner"  # the other package is not touched by it
    of = "of the package throughline-broken 0.1 could not be loaded"
    assert first == f"Not installed: throughline_broken.broken {of}: no licence."
    assert second == f"Not installed: throughline_broken.nowhere {of}: No module named 'throughline_broken.nowhere'."


def test_its_step_gives_each_contact_an_owner_who_stays(packages: Path, world: World) -> None:
    with installed(packages):
        shown = presentation.step("assign_owner")
        assert shown.installed and presentation.refusals() == {}
        people = world.contacts(40)
        workflow = world.workflow(document(["Robin", "Sam"]))
        world.emit("lead", people)
        assert world.runs(workflow) == {"completed": 40}
        first = owners(world)
        assert set(first.values()) == {"Robin", "Sam"} and len(first) == 40
        again = world.workflow(document(["Sam", "Robin", "Alex"]))
        world.emit("lead", people)
        assert world.runs(again) == {"completed": 40}
        assert owners(world) == first  # a larger team takes nobody away
        world.balanced()


def test_runs_wait_while_the_package_is_away_and_go_on_when_it_is_back(packages: Path, world: World) -> None:
    person = world.contacts(1)
    with installed(packages):
        workflow = world.workflow(document(["Robin"]))
    world.emit("lead", person)
    assert world.runs(workflow) == {"running": 1} and owners(world) == {}
    assert not presentation.step("assign_owner").installed
    with installed(packages):
        started_again(world)
        world.hurry()
        world.engine.advance()
        assert world.runs(workflow) == {"completed": 1}
        assert list(owners(world).values()) == ["Robin"]
        world.balanced()


def started_again(world: World) -> None:
    """The worker of the next process: it has compiled nothing yet."""
    world.engine.close()
    world.engine = Engine(database.connect("engine"))


def document(team: list[str]) -> dict[str, Any]:
    return flow("lead", [node("owner", "assign_owner", team=team)], ("trigger", "owner"))


def owners(world: World) -> dict[Any, str]:
    rows = world.db.execute("select id, attributes->>'owner' from contacts where attributes ? 'owner'").fetchall()
    return dict(rows)
