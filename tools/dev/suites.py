"""The suites of `./dev test`, each run as the tool's own process with its output kept together, and counted."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from app.local import environment
from tools.dev import browser
from tools.dev.side_by_side import Processes, Result

TEMPLATES = ["--quiet", "--rules", "tools/dev/template_rules.yaml", "app/templates", "frontend-nodes"]
"""What djlint reads: rules of our own beside those of pyproject.toml, and all pages, forms and cards."""
OLDEST_NODE = 18
TESTS_FAILED, NOTHING_SELECTED = 1, 5
"""Exit codes of pytest: it ran to its end and found failures; an expression selected no test."""


class Suites:
    """What can be run. `values` lead to the servers that tests may use; `colours`: the output ends on a terminal."""

    def __init__(self, processes: Processes, values: Mapping[str, str], *, colours: bool = False) -> None:
        self._processes, self._values, self._colours = processes, values, colours

    def style(self, out: TextIO) -> Result:
        """ruff: rules and format; djlint: pages; whether all texts are translated."""
        ruff = [["ruff", "check", "--quiet", "."], ["ruff", "format", "--check", "--quiet", "."]]
        return self._checks("style", [*ruff, ["djlint", *TEMPLATES], ["tools.dev.texts", "--check"]], out)

    def types(self, out: TextIO) -> Result:
        """mypy --strict on app/."""
        return self._checks("types", [["mypy"]], out)

    def migrations(self, out: TextIO) -> Result:
        """Up, down, up again, and no difference between the tables and the models."""
        steps = [["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"], ["check"]]
        return self._checks("migrations", [["alembic", *step] for step in steps], out)

    def _checks(self, name: str, commands: Sequence[Sequence[str]], out: TextIO) -> Result:
        """Each command is one check: passed when it ends with 0."""
        began, failed, processor = time.monotonic(), 0, 0.0
        for command in commands:
            code, computed = self._processes.run([sys.executable, "-m", *command], out, self._values)
            failed += code != 0
            processor += computed
        return Result(name, len(commands) - failed, failed, time.monotonic() - began, processor)

    def pytest(
        self, name: str, arguments: Sequence[str], out: TextIO, values: Mapping[str, str] | None = None
    ) -> Result:
        """Tests that pytest runs, on the servers of this run; `values` are further variables. None at all is right only where some
        were chosen by an expression: it also says so when every process of it dies."""
        began = time.monotonic()
        colours = ["--color=yes"] if self._colours else []
        with tempfile.TemporaryDirectory() as directory:
            report, cache = Path(directory) / "report.xml", Path(directory) / "cache"
            flags = ["-q", "--tb=short", f"--junitxml={report}", "-o", f"cache_dir={cache}", *colours]
            command = [sys.executable, "-m", "pytest", *flags, *arguments]
            servers = {
                "THROUGHLINE_TEST_DATABASE_URL": self._values.get("DATABASE_URL", ""),
                "THROUGHLINE_TEST_REDIS_URL": self._values.get("REDIS_URL", ""),
            }
            code, processor = self._processes.run(command, out, {**servers, **(values or {})})
            passed, failed, skipped = _counted(report) if report.exists() else (0, 0, 0)
            failures = _failed_ids(cache / "v" / "cache" / "lastfailed")
        nothing_chosen = code == NOTHING_SELECTED and "-k" in arguments
        if code != 0 and not nothing_chosen and not failed:
            failed = 1  # it broke before it could count
        note = f", {skipped} skipped" if skipped else ""
        if code not in (0, TESTS_FAILED) and not nothing_chosen:
            note += ", ended early"
        return Result(name, passed, failed, time.monotonic() - began, processor, note, failures)

    def canvas(self, paths: Sequence[str], expression: str | None, out: TextIO) -> Result:
        """The canvas modules under `node --test`."""
        began = time.monotonic()
        node = _node()
        if not node:
            print(
                f"The canvas tests need Node.js {OLDEST_NODE} or newer."
                " Debian: apt install nodejs. macOS: brew install node.",
                file=out,
                flush=True,
            )
            return Result("canvas", 0, 1, time.monotonic() - began)
        wanted = paths or ["tests/canvas"]
        files = [
            str(file)
            for path in wanted
            for file in (sorted((environment.ROOT / path).rglob("*.test.js")) if not path.endswith(".js") else [path])
        ]
        pattern = ["--test-name-pattern", expression] if expression else []
        place = out.seek(0, 2)
        code, processor = self._processes.run([node, "--test", "--test-reporter=spec", *pattern, *files], out, {})
        out.seek(place)
        counts = {word: int(number) for word, number in re.findall(r"(?m)^\S (pass|fail) (\d+)", out.read())}
        failed = counts.get("fail", 0) or (1 if code else 0)
        return Result("canvas", counts.get("pass", 0), failed, time.monotonic() - began, processor)

    def stories(self, arguments: Sequence[str], out: TextIO) -> Result:
        """The browser stories in a real Chromium, on products that they start themselves."""
        began = time.monotonic()
        if not list((environment.ROOT / "e2e").glob("test_*.py")):
            return Result("browser", 0, 1, time.monotonic() - began, note=" (there are no stories)")
        try:
            path = browser.find_or_fetch(lambda text: print(text, file=out, flush=True))
        except browser.NoBrowser as error:
            print(error, file=out, flush=True)
            return Result("browser", 0, 1, time.monotonic() - began)
        return self.pytest("browser", arguments, out, {"E2E_CHROMIUM": path})


def _counted(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a report that pytest wrote just now."""
    total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314
        for key in total:
            total[key] += int(suite.get(key, 0))
    failed = total["failures"] + total["errors"]
    return total["tests"] - failed - total["skipped"], failed, total["skipped"]


def _failed_ids(cached: Path) -> tuple[str, ...]:
    """What pytest noted of the tests that failed; nothing where none did or it keeps no cache."""
    return tuple(json.loads(cached.read_text())) if cached.exists() else ()


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
