"""What code gets and gives back: values, lines, errors with their place, what is looked at before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.lib.code_runner import pool
from app.lib.code_runner.limits import WrittenLine
from app.lib.code_runner.pool import CodePool, Language
from app.lib.jail import filters
from tests.code_runner.test_attacks import processes
from tests.fixtures.code import run_code

DATA = {
    "input": {"n": 3, "text": 'zoé "x" \u2028'},
    "contact": {"email": "ada@example.com"},
    "steps": {"a": {"b": 1}},
    "vars": {"v": [1]},
}
ALL = {
    "javascript": "return [input.n, input.text, contact.email, steps.a.b, vars.v[0]]",
    "python": "return [input['n'], input['text'], contact['email'], steps['a']['b'], vars['v'][0]]",
}
BOTH: list[Language] = ["javascript", "python"]


@pytest.mark.parametrize("language", BOTH)
def test_it_gets_all_data_and_returns_json(language: Language) -> None:
    answer = run_code(language, ALL[language], DATA)
    assert json.loads(answer.value) == [3, DATA["input"]["text"], "ada@example.com", 1, 1]
    assert run_code(language, "return null" if language == "javascript" else "return None").value == "null"
    assert run_code(language, "1 + 1").value == "null"


def test_lines_have_levels() -> None:
    code = 'console.log("a", {b: 1}); console.warn("w"); console.error(new TypeError("t")); console.debug(undefined); return 1'
    expected = [
        WrittenLine("info", 'a {"b":1}'),
        WrittenLine("warn", "w"),
        WrittenLine("error", "TypeError: t"),
        WrittenLine("debug", "undefined"),
    ]
    assert run_code("javascript", code).lines == expected
    assert run_code("python", "print('a', {'b': 1})\nprint('c')\nreturn 1").lines == [
        WrittenLine("info", "a {'b': 1}"),
        WrittenLine("info", "c"),
    ]


@pytest.mark.parametrize(
    ("language", "code", "error", "line"),
    [
        ("javascript", "const a = {};\nfoo();\nreturn a.b.c;", "ReferenceError: foo is not defined", 2),
        ("javascript", "\n\nthrow new Error('no')", "Error: no", 3),
        ("javascript", "const a = 1;\n\nconst b = ;", "SyntaxError", 3),
        ("javascript", "return 1n", "TypeError", None),
        ("javascript", "return Promise.resolve(1)", "promise", None),
        ("javascript", "throw 'no'", "no", None),
        ("python", "a = {}\nreturn a['b']", "KeyError: b", 2),
        ("python", "a = (\nreturn 1", "found a keyword", 2),
        ("python", "\nyield 1", "does not know yield expressions", 2),
        ("python", "import requests", "No module named 'requests'", 1),
        ("python", "return open('/etc/passwd').read()", "PermissionError", 1),
        ("python", "return {1, 2}", "no JSON", None),
        ("python", "return float('nan')", "no JSON", None),
    ],
)
def test_errors_say_where(language: Language, code: str, error: str, line: int | None) -> None:
    answer = run_code(language, code)
    assert error in answer.error
    assert answer.line == line or (line is None and language == "javascript")


def test_texts_of_several_lines_stay_as_they_are() -> None:
    code = "a = '''one\n  two\nthree'''\nif a:\n    b = f'''x\n{a}\n  y'''\nreturn [a, b]"
    a = "one\n  two\nthree"
    assert json.loads(run_code("python", code).value) == [a, f"x\n{a}\n  y"]


def test_what_is_written_before_code_ends_is_kept() -> None:
    for language, code in (
        ("javascript", "console.log('before'); for(;;);"),
        ("python", "print('before')\nwhile True: pass"),
    ):
        answer = run_code(language, code, seconds=0.2)  # type: ignore[arg-type]
        assert answer.kind == "time" and answer.lines == [WrittenLine("info", "before")]
    assert run_code("javascript", "console.log('before'); null.x").lines == [WrittenLine("info", "before")]


@pytest.mark.parametrize(
    ("language", "code", "kind", "line"),
    [
        ("javascript", "while (true) {}", "", None),
        ("javascript", "return 1;\nlet x = ;", "syntax", 2),
        ("python", "while True: pass", "", None),
        ("python", "x = 'a' + 1\nreturn x", "types", 1),
        ("python", "foo()\nreturn 1", "types", 1),
        ("python", "return input['x'].y + contact.z", "", None),
        ("python", "class A(object):\n    pass", "syntax", 1),
        ("python", "# nothing yet", "", None),
    ],
)
def test_code_is_looked_at_without_running(language: Language, code: str, kind: str, line: int | None) -> None:
    answer = run_code(language, code, look=True)
    assert (answer.kind, answer.line) == (kind, line), answer


def test_a_call_of_javascript_crosses_into_its_engine_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of what a warm call costs are these crossings: 38 of them were 6 ms of processor."""
    from app.lib.code_runner import javascript

    crossings, called = list[str](), javascript.engine._Instance.c

    def counted(instance: object, name: str, *arguments: object) -> object:
        crossings.append(name)
        return called(instance, name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(javascript.engine._Instance, "c", counted)
    answer = javascript.call("return input.n + 1", DATA, 5.0)
    assert answer.value == "4" and crossings.count("eval_code") == 1 and len(crossings) <= 26


@pytest.mark.parametrize("language", BOTH)
def test_nothing_stays_from_one_call_to_the_next(language: Language) -> None:
    if language == "javascript":
        run_code(language, "globalThis.leak = 1; Object.prototype.leak = 2; JSON.parse = null; return 1")
        assert (
            run_code(language, "return [typeof leak, typeof ({}).leak, typeof JSON.parse]").value
            == '["undefined","undefined","function"]'
        )
    else:
        run_code(language, "import json\njson.leak = 1\nglobals_ = 1\nreturn 1")
        assert "AttributeError" in run_code(language, "import json\nreturn json.leak").error


@pytest.mark.parametrize("language", BOTH)
def test_a_child_that_is_killed_costs_one_call(language: Language) -> None:
    run_code(language, "return 1")
    for pid in processes(language):
        os.kill(pid, signal.SIGKILL)
    while any(child.alive for child in pool._pools[language]()._children.values()):
        time.sleep(0.01)
    assert [run_code(language, "return 2").value for _ in range(3)] == ["2"] * 3


@pytest.mark.parametrize("language", BOTH)
def test_children_end_with_the_process_that_began_them(language: Language) -> None:
    code = (
        "import asyncio, os, time\nfrom app.lib.code_runner import pool\n"
        "async def main():\n"
        f"    await pool.run({language!r}, 'return 1', {{}}, share=1, seconds=1, alone=True)\n"
        f"    asyncio.ensure_future(pool.run({language!r}, {LOOPS[language]!r}, {{}}, share=1, seconds=10, alone=True))\n"
        "    await asyncio.sleep(0.3)\n"
        f"    own = [one.process.pid for one in pool._pools[{language!r}]()._children.values()]\n"
        "    print(*own, flush=True)\n    time.sleep(60)\nasyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    own = [int(pid) for pid in process.stdout.readline().split()]
    started = own + [one for pid in own for one in _below(pid)]
    assert len(started) > len(own)
    process.kill()
    process.wait()
    until = time.monotonic() + 30
    while (alive := [pid for pid in started if _runs(pid)]) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive


LOOPS = {"javascript": "for(;;);", "python": "while True: pass"}


def _below(pid: int) -> list[int]:
    children = [
        int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()
    ]
    return children + [one for child in children for one in _below(child)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("language", BOTH)
def test_the_filter_alone_lets_code_run(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a kernel that refuses namespaces."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "no_namespaces"))
    alone = CodePool(language, processes=1)
    try:
        assert alone.look().result(60)["isolation"] == "filter"
        assert alone.submit(ALL[language], DATA, share=1, seconds=2, alone=True).result(60)["error"] == ""
        assert alone.submit(ALL[language], DATA, share=1, seconds=2, alone=False).result(60)["isolation"] == "none"
    finally:
        alone.close()


@pytest.mark.parametrize("language", BOTH)
def test_workspaces_take_turns(language: Language) -> None:
    """A hundred long pieces of one do not delay the single one of another by more than one of them."""
    alone = CodePool(language, processes=1)
    ended: list[str] = []
    try:
        alone.submit("return 1", {}, share="a", seconds=1, alone=True).result(60)
        for share in [*["a"] * 10, "b"]:
            done = alone.submit(LOOPS[language], {}, share=share, seconds=0.05, alone=True)
            done.add_done_callback(lambda _done, share=share: ended.append(share))
        done.result(60)
        assert ended.index("b") <= 2 if "b" in ended else len(ended) <= 3
    finally:
        alone.close()


def test_filters_of_both_machines_end_and_refuse() -> None:
    for machine in ("x86_64", "aarch64"):
        steps = filters.program((*filters.WORKING, *filters.STARTING), threads=True, exec_fd=77, machine=machine)
        assert steps[-1].code == filters.RETURN and steps[-1].number == 0x00050001
        for at, step in enumerate(steps):
            assert step.code == filters.RETURN or at + 1 + max(step.when, step.otherwise) < len(steps), (
                "no jump leads out of the program"
            )
    with pytest.raises(filters.NoFilter):
        filters.program((), threads=False, machine="riscv64")
