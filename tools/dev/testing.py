"""The commands `./dev test`, `lint`, `format` and `bench`: every check on real servers of its own, one closing table."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from app.local import environment
from tools.dev import side_by_side, temporary_servers
from tools.dev.side_by_side import Processes, Result, Suite
from tools.dev.suites import Suites

LARGEST_SHARE = 4
"""Test processes at most; each has a database and an import of the app of its own."""
MOST_TRIED_ALONE = 5
"""So many failures may be the load of the suites on two processors (decision 0143); more are the change's."""
QUICK = ["-m", "not slow", "--hypothesis-profile", "quick"]


@dataclass
class Selection:
    """What to run. Without paths and expression: everything."""

    paths: list[str] = field(default_factory=list)
    expression: str | None = None
    fast: bool = False
    """Without the browser stories, the way down of the migrations, and the Python tests that take minutes."""

    @property
    def everything(self) -> bool:
        return not self.paths and not self.expression

    def of(self, belongs: Callable[[str], bool]) -> list[str] | None:
        """The paths of one suite: [] means all of it, None means none of it."""
        if not self.paths:
            return []
        return [path for path in self.paths if belongs(path)] or None


def is_canvas(path: str) -> bool:
    """Is this a test of the canvas modules, which node runs?"""
    return path.endswith(".js") or Path(path).parts[:2] == ("tests", "canvas")


def is_migration(path: str) -> bool:
    """Is this the way up and down of the tables?"""
    return Path(path).parts[:1] == ("migrations",)


def is_browser(path: str) -> bool:
    """Is this a browser story?"""
    return Path(path).parts[:1] == ("e2e",)


def is_python(path: str) -> bool:
    """Is this for pytest, without a browser?"""
    return not (is_canvas(path) or is_browser(path) or is_migration(path))


def run(options: argparse.Namespace) -> int:
    """All checks, or those that the paths and `-k` select. Exit code 1 when anything failed."""
    missing = [path for path in options.paths if not (environment.ROOT / path.partition("::")[0]).exists()]
    if missing:
        print(f"There is no {', '.join(missing)}.", file=sys.stderr)
        return 2
    began = time.monotonic()
    selection = Selection(options.paths, options.expression, options.fast)
    with temporary_servers.servers() as values:
        results = _run(selection, values)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\n{'':<11} {'':>5}        {'clock':>9}  {'processor':>9}")
    for result in results:
        print(_line(result))
    failed = sum(result.failed for result in results)
    print(f"\nIn {time.monotonic() - began:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of processors:")
    print(f"{sum(result.passed for result in results)} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def _run(selection: Selection, values: dict[str, str]) -> list[Result]:
    processes = Processes()
    suites = Suites(processes, values, colours=sys.stdout.isatty())
    results = side_by_side.run(lanes(selection, suites), processes, _show)
    return [_tried_alone(one, suites, processes) if selection.everything else one for one in results]


def _tried_alone(result: Result, suites: Suites, processes: Processes) -> Result:
    """A few tests that failed while all others ran, once more with the machine for themselves. Who passes then is named in the table."""
    if not 0 < result.failed == len(result.failures) <= MOST_TRIED_ALONE:
        return result
    run = suites.stories if result.name == "browser" else partial(suites.pytest, result.name)
    again = Suite(f"{result.name}, alone", lambda out: run(list(result.failures), out))
    (alone,) = side_by_side.run([[again]], processes, _show)
    unsteady = [one for one in result.failures if one not in alone.failures] if alone.passed else []
    return replace(
        result,
        passed=result.passed + alone.passed,
        failed=alone.failed,
        seconds=result.seconds + alone.seconds,
        processor=result.processor + alone.processor,
        note=result.note + "".join(f"\n{'':16}passed only alone: {one}" for one in unsteady),
        failures=alone.failures,
    )


def _show(text: str) -> None:
    print(text, end="", flush=True)


def _line(result: Result) -> str:
    verdict = "ok" if not result.failed else f"{result.failed} FAILED"
    times = f"{result.seconds:7.1f} s  {result.processor:7.1f} s"
    return f"  {result.name:<11} {result.passed:>5} passed  {times}  {verdict}{result.note}"


def lanes(selection: Selection, suites: Suites) -> list[list[Suite]]:
    """What was selected, in lanes that run side by side: short checks one after the other, and tests in Python before browser stories.

    Side by side those two were eight processes that wait for two processors, and tests failed by what was started late.
    """
    short: list[Suite] = []
    if selection.everything:
        short += [Suite("style", suites.style), Suite("types", suites.types)]
    if (selection.everything and not selection.fast) or (selection.paths and selection.of(is_migration)):
        short.append(Suite("migrations", suites.migrations))
    expression = ["-k", selection.expression] if selection.expression else []
    if (canvas := selection.of(is_canvas)) is not None:
        short.append(Suite("canvas", lambda out: suites.canvas(canvas, selection.expression, out)))
    tests: list[Suite] = []
    if (python := selection.of(is_python)) is not None:
        quick = QUICK if selection.fast else []
        arguments = [
            *(python or ["tests"]),
            *(_parallel("loadgroup", "--no-loadscope-reorder") if not python else []),
            *quick,
            *expression,
        ]
        tests.append(Suite("python", lambda out: suites.pytest("python", arguments, out)))
    if (browser := selection.of(is_browser)) is not None and not selection.fast:
        stories = [*(browser or ["e2e"]), *(_parallel("loadfile") if not browser else []), *expression]
        tests.append(Suite("browser", lambda out: suites.stories(stories, out)))
    return [lane for lane in (short, tests) if lane]


def _parallel(*distribution: str) -> list[str]:
    """A test process for each processor. `loadfile`: the stories of a file share what they begin with."""
    return ["-n", str(min(os.cpu_count() or 1, LARGEST_SHARE)), "--dist", *distribution]


def lint(_options: argparse.Namespace) -> int:
    """Style and types."""
    processes = Processes()
    suites = Suites(processes, {}, colours=sys.stdout.isatty())
    chosen = [Suite("style", suites.style), Suite("types", suites.types)]
    results = side_by_side.run([chosen], processes, _show)
    return 1 if any(result.failed for result in results) else 0


def reformat(_options: argparse.Namespace) -> int:
    """Let ruff mend what it can."""
    for arguments in (["check", "--fix", "."], ["format", "."]):
        code = subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=environment.ROOT).returncode
    return code


def bench(options: argparse.Namespace) -> int:
    """Run `bench/NAME.py` on a PostgreSQL and Valkey of its own, with durable settings."""
    name, *arguments = options.arguments or [""]
    folder = environment.ROOT / "bench"
    benchmarks = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if name not in benchmarks:
        print(f"Name a benchmark: {', '.join(benchmarks) or 'there is none yet'}.", file=sys.stderr)
        return 2
    with temporary_servers.servers(durable=True) as values:
        command = [sys.executable, "-m", f"bench.{name}", *arguments]
        return subprocess.run(command, cwd=environment.ROOT, env=environment.extended(values)).returncode


def chaos(options: argparse.Namespace) -> int:
    """Break a product that runs, in ways that have names, and check each time that nothing was lost or doubled."""
    flags = [*(["--list"] if options.list else []), *(["--long"] if options.long else [])]
    flags += ["--seed", str(options.seed)] if options.seed is not None else []
    command = [sys.executable, "-m", "tests.chaos", *options.names, *flags]
    return subprocess.run(command, cwd=environment.ROOT).returncode
