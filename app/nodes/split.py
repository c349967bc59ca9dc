"""Send shares of the contacts different ways, each contact the same way for good: A/B tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import Assign
from app.flow.node_type import NodeType, Port, port_label
from app.flow.outcomes import Done, Outcome, Run, refused
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import printed_number, quoted
from app.lib.formats import number
from app.lib.translation import gettext, translatable

FEWEST, MOST = 2, 10
MAX_WEIGHT = 1_000_000
LABELS = "ABCDEFGHIJ"


class SplitVariant(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, Meta(max_length=100), Verbatim("a name")]
    label: Annotated[str, Meta(max_length=60), Verbatim("a name")] = ""
    weight: float = 1


class SplitConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    variants: Annotated[list[SplitVariant], Meta(title="variants")] = []
    holdout: Annotated[str | None, Meta(title="control group"), Verbatim("a name")] = None
    salt: Annotated[str, Meta(title="drawn together with", max_length=100), Verbatim("a word")] = ""

    @property
    def shares(self) -> list[float]:
        """The part of the contacts that each variant gets, from 0 to 1."""
        total = math.fsum(variant.weight for variant in self.variants)
        return [variant.weight / total if total > 0 else 0 for variant in self.variants]


def share_in_words(share: float) -> str:
    """`33.3%`"""
    return f"{printed_number(round(100 * share, 1))}%"


@registry.node
class SplitStep(NodeType):
    type, label, category = "split", translatable("A/B split"), "logic"
    description = translatable(
        "Sends shares of the contacts different ways, by chance; each contact goes the same way every time."
    )
    outputs = (Port("a", "A"), Port("b", "B"))
    Config = SplitConfig

    @classmethod
    def ports(cls, config: SplitConfig) -> tuple[Port, ...]:
        labels, ports = set[str](), list[Port]()
        for index, variant in enumerate(config.variants):
            label = variant.label.strip() or LABELS[min(index, MOST - 1)]
            while label in labels:  # ways out are told apart by their words
                label += f" ({index + 1})"
            labels.add(label)
            ports.append(Port(variant.id, label))
        return tuple(ports) or cls.outputs

    @staticmethod
    def compile(config: SplitConfig, scope: CompileScope) -> Run:
        draw, assigned = scope.draw(config.salt), scope.assigned()
        ends = list(itertools.accumulate(config.shares))
        outputs = {
            variant.id: {"variant": variant.id, **({"holdout": True} if variant.id == config.holdout else {})}
            for variant in config.variants
        }
        again = {name: Done(name, {**output, "assigned": "before"}) for name, output in outputs.items()}
        first = [
            Done(variant.id, {**outputs[variant.id], "assigned": "now"}, (Assign(variant.id),))
            for variant in config.variants
        ]
        chosen = list(zip(ends, first, strict=True))
        open_variants = [outcome for outcome, share in zip(first, config.shares, strict=True) if share]
        last = (
            open_variants[-1]
            if open_variants
            else refused(gettext("No variant has a weight above 0, so nobody new can continue."))
        )

        def run(step: Any) -> Outcome:
            known = again.get(assigned(step))
            if known is not None:
                return known
            number = draw(step)
            return next((outcome for end, outcome in chosen if number < end), last)  # rounding may end below 1

        return run

    @classmethod
    def diagnostics(cls, config: SplitConfig) -> list[Diagnostic]:
        amount, diagnostics = len(config.variants), list[Diagnostic]()
        if amount < FEWEST:
            return [incomplete("variants", gettext("Add at least %(fewest)s variants.", fewest=FEWEST))]
        if amount > MOST:
            return [
                Diagnostic(
                    "variants",
                    gettext("A split has at most %(most)s variants; these are %(amount)s.", most=MOST, amount=amount),
                )
            ]
        for index, variant in enumerate(config.variants):
            if not 0 <= variant.weight <= MAX_WEIGHT:
                message = gettext(
                    "A weight is a number from 0 to %(max_weight)s. With 0 nobody new comes this way.",
                    max_weight=number(MAX_WEIGHT),
                )
                diagnostics.append(Diagnostic(f"variants[{index}].weight", message))
        if not diagnostics and not any(config.shares):
            diagnostics.append(incomplete("variants", gettext("Give at least one variant a weight above 0.")))
        if config.holdout is not None and config.holdout not in {variant.id for variant in config.variants}:
            message = gettext(
                "There is no variant %(holdout)s. Choose one of them, or no control group.",
                holdout=quoted(config.holdout),
            )
            diagnostics.append(incomplete("holdout", message))
        return diagnostics

    @classmethod
    def control_group(cls, config: SplitConfig) -> str | None:
        return config.holdout

    @classmethod
    def results(cls, config: SplitConfig) -> Mapping[str, str]:
        return {"variant": "text", "holdout": "boolean"}

    @classmethod
    def summary(cls, config: SplitConfig) -> str:
        parts = zip(cls.ports(config), config.shares, strict=False)
        return ", ".join(f"{port.label} {share_in_words(share)}" for port, share in parts)

    @classmethod
    def explain(cls, config: SplitConfig | None, step: StepRecord) -> str:
        if config is None or not step.port:
            return super().explain(config, step)
        output = step.output if isinstance(step.output, dict) else {}
        variant = f"“{port_label(cls.ports(config), step.port)}”"
        control = bool(output.get("holdout"))
        if output.get("assigned") == "before":
            return gettext(_AGAIN_IN_CONTROL if control else _AGAIN, variant=variant)
        shares = {one.id: share for one, share in zip(config.variants, config.shares, strict=True)}
        share = share_in_words(shares.get(step.port, 0))
        return gettext(_BY_CHANCE_IN_CONTROL if control else _BY_CHANCE, variant=variant, share_in_words=share)


_AGAIN = translatable("Went to %(variant)s, as at the first visit.")
_AGAIN_IN_CONTROL = translatable("Went to %(variant)s, the control group, as at the first visit.")
_BY_CHANCE = translatable("Went to %(variant)s, by chance: %(share_in_words)s of the contacts do.")
_BY_CHANCE_IN_CONTROL = translatable(
    "Went to %(variant)s, the control group, by chance: %(share_in_words)s of the contacts do."
)
