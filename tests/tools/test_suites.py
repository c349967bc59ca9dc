"""What `./dev test` runs: paths go to the suite that knows them, failures are counted, nothing is skipped silently."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import pytest

from app.local import environment
from tests.fixtures import costly
from tools.dev import browser, testing
from tools.dev.side_by_side import Processes, Result, Suite
from tools.dev.suites import Suites


class NotedSuites(Suites):
    """Runs no pytest; keeps what it would have been asked."""

    asked: list[list[str]] = []

    def pytest(self, name: str, arguments: Sequence[str], out: TextIO, values: object = None) -> Result:
        self.asked.append(list(arguments))
        return Result(name, 1, 0, 0.0)


def suites() -> Suites:
    return Suites(Processes(), {})


def chosen(*paths: str, expression: str | None = None, fast: bool = False, of: Suites | None = None) -> list[Suite]:
    lanes = testing.lanes(testing.Selection(list(paths), expression, fast), of or suites())
    return [suite for lane in lanes for suite in lane]


@pytest.fixture
def out(tmp_path: Path) -> Iterator[TextIO]:
    with (tmp_path / "out").open("a+") as file:
        yield file


def test_paths_go_to_the_suite_that_knows_them() -> None:
    paths = ["tests/engine", "tests/canvas/graph.test.js", "e2e/test_start.py::test_x"]
    selection = testing.Selection(paths)
    assert selection.of(testing.is_canvas) == ["tests/canvas/graph.test.js"]
    assert selection.of(testing.is_browser) == ["e2e/test_start.py::test_x"]
    assert selection.of(testing.is_python) == ["tests/engine"]
    assert testing.Selection(["tests/engine"]).of(testing.is_browser) is None
    assert testing.Selection().of(testing.is_browser) == []
    assert testing.Selection().everything and not testing.Selection([], "word").everything


def test_everything_is_in_one_of_the_lanes() -> None:
    everything = {"style", "types", "migrations", "canvas", "python", "browser"}
    assert {suite.name for suite in chosen()} == everything
    assert {suite.name for suite in chosen(fast=True)} == everything - {"migrations", "browser"}
    assert [suite.name for suite in chosen("migrations")] == ["migrations"], "the tables and nothing else"
    assert [suite.name for suite in chosen("tests/engine", "e2e/test_start.py")] == ["python", "browser"]
    assert [suite.name for suite in chosen(expression="word")] == ["canvas", "python", "browser"]


def test_fast_leaves_out_what_is_slow() -> None:
    noted = NotedSuites(Processes(), {})
    noted.asked = []
    for fast in (True, False):
        (python,) = (suite for suite in chosen(fast=fast, of=noted) if suite.name == "python")
        python.run(io.StringIO())
    assert noted.asked[0][-4:] == ["-m", costly.FAST, "--hypothesis-profile", "quick"]
    assert noted.asked[0][:-4] == noted.asked[1]


def test_a_run_without_any_test_is_a_failure_unless_an_expression_chose_none(tmp_path: Path, out: TextIO) -> None:
    """As when every test process dies before its first test: nothing failed then, and nothing was tested."""
    (tmp_path / "test_one.py").write_text("def test_one(): pass")
    (tmp_path / "empty").mkdir()
    empty = suites().pytest("python", [str(tmp_path / "empty")], out)
    assert (empty.passed, empty.failed) == (0, 1) and "ended early" in empty.note
    chosen = suites().pytest("python", [str(tmp_path / "test_one.py"), "-k", "other"], out)
    assert (chosen.passed, chosen.failed, chosen.note) == (0, 0, "")


def test_the_fast_run_does_not_import_what_is_slow_as_a_whole(tmp_path: Path) -> None:
    for name in ("tests/journeys", "tests/engine", "tests/messaging"):
        (tmp_path / name).mkdir(parents=True)
    names = ("tests/journeys", "tests/engine", "tests/engine/test_workers.py", "tests/messaging/test_order.py")
    left_out = [name for name in names if costly.left_out(tmp_path / name, tmp_path)]
    assert left_out == ["tests/journeys", "tests/engine/test_workers.py"], "a file of which a test is fast stays"


def test_failures_are_counted(tmp_path: Path, out: TextIO) -> None:
    file = tmp_path / "test_two.py"
    file.write_text(
        "def test_good(): pass\ndef test_bad(): assert False\nimport pytest\n@pytest.mark.skip\ndef test_s(): pass\n"
    )
    arguments = [str(file), "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    result = suites().pytest("python", arguments, out)
    assert (result.passed, result.failed) == (1, 1)
    assert "1 skipped" in result.note
    assert result.processor > 0
    file.write_text("this is no python")
    assert suites().pytest("python", arguments, out).failed == 1


def test_what_fails_beside_the_others_is_tried_alone_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails only the first time, one that fails always, and one that is never tried twice."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    file = tmp_path / "test_three.py"
    file.write_text(
        "from pathlib import Path\n"
        "def tries(name):\n"
        "    note = Path(__file__).with_name(name)\n"
        "    with note.open('a') as out: out.write('x')\n"
        "    return len(note.read_text())\n"
        "def test_unsteady(): assert tries('unsteady') > 1\n"
        "def test_wrong(): assert tries('wrong') > 9\n"
        "def test_good(): assert tries('good') == 1\n"
    )
    processes = Processes()
    whole = Suites(processes, {})
    with (tmp_path / "out").open("a+") as out:
        first = whole.pytest("python", [file.name], out)
    assert (first.passed, first.failed) == (1, 2)
    result = testing._tried_alone(first, whole, processes)
    assert (result.passed, result.failed) == (2, 1)
    assert "passed only alone" in result.note and "test_unsteady" in result.note and "test_wrong" not in result.note
    assert result.failures == (next(one for one in first.failures if "test_wrong" in one),)


def test_many_failures_and_a_run_that_broke_off_are_not_tried_again() -> None:
    ids = tuple(f"tests/test_x.py::test_{number}" for number in range(testing.MOST_TRIED_ALONE + 1))
    for result in (
        Result("python", 1, len(ids), 1.0, failures=ids),
        Result("python", 0, 1, 1.0, note=", ended early"),
        Result("types", 0, 1, 1.0),
        Result("python", 3, 0, 1.0),
    ):
        assert testing._tried_alone(result, suites(), Processes()) is result


def test_failures_on_the_canvas_are_counted(tmp_path: Path, out: TextIO) -> None:
    file = tmp_path / "two.test.js"
    file.write_text("const t = require('node:test'); t('good', () => {}); t('bad', () => { throw new Error('x') });")
    result = suites().canvas([str(file)], None, out)
    assert (result.passed, result.failed) == (1, 1)


def test_no_browser_is_an_error_not_a_skip(monkeypatch: pytest.MonkeyPatch, out: TextIO) -> None:
    tried: list[str] = []
    monkeypatch.setattr(browser, "_existing", lambda: iter(["/nowhere/chromium"]))
    monkeypatch.setattr(browser, "_starts", lambda path: "")
    for name in ("_by_playwright", "_by_apt", "_by_npm"):
        monkeypatch.setattr(browser, name, lambda: None)
    with pytest.raises(browser.NoBrowser, match="E2E_CHROMIUM"):
        browser.find_or_fetch(tried.append)
    assert len(tried) == 3
    assert suites().stories([], out).failed == 1
    out.seek(0)
    assert "E2E_CHROMIUM" in out.read()


def test_what_fast_leaves_out_is_there() -> None:
    """A file that moved would come back into the fast run, or lose its place among the first."""
    root = Path(testing.__file__).resolve().parents[2]
    named = {name.partition("::")[0] for name in (*costly.SLOW, *costly.LONGEST, *costly.APART)}
    assert not [name for name in named if not (root / name).exists()]
