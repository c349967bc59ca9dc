"""The command line: everything is listed, mistakes get one sentence."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import cli
from app.local import environment, machine, run_command
from app.local.state import StateDirectory, StateInUse
from app.local.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    "run",
    "test",
    "lint",
    "format",
    "migrate",
    "shell",
    "demo",
    "api-key",
    "user",
    "check-integrity",
    "bench",
    "chaos",
    "help",
]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["help"]):
        assert cli.main(arguments) == 0
        said = capsys.readouterr().out
        assert not [name for name in COMMANDS if f"    {name}" not in said]


@pytest.mark.parametrize("arguments", [["nonsense"], ["run", "--port", "0"], ["api-key", "create", "--name", "x"]])
def test_a_mistake_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: ./dev" in capsys.readouterr().err


def commands_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command, also those of two words."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield sub
                yield from commands_of(sub)


def test_every_command_leads_somewhere() -> None:
    runs = {str(sub.get_default("runs")) for sub in commands_of(cli.parser())} - {""}
    assert len(runs) >= 15
    for module, _, function in (name.partition(":") for name in runs):
        assert callable(getattr(importlib.import_module(module), function))


def test_an_installation_without_developers_tools_has_the_other_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("tools") else find(name))
    names = {sub.prog.removeprefix("./dev ") for sub in commands_of(cli.parser())}
    assert {"run", "migrate", "backup", "api-key create"} <= names and not {"test", "bench"} & names


def test_a_path_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", "tests/nowhere"]) == 2
    assert "There is no tests/nowhere" in capsys.readouterr().err


def test_one_holder_a_state_directory(tmp_path: Path) -> None:
    first, second = StateDirectory(tmp_path / "state"), StateDirectory(tmp_path / "state")
    first.hold()
    with pytest.raises(StateInUse, match="already runs on"):
        second.hold()
    first.release()
    second.hold()
    assert first.secret("x") == second.secret("x")
    second.release()


def test_start_script_is_plain_sh() -> None:
    assert subprocess.run(["sh", "-n", ROOT / "dev"]).returncode == 0
    assert (ROOT / "dev").read_text().startswith("#!/bin/sh\n")


def test_leftovers_of_others_are_left_alone(tmp_path: Path) -> None:
    """A process file whose number went to somebody else must not lead to a kill."""
    from app.local.processes import end_leftovers

    state = StateDirectory(tmp_path / "state")
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        record = f'{{"pid": {stranger.pid}, "identity": "1 python -m app.worker"}}'
        (state.path / "run" / "worker.process").write_text(record)
        assert end_leftovers(state) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "flows.internal"])
def test_listening_for_others_says_what_it_opens(host: str) -> None:
    told = run_command.opens(host, 8123)
    assert "8123" in told
    assert "without encryption" in told


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_listening_for_oneself_says_nothing(host: str) -> None:
    assert run_command.opens(host, 8123) == ""


@pytest.mark.parametrize(
    ("arguments", "cores", "count"), [([], 1, 1), ([], 2, 1), ([], 9, 4), (["--workers", "3"], 2, 3)]
)
def test_web_processes_are_one_for_two_cores_or_as_many_as_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], cores: int, count: int
) -> None:
    launches: list[environment.Launch] = []

    class NotStarted(Supervisor):
        def run(self) -> int:
            launches.append(self.launch)
            modules = self._modules({"THROUGHLINE_HOST": "127.0.0.1", "THROUGHLINE_PORT": "8000"})
            command = modules["web"]
            assert command[command.index("--workers") + 1] == str(count)
            assert ("--respawn-failed-workers" in command) == (count > 1), (
                "a single one is started again by the supervisor"
            )
            return 0

    monkeypatch.setattr(machine, "processors", lambda: cores)
    monkeypatch.setattr(run_command, "Supervisor", NotStarted)
    assert cli.main(["run", "--state", str(tmp_path), *arguments]) == 0
    assert [launch.web_processes for launch in launches] == [count]


@pytest.mark.parametrize(
    ("arguments", "cores", "count"),
    [([], 1, 1), ([], 2, 1), ([], 5, 2), ([], 64, 4), (["--worker-processes", "7"], 2, 7)],
)
def test_worker_processes_are_one_for_two_cores_or_as_many_as_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], cores: int, count: int
) -> None:
    started = []

    class NotStarted(Supervisor):
        def run(self) -> int:
            modules = self._modules({"THROUGHLINE_HOST": "127.0.0.1", "THROUGHLINE_PORT": "8000"})
            started.extend(name for name, command in modules.items() if command == ["app.worker"])
            return 0

    monkeypatch.setattr(machine, "processors", lambda: cores)
    monkeypatch.setattr(run_command, "Supervisor", NotStarted)
    assert cli.main(["run", "--state", str(tmp_path), *arguments]) == 0
    assert started == [f"worker-{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize("number", ["0", "-1", "two", "65"])
@pytest.mark.parametrize(
    ("option", "what"), [("--workers", "web processes"), ("--worker-processes", "worker processes")]
)
def test_a_number_of_processes_that_is_none(
    option: str, what: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", option, number])
    assert what in capsys.readouterr().err
