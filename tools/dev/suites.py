"""The suites of `./dev test`, each run as the tool's own process with its output passed through, and counted."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from app.local import environment
from tools.dev import browser

OLDEST_NODE = 18
TESTS_FAILED, NOTHING_SELECTED = 1, 5
"""Exit codes of pytest: it ran to its end and found failures; an expression selected no test."""


@dataclass(frozen=True)
class Result:
    """What one suite found."""

    name: str
    passed: int
    failed: int
    seconds: float
    note: str = ""

    def line(self) -> str:
        verdict = "ok" if not self.failed else f"{self.failed} FAILED"
        return f"  {self.name:<11} {self.passed:>5} passed  {self.seconds:7.1f} s  {verdict}{self.note}"


def _announce(name: str) -> float:
    print(f"\n── {name} ──", flush=True)
    return time.monotonic()


def _checks(name: str, commands: list[list[str]], values: dict[str, str] | None = None) -> Result:
    """Each command is one check: passed when it ends with 0."""
    began, failed = _announce(name), 0
    for command in commands:
        code = subprocess.run(
            [sys.executable, "-m", *command], cwd=environment.ROOT, env=environment.extended(values or {})
        ).returncode
        failed += code != 0
    return Result(name, len(commands) - failed, failed, time.monotonic() - began)


def style() -> Result:
    """ruff: rules and format."""
    return _checks("style", [["ruff", "check", "--quiet", "."], ["ruff", "format", "--check", "--quiet", "."]])


def types() -> Result:
    """mypy --strict on app/."""
    return _checks("types", [["mypy"]])


def migrations(values: dict[str, str]) -> Result:
    """Up, down, up again, and no difference between the tables and the models."""
    steps = [["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"], ["check"]]
    return _checks("migrations", [["alembic", *step] for step in steps], values)


def pytest(name: str, arguments: list[str], values: dict[str, str]) -> Result:
    """The Python tests; `values` lead to the servers they may use."""
    began = _announce(name)
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--junitxml={report}", *arguments],
            cwd=environment.ROOT,
            env=environment.extended(
                {
                    "THROUGHLINE_TEST_DATABASE_URL": values.get("DATABASE_URL", ""),
                    "THROUGHLINE_TEST_REDIS_URL": values.get("REDIS_URL", ""),
                    "E2E_CHROMIUM": values.get("E2E_CHROMIUM", ""),
                }
            ),
        ).returncode
        passed = failed = skipped = 0
        if report.exists():
            for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - written by pytest just now
                count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
                failed += count["failures"] + count["errors"]
                skipped += count["skipped"]
                passed += count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    if code not in (0, NOTHING_SELECTED) and not failed:
        failed = 1  # it broke before it could count
    note = f", {skipped} skipped" if skipped else ""
    if code not in (0, TESTS_FAILED, NOTHING_SELECTED):
        note += ", ended early"
    return Result(name, passed, failed, time.monotonic() - began, note)


def canvas(paths: list[str], expression: str | None) -> Result:
    """The canvas modules under `node --test`."""
    began = _announce("canvas")
    node = _node()
    if not node:
        print(
            f"The canvas tests need Node.js {OLDEST_NODE} or newer. Debian: apt install nodejs. macOS: brew install node."
        )
        return Result("canvas", 0, 1, time.monotonic() - began)
    wanted = paths or ["tests/canvas"]
    files = [
        str(file)
        for path in wanted
        for file in (sorted((environment.ROOT / path).rglob("*.test.js")) if not path.endswith(".js") else [path])
    ]
    pattern = ["--test-name-pattern", expression] if expression else []
    run = subprocess.Popen(
        [node, "--test", "--test-reporter=spec", *pattern, *files],
        cwd=environment.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    counts = {"pass": 0, "fail": 0}
    for line in run.stdout or ():
        if match := re.match(r"\S (pass|fail) (\d+)", line):
            counts[match[1]] = int(match[2])
        print(line, end="", flush=True)
    failed = counts["fail"] or (1 if run.wait() else 0)
    return Result("canvas", counts["pass"], failed, time.monotonic() - began)


def _node() -> str:
    """Node.js of the machine, else the one that Playwright brings."""
    brought = importlib.util.find_spec("playwright")
    places = [
        shutil.which("node") or "",
        *(f"{place}/driver/node" for place in (brought and brought.submodule_search_locations) or []),
    ]
    for node in filter(None, places):
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        major = re.match(r"v(\d+)", version)
        if major and int(major[1]) >= OLDEST_NODE:
            return node
    return ""


def stories(arguments: list[str]) -> Result:
    """The browser stories in a real Chromium, on a product that they start themselves."""
    began = time.monotonic()
    if not list((environment.ROOT / "e2e").glob("test_*.py")):
        return Result("browser", 0, 1, time.monotonic() - began, " (there are no stories)")
    try:
        path = browser.find_or_fetch(lambda text: print(text, flush=True))
    except browser.NoBrowser as error:
        print(error)
        return Result("browser", 0, 1, time.monotonic() - began)
    return pytest("browser", arguments, {"E2E_CHROMIUM": path})
