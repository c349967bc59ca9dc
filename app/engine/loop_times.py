"""The time of a loop, for waits inside its body: they end with it, and the run goes back to the loop, which leaves by `error`.

The loop notes with the run until when it may take (`loops`). Where a run falls asleep in the body of one whose time is over first, it is
woken then, by a way of its own from that step to the loop (`LATE`): counted like a port, recorded like a step that was passed by. Of
several loops around a step the first to end counts, of two that end together the outer one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.engine.passing import PassedBy
from app.flow.document import LATE
from app.models.status import RunStatus

if TYPE_CHECKING:
    from app.engine.compiled_node import CompiledNode
    from app.engine.paths import PathEnd, SharedPath
    from app.engine.state import RunState
    from app.engine.walk import Batch

_WAITS = (int(RunStatus.WAITING), int(RunStatus.CALLING))
_RUNNING = int(RunStatus.RUNNING)
_CUT: dict[str, PassedBy] = {}
LOOPS_REMEMBERED = 256


def cut_short(loop: str) -> PassedBy:
    """What a step came to whose run goes back to this loop: one object for all, so it is encoded once."""
    if len(_CUT) >= LOOPS_REMEMBERED:
        _CUT.clear()
    return _CUT.setdefault(loop, PassedBy(LATE + loop))


def loop_of(resume_port: str) -> str | None:
    """The loop to which a run goes back when it is woken; None: it does not. Behind the loop stands what it had been woken with."""
    return resume_port.split(".")[1] if resume_port.startswith(LATE) else None


def _may_end(end: PathEnd, node: CompiledNode) -> bool:
    """Does it wait for something, or for its next try? Runs that let others go first, are held, or wait for a newer worker do not."""
    return end.status in _WAITS or (end.status == _RUNNING and end.error is not None and node.not_understood is None)


def within_loops(batch: Batch, run: RunState, path: SharedPath) -> SharedPath:
    """Where a run comes to rest that was about to at the end of `path`: there, or woken by a loop around it before that."""
    end = path.end
    node = end.node
    if node is None or not _may_end(end, node):
        return path
    times = ((state.get("until"), name) for name in node.timed_loops if (state := run.loops.get(name)) is not None)
    until, loop = min(((until, name) for until, name in times if until is not None), key=_instant, default=(None, ""))
    if until is None or (end.resume_at is not None and end.resume_at <= until):
        return path
    place = path, until, loop
    ending = batch.ending_early.get(place)
    if ending is None:
        ending = batch.ending_early[place] = batch.new_path(path.flow, path, path.seq)
        ending.end = end._replace(resume_at=until, resume_port=f"{LATE}{loop}.{end.resume_port or ''}")
        ending.ends_early = True
    return ending


def _instant(one: tuple[int, str]) -> int:
    return one[0]
