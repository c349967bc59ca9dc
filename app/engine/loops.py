"""Steps that take a run round once for each item of a list: what they keep of it meanwhile, and the next time round.

The list is read once, when the loop begins. It is kept with the run (`context.loops`), unless it comes from the event alone, which never
changes: then it is read again, and a run that waits inside a loop over 1,000 items of its event stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from app.engine import rows
from app.engine.passing import DONE
from app.engine.state import RunState
from app.engine.step_timeouts import TIMED_OUT
from app.flow.effects import MAX_VARS_BYTES, Effect, SetVars
from app.flow.outcomes import Done, EachOf, Fail, Outcome
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

INDEX = "index"
TOO_LARGE = Fail(
    translatable("The list of this loop takes more than %(size)s kB. Go through less.")
    % {"size": MAX_VARS_BYTES // 1024},
    permanent=True,
)


class KeepLoops(Effect):
    """What loops keep, by node; None: nothing any more."""

    __slots__ = ("states",)

    def __init__(self, states: dict[str, dict[str, Any] | None]) -> None:
        self.states = states

    def key(self) -> Hashable:
        """A loop that keeps its items is one person's own: comparing them each time round would cost more than it saves."""
        if any(state is not None and "items" in state for state in self.states.values()):
            return self
        return KeepLoops, rows.encode(self.states)


class CompiledLoop:
    """The function of such a step, over runs. `inside`: loops in its body, known when the version is compiled."""

    def __init__(
        self, node_id: str, each: EachOf, items: Callable[[Any], Any], *, of_event: bool, timeout_s: int | None = None
    ) -> None:
        """`items`: what `each` does, over a run; `of_event`: it reads nothing but the event. `timeout_s`: of all rounds together."""
        self.timeout_s = timeout_s
        self._node_id, self._name, self._items, self._of_event = node_id, each.name, items, of_event
        self.inside: tuple[str, ...] = ()

    def __call__(self, run: RunState) -> Outcome:
        """The next time round, or the end."""
        state = run.loops.get(self._node_id)
        is_late, run.late = run.late == self._node_id, None
        if state is None:
            items = self._items(run)
            if isinstance(items, Fail):
                return items
            names = (self._name, INDEX)
            state = {"next": 0, "count": len(items), "before": [run.vars.get(name) for name in names]}
            if self.timeout_s is not None:
                state["until"] = run.clock + self.timeout_s * 1_000_000
            if not self._of_event and items:
                if len(rows.encode(items)) > MAX_VARS_BYTES:
                    return TOO_LARGE
                state["items"] = items
        elif self._of_event:
            items = self._items(run)
        else:
            items = state.get("items", [])
        forgotten: dict[str, dict[str, Any] | None] = {name: None for name in self.inside if name in run.loops}
        index, output = state["next"], {"count": state["count"]}
        before = SetVars(dict(zip((self._name, INDEX), state["before"], strict=True)))
        clean_up = before, KeepLoops({**forgotten, self._node_id: None})
        if is_late or (index < len(items) and run.clock > state.get("until", run.clock)):
            return self._late(output, clean_up)
        if index >= len(items):
            return Done(DONE, output, clean_up)
        states = KeepLoops({**forgotten, self._node_id: {**state, "next": index + 1}})
        return Done("body", output, (SetVars({self._name: items[index], INDEX: index}), states))

    def _late(self, output: dict[str, Any], clean_up: tuple[Effect, ...]) -> Fail:
        """The time is over, and the list is not: the next time that the run comes here the loop begins anew."""
        error = gettext("The loop was not through within %(seconds)s.", seconds=counted(self.timeout_s or 0, "second"))
        late = Fail(error, permanent=True)
        late.output, late.effects = {**output, "error": error, TIMED_OUT: True}, clean_up
        return late
