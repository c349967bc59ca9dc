"""Runs that stand where they are for now: new ones before their first step, and those that have an answer and must not go on yet."""

from __future__ import annotations

from typing import Any

from app.engine.paths import PathEnd
from app.engine.state import RunState, carried
from app.engine.walk import RUNNING, WAITING, Batch


def stand(batch: Batch, run: RunState) -> None:
    """It never takes the step: `cut_short` ends it in this batch."""
    assert run.node is not None
    path = batch.new_path(run.flow, None, 0)
    path.counters += [*run.start.entry_counters, run.node.waiting_counter]
    path.end = PathEnd(WAITING, run.node, 0)
    path.runs.append(run)
    run.path = path


def park(batch: Batch, run: RunState) -> None:
    """The next claim of due runs takes it on."""
    node = run.node
    assert node is not None
    path = batch.parked.get(run.start)
    if path is None:
        path = batch.parked[run.start] = batch.new_path(run.flow, None, 0)
        path.counters += [*run.start.entry_counters, node.waiting_counter]
        path.end = PathEnd(RUNNING, node, 0, batch.now)
    if run.depth or run.lane:
        run.context = carried(run, {})
    path.runs.append(run)
    run.path = path


def keep_answer(batch: Batch, run: RunState, port: str, output: Any) -> None:
    """A stored run that waits has its answer, but must not go on now: it does as soon as its workflow is active."""
    node = run.node
    assert node is not None and run.path is None
    path = batch.new_path(run.flow, None, run.seq)
    path.departed, path.visits = node.waiting_counter, run.visits
    path.counters.append(node.waiting_counter)
    path.end = PathEnd(WAITING, node, run.seq, run.moved_at, port, output, run.step_started, run.attempt)
    if run.lane:  # perhaps that of what answered, in which all that follows waits
        run.context = carried(run, path.visits)
    path.runs.append(run)
    run.path = path
