"""What a batch tells those who watch its workspaces (`app.live_moves`): which runs went which way. No statement where nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.engine import rows
from app.engine.claim import Cursor
from app.engine.matcher import Matcher
from app.engine.paths import SharedPath
from app.engine.walk import Batch
from app.flow.outcomes import Fail, Outcome
from app.live_moves import MOST_ERROR, MOST_RUNS, MOST_STEPS, Moves, write_moves


def tell_watchers(cursor: Cursor, batch: Batch, matcher: Matcher) -> None:
    """Write down what a walked batch does, for the workspaces that somebody watches."""
    if not matcher.watched:
        return
    now, paths = time.time(), dict[int, list[SharedPath]]()
    for path in batch.paths:
        if path.runs and matcher.watched.get(path.flow.tenant_id, 0.0) > now:
            paths.setdefault(path.flow.tenant_id, []).append(path)
    at = rows.instant(batch.now)
    write_moves(cursor, [Moves(tenant_id, at, *_moves(of_tenant)) for tenant_id, of_tenant in paths.items()])


def _moves(paths: Iterable[SharedPath]) -> tuple[list[dict[str, Any]], int]:
    """Moves of paths of one workspace, and how many runs are left out."""
    moves, left_out, runs_left, steps_left = list[dict[str, Any]](), 0, MOST_RUNS, MOST_STEPS
    for path in paths:
        steps = [step for stretch in path.from_start() for step in stretch.steps]
        shown = path.runs[:runs_left] if len(steps) <= steps_left else []
        left_out += len(path.runs) - len(shown)
        if not shown:
            continue
        runs_left, steps_left = runs_left - len(shown), steps_left - len(steps)
        fresh: list[str] = []
        stored: list[str] = []
        for run in shown:
            (fresh if run.fence is None else stored).append(str(UUID(bytes=run.id)))
        end = path.end
        moves.append(
            {
                "w": str(UUID(bytes=path.flow.workflow_id)),
                "v": path.flow.version,
                "steps": [
                    [step.seq, step.node.id, int(step.status), step.outcome.port, *_error_of(step.outcome)]
                    for step in steps
                ],
                "end": {
                    "status": end.status,
                    "seq": end.seq,
                    "node": end.node.id if end.node else None,
                    "error": end.error[:MOST_ERROR] if end.error else None,
                },
                "fresh": fresh,
                "runs": stored,
            }
        )
    return moves, left_out


def _error_of(outcome: Outcome) -> tuple[str, ...]:
    """Why a step failed, as its run says it; nothing for those that did not."""
    return (outcome.error[:MOST_ERROR],) if isinstance(outcome, Fail) else ()
