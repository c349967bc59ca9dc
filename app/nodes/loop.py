"""Go through a list, item by item."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import EachOf, Fail, refused
from app.flow.policies import LONGEST_TIMEOUT_S
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import quoted
from app.lib.formats import counted, number
from app.lib.translation import gettext, translatable

MOST_ROUNDS = 1_000
Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,49}\Z"), Verbatim("the name of a variable")]


class LoopConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    items: Any = None
    max_iterations: Annotated[int, Meta(ge=1, le=MOST_ROUNDS)] = MOST_ROUNDS
    as_: Name = msgspec.field(default="item", name="as")


def _given(items: Any) -> Any:
    """The list as it was written down: text may be JSON."""
    if isinstance(items, str) and is_constant(items) and items.strip().startswith("["):
        try:
            return json.loads(items)
        except ValueError:
            return items
    return items


@registry.node
class Loop(NodeType):
    type, label, category = "loop", translatable("Loop"), "logic"
    description = translatable(
        "Goes through a list: the steps of its body are taken once for each item, one after the other."
    )
    timed, longest_timeout_s = True, LONGEST_TIMEOUT_S
    outputs = (Port("body", translatable("Each item")), Port("done", translatable("Done")))
    Config = LoopConfig

    @staticmethod
    def compile(config: LoopConfig, scope: CompileScope) -> EachOf:
        read, most = scope.value(_given(config.items)), config.max_iterations

        def items(step: Any) -> list[Any] | Fail:
            value = read(step)
            if value is None or value == "":
                return []
            if not isinstance(value, list | tuple):
                return refused(
                    gettext("This loop goes through a list, and %(value)s is none.", value=quoted(str(value), 60))
                )
            if len(value) > most:
                return refused(
                    gettext(
                        "The list has %(number)s, and this loop goes round %(most)s times at most.",
                        number=counted(len(value), "item"),
                        most=number(most),
                    )
                )
            return list(value)

        return EachOf(items, config.as_)

    @classmethod
    def diagnostics(cls, config: LoopConfig) -> list[Diagnostic]:
        items = _given(config.items)
        if items is None or items == "":
            return [incomplete("items", gettext("Say which list: type {{ to insert a field that holds one."))]
        if config.as_ == "index":
            return [Diagnostic("as", gettext("The number of the item is called index already. Choose another name."))]
        if is_constant(items) and not isinstance(items, list):
            message = gettext("This is no list. Type {{ to insert a field that holds one, or write [1, 2, 3].")
            return [incomplete("items", message)]
        if isinstance(items, list) and len(items) > config.max_iterations:
            return [
                Diagnostic(
                    "items",
                    gettext(
                        "The list has more items than the loop goes round: %(max_iterations)s.",
                        max_iterations=number(config.max_iterations),
                    ),
                )
            ]
        return []

    @classmethod
    def limits_rounds(cls, config: LoopConfig) -> tuple[str, ...]:
        return ("body",)

    @classmethod
    def results(cls, config: LoopConfig) -> Mapping[str, str]:
        return {"count": "number"}

    @classmethod
    def variables(cls, config: LoopConfig) -> Mapping[str, str]:
        return {config.as_: "", "index": "number"}

    @classmethod
    def summary(cls, config: LoopConfig) -> str:
        items = _given(config.items)
        if isinstance(items, list):
            return gettext("For each of %(items)s", items=counted(len(items), "item"))
        path, closed, _ = items.partition("{{")[2].partition("}}") if isinstance(items, str) else ("", "", "")
        return gettext("For each of %(path)s", path=" ".join(path.split())) if closed else ""

    @classmethod
    def explain(cls, config: LoopConfig | None, step: StepRecord) -> str:
        count = (step.output or {}).get("count")
        if step.port == "body":
            return (
                gettext("Took the next of %(count)s.", count=counted(count, "item"))
                if isinstance(count, int)
                else gettext("Took the next item.")
            )
        if step.port == "done":
            return (
                gettext("Went through %(count)s.", count=counted(count, "item"))
                if isinstance(count, int)
                else gettext("Went through all items.")
            )
        return gettext("Under way.")
