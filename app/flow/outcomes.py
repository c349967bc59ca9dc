"""The outcomes of a step. The engine reads an outcome, writes the status and applies the effects.

Build outcomes that do not depend on the person once, in `compile`: the engine walks and encodes an outcome object once, however
many runs return it. Outcomes that are made inside `run` and say the same count as one too, by `key`, for a little more work each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from app.flow.effects import Effect
from app.flow.log_lines import LogLine
from app.flow.performers import LONGEST_S

_encode = msgspec.json.Encoder(decimal_format="number").encode
MAX_TARGET = 200
"""Characters of the name of a target that are kept."""


class Outcome:
    """What a step came to. `json` is the output as text and `row` the engine's encoded form, both filled at first use.

    `logs`: what it says in the log of its run. Outcomes that take none when they are made (`Wait`, `Call`, …) can be given them before
    they are returned.
    """

    __slots__ = ("effects", "json", "logs", "output", "port", "row")

    def __init__(
        self,
        port: str = "next",
        output: Any = None,
        effects: tuple[Effect, ...] = (),
        logs: tuple[LogLine, ...] = (),
    ) -> None:
        self.port, self.output, self.effects, self.logs = port, output, effects, logs
        self.json: bytes | None = None
        self.row: bytes | None = None

    def key(self) -> tuple[Any, ...] | None:
        """Equal for outcomes that mean the same. None when the output is no JSON: then the outcome equals no other."""
        if self.json is None and self.output is not None:
            try:
                self.json = _encode(self.output)
            except (TypeError, ValueError):
                return None
        own_key: tuple[Any, ...] = (self.__class__, self.port, self.json, self._particulars())
        if self.logs:
            own_key += tuple(line.json for line in self.logs)
        return (*own_key, *[effect.key() for effect in self.effects]) if self.effects else own_key

    def _particulars(self) -> Any:
        """What a subclass says besides, hashable."""
        return None


class Done(Outcome):
    """The step is over; the run follows `port`."""

    __slots__ = ()


class Wait(Outcome):
    """The run sleeps for `seconds`, or until an instant, then follows `port`."""

    __slots__ = ("seconds", "until")

    def __init__(
        self, seconds: float = 0, until: datetime | None = None, port: str = "next", output: Any = None
    ) -> None:
        super().__init__(port, output)
        self.seconds, self.until = seconds, until

    def _particulars(self) -> Any:
        return self.seconds, self.until


class AskPerson(Wait):
    """The run stands before a question to a person: it goes on by the port that they choose, or by `port` when the time is over.

    `output` is what is known of it until then; the text of the question stands there as `question`. What the choices are, and who may
    answer, says `NodeType.asks`.
    """

    __slots__ = ()


class WaitFor(Outcome):
    """The run sleeps until an event called `event` happens to its contact, then follows `port`; or for `seconds`, or until an instant,
    then follows `timeout_port`. The output is the event, `{name, id, occurredAt, properties}`; after the time it is `output`.

    `conditions`: what `scope.conditions` made; the event that arrives must meet them (`event.…` is that event). They are asked of the
    outcome that the step's function returns when the event arrives, so the function must come to the same again.
    `since`: `now` counts events that happened after the wait began, `run_start` those after what the run began with.
    The type says in `NodeType.events` which events its steps may wait for; others are not matched.
    """

    __slots__ = ("conditions", "event", "seconds", "since", "timeout_port", "until")

    def __init__(
        self,
        event: str,
        conditions: Callable[[Any], Any] | None = None,
        *,
        seconds: float = 0,
        until: datetime | None = None,
        port: str = "next",
        timeout_port: str = "timeout",
        since: Literal["now", "run_start"] = "now",
        output: Any = None,
    ) -> None:
        super().__init__(port, output)
        self.event, self.conditions, self.seconds, self.until = event, conditions, seconds, until
        self.timeout_port, self.since = timeout_port, since

    def _particulars(self) -> Any:
        return self.event, self.conditions, self.seconds, self.until, self.timeout_port, self.since


class Call(Outcome):
    """Something is asked of the outside, apart from the batch; the run stands here until the answer comes. See `Asks`.

    `kind`: whose performer does it (`app.flow.performers`). `target`: who is called, as people know it (`api.example.com`); calls of a
    workspace to one target share its connections, and pages show it. `request`: JSON for the performer. `policy`: what becomes of a
    call that was under way when its worker died: `resend` it with the same key, or `hold` the run for a person. `timeout_s`: whole
    seconds, at most `LONGEST_S`.
    """

    __slots__ = ("kind", "policy", "request", "target", "timeout_s")

    def __init__(
        self,
        kind: str,
        request: Any,
        *,
        target: str = "",
        policy: Literal["resend", "hold"] = "resend",
        timeout_s: int = 30,
    ) -> None:
        super().__init__()
        if not 1 <= timeout_s <= LONGEST_S:
            raise ValueError(f"A call takes 1 to {LONGEST_S} seconds, not {timeout_s}.")
        self.kind, self.request, self.policy, self.timeout_s = kind, request, policy, timeout_s
        self.target = target[:MAX_TARGET] or kind

    def _particulars(self) -> Any:
        return self.kind, self.target, _encode(self.request), self.policy, self.timeout_s


class Fail(Outcome):
    """The step failed: tried again by the node's policy (after `wait_s` at least), then its `error` port, then the run fails, alone."""

    __slots__ = ("error", "permanent", "wait_s")

    def __init__(
        self, error: str, permanent: bool = False, logs: tuple[LogLine, ...] = (), wait_s: float = 0.0
    ) -> None:
        super().__init__("error", logs=logs)
        self.error, self.permanent, self.wait_s = error, permanent, wait_s

    def _particulars(self) -> Any:
        return self.error, self.permanent, self.wait_s


