"""Give a contact a tag, or take one away. What is no tag, and one too many, fails in words."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import AddTag, RemoveTag
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, IfRoom, Outcome, Run, refused
from app.flow.placeholders import in_words
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.lib.translation import gettext, translatable
from app.values import contact_fields
from app.values.contact_fields import MAX_TAGS, BadField


class TagConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    tag: str = ""


class _TagNode(NodeType):
    """What both have in common; whether it `adds` is the only difference."""

    category = "data"
    retryable = needs_contact = True
    Config = TagConfig
    adds: ClassVar[bool]
    done: ClassVar[str]
    """`Added`, in a sentence about a step that was taken."""
    idle: ClassVar[str]
    """What it says of a contact that stays as it is."""

    @classmethod
    def compile(cls, config: TagConfig, scope: CompileScope) -> Run | Outcome | IfRoom:
        scope.reads.add("contact.tags")
        if is_constant(config.tag):
            try:
                outcome = _Outcomes(cls.adds, contact_fields.tag(config.tag))
            except BadField as error:
                return refused(str(error))
            return IfRoom(outcome.absent, outcome.of, tags=int(cls.adds), without=outcome.tag)
        text = scope.text(config.tag)

        def run(step: Any) -> Outcome:
            written = str(text(step))
            if not written.strip():
                return refused(gettext("There is no tag: the placeholders of this step came out empty."))
            try:
                return _outcomes(cls.adds, contact_fields.tag(written)).of(step)
            except BadField as error:
                return refused(str(error))

        return run

    @classmethod
    def diagnostics(cls, config: TagConfig) -> list[Diagnostic]:
        if not config.tag.strip():
            return [incomplete("tag", gettext("Write the tag."))]
        if is_constant(config.tag):
            try:
                contact_fields.tag(config.tag)
            except BadField as error:
                return [Diagnostic("tag", str(error))]
        return []

    @classmethod
    def writes(cls, config: TagConfig) -> Iterable[str]:
        return ("tags",)

    @classmethod
    def summary(cls, config: TagConfig) -> str:
        return (
            gettext("%(what)s “%(tag)s”", what=gettext(cls.label), tag=in_words(config.tag))
            if config.tag.strip()
            else ""
        )

    @classmethod
    def explain(cls, config: TagConfig | None, step: StepRecord) -> str:
        output = step.output or {}
        did = cls.idle if output.get("changed") is False else cls.done
        return gettext(did, tag=output.get("tag", ""))


class _Outcomes:
    """What a step that adds this tag, or takes it away, comes to, for contacts that have the tag and for those that have not."""

    def __init__(self, adds: bool, tag: str) -> None:
        self.tag, self.adds = tag, adds
        unchanged = Done(output={"tag": tag, "changed": False})
        effect = AddTag(tag) if adds else RemoveTag(tag)
        changed = Done(output={"tag": tag, "changed": True}, effects=(effect,))
        self.absent, self.present = (changed, unchanged) if adds else (unchanged, changed)

    def of(self, step: Any) -> Outcome:
        tags = step.contact.tags
        if self.tag in tags:
            return self.present
        if self.adds and len(tags) >= MAX_TAGS:
            return refused(
                gettext("The tag was not added. A contact has at most %(max_tags)s tags.", max_tags=MAX_TAGS)
            )
        return self.absent


_outcomes = functools.lru_cache(1_000)(_Outcomes)


@registry.node
class AddTagNode(_TagNode):
    type, label, adds, done = "add_tag", translatable("Add tag"), True, translatable("Added the tag %(tag)s.")
    idle = translatable("The contact already had the tag %(tag)s.")
    description = translatable("Gives the contact a tag. A contact that has it already is left as it is.")


@registry.node
class RemoveTagNode(_TagNode):
    type, label, adds, done = "remove_tag", translatable("Remove tag"), False, translatable("Removed the tag %(tag)s.")
    idle = translatable("The contact did not have the tag %(tag)s.")
    description = translatable("Takes a tag away from the contact.")
