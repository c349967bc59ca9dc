"""Give a contact a tag, or take one away."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from app.nodes import registry
from app.nodes.base import AddTag, Done, Effect, Issue, NodeType, Outcome, RemoveTag, Run
from app.nodes.scope import Scope, is_constant

MAX_TAG = 100


class TagConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    tag: str = ""


class _TagNode(NodeType):
    """What both have in common; `effect` is the only difference."""

    category = "data"
    Config = TagConfig
    effect: ClassVar[type[AddTag] | type[RemoveTag]]

    @classmethod
    def outcome(cls, tag: str) -> Outcome:
        effects: tuple[Effect, ...] = (cls.effect(tag),) if tag else ()
        return Done(output={"tag": tag}, effects=effects)

    @classmethod
    def compile(cls, config: TagConfig, scope: Scope) -> Run | Outcome:
        if is_constant(config.tag):
            return cls.outcome(config.tag.strip())
        text = scope.text(config.tag)

        def run(step: Any) -> Outcome:
            return cls.outcome(str(text(step)).strip()[:MAX_TAG])

        return run

    @classmethod
    def issues(cls, config: TagConfig) -> list[Issue]:
        if not config.tag.strip():
            return [Issue("tag", "Write the tag.", incomplete=True)]
        if len(config.tag) > MAX_TAG:
            return [Issue("tag", f"A tag has at most {MAX_TAG} characters.")]
        return []


@registry.node
class AddTagNode(_TagNode):
    type, label, effect = "add_tag", "Add tag", AddTag
    description = "Gives the contact a tag. A contact that has it already is left as it is."


@registry.node
class RemoveTagNode(_TagNode):
    type, label, effect = "remove_tag", "Remove tag", RemoveTag
    description = "Takes a tag away from the contact."