@functools.lru_cache(1_000)
def refused(error: str) -> Fail:
    """A failure for good: trying again would not help. Made once, because many people may share it."""
    return Fail(error, permanent=True)


Run = Callable[[Any], Outcome]
"""step -> outcome"""
Read = Callable[[Any], Any]
"""step -> value"""


class IfRoom:
    """What `compile` answers for a step that does the same for every contact with room for it.

    `tags` and `size` say how many tags and bytes of attributes it adds at most; who has the tag `without` is no such contact either.
    Those are asked by `run`, one by one; the others share the outcome, and cost nothing.
    """

    __slots__ = ("outcome", "run", "size", "tags", "without")

    def __init__(self, outcome: Outcome, run: Run, *, tags: int = 0, size: int = 0, without: str | None = None) -> None:
        self.outcome, self.run, self.tags, self.size, self.without = outcome, run, tags, size, without


class Asks:
    """What `compile` answers for a step that calls the outside: `run` comes to a `Call`, or to anything else without one.

    `answered(step, answer)` says what the answer means. `answer`: `{"ok": true, "value": …}`, or `{"ok": false, "error": text}` with
    `"permanent": true` when trying again would not help. A `Fail` is tried again as the step's retry says, by a call of its own.
    """

    __slots__ = ("answered", "run")

    def __init__(self, run: Run, answered: Callable[[Any, dict[str, Any]], Outcome] | None = None) -> None:
        self.run, self.answered = run, answered or value_or_failure


def _is_event(_properties: dict[str, Any]) -> bool:
    """What concerns a step that does not say: every event that it waits for."""
    return True


class DecidesAgain:
    """What `compile` answers for a step that looks again when its wait is over, rather than going on: the answer may be another wait.

    `run` decides at first; `woken(step, noted)` when the time of its `Wait` has come, or an event that it waited for by `WaitFor` came.
    `noted` is the output of that wait, which is kept with the run while it sleeps and shown on its page. `concerns` says of the
    properties of such an event whether to look at all; without it every one is a reason to.
    """

    __slots__ = ("concerns", "run", "woken")

    def __init__(
        self,
        run: Run,
        woken: Callable[[Any, Any], Outcome],
        concerns: Callable[[dict[str, Any]], bool] | None = None,
    ) -> None:
        self.run, self.woken = run, woken
        self.concerns = concerns or _is_event


class EachOf:
    """What `compile` answers for a step that takes a run round once for each item of a list, and then on.

    `items(step)` is the list, or a `Fail`; it is asked once, when the run comes to the step from outside. Each time round the run leaves
    by `body` with the variables `name` (the item) and `index` (0, 1, …); behind the last item, or for an empty list, it leaves by `done`,
    and both variables are again what they were before. The output is `{"count": n}`, the length of the list. A run that comes back
    takes the next item, wherever it comes from. When a loop takes its next item, or is done, those in its body forget
    theirs: loops to which no other way leads than by its `body`.
    """

    __slots__ = ("items", "name")

    def __init__(self, items: Callable[[Any], list[Any] | Fail], name: str) -> None:
        self.items, self.name = items, name


def value_or_failure(step: Any, answer: dict[str, Any]) -> Outcome:
    """The value of an answer is the step's output, its error the step's failure."""
    if answer.get("ok"):
        return Done(output=answer.get("value"))
    return Fail(str(answer.get("error")), permanent=bool(answer.get("permanent")))


class Succeed(Outcome):
    """The run ends here as a success: the step is a goal. What it asked for before is still meant, and its messages leave."""

    __slots__ = ()


class Exit(Outcome):
    """The run leaves here by the author's wish."""

    __slots__ = ()

    def __init__(self, output: Any = None) -> None:
        super().__init__("exit", output)
