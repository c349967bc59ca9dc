"""What the author of a node type sees.

A node type is a `Config` (a msgspec struct: the form and its checks) and `compile(config, scope)`, called once per workflow
version. It returns a function over one person's run, `run(step) -> Outcome`. The function is pure: it reads `step` (`step_view`),
returns an outcome (`outcomes`) and changes nothing. What should happen is said in the outcome's `effects`; the engine applies them
after the function has returned, so an error leaves nothing half done and a batch can be done again.
A node that does the same for everybody returns that outcome instead of a function.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar

import msgspec

from app.flow.diagnostic import Diagnostic
from app.flow.outcomes import IfRoom, Outcome, Run


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
    def issues(cls, config: Any) -> list[Diagnostic]:
        """What the types of the fields cannot say: limits across fields, things still to be chosen."""
        return []
