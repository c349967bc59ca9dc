"""What the author of a node type sees.

A node type is a `Config` (a msgspec struct: the form and its checks) and `compile(config, scope)`, called once per workflow
version. It returns a function over one person's run, `run(step) -> Outcome`. The function is pure: it reads `step`, returns
an outcome and changes nothing. What should happen is said in the outcome's effects; the engine applies them after the
function has returned, so an error leaves nothing half done and a batch can be done again.

Build outcomes that do not depend on the person once, in `compile`: the engine walks and encodes an outcome object once, however
many runs return it. A node that does the same for everybody returns that outcome instead of a function.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, ClassVar, Protocol

import msgspec

from app.values.counting import counted

CONTACT_COLUMNS = ("source", "phone", "timezone", "locale")
"""Fields of a contact that a workflow may set and that are columns; every other name is an attribute."""


class Effect:
    """A wish about the world. `contact`: it changes the contact, and later steps of the batch see the change."""

    __slots__ = ()
    contact = False


class ContactChange(Effect):
    """A wish about the contact."""

    __slots__ = ()
    contact = True

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        """Apply it to what later steps see."""
        raise NotImplementedError


class SetFields(ContactChange):
    """Set columns (`CONTACT_COLUMNS`) and attributes to values; None empties a column and removes an attribute.

    Values are in the form in which they are stored: nobody looks at them again.
    """

    __slots__ = ("attributes", "columns")

    def __init__(self, values: dict[str, Any]) -> None:
        self.columns = {name: value for name, value in values.items() if name in CONTACT_COLUMNS}
        self.attributes = {
            name.removeprefix("attributes."): value for name, value in values.items() if name not in CONTACT_COLUMNS
        }

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        columns.update(self.columns)
        for name, value in self.attributes.items():
            if value is None:
                attributes.pop(name, None)
            else:
                attributes[name] = value


class Increment(ContactChange):
    """Add `by` to an attribute that is a number or not there, which counts as 0. A node looks first whether it is."""

    __slots__ = ("by", "field")

    def __init__(self, field: str, by: float) -> None:
        self.field, self.by = field.removeprefix("attributes."), by

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        attributes[self.field] = counted(attributes.get(self.field), self.by)


class AddTag(ContactChange):
    __slots__ = ("tag",)

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        if self.tag not in tags:
            tags.append(self.tag)


class RemoveTag(ContactChange):
    __slots__ = ("tag",)

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        if self.tag in tags:
            tags.remove(self.tag)


class Message(Effect):
    """One message row, keyed (run, step); it is sent later, never by the node. `payload`: what the sender should know.

    `awaits`: the run stays on the step until the message has an outcome. It stays too when the step's `error` port leads on.
    """

    __slots__ = ("awaits", "channel", "encoded", "payload", "template")

    def __init__(self, channel: int, template: bytes | None, payload: dict[str, Any], *, awaits: bool = False) -> None:
        self.channel, self.template, self.payload, self.awaits = channel, template, payload, awaits
        self.encoded: dict[bool, bytes] = {}


class Outcome:
    """What a step came to. `row` is the engine's encoded form, filled at first use."""

    __slots__ = ("effects", "output", "port", "row")

    def __init__(self, port: str = "next", output: Any = None, effects: tuple[Effect, ...] = ()) -> None:
        self.port, self.output, self.effects = port, output, effects
        self.row: bytes | None = None


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


class Fail(Outcome):
    """The step failed: tried again by the node's policy, then its `error` port, then the run fails, alone."""

    __slots__ = ("error", "permanent")

    def __init__(self, error: str, permanent: bool = False) -> None:
        super().__init__("error")
        self.error, self.permanent = error, permanent


@functools.lru_cache(1_000)
def refused(error: str) -> Fail:
    """A failure for good: trying again would not help. Made once, because many people may share it."""
    return Fail(error, permanent=True)


class IfRoom:
    """What `compile` answers for a step that does the same for every contact with room for it.

    `tags` and `size` say how many tags and bytes of attributes it adds at most. Who may not have that much room is asked by `run`,
    one by one; the others share the outcome, and cost nothing.
    """

    __slots__ = ("outcome", "run", "size", "tags")

    def __init__(self, outcome: Outcome, run: Run, *, tags: int = 0, size: int = 0) -> None:
        self.outcome, self.run, self.tags, self.size = outcome, run, tags, size


class Exit(Outcome):
    """The run leaves here by the author's wish."""

    __slots__ = ()

    def __init__(self, output: Any = None) -> None:
        super().__init__("exit", output)


class ContactView(Protocol):
    """The contact as a step sees it: stored values plus the changes of this run so far."""

    id: bytes

    @property
    def columns(self) -> dict[str, Any]:
        """email, phone, external_id, source, timezone, locale, created_at."""

    @property
    def attributes(self) -> dict[str, Any]: ...

    @property
    def attributes_size(self) -> int:
        """How many bytes the attributes take as JSON, or a little more: so much is known without reading them."""

    @property
    def tags(self) -> list[str]: ...


class Step(Protocol):
    """All that a node may look at."""

    @property
    def contact(self) -> ContactView: ...

    @property
    def event(self) -> dict[str, Any]:
        """Properties of the event that started the run."""

    @property
    def event_name(self) -> str:
        """What happened; `manual` when the run was started by hand."""

    @property
    def steps(self) -> dict[str, Any]:
        """Outputs of earlier steps by node id."""

    @property
    def vars(self) -> dict[str, Any]: ...

    @property
    def data(self) -> dict[str, Any]:
        """All of it as Liquid reads it: contact, event, steps, vars."""

    @property
    def now(self) -> datetime: ...

    @property
    def zone(self) -> tzinfo:
        """Where the contact lives, else where the workspace is: what dates without a zone are of."""

    @property
    def country(self) -> str | None:
        """The workspace's (ISO 3166 alpha-2): what phone numbers without a country code are of."""


Run = Callable[[Any], Outcome]
"""step -> outcome"""
Read = Callable[[Any], Any]
"""step -> value"""


class Issue(msgspec.Struct, frozen=True):
    """Something wrong with a config. `incomplete`: still to be chosen, so it may be saved but not activated."""

    path: str
    message: str
    incomplete: bool = False


class NodeType:
    """Base of all node types. Subclass it with `@registry.node`."""

    type: ClassVar[str]
    """The name in graph documents and in `frontend-nodes/`."""
    label: ClassVar[str]
    category: ClassVar[str]
    """message, timing, logic, data, integration or exit."""
    description: ClassVar[str]
    ports: ClassVar[tuple[str, ...]] = ("next",)
    """Named ways out. Every type that has any has `error` besides, which the engine looks after."""
    sends: ClassVar[bool] = False
    """A step of it that is done has asked for a `Message`, whose outcome the step then shows. Goals on the contact are asked first."""
    Config: ClassVar[builtins.type[msgspec.Struct]]

    @staticmethod
    def compile(config: Any, scope: Any) -> Run | Outcome | IfRoom:
        """Turn a config into the function that runs for each person, or into the one outcome for all of them (who have room).

        `scope` is an `app.flow.scope.Scope`.
        """
        raise NotImplementedError

    @classmethod
    def issues(cls, config: Any) -> list[Issue]:
        """What the types of the fields cannot say: limits across fields, things still to be chosen."""
        return []
