"""What steps say in the logs of their runs: stored once with what they did, bounded for each run, at no cost for those that say nothing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.engine import advance, integrity, rows
from app.engine.write import StaleOwner
from app.flow import registry
from app.flow.log_lines import LEVELS, MAX_MESSAGE, MAX_RUN_BYTES, MAX_RUN_LINES, LogLine, at_least
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Fail, Outcome, Run, Wait
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000, "jitter": False}}
LINES = (
    "select l.seq, l.fence, l.part, e->>'level', e->>'message', e->'metadata' from run_logs l,"
    " jsonb_array_elements(l.lines) with ordinality as a(e, n) order by l.run_id, l.fence, l.part, n"
)


class ChattyConfig(msgspec.Struct):
    lines: int = 1
    comes_to: str = "done"
    text: str = "seen"


class Chatty(NodeType):
    """Says so many lines, and then is done, fails, or waits a minute."""

    type, label, category, description = "chatty", "Chatty", "logic", "For tests."
    retryable = True
    Config = ChattyConfig

    @staticmethod
    def compile(config: ChattyConfig, scope: Any) -> Run:
        email = scope.field("contact.email")

        def run(step: Any) -> Outcome:
            who = email(step).split("-")[0]
            logs = tuple(LogLine("info", f"{config.text} {n}", {"who": who}) for n in range(config.lines))
            if config.comes_to == "fail":
                return Fail("no", logs=logs)
            outcome: Outcome = Done(output={"ok": 1})
            if config.comes_to == "wait":
                outcome = Wait(60)
            outcome.logs = logs
            return outcome

        return run


@pytest.fixture(autouse=True)
def chatty(own_types: None) -> None:
    registry._types["chatty"] = Chatty


@pytest.mark.parametrize("count", [1, 30], ids=["one pipeline", "COPY"])
def test_each_run_gets_the_lines_of_its_own_steps(world: World, count: int) -> None:
    graph = flow(
        "go",
        [node("a", "chatty", lines=2), node("b", "chatty", comes_to="wait"), node("c", "chatty")],
        ("trigger", "a"),
        ("a", "b"),
        ("b", "c"),
    )
    world.travel(NOON)
    world.workflow(graph)
    world.emit("go", world.contacts(count))
    world.travel(datetime(2026, 6, 1, 12, 2, tzinfo=UTC))
    said = world.db.execute(LINES).fetchall()
    one = [(1, 0, 0, "seen 0"), (1, 0, 0, "seen 1"), (2, 0, 1, "seen 0"), (3, 1, 0, "seen 0")]
    assert Counter((seq, fence, part, text) for seq, fence, part, _, text, _ in said) == dict.fromkeys(one, count)
    by_person = Counter(metadata["who"] for *_, metadata in said)
    assert len(by_person) == count and set(by_person.values()) == {4}, (
        "outcomes that differ in a line alone are not one"
    )
    assert (
        world.one("select count(*) from run_logs l join steps s using (tenant_id, run_id, seq, node_id)") == 3 * count
    )
    assert integrity.check(world.db) == []


def test_each_attempt_is_heard_of(world: World) -> None:
    world.travel(NOON)
    world.workflow(flow("go", [node("a", "chatty", RETRY, comes_to="fail")], ("trigger", "a")))
    world.emit("go", world.contacts(1))
    world.travel(datetime(2026, 6, 1, 12, 2, tzinfo=UTC))
    assert [(seq, fence) for seq, fence, *_ in world.db.execute(LINES)] == [(1, 0), (1, 1)]
    assert world.one("select status from runs") == 5


def test_a_run_keeps_so_many_lines_and_counts_the_others(world: World) -> None:
    graph = flow(
        "go",
        [node("a", "chatty", lines=MAX_RUN_LINES - 1), node("b", "delay", duration=1, unit="hours"), node("c", "chatty", lines=3)],
        ("trigger", "a"),
        ("a", "b"),
        ("b", "c"),
    )  # fmt: skip
    world.travel(NOON)
    world.workflow(graph)
    world.emit("go", world.contacts(2))
    world.travel(datetime(2026, 6, 1, 14, tzinfo=UTC))
    assert world.one("select sum(jsonb_array_length(lines)) from run_logs") == 2 * MAX_RUN_LINES
    assert [row for (row,) in world.db.execute("select context->'logged'->2 from runs")] == [2, 2]


def test_a_run_keeps_so_many_bytes(world: World) -> None:
    world.workflow(
        flow(
            "go", [node("a", "chatty", lines=200, text="x" * 3_900), node("b", "chatty")], ("trigger", "a"), ("a", "b")
        )
    )
    world.emit("go", world.contacts(1))
    kept, left_out = (
        world.one("select sum(jsonb_array_length(lines)) from run_logs"),
        world.one("select context->'logged'->2 from runs"),
    )
    assert kept + left_out == 201 and kept < 70
    assert world.one("select sum(octet_length(lines::text)) from run_logs") < MAX_RUN_BYTES * 1.05
    assert world.one("select max(seq) from run_logs") == 1, "what comes later is not kept in place of what was left out"


def test_what_is_done_again_is_said_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.workflow(flow("go", [node("a", "chatty")], ("trigger", "a")))
    write, tries = advance.write, [0]

    def stale_at_first(*arguments: Any, **named: Any) -> None:
        write(*arguments, **named)
        tries[0] += 1
        if tries[0] == 1:
            raise StaleOwner

    monkeypatch.setattr(advance, "write", stale_at_first)
    world.emit("go", world.contacts(1))
    assert tries[0] == 2 and world.one("select count(*) from run_logs") == 1


def statements_of(world: World, type_: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engine sends for a batch with one step of a type, by table."""
    world.workflow(flow(type_, [node("a", type_, **({"tag": "x"} if type_ == "add_tag" else {}))], ("trigger", "a")))
    contacts = world.contacts(3)
    sent = list[str]()
    insert = rows.insert

    def noted(cursor: Any, table: str, columns: str, types: Any, encoded: Any) -> None:
        if encoded:
            sent.append(table)
        insert(cursor, table, columns, types, encoded)

    monkeypatch.setattr(rows, "insert", noted)
    world.emit(type_, contacts)
    monkeypatch.setattr(rows, "insert", insert)
    return sent


def test_a_batch_that_says_nothing_sends_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "run_logs" not in statements_of(world, "add_tag", monkeypatch)
    assert statements_of(world, "chatty", monkeypatch).count("run_logs") == 1, "one statement for three runs"


@pytest.mark.parametrize(
    ("message", "metadata", "kept"),
    [
        ("x" * 5_000, None, "x" * (MAX_MESSAGE - 1) + "…"),
        ("a\0b", None, "a\ufffdb"),
        ("\ud800", None, "?"),
    ],
)
def test_a_line_is_cut_to_what_can_be_stored(message: str, metadata: Any, kept: str) -> None:
    assert msgspec.json.decode(LogLine("info", message, metadata).json)["message"] == kept


@pytest.mark.parametrize(
    "metadata",
    [{"a": "x" * 9_000}, {"a": "\0"}, {"a": object()}, {"a": "\ud800"}],
    ids=["long", "nul", "no JSON", "half"],
)
def test_metadata_that_cannot_be_stored_says_why(metadata: dict[str, Any]) -> None:
    assert set(LogLine("warn", "m", metadata).metadata) == {"leftOut"}


def test_levels_are_known_and_ordered() -> None:
    assert at_least("debug") == set(LEVELS) and at_least("warn") == {"warn", "error"}
    with pytest.raises(ValueError, match="debug, info, warn, error"):
        LogLine("loud", "m")  # type: ignore[arg-type]
