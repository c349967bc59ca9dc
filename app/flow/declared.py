"""The step that a node type's function is handed: it shows what the type has declared, and refuses every other read.

The engine loads columns, keeps outputs and keeps variables only for paths that some `scope.field(…)` (or text, or condition) of a
version names. An undeclared read would silently find nothing in every run. So `GuardedStep` raises `UndeclaredRead`.
Readers made by the scope access the run itself: making them declared their paths, so they need no check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from app.flow.conditions import Condition, Evaluation
from app.flow.outcomes import Outcome, Read, refused
from app.flow.scope import CompileScope
from app.flow.step_view import StepFailure
from app.lib.translation import gettext
from app.liquid.templates import MissingValue

Answer = TypeVar("Answer")


class UndeclaredRead(LookupError):
    """A node type reads a field that it has not declared. The text names the field and the mend."""

    def __init__(self, path: str) -> None:
        super().__init__(
            gettext(
                "This step cannot run, because its type reads %(path)s without having declared it. "
                'The author of the type mends that by scope.field("%(path)s") in compile.',
                path=path,
            )
        )
        self.path = path


class DeclaredValues(dict[str, Any]):
    """Values by name, of which only the declared names may be asked for; iterating gives those alone."""

    def __init__(self, root: str, values: Mapping[str, Any], names: Iterable[str]) -> None:
        self._root, self._names = root, frozenset(names)
        super().__init__({name: values[name] for name in self._names if name in values})

    def _check(self, name: object) -> None:
        if name not in self._names:
            raise UndeclaredRead(f"{self._root}.{name}")

    def __getitem__(self, name: str) -> Any:
        self._check(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._check(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._check(name)
        return super().get(name, default)


class GuardedContact:
    """The contact of a `GuardedStep`."""

    def __init__(self, step: GuardedStep) -> None:
        self._step = step

    @property
    def id(self) -> bytes:
        return bytes(self._step.state.contact.id)

    @property
    def columns(self) -> dict[str, Any]:
        declared = self._step.names("contact") - {"tags", "attributes", "id", "consent"}
        return DeclaredValues("contact", self._step.state.contact.columns, declared)

    @property
    def attributes(self) -> dict[str, Any]:
        self._step.require("contact.attributes")
        values: dict[str, Any] = self._step.state.contact.attributes
        return values

    @property
    def consent(self) -> dict[str, Any]:
        self._step.require("contact.consent")
        values: dict[str, Any] = self._step.state.contact.consent
        return values

    @property
    def attributes_size(self) -> int:
        self._step.require("contact.attributes")
        return int(self._step.state.contact.attributes_size)

    @property
    def tags(self) -> list[str]:
        self._step.require("contact.tags")
        tags: list[str] = self._step.state.contact.tags
        return tags


class GuardedStep:
    """One node's view of whichever run it is asked about: `state` is that run while the function is called, None between.

    One object serves all runs of a node, because making one a call costs more than the function of most types.
    """

    def __init__(self, reads: Iterable[str]) -> None:
        self._reads = frozenset(reads)
        self.state: Any = None
        self.contact = GuardedContact(self)

    def require(self, path: str) -> None:
        """Raises UndeclaredRead."""
        if path not in self._reads:
            raise UndeclaredRead(path)

    def names(self, root: str) -> frozenset[str]:
        """The declared names under `contact`, `event`, `steps` or `vars`."""
        return frozenset(path.split(".", 1)[1] for path in self._reads if path.startswith(f"{root}."))

    def _values(self, root: str, values: dict[str, Any]) -> dict[str, Any]:
        names = self.names(root)
        return values if "*" in names else DeclaredValues(root, values, names)

    @property
    def event(self) -> dict[str, Any]:
        return self._values("event", self.state.event)

    @property
    def event_name(self) -> str:
        return str(self.state.event_name)

    @property
    def steps(self) -> dict[str, Any]:
        return self._values("steps", self.state.steps)

    @property
    def vars(self) -> dict[str, Any]:
        return self._values("vars", self.state.vars)

    @property
    def visit(self) -> int:
        return int(self.state.visit)

    @property
    def failure(self) -> StepFailure | None:
        failure: StepFailure | None = self.state.failure
        return failure

    @property
    def now(self) -> datetime:
        now: datetime = self.state.now
        return now

    @property
    def zone(self) -> tzinfo:
        """Needs the contact's: without it everybody would live where the workspace is."""
        self.require("contact.timezone")
        zone: tzinfo = self.state.zone
        return zone

    @property
    def workspace_zone(self) -> tzinfo:
        zone: tzinfo = self.state.workspace_zone
        return zone

    @property
    def country(self) -> str | None:
        country: str | None = self.state.country
        return country


class NodeScope(CompileScope):
    """What the `compile` of one node is handed: its readers take the `GuardedStep`, and `reads` is what this node declared."""

    def __init__(self, node_id: str = "") -> None:
        self._scope = CompileScope(node_id)
        self.reads = self._scope.reads

    def field(self, path: str) -> Read:
        return _of_state(self._scope.field(path))

    def conditions(self, conditions: list[Condition], match: str) -> Callable[[Any], Evaluation]:
        judge = self._scope.conditions(conditions, match)
        return lambda step: judge(step.state)

    def readers(self, conditions: list[Condition]) -> list[Read]:
        return [_of_state(read) for read in self._scope.readers(conditions)]

    @property
    def remembers(self) -> bool:  # type: ignore[override]
        return self._scope.remembers

    def draw(self, salt: str = "") -> Read:
        return _of_state(self._scope.draw(salt))

    def assigned(self) -> Read:
        return _of_state(self._scope.assigned())

    def text(self, source: str) -> Read:
        return _of_state(self._scope.text(source))

    def value(self, value: Any) -> Read:
        return _of_state(self._scope.value(value))

    def expression(self, source: str) -> Read:
        return _of_state(self._scope.expression(source))

    def guard(self, run: Callable[[Any], Answer]) -> Callable[[Any], Answer | Outcome]:
        """`run` as a function over a run of the engine. Raises what `run` raises, and UndeclaredRead."""
        step = GuardedStep(self.reads)

        def guarded(state: Any) -> Answer | Outcome:
            step.state = state
            try:
                return run(step)
            except MissingValue as error:
                return refused(
                    gettext(
                        "%(error)s%(error_2)s, and this step needs one.",
                        error=str(error)[0].upper(),
                        error_2=str(error)[1:],
                    )
                )
            finally:
                step.state = None  # nothing of a batch outlives it

        return guarded


def _of_state(read: Read) -> Read:
    return lambda step: read(step.state)
