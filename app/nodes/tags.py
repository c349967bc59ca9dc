"""Give a contact a tag, or take one away. What is no tag, and one too many, fails in words."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import AddTag, RemoveTag
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, IfRoom, Outcome, Run, refused
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.values import contact_fields
from app.values.contact_fields import MAX_TAGS, BadField


class TagConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    tag: str = ""


class _TagNode(NodeType):
    """What both have in common; `effect` is the only difference."""

    category = "data"
    retryable = needs_contact = True
    Config = TagConfig
    effect: ClassVar[type[AddTag] | type[RemoveTag]]
    done: ClassVar[str]
    """`Added`, in a sentence about a step that was taken."""

    @classmethod
    def outcome(cls, tag: str) -> Outcome:
        return Done(output={"tag": tag}, effects=(cls.effect(tag),))

    @classmethod
    def compile(cls, config: TagConfig, scope: CompileScope) -> Run | Outcome | IfRoom:
        adds = cls.effect is AddTag
        if adds:
            scope.reads.add("contact.tags")
        if is_constant(config.tag):
            try:
                tag = contact_fields.tag(config.tag)
            except BadField as error:
                return refused(str(error))
            shared = cls.outcome(tag)
            return IfRoom(shared, lambda step: _within(step.contact.tags, tag) or shared, tags=1) if adds else shared
        text = scope.text(config.tag)

        def run(step: Any) -> Outcome:
            written = str(text(step))
            if not written.strip():
                return refused("There is no tag: the placeholders of this step came out empty.")
            try:
                tag = contact_fields.tag(written)
            except BadField as error:
                return refused(str(error))
            return (_within(step.contact.tags, tag) if adds else None) or cls.outcome(tag)

        return run

    @classmethod
    def diagnostics(cls, config: TagConfig) -> list[Diagnostic]:
        if not config.tag.strip():
            return [incomplete("tag", "Write the tag.")]
        if is_constant(config.tag):
            try:
                contact_fields.tag(config.tag)
            except BadField as error:
                return [Diagnostic("tag", str(error))]
        return []

    @classmethod
    def summary(cls, config: TagConfig) -> str:
        return f"{cls.label} “{config.tag}”" if config.tag.strip() else ""

    @classmethod
    def explain(cls, config: TagConfig | None, step: StepRecord) -> str:
        return f"{cls.done} the tag {(step.output or {}).get('tag', '')}."


def _within(tags: list[str], tag: str) -> Outcome | None:
    """The failure when the contact cannot take one more tag."""
    if len(tags) < MAX_TAGS or tag in tags:
        return None
    return refused(f"The tag was not added. A contact has at most {MAX_TAGS} tags.")


@registry.node
class AddTagNode(_TagNode):
    type, label, effect, done = "add_tag", "Add tag", AddTag, "Added"
    description = "Gives the contact a tag. A contact that has it already is left as it is."


@registry.node
class RemoveTagNode(_TagNode):
    type, label, effect, done = "remove_tag", "Remove tag", RemoveTag, "Removed"
    description = "Takes a tag away from the contact."
