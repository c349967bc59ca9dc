"""What a contact must have room for, so that steps that do the same for everybody need not ask it one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from app.flow.effects import AddTag, RemoveTag
from app.flow.outcomes import IfRoom

if TYPE_CHECKING:
    from app.engine.compiled_node import CompiledNode


class ContactRoom(NamedTuple):
    """Tags and bytes of attributes more, and none of the tags `without`."""

    tags: int
    size: int
    without: frozenset[str] = frozenset()

    @classmethod
    def of(cls, does: IfRoom) -> ContactRoom:
        """What one step asks for."""
        return cls(does.tags, does.size, frozenset((does.without,)) if does.without is not None else frozenset())

    @classmethod
    def of_all(cls, rooms: Iterable[ContactRoom]) -> ContactRoom | None:
        """ContactRoom for all of them together; None when there are none."""
        parts = list(zip(*rooms, strict=True))
        return cls(sum(parts[0]), sum(parts[1]), frozenset().union(*parts[2])) if parts else None


def ask_about_tags(nodes: Iterable[CompiledNode]) -> None:
    """Have steps asked for each run where the tags that a contact had before it say nothing: two steps of a version are about the
    same tag, or a run comes to the step more than once."""
    nodes = list(nodes)
    about = Counter(tag for node in nodes for tag in _tags(node))
    for node in nodes:
        if node.room is not None and any(node.repeats or about[tag] > 1 for tag in node.room.without):
            node.constant_outcome = None


def _tags(node: CompiledNode) -> set[str]:
    effects = node.constant_outcome.effects if node.constant_outcome is not None else ()
    changed = {effect.tag for effect in effects if isinstance(effect, AddTag | RemoveTag)}
    return changed if node.room is None else changed | node.room.without
