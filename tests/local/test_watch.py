"""What a watch does about a server: known by its process, never doubled, tried for ever, and told of only when it changes."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.lib import outage
from app.local import processes, rotation
from app.local.watch import LONGEST_PAUSE_S, SLOW_AFTER_S, Watch


@dataclass
class Fake:
    """A server that does what a test says. `did` is what was asked of it."""

    title: str = "queue"
    lives: bool = False
    speaks: bool = True
    starts: bool = True
    raises: Exception | None = None
    reason: str = "could not write lock file: No space left on device"
    did: list[str] = field(default_factory=list)

    def begin(self) -> None:
        assert not self.lives, "a second one was started beside the first"
        self.did.append("begin")
        if self.raises:
            raise self.raises
        self.lives = self.starts

    def alive(self) -> bool:
        return self.lives

    def answers(self) -> bool:
        return self.speaks

    def kill(self) -> None:
        self.did.append("kill")
        self.lives = False

    def why(self) -> str:
        return self.reason


class Story:
    """A server, its watch, and a clock that moves by half seconds."""

    def __init__(self, kill_after_s: float | None = 30.0, **state: object) -> None:
        self.server = Fake(**state)  # type: ignore[arg-type]
        self.watch = Watch(self.server, kill_after_s=kill_after_s, without="Work goes on.")
        self.now = 1000.0
        self.said: list[str] = []

    def go_on(self, seconds: float = 1.0) -> list[str]:
        """Look twice a second. Answers what was said meanwhile."""
        before = len(self.said)
        for _ in range(int(seconds * 2)):
            self.said += self.watch.look(self.now)
            self.now += 0.5
        return self.said[before:]


def test_it_is_started_and_nothing_is_said() -> None:
    story = Story()
    assert story.go_on(60) == []
    assert (story.watch.state, story.server.did, story.watch.adopted) == ("ok", ["begin"], False)


def test_one_that_runs_is_taken_over() -> None:
    story = Story(lives=True)
    assert story.go_on() == []
    assert (story.watch.state, story.server.did, story.watch.adopted) == ("ok", [], True)


def test_one_that_ends_is_started_again_at_once() -> None:
    story = Story()
    story.go_on(40)
    story.server.lives = False
    assert story.go_on(2) == ["The queue ended and is started again. Work goes on.", "The queue is back after 1 s."]
    assert (story.watch.state, story.server.did) == ("ok", ["begin", "begin"])


@pytest.mark.parametrize(
    "fault",
    [
        {"starts": False},
        {"raises": OSError(28, "No space left on device")},
        {"raises": RuntimeError("nobody foresaw this")},
    ],
    ids=["ends at once", "no room", "unforeseen"],
)
def test_one_that_cannot_start_is_tried_for_ever_with_pauses_and_told_of_once(fault: dict[str, object]) -> None:
    story = Story()
    story.go_on(40)
    story.server.lives = False
    for name, value in fault.items():
        setattr(story.server, name, value)
    story.go_on(3600)
    tries = story.server.did.count("begin")
    assert 3600 / LONGEST_PAUSE_S <= tries < 3600 / LONGEST_PAUSE_S + 12
    assert len(story.said) == 2, story.said
    assert "cannot start" in story.said[1] and story.said[1].endswith("Work goes on.")
    assert "cannot start" in story.watch.trouble
    story.server.starts, story.server.raises = True, None
    story.go_on(LONGEST_PAUSE_S + 1)
    assert story.watch.state == "ok" and story.watch.trouble == ""
    assert "is back after" in story.said[-1]


def test_another_reason_is_told_of() -> None:
    story = Story(starts=False)
    story.go_on(100)
    story.server.reason = "pre-existing shared memory block is still in use"
    story.go_on(100)
    assert ["No space" in line for line in story.said] == [True, False]


def test_one_that_is_slow_for_a_moment_is_not_worth_a_word() -> None:
    story = Story()
    story.go_on(10)
    for _ in range(5):
        story.server.speaks = False
        story.go_on(SLOW_AFTER_S - 0.5)
        story.server.speaks = True
        story.go_on(5)
    assert (story.said, story.server.did) == ([], ["begin"])


def test_one_that_hangs_is_told_of_and_ended_after_long_before_another_is_started() -> None:
    story = Story()
    story.go_on(10)
    story.server.speaks = False
    assert story.go_on(25) == ["The queue does not answer, though its process lives. Work goes on."]
    assert story.server.did == ["begin"], "a slow one is not dead"
    story.go_on(12)
    assert story.server.did[:3] == ["begin", "kill", "begin"]
    story.server.speaks = True
    story.go_on(10)
    assert story.watch.state == "ok"


def test_a_database_that_hangs_is_left_alone() -> None:
    story = Story(kill_after_s=None, title="database")
    story.go_on(10)
    story.server.speaks = False
    story.go_on(7200)
    assert story.server.did == ["begin"]
    assert len(story.said) == 1 and story.watch.trouble.startswith("The database does not answer")
    story.server.speaks = True
    assert "back after 7" in story.go_on(5)[0]


def test_a_recovery_that_takes_long_is_waited_for_and_said() -> None:
    story = Story(kill_after_s=None, title="database", speaks=False)
    assert story.go_on(600) == ["The database is starting and does not answer yet. Work goes on."]
    assert story.server.did == ["begin"]


def test_after_a_long_absence_a_new_start_has_its_time() -> None:
    story = Story(starts=False)
    story.go_on(300)
    story.server.starts, story.server.speaks = True, False
    story.go_on(LONGEST_PAUSE_S + 5)
    assert story.server.lives and "kill" not in story.server.did


def test_one_that_ends_again_and_again_is_started_less_and_less() -> None:
    story = Story()
    for _ in itertools.repeat(None, 600):
        story.go_on(1)
        story.server.lives = False
    assert story.server.did.count("begin") < 35
    story.go_on(100)
    assert story.watch.state == "ok"


def test_word_is_left_in_a_file_that_keeps_its_size(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    outage.reserve(tmp_path)
    size = (tmp_path / "run" / "outage").stat().st_size
    for sentence in ("The database cannot start: no space is left.", "", "ü" * 5000):
        outage.say(tmp_path, sentence)
        assert (tmp_path / "run" / "outage").stat().st_size == size
        found = (tmp_path / "run" / "outage").read_bytes().decode().strip()
        assert sentence.startswith(found) and bool(found) == bool(sentence)


def test_a_log_is_cut_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        for n in range(9):
            writer.write(b"%d" % n * 100)
            rotation.rotate([log, tmp_path / "none.log"], largest=99, keep_count=3)
        writer.write(b"last")
    kept = {path.name: path.read_bytes()[:1] for path in tmp_path.iterdir()}
    assert kept == {"web.log": b"l", "web.log.1": b"8", "web.log.2": b"7", "web.log.3": b"6"}
    assert log.read_bytes() == b"last"


def test_a_log_is_cut_even_when_there_is_no_room_for_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.local.rotation.shutil.copyfile", full)
    log = tmp_path / "web.log"
    log.write_bytes(b"x" * 1000)
    assert rotation.rotate([log], largest=10) == [log]
    assert [path.name for path in tmp_path.iterdir()] == ["web.log"] and log.stat().st_size == 0


def test_a_process_is_noted_with_its_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a moment of its start the kernel shows none, and a process that was noted like that is nobody's leftover."""
    told = iter(["4711 ", "4711 ", "4711 python -m app.worker"])
    monkeypatch.setattr(processes, "identity", lambda _pid: next(told, "4711 python -m app.worker"))
    processes.note(tmp_path / "worker-1.process", os.getpid())
    assert processes.noted(tmp_path / "worker-1.process") == os.getpid()
